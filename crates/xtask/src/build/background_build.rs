//! A native build in the background of others, whose largest crates keep only one core busy.

use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command};

use anyhow::{Context, Result, bail};

use crate::paths::{root, target};
use crate::step::step;

/// A running build. Ends with this value.
pub(crate) struct BackgroundBuild {
    cargo: Child,
    log: PathBuf,
}

impl BackgroundBuild {
    pub(crate) fn start(arguments: &[&str], environment: &[(&str, &str)]) -> Result<Self> {
        std::fs::create_dir_all(target())?;
        let log = target().join("native-build.log");
        step(&format!("building natively in the background: {}", log.display()));
        let output = File::create(&log)?;
        let cargo = Command::new("cargo")
            .args(arguments)
            .envs(environment.iter().copied())
            .current_dir(root())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .context("cannot start cargo")?;
        Ok(Self { cargo, log })
    }

    /// Waits for the end.
    pub(crate) fn finish(mut self) -> Result<()> {
        step("waiting for the native build");
        if !self.cargo.wait()?.success() {
            eprint!("{}", std::fs::read_to_string(&self.log).unwrap_or_default());
            bail!("the native build failed");
        }
        Ok(())
    }
}

impl Drop for BackgroundBuild {
    fn drop(&mut self) {
        // Has ended already, unless something else failed first.
        let _ = self.cargo.kill();
        let _ = self.cargo.wait();
    }
}
