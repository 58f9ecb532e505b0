//! npm's packages: wasm-opt, whose systems' own versions are often too old, what checks the types of JavaScript, onnxruntime-web, and the Selenium Grid of the tests.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use xshell::{Shell, cmd};

use super::system::debian;
use crate::paths::root;
use crate::step::step;

/// Installs what `web/package.json` names, and returns the folder.
pub(super) fn packages(sh: &Shell, tools: &Path) -> Result<PathBuf> {
    let manifest = sh.read_file(root().join("web/package.json"))?;
    let npm = tools.join("npm");
    let installed = npm.join("package.json");
    if sh.read_file(&installed).is_ok_and(|known| known == manifest) && npm.join("node_modules").is_dir() {
        return Ok(npm);
    }
    if cmd!(sh, "npm --version").quiet().ignore_stderr().read().is_err() {
        debian(sh, &["nodejs", "npm"], "Node.js with npm")?;
    }
    step("installing npm's packages: wasm-opt, the checker of types, onnxruntime-web");
    sh.create_dir(&npm)?;
    sh.write_file(&installed, &manifest)?;
    let outcome = cmd!(
        sh,
        "npm install --no-audit --no-fund --no-package-lock --ignore-scripts --prefix {npm}"
    )
    .run()
    .context("cannot install npm's packages");
    if outcome.is_err() {
        // Not to be taken for installed next time.
        sh.remove_path(&installed)?;
    }
    outcome?;
    Ok(npm)
}
