//! Tests `tare browser` with the real page in a real browser.

use std::path::Path;

use tare_record::{EngineName, EnvironmentKind, FailureKind, PhaseName, Status};

use crate::common::{Ran, Sandbox, page};

/// Measures in the browser under the rules of the smoke plan, which takes a second or two.
fn browse(sandbox: &Sandbox, arguments: &str) -> Ran {
    browse_page(sandbox, &page(), arguments)
}

fn browse_page(sandbox: &Sandbox, page: &str, arguments: &str) -> Ran {
    let command = format!("browser --plan smoke --force -o browser.json {arguments}");
    Ran::of(sandbox.command(&command).args(["--page", page]))
}

#[test]
fn native_and_browser_agree_and_are_compared() {
    let sandbox = Sandbox::new();
    let engines = "--model null --model tiny --engine tract --engine burn-flex";
    sandbox.measure("native.json", engines).code(0);
    browse(&sandbox, engines).code(0);
    let (native, browser) = (sandbox.record("native.json"), sandbox.record("browser.json"));
    assert!(browser.all_measured());
    assert_eq!(browser.machine.kind, EnvironmentKind::Browser);
    let info = browser.machine.browser.as_ref().unwrap();
    assert!(info.cross_origin_isolated, "the server sends the headers");
    assert!(info.page_ready_ns > Some(0));
    assert!(browser.build.target_features.iter().any(|feature| feature == "simd128"));
    for (a, b) in native.cells.iter().zip(&browser.cells) {
        assert_eq!(
            (&a.model, &a.inputs),
            (&b.model, &b.inputs),
            "both sides compute the same hashes"
        );
        assert!(b.phases.iter().any(|phase| phase.name == PhaseName::Compile));
        assert!(b.memory.wasm_linear_bytes.is_some());
        let module = b.module.expect("the build writes the sizes of modules");
        assert!(a.module.is_none() && module.gzip_bytes.is_some_and(|gzip| gzip < module.raw_bytes));
    }
    assert_eq!(pairs(&sandbox), 4);
}

/// Number of pairs in the report of both records. Fails if a pair was refused.
fn pairs(sandbox: &Sandbox) -> usize {
    let report = sandbox.run("report native.json browser.json --format json").code(0);
    let report: serde_json::Value = serde_json::from_str(&report.out()).unwrap();
    let sections = report["sections"].as_array().unwrap();
    assert!(
        sections.iter().all(|section| section["id"] != "not-compared"),
        "{report:#}"
    );
    let blocks = sections[0]["blocks"].as_array().unwrap();
    let table = blocks.iter().find(|block| block["rows"].is_array()).unwrap();
    table["rows"].as_array().unwrap().len()
}

#[test]
fn a_file_is_measured_like_a_built_in_model() {
    let sandbox = Sandbox::new();
    sandbox.run("models export tiny -o net.onnx").code(0);
    sandbox
        .measure("native.json", "--model net.onnx --engine tract --save-tensors t")
        .code(0);
    let input = "image=t/net.onnx.input.image.npy";
    browse(&sandbox, &format!("--model net.onnx --engine tract --input {input}")).code(0);
    let (native, browser) = (sandbox.record("native.json"), sandbox.record("browser.json"));
    assert_eq!(native.cells[0].model, browser.cells[0].model);
    assert_eq!(native.cells[0].inputs, browser.cells[0].inputs);
}

#[test]
fn failures_in_the_browser_are_recorded_and_do_not_stop_other_cells() {
    let sandbox = Sandbox::new();
    sandbox.write("cut.onnx", b"\x08\x08\x12");
    browse(
        &sandbox,
        "--engine tract --model cut.onnx --model absent.onnx --model tiny",
    )
    .code(1);
    for (cell, text) in ["not a complete ONNX file", "neither a built-in model nor a file"]
        .iter()
        .enumerate()
    {
        let failure = sandbox.failure("browser.json", cell);
        assert!(
            failure.kind == FailureKind::Model && failure.message.contains(text),
            "{failure:?}"
        );
    }
    assert_eq!(sandbox.record("browser.json").cells[2].status, Status::Measured);
}

#[test]
fn without_webgpu_the_engine_fails_or_is_replaced_with_a_reason() {
    let sandbox = Sandbox::new();
    // With these flags Chromium offers no adapter.
    let off = "--browser-arg=--disable-gpu --browser-arg=--disable-software-rasterizer";
    browse(&sandbox, &format!("--model tiny --engine burn-wgpu {off}")).code(1);
    assert_eq!(sandbox.failure("browser.json", 0).kind, FailureKind::Device);
    // Without --engine, tract runs instead, with a warning that says why.
    for (flags, reason) in [
        (off, "offers no graphics adapter"),
        ("--software-gpu", "computes on the CPU"),
    ] {
        browse(&sandbox, &format!("--model tiny {flags}")).code(0);
        let cell = &sandbox.record("browser.json").cells[0];
        assert_eq!(cell.engine.name, EngineName::Tract);
        let warns = |text| cell.warnings.iter().any(|warning| warning.message.contains(text));
        assert!(warns("instead of WebGPU") && warns(reason), "{:?}", cell.warnings);
    }
}

