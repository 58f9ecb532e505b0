//! Tests the rungs between native and a browser, as a user runs them.

use tare_record::{EnvironmentKind, FailureKind, InteropOperation, PhaseName, Record, Situation, Status};
use tare_report::{Agreement, StepKind, compare, ladders};

use crate::common::{Ran, Sandbox, page, read_record};

fn in_node(sandbox: &Sandbox, arguments: &str) -> Ran {
    let command = format!("node --plan smoke --force -o node.json {arguments}");
    Ran::of(sandbox.command(&command).args(["--page", &page()]))
}

/// Vector instructions of several machines. No machine has all of them.
const ALL_LIMITS: [&str; 4] = ["avx512", "fma", "sse2", "neon"];

#[test]
fn tract_is_limited_to_narrower_vectors() {
    let sandbox = Sandbox::new();
    let plan = format!(
        "name = \"vectors\"\n[rules]\nrounds = 1\nmin_time_ms = 1\nmax_time_ms = 2\n\
        [[cell]]\nmodel = \"tiny\"\nengines = [\"tract\", \"burn-flex\"]\nvector_limits = {ALL_LIMITS:?}\n"
    );
    sandbox.write("vectors.toml", plan.as_bytes());
    sandbox
        .run("run --plan vectors.toml -o native.json --save-tensors t")
        .code(1);
    sandbox
        .run("run --model tiny --vector-limit sse")
        .code(2)
        .says("avx512, fma, sse2, neon");
    let record = sandbox.record("native.json");
    let [widest, limited @ .., flex] = record.cells.as_slice() else {
        panic!("{record:?}")
    };
    assert_eq!(
        (&widest.configuration.vector_limit, &flex.configuration.vector_limit),
        (&None, &None)
    );
    assert_eq!(widest.configuration.vector_level, tare_tract::vector_level());
    let narrower: Vec<&str> = tare_tract::vector_limits().iter().map(|limit| limit.name).collect();
    for (name, cell) in ALL_LIMITS.iter().zip(limited) {
        assert_eq!(cell.configuration.vector_limit.as_deref(), Some(*name));
        match &cell.status {
            Status::Measured => {
                assert_eq!(
                    cell.configuration.vector_level, *name,
                    "the process reports what it used"
                );
                assert!(narrower.contains(name) && cell.verification.is_some());
                assert!(
                    sandbox
                        .path("t")
                        .join(format!("tiny.tract.{name}.logits.npy"))
                        .is_file()
                );
            }
            Status::Failed(failure) => {
                assert!(
                    !narrower.contains(name) && failure.kind == FailureKind::Device,
                    "{failure:?}"
                );
                assert!(failure.message.contains("cannot be limited to"), "{failure:?}");
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn node_and_native_agree() {
    let sandbox = Sandbox::new();
    sandbox.run("models export tiny -o net.onnx").code(0);
    let models = "--model net.onnx --model digits --engine tract --engine burn-flex";
    sandbox.measure("native.json", models).code(0);
    in_node(&sandbox, models).code(0);
    let records = [sandbox.record("native.json"), sandbox.record("node.json")];
    let node = &records[1];
    assert_eq!(node.machine.kind, EnvironmentKind::Node);
    assert!(node.machine.node.as_ref().unwrap().v8.contains('.'));
    assert!(node.build.target.starts_with("wasm32") && node.build.target_features.iter().any(|name| name == "simd128"));
    for cell in &node.cells {
        assert_eq!(
            (cell.configuration.environment, cell.configuration.threads),
            (EnvironmentKind::Node, 1)
        );
        assert!(cell.memory.wasm_linear_bytes.is_some() && cell.module.is_some());
        for name in [PhaseName::Spawn, PhaseName::Compile, PhaseName::FirstRun] {
            assert!(cell.phases.iter().any(|phase| phase.name == name), "{name:?}");
        }
    }
    let comparison = compare(&records);
    assert_eq!(
        (comparison.pairs.len(), comparison.refusals.len()),
        (4, 0),
        "{comparison:?}"
    );
    for pair in comparison.pairs {
        match pair.agreement {
            Agreement::SameReference([native, node]) => assert!(native.max(node) < 1e-5, "{native} {node}"),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn errors_explain_what_node_cannot_do() {
    let sandbox = Sandbox::new();
    sandbox.write("cut.onnx", b"\x08\x08\x12");
    in_node(&sandbox, "--model cut.onnx --engine tract").code(1);
    assert_eq!(sandbox.failure("node.json", 0).kind, FailureKind::Model);
    in_node(&sandbox, "--model tiny --engine burn-wgpu --engine tract")
        .code(0)
        .says("burn-wgpu does not run in Node and is left out");
    in_node(&sandbox, "--model tiny --engine burn-wgpu").code(1);
    let failure = sandbox.failure("node.json", 0);
    assert!(
        failure.kind == FailureKind::Device && failure.message.contains("WebGPU"),
        "{failure:?}"
    );

    let without = |program: &str| {
        let mut command = sandbox.command("node --model tiny");
        Ran::of(command.args(["--page", &page()]).env("TARE_NODE", program)).code(2)
    };
    without("no-such-node")
        .says("cannot start no-such-node")
        .says("TARE_NODE");
    without("true").says("did not print its version");
    sandbox
        .run("node --model tiny --page .")
        .code(2)
        .says("cargo xtask build");
    std::fs::write(sandbox.path("index.html"), "").unwrap();
    sandbox
        .run("node --model tiny --page .")
        .code(2)
        .says("does not run in Node");
}

/// Uses the software adapter that is bundled with Chromium, natively and in the browser.
#[test]
fn native_and_browser_agree_on_a_graphics_adapter() {
    let sandbox = Sandbox::new();
    let command = "ladder --plan smoke --model tiny --engine burn-wgpu --software-gpu -o ladder";
    Ran::of(sandbox.command(command).args(["--page", &page()]))
        .code(0)
        .says("the browser's WebGPU");
    let records = ["native", "browser"].map(|name| read_record(&sandbox.path(&format!("ladder/{name}.json"))));
    for record in &records {
        let [cell] = record.cells.as_slice() else {
            panic!("{record:?}")
        };
        let adapter = cell.adapter.as_ref().unwrap();
        assert!(
            adapter.software && adapter.name.to_lowercase().contains("swiftshader"),
            "{adapter:?}"
        );
        assert_eq!(
            cell.configuration.shader_language.as_deref(),
            Some("wgsl"),
            "the software adapter computes correctly only with WGSL"
        );
        assert!(cell.verification.is_some() && !cell.kernels.is_empty() && !cell.device_runs_ns.is_empty());
        assert!(cell.phases.iter().any(|phase| phase.name == PhaseName::Tuning));
        for setting in ["fusion", "autotune", "autotune_level", "autotune_timed_by"] {
            assert!(cell.engine.settings.contains_key(setting), "{setting}");
        }
    }
    let found = ladders(&records);
    let [ladder] = found.as_slice() else {
        panic!("{found:?}")
    };
    let kinds: Vec<StepKind> = ladder.steps.iter().map(|step| step.kind).collect();
    assert_eq!(kinds, [StepKind::WebGpu]);
    let comparison = compare(&records);
    assert_eq!((comparison.pairs.len(), comparison.refusals.len()), (1, 0));
    let report = std::fs::read_to_string(sandbox.path("ladder/report.html")).unwrap();
    assert!(report.contains("Time on the device"));
}

#[test]
fn a_ladder_explains_the_gap_step_by_step() {
    let sandbox = Sandbox::new();
    let command = "ladder --plan smoke --model tiny --engine tract --threads 2 -o ladder";
    Ran::of(sandbox.command(command).args(["--page", &page()]))
        .code(0)
        .says("tiny on tract: Chromium ")
        .says("(2 threads, relaxed) takes ")
        .says("wasm, its kernels and the browser")
        .says("relaxed SIMD");
    let records = ["native", "node", "browser"].map(|name| read_record(&sandbox.path(&format!("ladder/{name}.json"))));
    assert!(records.iter().all(Record::all_measured));
    let found = ladders(&records);
    let [ladder] = found.as_slice() else {
        panic!("{found:?}")
    };
    let kinds: Vec<StepKind> = ladder.steps.iter().map(|step| step.kind).collect();
    let narrower = tare_tract::vector_limits();
    let expected = [
        vec![StepKind::Threads],
        vec![StepKind::Vectors; narrower.len()],
        vec![if narrower.iter().any(|limit| limit.name == "sse2") {
            StepKind::Wasm
        } else {
            StepKind::WasmAndVectors
        }],
        vec![StepKind::Browser, StepKind::RelaxedSimd, StepKind::BrowserThreads],
    ]
    .concat();
    assert_eq!(kinds, expected);
    let levels: Vec<&str> = records[2]
        .cells
        .iter()
        .map(|cell| cell.configuration.vector_level.as_str())
        .collect();
    assert_eq!(
        levels,
        ["relaxed", "simd", "relaxed"],
        "the modules report what they were compiled for"
    );
    assert_eq!(compare(&records).refusals, []);
    let product: f64 = ladder.steps.iter().map(|step| step.ratio.value).product();
    assert!((product / ladder.whole.value - 1.0).abs() < 1e-9);
    let operations: Vec<InteropOperation> = records[2].interop.iter().map(|cost| cost.operation).collect();
    assert_eq!(
        operations[..4],
        [
            InteropOperation::JsToWasm,
            InteropOperation::PostCopied,
            InteropOperation::PostTransferred,
            InteropOperation::PostShared
        ]
    );
    let watches = &records[2].responsiveness;
    let situations: Vec<Situation> = watches.iter().map(|watch| watch.situation).collect();
    assert_eq!(situations, [Situation::Idle, Situation::Worker, Situation::MainThread]);
    for watch in watches {
        assert_eq!(watch.runs > 0, watch.situation != Situation::Idle, "{watch:?}");
        assert!(!watch.frames_ns.is_empty() && !watch.delays_ns.is_empty(), "{watch:?}");
    }
    let browser = records[2].machine.browser.as_ref().unwrap();
    assert!(browser.processes_peak_bytes.is_some() || !cfg!(target_os = "linux"));
    for point in records[2].interop.iter().flat_map(|cost| &cost.points) {
        assert!(
            point.samples_ns.len() == 30 && point.samples_ns.iter().all(|&ns| ns > 0),
            "{point:?}"
        );
    }
    let report = std::fs::read_to_string(sandbox.path("ladder/report.html")).unwrap();
    assert!(report.contains("message to a worker and back, bytes copied"));
    assert!(report.contains(&ladder.sentence()));
}
