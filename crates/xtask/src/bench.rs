//! Measuring: the main job, and the burn executor against generated code.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use xshell::{Shell, cmd};

use crate::build::{self, Profile};
use crate::paths::target;
use crate::step::step;

/// Measures a plan natively and in a headless browser, and writes records and report.
pub(crate) fn bench(sh: &Shell, plan: &str, out: Option<&str>) -> Result<()> {
    let (_, tare) = build::all(sh, Profile::Release)?;
    let date = cmd!(sh, "date -u +%Y%m%dT%H%M%SZ")
        .quiet()
        .read()
        .unwrap_or_else(|_| "latest".into());
    let out = out.map_or_else(|| target().join("bench").join(date), PathBuf::from);
    sh.create_dir(&out)?;
    let (native, browser, report) = (
        out.join("native.json"),
        out.join("browser.json"),
        out.join("report.html"),
    );
    let software = software_gpu(sh, &tare);

    step("measuring natively");
    let mut command = cmd!(sh, "{tare} run --plan {plan} -o {native}").ignore_status();
    if let Some(driver) = &software {
        command = command.env("VK_DRIVER_FILES", driver);
    }
    command.quiet().run()?;
    step("measuring in a headless browser");
    let flags: &[&str] = if software.is_some() { &["--software-gpu"] } else { &[] };
    cmd!(sh, "{tare} browser --plan {plan} {flags...} -o {browser}")
        .ignore_status()
        .quiet()
        .run()?;

    step("comparing");
    if !native.is_file() || !browser.is_file() {
        bail!("a record is missing in {}: see the errors above", out.display());
    }
    cmd!(sh, "{tare} report {native} {browser} -o {report}").quiet().run()?;
    cmd!(sh, "{tare} report {native} {browser}").quiet().run()?;
    println!(
        "\nrecords: {} and {}\nreport:  {}",
        native.display(),
        browser.display(),
        report.display()
    );
    Ok(())
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
