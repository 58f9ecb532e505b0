//! Measuring: the main job, and the burn executor against generated code.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use xshell::{Shell, cmd};

use crate::build::{self, Profile};
use crate::docs::{FOLDER_SUFFIX, docs};
use crate::paths::{root, target};
use crate::setup::{ONNXRUNTIME, onnxruntime};
use crate::step::step;

/// Builds, and then runs `tare bench` with a plan.
pub(crate) fn bench(sh: &Shell, plan: &str, out: Option<&str>) -> Result<()> {
    let (_, tare) = build::all(sh, Profile::Release)?;
    let date = cmd!(sh, "date -u +%Y%m%dT%H%M%SZ")
        .quiet()
        .read()
        .unwrap_or_else(|_| "latest".into());
    let out = out.map_or_else(|| target().join("bench").join(date), PathBuf::from);
    if let Some(folder) = out.parent() {
        sh.create_dir(folder)?;
    }
    let flags: &[&str] = match software_gpu(sh, &tare) {
        Some(_) => &["--software-gpu"],
        None => &[],
    };
    step("measuring natively and in a headless browser, in turn");
    cmd!(sh, "{tare} bench --plan {plan} {flags...} -o {out}").run()?;
    Ok(())
}

/// Measures the plan `yardstick` natively and in Chromium, keeps the records, and writes the tables of docs/performance.md.
pub(crate) fn yardstick(sh: &Shell, name: &str, filter: Option<&str>) -> Result<()> {
    let (_, tare) = build::all(sh, Profile::Release)?;
    let library = onnxruntime(sh, ONNXRUNTIME)?
        .context("the engines are measured against onnxruntime, which cannot be installed here")?;
    // Relative, so that the recorded command names no folder of this machine.
    let out = format!("records/{name}{FOLDER_SUFFIX}");
    let filter: Vec<&str> = filter.into_iter().flat_map(|filter| ["--filter", filter]).collect();
    step("measuring natively and in Chromium, in turn");
    cmd!(
        sh,
        "{tare} bench --plan yardstick --in native,chromium {filter...} -o {out}"
    )
    .env("ORT_DYLIB_PATH", library)
    .run()?;
    // What else a run writes can be made again.
    for path in sh.read_dir(root().join(&out))? {
        if !["native.json", "chromium.json"].iter().any(|kept| path.ends_with(kept)) {
            sh.remove_path(path)?;
        }
    }
    docs(sh, false)
}

/// On a machine without a GPU: the Vulkan driver that Chromium brings, so that both sides compute on the same adapter.
pub(crate) fn software_gpu(sh: &Shell, tare: &Path) -> Option<PathBuf> {
    let doctor = cmd!(sh, "{tare} doctor")
        .quiet()
        .ignore_stderr()
        .read()
        .unwrap_or_default();
    if doctor.contains(", hardware)") {
        return None;
    }
    [
        "/usr/lib/chromium/vk_swiftshader_icd.json",
        "/opt/google/chrome/vk_swiftshader_icd.json",
    ]
    .into_iter()
    .map(PathBuf::from)
    .find(|driver| driver.is_file())
}

/// Times our executor against the code that burn-onnx generates, on the CPU and on a graphics adapter.
pub(crate) fn bench_codegen(sh: &Shell) -> Result<()> {
    step("generating and building code for ResNet-50 and MiniLM (the first time 20 minutes and more on two cores)");
    cmd!(sh, "cargo build --release -p bench-codegen").run()?;
    let program = target().join("release/bench-codegen");
    let cores = std::thread::available_parallelism()?.get().to_string();
    step("on one thread of the CPU");
    cmd!(sh, "{program} flex 1").run()?;
    if cores != "1" {
        step("on all threads of the CPU");
        cmd!(sh, "{program} flex {cores}").run()?;
    }
    step("on the graphics adapter");
    cmd!(sh, "{program} wgpu").run()?;
    Ok(())
}