#[test]
fn a_cell_in_the_browser_ends_at_its_time_limit() {
    let sandbox = Sandbox::new();
    sandbox.write("long.toml", b"name = \"long\"\n[rules]\nmin_time_ms = 600000\nmax_samples = 100000000\ncell_limit_s = 2\n[[cell]]\nmodel = \"tiny\"\nengines = [\"tract\"]\n");
    let mut command = sandbox.command("browser --plan long.toml -o browser.json");
    Ran::of(command.args(["--page", &page()])).code(1);
    let cell = &sandbox.record("browser.json").cells[0];
    assert!(
        matches!(cell.status, Status::TimedOut(_)) && !cell.samples_ns.is_empty(),
        "{:?}",
        cell.status
    );
}

/// A copy of the built page with another worker script.
fn page_with_worker(sandbox: &Sandbox, script: &str) -> String {
    let folder = sandbox.path("page");
    copy_folder(Path::new(&page()), &folder);
    std::fs::write(folder.join("workers/worker.js"), script).unwrap();
    folder.to_string_lossy().into_owned()
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_folder(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
}

#[test]
fn threads_need_an_isolated_page() {
    let sandbox = Sandbox::new();
    let arguments = "--model tiny --engine tract --engine burn-flex --threads 2";
    browse(&sandbox, arguments).code(0);
    let record = sandbox.record("browser.json");
    let configurations: Vec<(usize, &str)> = record
        .cells
        .iter()
        .map(|cell| (cell.configuration.threads, cell.configuration.vector_level.as_str()))
        .collect();
    assert_eq!(configurations, [(2, "relaxed"), (2, "simd")]);
    for cell in &record.cells {
        assert!(cell.phases.iter().any(|phase| phase.name == PhaseName::Threads));
        assert!(cell.verification.is_some() && cell.memory.wasm_linear_bytes.is_some());
    }

    browse(&sandbox, &format!("{arguments} --not-isolated")).code(1);
    for cell in 0..2 {
        let failure = sandbox.failure("browser.json", cell);
        assert_eq!(failure.kind, FailureKind::Device);
        assert!(failure.message.contains("not cross-origin isolated"), "{failure:?}");
    }
}

#[test]
fn a_browser_without_relaxed_simd_fails_only_that_cell() {
    let sandbox = Sandbox::new();
    let script = std::fs::read_to_string(Path::new(&page()).join("workers/worker.js")).unwrap();
    let page = page_with_worker(&sandbox, &format!("WebAssembly.validate = () => false;\n{script}"));
    browse_page(&sandbox, &page, "--model tiny --engine tract --relaxed-simd").code(1);
    let record = sandbox.record("browser.json");
    assert_eq!(record.cells[0].status, Status::Measured);
    let failure = sandbox.failure("browser.json", 1);
    assert!(
        failure.message.contains("this browser has no relaxed SIMD"),
        "{failure:?}"
    );
}

#[test]
fn a_worker_that_dies_fails_its_cells_with_its_message() {
    let sandbox = Sandbox::new();
    let page = page_with_worker(&sandbox, "throw new Error('out of luck');");
    browse_page(&sandbox, &page, "--model tiny --engine tract").code(1);
    let failure = sandbox.failure("browser.json", 0);
    assert!(failure.message.contains("out of luck"), "{failure:?}");
}

#[test]
fn a_worker_that_hangs_is_stopped() {
    let sandbox = Sandbox::new();
    let page = page_with_worker(&sandbox, "for (;;);");
    browse_page(&sandbox, &page, "--model tiny --engine tract --cell-limit 1").code(1);
    let failure = sandbox.failure("browser.json", 0);
    assert!(failure.message.contains("was stopped during start"), "{failure:?}");
}

#[test]
fn errors_name_what_is_missing() {
    let sandbox = Sandbox::new();
    let page = page();
    let browse = |arguments: &str| {
        let mut command = sandbox.command(&format!("browser {arguments}"));
        Ran::of(command.args(["--page", &page])).code(2)
    };
    sandbox
        .run("browser --page nowhere")
        .code(2)
        .says("found no built page (index.html) in nowhere");
    browse("--browser /no/such/browser").says("there is no browser \"/no/such/browser\"");
    browse("--webdriver http://127.0.0.1:9 --session-limit 1")
        .says("no WebDriver opened a session within 1 s: http://127.0.0.1:9");
    let taken = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = taken.local_addr().unwrap().port();
    browse(&format!("--port {port}")).says(&format!("cannot listen on port {port}"));

    let with_path = |path: &Path| {
        let mut command = sandbox.command("browser");
        Ran::of(command.args(["--page", &page]).env("PATH", path)).code(2)
    };
    with_path(Path::new("")).says("found no browser");
    // A browser without a driver.
    sandbox.write("chromium", b"");
    with_path(sandbox.folder.path()).says("chromedriver");
}

#[test]
fn the_selftest_runs_with_and_without_isolation() {
    let step_ns = |flag: &str| -> u64 {
        let sandbox = Sandbox::new();
        let mut command = sandbox.command("selftest --pairs 1 browser");
        let ran = Ran::of(command.args(["--page", &page()]).args(flag.split_whitespace()));
        assert!(ran.out().contains("tiny on tract measured twice"), "{}", ran.err());
        let steps = ran.out().split("clock steps of ").nth(1).map(str::to_owned);
        let steps = steps.unwrap_or_else(|| panic!("{}", ran.out()));
        steps.split(' ').next().unwrap().parse().unwrap()
    };
    let (isolated, not_isolated) = (step_ns(""), step_ns("--not-isolated"));
    assert!(
        isolated < not_isolated,
        "isolation gives a finer clock: {isolated} and {not_isolated} ns"
    );
}
