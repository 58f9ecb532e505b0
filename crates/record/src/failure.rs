use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Why something was not measured, loaded or computed: the error type of engines, workers and
/// cells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Failure {
    /// What kind of failure, for programs.
    pub kind: FailureKind,
    /// What failed, where, what was expected and what was found.
    pub message: String,
    /// What to do about it, if there is something to do.
    pub hint: Option<String>,
}

impl Failure {
    /// A failure without a hint.
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            hint: None,
        }
    }

    /// The same failure with a hint.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds what the engine logged. Of a graphics device that is gone, the error of the engine itself says only that nothing
    /// works any more.
    pub fn add_log(&mut self, logged: &str) {
        if logged.contains(LOST_DEVICE) {
            self.kind = FailureKind::Device;
            self.message = format!("the graphics device was lost meanwhile: {}", self.message);
            self.hint = Some(
                "measure again; if the device is lost again, restart the browser, update the graphics driver, or choose a smaller model"
                    .into(),
            );
        }
        self.message += &format!("; the engine logged: {logged}");
    }
}

/// What burn's backend for wgpu logs when the device is gone.
const LOST_DEVICE: &str = "device was lost";

impl std::error::Error for Failure {}

/// Writes the message, and the hint on a separate line.
impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)?;
        match &self.hint {
            Some(hint) => write!(f, "\nhint: {hint}"),
            None => Ok(()),
        }
    }
}

/// Kinds of failures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FailureKind {
    /// The model could not be read.
    Model,
    /// An input does not fit the model.
    Input,
    /// The engine does not support an operator, attribute, type or shape.
    Unsupported,
    /// No usable device: no adapter, a missing feature or limit.
    Device,
    /// The engine failed while running.
    Run,
    /// The outputs differ from the reference or are not finite.
    Output,
    /// There is no reference to compare with.
    Reference,
    /// The process or worker died.
    Died,
    /// The browser or the connection to it was lost.
    Lost,
    /// The process or worker exceeded its time limit.
    TimeLimit,
    /// The clock cannot be used.
    Clock,
}
