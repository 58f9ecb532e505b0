//! npm's packages: wasm-opt, whose systems' own versions are often too old, what checks the types of JavaScript, onnxruntime-web, and the Selenium Grid of the tests.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use xshell::{Shell, cmd};

use super::system::debian;
use crate::paths::root;
use crate::step::step;

/// What names the packages, and what holds their exact versions and hashes.
const FILES: [&str; 2] = ["package.json", "package-lock.json"];

/// Installs what `web/package-lock.json` lists, none of whose scripts run, and returns the folder.
pub(super) fn packages(sh: &Shell, tools: &Path) -> Result<PathBuf> {
    let npm = tools.join("npm");
    let is_installed = |name: &str| {
        let wanted = sh.read_file(root().join("web").join(name));
        wanted.is_ok_and(|wanted| sh.read_file(npm.join(name)).is_ok_and(|known| known == wanted))
    };
    if FILES.into_iter().all(is_installed) && npm.join("node_modules").is_dir() {
        return Ok(npm);
    }
    if cmd!(sh, "npm --version").quiet().ignore_stderr().read().is_err() {
        debian(sh, &["nodejs", "npm"], "Node.js with npm")?;
    }
    step("installing npm's packages: wasm-opt, the checker of types, onnxruntime-web");
    sh.create_dir(&npm)?;
    for name in FILES {
        sh.copy_file(root().join("web").join(name), npm.join(name))?;
    }
    let outcome = cmd!(sh, "npm ci --no-audit --no-fund --ignore-scripts --prefix {npm}")
        .run()
        .context("cannot install npm's packages");
    if outcome.is_err() {
        // Not to be taken for installed next time.
        sh.remove_path(npm.join(FILES[0]))?;
    }
    outcome?;
    Ok(npm)
}
