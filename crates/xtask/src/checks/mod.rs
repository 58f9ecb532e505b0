//! Checks and tests.

mod import_cycles;
mod javascript;
mod links;

use anyhow::{Context, Result, ensure};
use xshell::{Shell, cmd};

use crate::build::{self, BackgroundBuild, HEAVY, Profile};
use crate::dist;
use crate::docs;
use crate::paths::dist as page_folder;
use crate::setup::{self, Tools, cargo_deny};
use crate::site;
use crate::size;
use crate::step::step;

/// Packages without engines. One selection of packages without the engines, and one with: cargo
/// unifies features over a selection, and would otherwise compile burn twice.
const LIGHT: [&str; 18] = [
    "-p",
    "tare-record",
    "-p",
    "tare-core",
    "-p",
    "tare-launcher",
    "-p",
    "tare-models",
    "-p",
    "tare-findings",
    "-p",
    "tare-regression",
    "-p",
    "tare-report",
    "-p",
    "tare-fuzz",
    "-p",
    "xtask",
];

/// Clippy's driver compiles what it checks. Called as `cargo clippy` calls it, but for a build:
/// otherwise all that the engines depend on would be checked for minutes, and then compiled.
const LINTING: [(&str, &str); 2] = [
    ("RUSTC_WORKSPACE_WRAPPER", "clippy-driver"),
    ("CLIPPY_ARGS", "-Dwarnings__CLIPPY_HACKERY__"),
];

/// Runs all checks and tests, fast ones first. Without `engines` only what needs neither an engine
/// nor a browser.
pub(crate) fn test(sh: &Shell, engines: bool) -> Result<()> {
    step("format");
    cmd!(sh, "cargo fmt --all --check")
        .run()
        .context("run `cargo fmt --all`")?;
    step("imports, links and names");
    import_cycles::check(sh)?;
    links::check(sh)?;
    docs::check_written(sh)?;
    step("the page's JavaScript");
    javascript::test(sh)?;

    // In the background of all that follows, because it takes longest.
    let native = engines
        .then(|| BackgroundBuild::start(&[&["test", "--release", "--no-run"][..], HEAVY].concat(), &LINTING))
        .transpose()?;
    let nextest = cmd!(sh, "cargo nextest --version")
        .quiet()
        .ignore_stderr()
        .read()
        .is_ok();
    let runner: &[&str] = if nextest { &["nextest", "run"] } else { &["test"] };
    step("linting and testing everything but engines");
    cmd!(sh, "cargo {runner...} --no-fail-fast {LIGHT...}")
        .envs(LINTING)
        .run()?;
    match native {
        Some(native) => engines_and_browser(sh, runner, native),
        None => Ok(()),
    }
}

fn engines_and_browser(sh: &Shell, runner: &[&str], native: BackgroundBuild) -> Result<()> {
    let tools = Tools::prepare(sh)?;
    setup::java(sh)?;
    let firefox = setup::firefox(sh)?.map(|driver| ("TARE_GECKODRIVER", driver));
    let library =
        |package, variable| Ok::<_, anyhow::Error>(setup::onnxruntime(sh, package)?.map(|library| (variable, library)));
    let onnxruntime = library(setup::ONNXRUNTIME, "ORT_DYLIB_PATH")?;
    let onnxruntime_webgpu = library(setup::ONNXRUNTIME_WEBGPU, "TARE_ORT_WEBGPU")?;
    step("types of the page's JavaScript");
    javascript::check_types(sh, &tools)?;
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
    cmd!(sh, "cargo {runner...} --no-fail-fast --release {HEAVY...}")
        .envs(LINTING)
        .env("TARE_PAGE", page_folder())
        .env("TARE_SITE", site::of_page(sh)?)
        .env("TARE_SELENIUM", tools.selenium()?)
        .envs(firefox)
        .envs(onnxruntime)
        .envs(onnxruntime_webgpu)
        .env("TARE_AXE", tools.npm().join("node_modules/axe-core/axe.min.js"))
        .run()?;
    dist::check_everyday()?;
    step("the example of the burn engine as a library");
    cmd!(sh, "cargo test --release --doc {HEAVY...}").envs(LINTING).run()?;
    Ok(())
}

/// Lints the burn engine for macOS, whose Metal path no other system compiles. It is not run.
fn metal(sh: &Shell) -> Result<()> {
    const TARGET: &str = "aarch64-apple-darwin";
    step("type-checking the Metal path");
    let there = cmd!(sh, "rustup target add {TARGET}").quiet().run().is_ok();
    if !there {
        let message = format!("rustup cannot install the standard library for {TARGET} here");
        // Where releases are tested, nothing is left out.
        ensure!(std::env::var_os("CI").is_none(), message);
        eprintln!("skipped: {message}");
        return Ok(());
    }
    cmd!(sh, "cargo check --target {TARGET} -p tare-burn")
        .envs(LINTING)
        .run()?;
    Ok(())
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

/// Checks licenses, sources and, where their database can be reached, known vulnerabilities of all
/// dependencies.
pub(crate) fn audit(sh: &Shell) -> Result<()> {
    let deny = cargo_deny(sh)?;
    step("licenses, bans and sources");
    cmd!(sh, "{deny} check licenses bans sources").run()?;
    step("known vulnerabilities");
    if cmd!(sh, "{deny} fetch db").ignore_stderr().quiet().run().is_err() {
        eprintln!("skipped: the database of vulnerabilities cannot be reached from here");
        return Ok(());
    }
    cmd!(sh, "{deny} check advisories").run()?;
    Ok(())
}
