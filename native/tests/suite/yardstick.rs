//! Tests of onnxruntime as a yardstick.

use tare_models::Graph;
use tare_record::{EngineName, FailureKind};

use crate::common::{Ran, Sandbox, page};

#[test]
fn a_yardstick_does_the_same_work_in_the_same_run() {
    if std::env::var_os("ORT_DYLIB_PATH").is_none() {
        eprintln!(
            "skipped: ORT_DYLIB_PATH is not set: run `cargo xtask test`, or set it to the library of onnxruntime"
        );
        return;
    }
    let sandbox = Sandbox::new();
    let arguments = "--model tiny --model minilm --batch 2 --engine tract --engine ort --threads 2";
    sandbox
        .measure("run.json", arguments)
        .code(0)
        .says("Next to a yardstick");
    let record = sandbox.record("run.json");
    assert!(record.all_measured(), "{:?}", record.cells);
    let yardsticks: Vec<_> = record
        .cells
        .iter()
        .filter(|cell| cell.engine.name == EngineName::Ort)
        .collect();
    assert_eq!(yardsticks.len(), 2);
    for cell in yardsticks {
        assert_eq!((cell.configuration.threads, cell.load.batch), (2, 2));
        assert!(cell.verification.is_some(), "its outputs are compared with tract's");
        assert!(
            cell.engine.version.starts_with(|c: char| c.is_ascii_digit()),
            "{:?}",
            cell.engine
        );
    }
    sandbox.run("doctor").code(0).says("libonnxruntime");
}

#[test]
fn without_its_library_a_yardstick_is_left_out_with_what_to_install() {
    let sandbox = Sandbox::new();
    let run = |engines: &str| {
        let command = format!("run --plan smoke --model tiny {engines} --force -o run.json");
        Ran::of(
            sandbox
                .command(&command)
                .env("ORT_DYLIB_PATH", sandbox.path("absent.so")),
        )
    };
    run("--engine tract --engine ort")
        .code(0)
        .says("ort was left out")
        .says("pip install onnxruntime");
    let record = sandbox.record("run.json");
    assert!(record.all_measured());
    assert_eq!(record.cells[0].engine.name, EngineName::Tract);
    std::fs::remove_file(sandbox.path("run.json")).unwrap();
    // Alone, it is what the user asked for.
    run("--engine ort").code(1).says("pip install onnxruntime");
    let failure = sandbox.failure("run.json", 0);
    assert_eq!(failure.kind, FailureKind::Device, "{failure}");
    assert!(failure.message.contains("absent.so"), "{failure}");
}

#[test]
fn engines_of_others_do_the_same_work_in_the_browser() {
    let sandbox = Sandbox::new();
    let plan = r#"
        name = "others"
        rules = { rounds = 1, min_time_ms = 10, max_time_ms = 1000, min_samples = 3, min_warmup_runs = 1, min_warmup_ms = 0 }
        defaults = { engines = ["tract", "rten", "ort-web"], threads = [1, 2] }
        cell = [{ model = "tiny" }, { model = "digits" }]
    "#;
    sandbox.write("others.toml", plan.as_bytes());
    Ran::of(
        sandbox
            .command("browser --plan others.toml --force -o run.json")
            .args(["--page", &page()]),
    )
    .code(0)
    .says("Next to a yardstick");
    let record = sandbox.record("run.json");
    assert!(record.all_measured(), "{:?}", record.cells);
    assert_eq!(record.cells.len(), 12);
    for cell in &record.cells {
        let is_yardstick = cell.engine.name == EngineName::OrtWeb;
        assert!(cell.verification.is_some(), "{cell:?}");
        // The worker's own memory does not hold the model.
        assert_eq!(cell.memory.wasm_linear_bytes.is_none(), is_yardstick, "{cell:?}");
        assert_eq!(
            cell.module.unwrap().raw_bytes > 10_000_000,
            is_yardstick || cell.engine.name == EngineName::Tract
        );
        assert_ne!(cell.engine.version, "");
    }
    let threads = record.cells.iter().filter(|cell| cell.configuration.threads == 2);
    assert_eq!(threads.count(), 6);
    // Natively there is another one of its kind.
    sandbox
        .measure("native.json", "--model tiny --engine ort-web")
        .code(1)
        .says("runs in browsers only");
}

