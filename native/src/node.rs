//! Cells in Node: the wasm module of a page's worker in V8, without a browser.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;
use tare_record::{EngineName, Failure, FailureKind, ModuleFacts, NodeFacts};

/// Engines that a module without WebGPU can hold.
pub(crate) const ENGINES: [EngineName; 2] = [EngineName::Tract, EngineName::BurnFlex];

/// What a worker of the page is in a browser.
const WORKER: &str = include_str!("node/worker.mjs");
const WORKER_FILE: &str = "worker.mjs";

/// Node with the workers of a built page.
#[derive(Debug)]
pub(crate) struct Node {
    program: PathBuf,
    workers: PathBuf,
    pub(crate) facts: NodeFacts,
}

impl Node {
    /// Finds Node on the search path, or in `TARE_NODE`; `page` is the folder of the built page.
    pub(crate) fn find(page: &Path) -> Result<Self> {
        let program = PathBuf::from(std::env::var_os("TARE_NODE").unwrap_or_else(|| "node".into()));
        let output = Command::new(&program)
            .args(["-p", "JSON.stringify(process.versions)"])
            .output()
            .with_context(|| {
                format!(
                    "cannot start {}\nhint: install Node 18 or later (nodejs.org), or name it in TARE_NODE",
                    program.display()
                )
            })?;
        let versions: Value = serde_json::from_slice(&output.stdout)
            .with_context(|| format!("{} does not tell its version: is it Node?", program.display()))?;
        let version = |key: &str| versions[key].as_str().unwrap_or("unknown").to_owned();
        Ok(Self {
            program,
            workers: page.join("workers"),
            facts: NodeFacts {
                version: version("node"),
                v8: version("v8"),
            },
        })
    }

    /// How the module of an engine was built, and what its clock is like in Node.
    pub(crate) fn module_facts(&self, engine: EngineName) -> Result<ModuleFacts> {
        let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
        let mut command = self
            .command(folder.path(), engine)
            .map_err(|failure| anyhow::anyhow!(failure.message))?;
        let output = command.arg("facts").output().context("cannot start Node")?;
        match serde_json::from_slice(&output.stdout) {
            Ok(facts) => Ok(facts),
            Err(_) => bail!(
                "the module of {engine} does not run in Node {}: {}{}",
                self.facts.version,
                String::from_utf8_lossy(&output.stdout).trim(),
                String::from_utf8_lossy(&output.stderr).trim()
            ),
        }
    }

    /// Node with the module of an engine, to carry out the request in `folder`.
    pub(crate) fn command(&self, folder: &Path, engine: EngineName) -> Result<Command, Failure> {
        if !ENGINES.contains(&engine) {
            return Err(Failure {
                kind: FailureKind::Device,
                message: format!("{engine} needs WebGPU, which Node does not have"),
                hint: Some("measure it in a browser: tare browser".into()),
            });
        }
        let module = self.workers.join(format!("{engine}_bg.wasm"));
        let code = self.workers.join(format!("{engine}.js"));
        // Outside a package Node takes only `.mjs` for a module.
        let prepared = std::fs::write(folder.join(WORKER_FILE), WORKER)
            .and_then(|()| std::fs::copy(&code, folder.join("engine.mjs")));
        if let Err(error) = prepared {
            return Err(Failure {
                kind: FailureKind::Died,
                message: format!("cannot copy the worker {} for Node: {error}", code.display()),
                hint: Some("build the page: cargo xtask build".into()),
            });
        }
        let mut command = Command::new(&self.program);
        command.arg(folder.join(WORKER_FILE)).arg(module);
        Ok(command)
    }
}
