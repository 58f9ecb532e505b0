//! The ONNX backend node tests.

use anyhow::Result;
use xshell::{Shell, cmd};

use crate::bench::software_gpu;
use crate::checks::HEAVY;
use crate::paths::target;
use crate::step::step;

/// Runs the ONNX backend node tests on tract, on burn-flex, and some of them on burn-wgpu, and writes the table.
pub(crate) fn conformance(sh: &Shell) -> Result<()> {
    let folder = target().join("conformance");
    let (python, cases) = (folder.join("python"), folder.join("cases"));
    if !cases.join("cases.tsv").is_file() {
        step("writing out the cases (once, a minute)");
        cmd!(sh, "python3 -m venv {python}").run()?;
        let pip = python.join("bin/pip");
        cmd!(sh, "{pip} install --quiet onnx==1.23.2 onnxruntime==1.31.1 numpy").run()?;
        let python = python.join("bin/python");
        cmd!(sh, "{python} crates/burn/conformance/cases.py {cases}").run()?;
    }
    step("running the cases");
    // Selected as everywhere, so that burn is not compiled with other features.
    let heavy = HEAVY;
    cmd!(sh, "cargo build --release {heavy...} --example conformance").run()?;
    let runner = target().join("release/examples/conformance");
    let mut command = cmd!(sh, "{runner} {cases} crates/burn/CONFORMANCE.md");
    if let Some(driver) = software_gpu(sh, &target().join("release/tare")) {
        command = command.env("VK_DRIVER_FILES", driver);
    }
    command.run()?;
    Ok(())
}
