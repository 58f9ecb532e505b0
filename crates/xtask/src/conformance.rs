//! Comparison with onnxruntime: the ONNX backend node tests, and the outputs of the built-in models.

use std::path::PathBuf;

use anyhow::Result;
use xshell::{Shell, cmd};

use crate::bench::software_gpu;
use crate::build::{self, HEAVY, Profile};
use crate::paths::target;
use crate::setup::python_packages;
use crate::step::step;

/// Runs the ONNX backend node tests on tract, burn-flex and burn-wgpu, and writes the table.
pub(crate) fn conformance(sh: &Shell) -> Result<()> {
    let cases = target().join("conformance/cases");
    if !cases.join("cases.tsv").is_file() {
        let python = python(sh)?;
        step("writing out the cases (once, a minute)");
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

/// Computes the outputs of a built-in model with onnxruntime, and writes them to `crates/models/golden`.
pub(crate) fn golden(sh: &Shell, model: &str) -> Result<()> {
    let python = python(sh)?;
    let folder = target().join("golden").join(model);
    sh.remove_path(&folder)?;
    let tensors = folder.join("tensors");
    sh.create_dir(&tensors)?;
    step("writing the model and its inputs");
    let tare = build::native(sh, Profile::Release)?;
    let file = folder.join(format!("{model}.onnx"));
    cmd!(sh, "{tare} models export {model} -o {file}").run()?;
    let record = folder.join("record.json");
    cmd!(
        sh,
        "{tare} run --model {model} --engine tract --save-tensors {tensors} -o {record}"
    )
    .run()?;
    step("running onnxruntime");
    cmd!(
        sh,
        "{python} crates/models/golden/make.py {folder} {tensors} crates/models/golden"
    )
    .run()?;
    Ok(())
}

/// A Python with onnxruntime, installed under the target folder.
fn python(sh: &Shell) -> Result<PathBuf> {
    let folder = target().join("conformance/python");
    let python = folder.join("bin/python");
    if cmd!(sh, "{python} -c 'import onnx, onnxruntime'")
        .quiet()
        .ignore_stderr()
        .run()
        .is_err()
    {
        step("installing onnxruntime for Python (once)");
        cmd!(sh, "python3 -m venv {folder}").run()?;
        let packages = python_packages("conformance");
        cmd!(sh, "{python} -m pip install --quiet --require-hashes -r {packages}").run()?;
    }
    Ok(python)
}
