//! Runs cells in Node: the browser's wasm modules on V8, without a browser.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;
use tare_record::{EngineName, EnvironmentKind, Failure, FailureKind, ModuleInfo, NodeInfo};

use crate::page::{Page, WorkerFolder};

/// Node, and the workers of a built page.
#[derive(Debug)]
pub(crate) struct Node {
    program: PathBuf,
    workers: WorkerFolder,
    pub(crate) info: NodeInfo,
}

impl Node {
    /// Finds Node in `TARE_NODE` or on the search path. `page` holds its workers.
    pub(crate) fn find(page: &Page) -> Result<Self> {
        let program = PathBuf::from(std::env::var_os("TARE_NODE").unwrap_or_else(|| "node".into()));
        let output = Command::new(&program)
            .args(["-p", "JSON.stringify(process.versions)"])
            .output()
            .with_context(|| {
                format!(
                    "cannot start {}\nhint: install Node 18 or later (nodejs.org), or set TARE_NODE to its path",
                    program.display()
                )
            })?;
        let versions: Value = serde_json::from_slice(&output.stdout).with_context(|| {
            format!(
                "{} did not print its version\nhint: set TARE_NODE to the path of Node",
                program.display()
            )
        })?;
        let version = |key: &str| versions[key].as_str().unwrap_or("unknown").to_owned();
        Ok(Self {
            program,
            workers: page.workers()?,
            info: NodeInfo {
                version: version("node"),
                v8: version("v8"),
            },
        })
    }

    /// How the module of an engine was built, and the calibration of its clock in Node.
    pub(crate) fn module_info(&self, engine: EngineName) -> Result<ModuleInfo> {
        let output = self.worker(engine).output().context("cannot start Node")?;
        match serde_json::from_slice(&output.stdout) {
            Ok(info) => Ok(info),
            Err(_) => bail!(
                "the module of {engine} does not run in Node {}: {}{}\nhint: build the page with `cargo xtask build`",
                self.info.version,
                String::from_utf8_lossy(&output.stdout).trim(),
                String::from_utf8_lossy(&output.stderr).trim()
            ),
        }
    }

    /// The command that runs the module of an engine in Node, for the request in `folder`.
    pub(crate) fn command(&self, folder: &Path, engine: EngineName) -> Result<Command, Failure> {
        if !engine.spec().runs_in(EnvironmentKind::Node) {
            return Err(Failure::new(
                FailureKind::Device,
                format!("{engine} needs WebGPU, which Node does not have"),
            )
            .with_hint("measure it in a browser with `tare browser`"));
        }
        let mut command = self.worker(engine);
        command.arg(folder);
        Ok(command)
    }

    fn worker(&self, engine: EngineName) -> Command {
        let mut command = Command::new(&self.program);
        command
            .arg(self.workers.path().join("node-worker.js"))
            .arg(engine.as_str());
        command
    }
}
