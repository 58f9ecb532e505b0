use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::EnvironmentKind;

/// How requests reach a model that runs elsewhere: in a server of its own on the same machine, or in a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Transport {
    /// gRPC over loopback, as the Open Inference Protocol describes it.
    Grpc,
    /// HTTP over loopback, with the binary data of the same protocol.
    Http,
    /// `postMessage` to workers of a page, with buffers that are transferred.
    PostMessage,
}

impl Transport {
    /// All of them, in the order in which they are listed.
    pub const ALL: [Transport; 3] = [Transport::Grpc, Transport::Http, Transport::PostMessage];

    /// The name in plans and reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Transport::Grpc => "grpc",
            Transport::Http => "http",
            Transport::PostMessage => "post-message",
        }
    }

    /// Whether a server answers, and not a worker.
    pub fn needs_server(self) -> bool {
        self != Transport::PostMessage
    }

    /// Whether requests can be sent in this way from an environment. A page cannot send gRPC, because browsers do not show
    /// it the trailers of HTTP.
    pub fn is_possible_in(self, environment: EnvironmentKind) -> bool {
        match environment {
            EnvironmentKind::Native => self.needs_server(),
            EnvironmentKind::Browser => self != Transport::Grpc,
            EnvironmentKind::Node => false,
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Transport {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = Self::ALL.into_iter().find(|transport| transport.as_str() == text);
        known.ok_or_else(|| format!("transport {text:?}: expected none, grpc, http or post-message"))
    }
}