#[test]
fn onnxruntime_computes_through_webgpu_too() {
    let sandbox = Sandbox::new();
    let command = "browser --plan smoke --model tiny --engine ort-webgpu --software-gpu --force -o run.json";
    Ran::of(sandbox.command(command).args(["--page", &page()])).code(0);
    let record = sandbox.record("run.json");
    assert!(record.all_measured(), "{:?}", record.cells);
    let [cell] = &record.cells[..] else {
        panic!("{:?}", record.cells)
    };
    assert!(cell.verification.is_some(), "its outputs are compared with tract's");
    assert!(cell.adapter.as_ref().unwrap().software);
    assert_eq!(cell.engine.settings["nodes_on_cpu"], "none");
}

#[test]
fn onnxruntime_computes_through_webgpu_natively() {
    let Some(library) = std::env::var_os("TARE_ORT_WEBGPU") else {
        eprintln!(
            "skipped: TARE_ORT_WEBGPU is not set: run `cargo xtask test`, or set it to the library of onnxruntime-webgpu"
        );
        return;
    };
    // Debian's Chromium brings an adapter that computes on the CPU.
    const ADAPTER: &str = "/usr/lib/chromium/vk_swiftshader_icd.json";
    if !std::path::Path::new(ADAPTER).is_file() {
        eprintln!("skipped: there is no {ADAPTER}: install Debian's chromium");
        return;
    }
    let sandbox = Sandbox::new();
    let command = |arguments: &str| {
        let mut command = sandbox.command(arguments);
        command.env("ORT_DYLIB_PATH", &library).env("VK_DRIVER_FILES", ADAPTER);
        command
    };
    Ran::of(&mut command("doctor")).code(0).says("for ort, ort-webgpu, ");
    // It has no kernel for Round.
    let mut graph = Graph::new("case", 1);
    let x = graph.input("x", &[4, 4]);
    let y = graph.node("y", "Relu", &[&x], &[]);
    let z = graph.node("z", "Round", &[&y], &[]);
    graph.output(&z, &[4, 4]);
    let model = sandbox.write("round.onnx", &graph.into_bytes());
    let engines = "--engine tract --engine ort-webgpu --engine ort-cuda --engine ort-directml";
    Ran::of(&mut command(&format!(
        "run --plan smoke --model tiny --model {model} {engines} --force -o run.json"
    )))
    .code(0)
    .says("ort-cuda was left out")
    .says("no CUDAExecutionProvider")
    .says("ort-directml was left out")
    .says("onnxruntime-gpu[cuda,cudnn]");
    let record = sandbox.record("run.json");
    assert!(record.all_measured(), "{:?}", record.cells);
    let on_cpu: Vec<&str> = record
        .cells
        .iter()
        .filter(|cell| cell.engine.name == EngineName::OrtWebgpu)
        .map(|cell| {
            assert!(cell.verification.is_some(), "its outputs are compared with tract's");
            assert!(cell.adapter.as_ref().unwrap().software);
            cell.engine.settings["nodes_on_cpu"].as_str()
        })
        .collect();
    assert_eq!(on_cpu, ["none", "1 Round"]);
}

#[test]
fn a_yardstick_is_measured_only_where_it_is_named() {
    let sandbox = Sandbox::new();
    sandbox.measure("run.json", "--model tiny").code(0);
    let record = sandbox.record("run.json");
    assert!(
        record.cells.iter().all(|cell| cell.engine.name != EngineName::Ort),
        "{:?}",
        record.cells
    );
}
