//! The two commands that a newcomer needs: bench and test.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use anyhow::{Context, Result, bail};
use xshell::{Shell, cmd};

use crate::build::{self, Profile};
use crate::size;
use crate::step;
use crate::tools::{Tools, cargo_fuzz, root, target};

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

/// On a machine without a GPU: the Vulkan driver that Chromium brings, so that both sides compute on the same one.
fn software_gpu(sh: &Shell, tare: &Path) -> Option<PathBuf> {
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

/// Checks and tests, fast ones first; ends with the test runner's own totals. Without `engines` only what needs neither
/// an engine nor a browser.
pub(crate) fn test(sh: &Shell, engines: bool) -> Result<()> {
    step("format");
    cmd!(sh, "cargo fmt --all --check")
        .run()
        .context("run `cargo fmt --all`")?;
    step("the page's JavaScript");
    let scripts = ["boundary", "webgpu"].map(|name| root().join(format!("web/workers/{name}.test.mjs")));
    cmd!(sh, "node --test {scripts...}").run()?;

    // First and beside all that follows, because it takes longest.
    let native = engines
        .then(|| BesideBuild::start(&[&["test", "--release", "--no-run"][..], &packages(&HEAVY)].concat()))
        .transpose()?;
    // One selection of packages without the engines, and one with: cargo unifies features over a selection, and test
    // libraries of the first would otherwise make it compile burn twice.
    let light = packages(&["tare-record", "tare-core", "tare-models", "tare-report", "xtask"]);
    let light = &light;
    let nextest = cmd!(sh, "cargo nextest --version")
        .quiet()
        .ignore_stderr()
        .read()
        .is_ok();
    let runner: &[&str] = if nextest { &["nextest", "run"] } else { &["test"] };
    step("linting and testing everything but engines");
    cmd!(sh, "cargo {runner...} {light...}").envs(LINTING).run()?;
    match native {
        Some(native) => engines_and_browser(sh, runner, native),
        None => Ok(()),
    }
}

fn engines_and_browser(sh: &Shell, runner: &[&str], native: BesideBuild) -> Result<()> {
    let heavy = &packages(&HEAVY);
    let tools = Tools::prepare(sh)?;
    let [(wrapper, _), (arguments, lints)] = LINTING;
    let linting = [
        sh.push_env(wrapper, tools.wasm.clippy_driver()),
        sh.push_env(arguments, lints),
    ];
    step("the same bytes in wasm");
    wasm_tests(sh, &tools)?;
    build::page(sh, &tools, Profile::Release)?;
    drop(linting);
    size::check_everyday(sh)?;
    metal(sh)?;
    native.finish()?;
    step("engines, command line and browser");
    cmd!(sh, "cargo {runner...} --release {heavy...}")
        .envs(LINTING)
        .env("TARE_PAGE", root().join("dist"))
        .run()?;
    step("the example of the burn engine as a library");
    cmd!(sh, "cargo test --release --doc {heavy...}").envs(LINTING).run()?;
    Ok(())
}

/// Lints the burn engine for macOS, whose Metal path no other system compiles. It is not run.
fn metal(sh: &Shell) -> Result<()> {
    const TARGET: &str = "aarch64-apple-darwin";
    step("type-checking the Metal path");
    let there = cmd!(sh, "rustup target add {TARGET}").quiet().run().is_ok();
    if !there {
        eprintln!("skipped: rustup cannot install the standard library for {TARGET} here");
        return Ok(());
    }
    cmd!(sh, "cargo check --target {TARGET} -p tare-burn")
        .envs(LINTING)
        .run()?;
    Ok(())
}

/// Clippy's driver compiles what it checks. Called as `cargo clippy` calls it, but for a build: otherwise all that the engines
/// depend on would be checked for minutes, and then compiled.
const LINTING: [(&str, &str); 2] = [
    ("RUSTC_WORKSPACE_WRAPPER", "clippy-driver"),
    ("CLIPPY_ARGS", "-Dwarnings__CLIPPY_HACKERY__"),
];

/// Packages with engines. Always selected together, because cargo unifies features over a selection.
const HEAVY: [&str; 3] = ["tare", "tare-burn", "tare-tract"];

/// A native build beside others, whose largest crates keep only one core busy.
struct BesideBuild {
    cargo: Child,
    log: PathBuf,
}

impl BesideBuild {
    fn start(arguments: &[&str]) -> Result<Self> {
        std::fs::create_dir_all(target())?;
        let log = target().join("native-build.log");
        step(&format!(
            "building and linting natively beside what follows: {}",
            log.display()
        ));
        let output = File::create(&log)?;
        let cargo = Command::new("cargo")
            .args(arguments)
            .envs(LINTING)
            .current_dir(root())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .context("cannot start cargo")?;
        Ok(Self { cargo, log })
    }

    fn finish(mut self) -> Result<()> {
        step("waiting for the native build");
        if !self.cargo.wait()?.success() {
            eprint!("{}", std::fs::read_to_string(&self.log).unwrap_or_default());
            bail!("the native build failed");
        }
        Ok(())
    }
}

impl Drop for BesideBuild {
    fn drop(&mut self) {
        // Has ended already, unless something else failed first.
        let _ = self.cargo.kill();
        let _ = self.cargo.wait();
    }
}

fn packages(names: &[&'static str]) -> Vec<&'static str> {
    names.iter().flat_map(|name| ["-p", *name]).collect()
}

/// Tests that must give the same in wasm as natively, run in Node.
fn wasm_tests(sh: &Shell, tools: &Tools) -> Result<()> {
    let runner = tools.program("wasm-bindgen-test-runner");
    let arguments = [
        "test",
        "--release",
        "--target",
        "wasm32-unknown-unknown",
        "-p",
        "tare-models",
        "--test",
        "bit_identical",
    ];
    tools
        .wasm
        .cargo(sh, &arguments, false)
        .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER", runner)
        .run()?;
    Ok(())
}

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
    let heavy = &packages(&HEAVY);
    cmd!(sh, "cargo build --release {heavy...} --example conformance").run()?;
    let runner = target().join("release/examples/conformance");
    let mut command = cmd!(sh, "{runner} {cases} crates/burn/CONFORMANCE.md");
    if let Some(driver) = software_gpu(sh, &target().join("release/tare")) {
        command = command.env("VK_DRIVER_FILES", driver);
    }
    command.run()?;
    Ok(())
}

/// Times our executor against the code that burn-onnx generates, on the CPU and on a graphics adapter.
pub(crate) fn versus(sh: &Shell) -> Result<()> {
    step("generating and building code for ResNet-50 and MiniLM (the first time 20 minutes and more on two cores)");
    cmd!(sh, "cargo build --release -p tare-versus").run()?;
    let versus = target().join("release/tare-versus");
    let cores = std::thread::available_parallelism()?.get().to_string();
    step("on one thread of the CPU");
    cmd!(sh, "{versus} flex 1").run()?;
    if cores != "1" {
        step("on all threads of the CPU");
        cmd!(sh, "{versus} flex {cores}").run()?;
    }
    step("on the graphics adapter");
    cmd!(sh, "{versus} wgpu").run()?;
    Ok(())
}

/// Runs the loader on files that a fuzzer makes of small models, until one harms it or the time is over.
pub(crate) fn fuzz(sh: &Shell, seconds: u64) -> Result<()> {
    let fuzz = cargo_fuzz(sh)?;
    let folder = target().join("fuzz");
    let (seeds, corpus) = (folder.join("seeds"), folder.join("corpus"));
    sh.create_dir(&seeds)?;
    sh.create_dir(&corpus)?;
    let tare = build::native(sh, Profile::Release)?;
    for model in ["null", "tiny", "digits"] {
        let seed = seeds.join(format!("{model}.onnx"));
        cmd!(sh, "{tare} models export {model} -o {seed}").quiet().run()?;
    }
    step("looking for files that do harm");
    let seconds = seconds.to_string();
    let limits = [
        format!("-max_total_time={seconds}"),
        "-timeout=30".into(),
        "-malloc_limit_mb=1024".into(),
        "-rss_limit_mb=4096".into(),
        "-max_len=2000000".into(),
    ];
    let build = folder.join("build");
    cmd!(
        sh,
        "{fuzz} run --fuzz-dir crates/burn/fuzz --target-dir {build} load {corpus} {seeds} -- {limits...}"
    )
    // Sanitizers are not stable yet; this lets a stable compiler have them.
    .env("RUSTC_BOOTSTRAP", "1")
    .run()
    .context("what did harm is in crates/burn/fuzz/artifacts")?;
    Ok(())
}

/// Trains the built-in network `digits` anew, on the data set that scikit-learn ships.
pub(crate) fn digits(sh: &Shell) -> Result<()> {
    step("fetching the data set");
    let folder = target().join("digits");
    sh.create_dir(&folder)?;
    let wheel = folder.join("scikit-learn.whl");
    if !wheel.is_file() {
        // Only its data files are used, which are the same for every platform.
        let download =
            "pip download --quiet --no-deps --only-binary=:all: --python-version 3.11 --platform manylinux2014_x86_64";
        let download: Vec<&str> = download.split(' ').collect();
        cmd!(sh, "python3 -m {download...} --dest {folder} scikit-learn==1.7.2").run()?;
        let found = sh
            .read_dir(&folder)?
            .into_iter()
            .find(|path| path.extension().is_some_and(|end| end == "whl"));
        std::fs::rename(found.context("pip left no wheel")?, &wheel)?;
    }
    cmd!(sh, "python3 -m zipfile -e {wheel} {folder}").run()?;
    let data = folder.join("sklearn/datasets/data/digits.csv.gz");
    step("training");
    cmd!(
        sh,
        "cargo run --release -p tare-digits -- {data} crates/models/src/networks/digits"
    )
    .run()?;
    println!("state that number in crates/models/src/catalog.rs; hashes and golden outputs of `digits` follow");
    Ok(())
}

/// Builds, and serves the page until Ctrl-C.
pub(crate) fn serve(sh: &Shell) -> Result<()> {
    let (_, tare) = build::all(sh, Profile::Release)?;
    cmd!(sh, "{tare} serve").run()?;
    Ok(())
}
