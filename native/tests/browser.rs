//! The real page in a real browser, driven as `tare browser` drives it.

#![allow(clippy::unwrap_used, reason = "a test that unwraps has its proof in passing")]

mod common;

use std::path::PathBuf;

use common::Sandbox;
use tare_record::{EngineName, EnvironmentKind, FailureKind, PhaseName, Status};

/// The built page; `cargo xtask build` makes it.
fn page() -> String {
    let folder = std::env::var_os("TARE_PAGE").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../dist"),
        PathBuf::from,
    );
    assert!(
        folder.join("index.html").is_file(),
        "no page in {}: build it with `cargo xtask build`",
        folder.display()
    );
    folder.to_string_lossy().into_owned()
}

fn browse(sandbox: &Sandbox, more: &[&str]) -> common::Ran {
    let page = page();
    sandbox.run(&[&["browser", "--page", &page, "-o", "browser.json"], more].concat())
}

#[test]
fn both_sides_compute_the_same_and_are_compared() {
    let sandbox = Sandbox::new();
    sandbox.run(&["run", "--plan", "smoke", "-o", "native.json"]).code(0);
    browse(&sandbox, &["--plan", "smoke"]).code(0);
    let (native, browser) = (sandbox.record("native.json"), sandbox.record("browser.json"));
    assert!(browser.all_measured());
    assert_eq!(browser.machine.kind, EnvironmentKind::Browser);
    assert!(
        browser.machine.browser.as_ref().unwrap().cross_origin_isolated,
        "the server sends the headers"
    );
    assert!(browser.tool.target_features.iter().any(|feature| feature == "simd128"));
    for (a, b) in native.cells.iter().zip(&browser.cells) {
        assert_eq!(
            (&a.model, &a.inputs),
            (&b.model, &b.inputs),
            "hashes made on both sides are equal"
        );
        assert!(b.phases.iter().any(|phase| phase.name == PhaseName::Compile));
        assert!(b.memory.wasm_linear_bytes.is_some());
    }
    let report = sandbox
        .run(&["report", "native.json", "browser.json", "--format", "json"])
        .code(0);
    let comparison: serde_json::Value = serde_json::from_str(&report.out()).unwrap();
    assert_eq!(comparison["pairs"].as_array().unwrap().len(), 3, "{comparison:#}");
    assert_eq!(comparison["refusals"].as_array().unwrap().len(), 0, "{comparison:#}");
}

#[test]
fn a_file_is_measured_like_a_built_in_model() {
    let sandbox = Sandbox::new();
    sandbox.run(&["models", "export", "tiny", "-o", "net.onnx"]).code(0);
    sandbox
        .run(&[
            "run",
            "--plan",
            "smoke",
            "--model",
            "net.onnx",
            "--engine",
            "tract",
            "--save-tensors",
            "t",
            "-o",
            "native.json",
        ])
        .code(0);
    let input = "image=t/net.onnx.input.image.npy";
    browse(
        &sandbox,
        &[
            "--plan", "smoke", "--model", "net.onnx", "--engine", "tract", "--input", input,
        ],
    )
    .code(0);
    let (native, browser) = (sandbox.record("native.json"), sandbox.record("browser.json"));
    assert_eq!(native.cells[0].model, browser.cells[0].model);
    assert_eq!(native.cells[0].inputs, browser.cells[0].inputs);
}

#[test]
fn failures_in_the_browser_are_recorded_and_the_others_go_on() {
    let sandbox = Sandbox::new();
    sandbox.write("cut.onnx", b"\x08\x08\x12");
    browse(
        &sandbox,
        &[
            "--plan",
            "smoke",
            "--engine",
            "tract",
            "--model",
            "cut.onnx",
            "--model",
            "absent.onnx",
            "--model",
            "tiny",
        ],
    )
    .code(1);
    let cells = sandbox.record("browser.json").cells;
    for (cell, text) in cells
        .iter()
        .zip(["not a whole ONNX file", "neither a built-in model nor a file"])
    {
        let Status::Failed(failure) = &cell.status else {
            panic!("{:?}", cell.status)
        };
        assert!(
            failure.kind == FailureKind::Model && failure.message.contains(text),
            "{failure:?}"
        );
    }
    assert_eq!(cells[2].status, Status::Measured);
}

#[test]
fn without_webgpu_the_engine_is_refused_or_replaced_with_the_reason() {
    let sandbox = Sandbox::new();
    // Chromium then offers no adapter.
    let off = [
        "--browser-arg",
        "--disable-gpu",
        "--browser-arg",
        "--disable-features=WebGPU,WebGPUService",
    ];
    browse(
        &sandbox,
        &[
            &["--plan", "smoke", "--model", "tiny", "--engine", "burn-wgpu"],
            &off[..],
        ]
        .concat(),
    )
    .code(1);
    let cells = sandbox.record("browser.json").cells;
    let Status::Failed(failure) = &cells[0].status else {
        panic!("{:?}", cells[0].status)
    };
    assert_eq!(failure.kind, FailureKind::Device, "{failure:?}");
    // Nothing asked for: tract, and why.
    browse(&sandbox, &[&["--plan", "smoke", "--model", "tiny"], &off[..]].concat()).code(0);
    let cell = &sandbox.record("browser.json").cells[0];
    assert_eq!(cell.engine.name, EngineName::Tract);
    assert!(
        cell.warnings
            .iter()
            .any(|warning| warning.message.contains("instead of WebGPU")),
        "{:?}",
        cell.warnings
    );
}

#[test]
fn a_cell_in_the_browser_ends_at_its_time_limit() {
    let sandbox = Sandbox::new();
    sandbox.write("long.toml", b"name = \"long\"\n[rules]\nmin_time_ms = 600000\ncell_limit_s = 2\n[[cell]]\nmodel = \"tiny\"\nengines = [\"tract\"]\n");
    browse(&sandbox, &["--plan", "long.toml"]).code(1);
    let cell = &sandbox.record("browser.json").cells[0];
    assert!(
        matches!(cell.status, Status::TimedOut(_)) && !cell.samples_ns.is_empty(),
        "{:?}",
        cell.status
    );
}

#[test]
fn what_is_missing_is_named() {
    let sandbox = Sandbox::new();
    let page = page();
    sandbox
        .run(&["browser", "--page", "nowhere"])
        .code(2)
        .says("found no built page (index.html) in nowhere");
    sandbox
        .run(&["browser", "--page", &page, "--browser", "/no/such/browser"])
        .code(2)
        .says("there is no browser \"/no/such/browser\"");
    let output = sandbox
        .command(&["browser", "--page", &page])
        .env("PATH", "")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        output.status.code() == Some(2) && said.contains("found no browser"),
        "{said}"
    );
    sandbox
        .run(&["browser", "--page", &page, "--webdriver", "http://127.0.0.1:9"])
        .code(2)
        .says("through the WebDriver at http://127.0.0.1:9");
    let taken = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    sandbox
        .run(&["browser", "--page", &page, "--port", &port])
        .code(2)
        .says(&format!("cannot listen on port {port}"));
}
