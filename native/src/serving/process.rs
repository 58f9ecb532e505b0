//! A server in a process of its own, for a cell whose requests are sent.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tare_core::Attachments;
use tare_record::{CellRequest, Failure, FailureKind};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::cell_folder::{INPUTS, MODEL, REQUEST};
use crate::engines::vector_limit_variable;
use crate::interrupt::interrupted;
use crate::memory_limit::MemoryLimit;
use crate::private_folder::private_folder;

/// What a server's first line begins with if it cannot start.
pub(crate) const FAILED: &str = "failed: ";

/// A server that runs the model of a cell. It ends when it is dropped, or when this program ends.
pub(crate) struct ServerProcess {
    /// Kept, because the server ends with it.
    _child: Child,
    _folder: tempfile::TempDir,
    pub(crate) url: String,
}

impl ServerProcess {
    /// Starts the server of a request, if its requests are sent to one. Pages of `allowed_origin` may ask it.
    ///
    /// # Errors
    ///
    /// If requests cannot be sent in this way from there, or the model cannot be loaded within the time limit of the cell.
    pub(crate) async fn of(
        request: &CellRequest,
        attachments: &Attachments,
        allowed_origin: Option<&str>,
    ) -> Result<Option<Self>, Failure> {
        let Some(transport) = request.sent_over() else {
            return Ok(None);
        };
        if !transport.is_possible_in(request.environment) {
            let message = format!(
                "requests cannot be sent over {transport} in this environment: {}",
                request.environment
            );
            return Err(Failure::new(FailureKind::Unsupported, message).with_hint(
                "choose another --transport: a native program sends grpc and http, a browser http and post-message",
            ));
        }
        if !transport.needs_server() {
            return Ok(None);
        }
        Self::start(request, attachments, allowed_origin).await.map(Some)
    }

    async fn start(
        request: &CellRequest,
        attachments: &Attachments,
        allowed_origin: Option<&str>,
    ) -> Result<Self, Failure> {
        let failed = |error: &dyn std::fmt::Display| died(format!("cannot start the server of the cell: {error}"));
        let folder = private_folder("tare-server-").map_err(|error| failed(&error))?;
        // The server itself sends nothing.
        let request = &CellRequest {
            transport: None,
            ..request.clone()
        };
        write(folder.path(), request, attachments).map_err(|error| failed(&error))?;
        let mut command = Command::new(std::env::current_exe().map_err(|error| failed(&error))?);
        command.arg("serve-model").arg("--cell").arg(folder.path());
        if let Some(origin) = allowed_origin {
            command.arg("--allow-origin").arg(origin);
        }
        if let Some(limit) = request.vector_limit() {
            let (variable, value) = vector_limit_variable(request.engine, limit)?;
            command.env(variable, value);
        }
        // Ctrl-C reaches all processes of a group.
        #[cfg(unix)]
        command.process_group(0);
        let mut child = command
            // The server ends when its standard input is closed.
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| failed(&error))?;
        MemoryLimit::of(&request.rules).set(&child)?;
        let stdout = child.stdout.take().ok_or_else(|| failed(&"it has no output"))?;
        let mut lines = BufReader::new(stdout).lines();
        let line = tokio::select! {
            line = lines.next_line() => line.ok().flatten(),
            () = interrupted() => return Err(died("the run was interrupted".into())),
            () = tokio::time::sleep(Duration::from_secs(request.rules.cell_limit_s)) => {
                return Err(Failure::new(
                    FailureKind::TimeLimit,
                    format!("the server did not load the model within the limit of {} s", request.rules.cell_limit_s),
                ));
            }
        };
        match line {
            Some(line) if line.starts_with(FAILED) => Err(died(line[FAILED.len()..].to_owned())),
            Some(url) => Ok(Self {
                _child: child,
                _folder: folder,
                url,
            }),
            None => Err(failed(&"it ended at once")),
        }
    }
}

fn write(folder: &Path, request: &CellRequest, attachments: &Attachments) -> std::io::Result<()> {
    std::fs::write(folder.join(REQUEST), serde_json::to_vec(request)?)?;
    for (name, bytes) in [(INPUTS, &attachments.inputs), (MODEL, &attachments.model)] {
        if let Some(bytes) = bytes {
            std::fs::write(folder.join(name), bytes)?;
        }
    }
    Ok(())
}

fn died(message: String) -> Failure {
    Failure::new(FailureKind::Died, message)
}
