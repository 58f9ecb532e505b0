//! Tests the command line as a user runs it.

use tare_core::plan;
use tare_models::{Attribute, Graph, built_in_names, find};
use tare_record::{ENGINES, EngineName, FailureKind, PhaseName, Status};

use crate::common::Sandbox;

#[test]
fn a_plan_is_measured_verified_and_reported() {
    let sandbox = Sandbox::new();
    sandbox
        .measure("native.json", "")
        .code(0)
        .says("tiny")
        .says("record: native.json");
    let record = sandbox.record("native.json");
    assert!(record.all_measured());
    assert_eq!(record.cells.len(), 3);
    for cell in &record.cells {
        assert!(cell.samples_ns.len() >= 5 && cell.samples_ns.iter().all(|&ns| ns > 0));
        assert!(cell.phases.iter().any(|phase| phase.name == PhaseName::Spawn));
        let verification = cell.verification.as_ref().unwrap();
        let runs: u64 = verification.digests.iter().map(|digest| digest.runs).sum();
        assert_eq!(
            runs,
            cell.samples_ns.len() as u64 * u64::from(cell.runs_per_sample),
            "every timed run was verified"
        );
        assert!(cell.memory.resident_peak_bytes.is_some() || !cfg!(target_os = "linux"));
    }
    for (format, text) in [
        ("md", "# tare report"),
        ("csv", "created,environment,model"),
        ("json", "\"schema\": \"tare.report/1\""),
    ] {
        let report = sandbox.run(&format!("report native.json --format {format}")).code(0);
        assert!(report.out().contains(text), "{format}: {}", report.out());
    }
    sandbox.run("report native.json -o report.html").code(0);
    let html = std::fs::read_to_string(sandbox.path("report.html")).unwrap();
    assert!(html.starts_with("<!DOCTYPE html>") && html.contains("tiny"));
}

#[test]
fn tensors_are_saved_as_numpy_arrays() {
    let sandbox = Sandbox::new();
    sandbox
        .measure("a.json", "--model tiny --engine tract --save-tensors t")
        .code(0);
    for (file, shape) in [
        ("tiny.input.image.npy", "(1, 3, 32, 32"),
        ("tiny.tract.logits.npy", "(1, 10"),
        ("tiny.reference.logits.npy", "(1, 10"),
    ] {
        let bytes = std::fs::read(sandbox.path("t").join(file)).unwrap();
        let header = String::from_utf8_lossy(&bytes[..128]).into_owned();
        assert!(
            header.contains("NUMPY") && header.contains("'<f4'") && header.contains(shape),
            "{file}: {header}"
        );
    }
    // A saved input can be used again and gives the same outputs.
    let input = "image=t/tiny.input.image.npy";
    sandbox
        .measure("b.json", &format!("--model tiny --engine tract --input {input}"))
        .code(0);
    let hash = |name: &str| {
        sandbox.record(name).cells[0].verification.as_ref().unwrap().outputs[0]
            .tensor
            .sha256
            .clone()
    };
    assert_eq!(hash("a.json"), hash("b.json"));
}

#[test]
fn threads_are_recorded() {
    let sandbox = Sandbox::new();
    for engine in ["tract", "burn-flex"] {
        sandbox
            .measure("a.json", &format!("--model tiny --engine {engine} --threads 2"))
            .code(0);
        assert_eq!(sandbox.record("a.json").cells[0].configuration.threads, 2, "{engine}");
    }
}

#[test]
fn wrong_usage_is_explained() {
    let sandbox = Sandbox::new();
    sandbox.write("odd.toml", b"name = \"odd\"\nspeed = 1\n[[cell]]\nmodel = \"tiny\"\n");
    sandbox.write("text.npy", b"not an array");
    sandbox.write("long.npy", b"\x93NUMPY\x03\0\xff\xff\xff\x7f{}");
    let deep = [b"\x93NUMPY\x01\0\x1e\0".as_slice(), &[b'{'; 30]].concat();
    sandbox.write("deep.npy", &deep);
    sandbox.write("later.json", br#"{"schema": "tare.record/9"}"#);
    sandbox.write("cut.json", br#"{"schema": "tare.record/1", "cells": ["#);
    let engines: Vec<&str> = ENGINES.iter().map(|engine| engine.text).collect();
    let models: Vec<&str> = built_in_names().collect();
    let [plans, engines, models] = [
        format!("unknown plan \"fastest\": expected {}, or", plan::names()),
        format!("possible values: {}", engines.join(", ")),
        format!(
            "there is no built-in model \"resnet5\": expected one of {}",
            models.join(", ")
        ),
    ];
    for (arguments, text) in [
        ("run --plan fastest", plans.as_str()),
        ("run --plan odd.toml", "unknown field `speed`"),
        ("run --plan absent.toml", "cannot read the plan \"absent.toml\""),
        ("run --model tiny --engine onnxruntime", &engines),
        ("run --model tiny --shape image", "expected INPUT=DIMS"),
        (
            "run --model tiny --shape image=1,three",
            "expected dimensions of at least 1",
        ),
        (
            "run --model tiny --input image=text.npy",
            "cannot read \"text.npy\" for input \"image\": not a NumPy file",
        ),
        (
            "run --model tiny --input image=long.npy",
            "cannot read \"long.npy\" for input \"image\": not a NumPy file: its header would have 2147483647 bytes, and the file has 14",
        ),
        (
            "run --model tiny --input image=deep.npy",
            "its header opens 30 brackets",
        ),
        ("run --model tiny --threads 0", "numbers from 1 to 4096, found [0]"),
        (
            "run --plan smoke -o no/such/folder/a.json",
            "cannot write the record no/such/folder/a.json",
        ),
        ("models export resnet5 -o x.onnx", &models),
        ("report absent.json", "cannot read the record absent.json"),
        ("report odd.toml", "odd.toml: not a complete JSON file"),
        ("report cut.json", "cut.json: not a complete JSON file"),
        (
            "report later.json",
            "expected \"schema\": \"tare.record/1\", found \"tare.record/9\"",
        ),
    ] {
        sandbox.run(arguments).code(2).says(text);
    }
}

#[test]
fn a_broken_model_fails_only_its_own_cells() {
    let sandbox = Sandbox::new();
    let tiny = find("tiny").unwrap().onnx(&Default::default());
    let mut unsupported = Graph::new("case", 1);
    let x = unsupported.input("x", &[1, 4, 1]);
    let y = unsupported.node("odd_node", "DFT", &[&x], &[Attribute::Int("axis", 1)]);
    unsupported.output(&y, &[1, 4, 2]);
    sandbox.write("cut.onnx", &tiny[..tiny.len() / 2]);
    sandbox.write("empty.onnx", b"");
    sandbox.write("page.onnx", b"<!doctype html><title>404</title>");
    sandbox.write("dft.onnx", &unsupported.into_bytes());
    let models =
        "--model cut.onnx --model empty.onnx --model page.onnx --model absent.onnx --model dft.onnx --model tiny";
    sandbox
        .measure("a.json", &format!("--engine burn-flex {models}"))
        .code(1);
    let record = sandbox.record("a.json");
    assert!(record.complete && !record.all_measured());
    let failures: Vec<(FailureKind, String)> = record
        .cells
        .iter()
        .filter_map(|cell| match &cell.status {
            Status::Failed(failure) => Some((
                failure.kind,
                format!("{}\n{}", failure.message, failure.hint.clone().unwrap_or_default()),
            )),
            _ => None,
        })
        .collect();
    for ((kind, text), (expected_kind, expected)) in failures.iter().zip([
        (FailureKind::Model, "not a complete ONNX file"),
        (FailureKind::Model, "the file is empty"),
        (FailureKind::Model, "not a"),
        (
            FailureKind::Model,
            "neither a built-in model nor a file \"absent.onnx\"",
        ),
        (FailureKind::Unsupported, "the operator DFT (node \"odd_node\")"),
    ]) {
        assert!(*kind == expected_kind && text.contains(expected), "{kind:?}: {text}");
        assert!(text.contains('\n') && !text.ends_with('\n'), "no hint: {text}");
    }
    assert_eq!(failures.len(), 5);
    assert_eq!(record.cells[5].status, Status::Measured, "other cells are measured");
}

#[test]
fn open_shapes_and_unknown_inputs_are_explained() {
    let sandbox = Sandbox::new();
    sandbox
        .measure("a.json", "--model tiny --engine tract --shape imgae=1,3,32,32")
        .code(1)
        .says("has no input \"imgae\": expected one of image f32 [1, 3, 32, 32]");
    sandbox
        .measure("a.json", "--model tiny --engine tract --shape image=1,3,64,64")
        .code(1)
        .says("input image f32 [1, 3, 32, 32]: found shape [1, 3, 64, 64]");
}

#[test]
fn several_models_get_the_shapes_of_their_own_inputs() {
    let sandbox = Sandbox::new();
    let mut graph = Graph::new("case", 1);
    let x = graph.input("rows", &[2, 3]);
    let y = graph.node("y", "Relu", &[&x], &[]);
    graph.output(&y, &[2, 3]);
    sandbox.write("own.onnx", &graph.into_bytes());
    let models = "--model tiny --model own.onnx --engine tract";
    sandbox
        .measure("a.json", &format!("{models} --shape rows=2,3 --shape image=1,3,32,32"))
        .code(0);
    sandbox
        .measure("a.json", &format!("{models} --shape lines=2,3"))
        .says("--shape lines: no model has an input of that name");
}

#[test]
fn a_network_that_computes_nan_is_never_measured() {
    let sandbox = Sandbox::new();
    let mut graph = Graph::new("nan", 1);
    let x = graph.input("x", &[4]);
    // 0 / 0.
    let zero = graph.node("zero", "Sub", &[&x, &x], &[]);
    let y = graph.node("y", "Div", &[&zero, &zero], &[]);
    graph.output(&y, &[4]);
    sandbox.write("nan.onnx", &graph.into_bytes());
    sandbox
        .measure("a.json", "--model nan.onnx --engine tract")
        .code(1)
        .says("holds NaN at element 0");
    assert!(sandbox.record("a.json").cells[0].samples_ns.is_empty());
}

#[test]
fn a_cell_ends_at_its_time_limit() {
    let sandbox = Sandbox::new();
    sandbox.write("long.toml", b"name = \"long\"\n[rules]\nmin_time_ms = 600000\nmax_samples = 100000000\ncell_limit_s = 1\n[[cell]]\nmodel = \"tiny\"\nengines = [\"tract\"]\n");
    sandbox
        .run("run --plan long.toml --force -o a.json")
        .code(1)
        .says("reached the limit of 1 s during sampling");
    let cell = &sandbox.record("a.json").cells[0];
    assert!(
        matches!(cell.status, Status::TimedOut(_)) && !cell.samples_ns.is_empty(),
        "samples are kept"
    );
}

#[test]
fn without_a_graphics_driver_burn_wgpu_fails_with_a_reason() {
    let sandbox = Sandbox::new();
    let output = sandbox
        .command("run --plan smoke --model tiny --engine burn-wgpu --engine tract --force -o a.json")
        // No Vulkan driver, and no display for OpenGL.
        .env("VK_DRIVER_FILES", "/nonexistent.json")
        .env("VK_ICD_FILENAMES", "/nonexistent.json")
        .env("WGPU_BACKEND", "vulkan")
        .env("__EGL_VENDOR_LIBRARY_FILENAMES", "/nonexistent.json")
        .env_remove("DISPLAY")
        .env_remove("WAYLAND_DISPLAY")
        .output()
        .unwrap();
    assert_eq!(
        output.status.code(),
        Some(1),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let record = sandbox.record("a.json");
    let failure = sandbox.failure("a.json", 0);
    assert_eq!(failure.kind, FailureKind::Device, "{failure:?}");
    assert!(
        failure.message.contains("no usable graphics adapter"),
        "{}",
        failure.message
    );
    assert_eq!(
        (record.cells[1].engine.name, &record.cells[1].status),
        (EngineName::Tract, &Status::Measured)
    );
}

#[test]
fn an_array_of_the_wrong_type_is_rejected() {
    let sandbox = Sandbox::new();
    let mut array = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
    let header = "{'descr': '<i8', 'fortran_order': False, 'shape': (1,), }";
    array.extend(format!("{header:<117}\n").bytes().chain([0; 8]));
    sandbox.write("whole.npy", &array);
    sandbox
        .measure("a.json", "--model tiny --engine tract --input image=whole.npy")
        .code(1)
        .says("input image f32 [1, 3, 32, 32]: found elements of type i64");
}

/// Starts a long cell and sends a signal to its process.
#[cfg(target_os = "linux")]
fn disturb(sandbox: &Sandbox, limit_s: u32, signal: &str) -> std::process::ExitStatus {
    let plan = format!(
        "name = \"long\"\n[rules]\nmin_time_ms = 600000\nmax_samples = 100000000\ncell_limit_s = {limit_s}\n\
         [[cell]]\nmodel = \"tiny\"\nengines = [\"tract\"]\n[[cell]]\nmodel = \"absent.onnx\"\nengines = [\"tract\"]\n"
    );
    sandbox.write("long.toml", plan.as_bytes());
    let mut child = sandbox
        .command("run --plan long.toml --force -o a.json")
        .spawn()
        .unwrap();
    std::thread::sleep(std::time::Duration::from_secs(3));
    let children = format!("/proc/{0}/task/{0}/children", child.id());
    let cell = std::fs::read_to_string(children).unwrap();
    let sent = std::process::Command::new("kill")
        .args([signal, cell.trim()])
        .status()
        .unwrap();
    assert!(sent.success());
    child.wait().unwrap()
}

#[test]
#[cfg(target_os = "linux")]
fn a_process_that_dies_fails_only_its_own_cell() {
    let sandbox = Sandbox::new();
    assert_eq!(disturb(&sandbox, 60, "-KILL").code(), Some(1));
    let failure = sandbox.failure("a.json", 0);
    assert_eq!(failure.kind, FailureKind::Died);
    assert!(failure.message.contains("signal: 9"), "{failure:?}");
    assert!(
        !sandbox.record("a.json").cells[0].samples_ns.is_empty(),
        "samples are kept"
    );
    assert_eq!(
        sandbox.failure("a.json", 1).kind,
        FailureKind::Model,
        "other cells go on"
    );
}

#[test]
#[cfg(target_os = "linux")]
fn a_process_that_hangs_is_stopped() {
    let sandbox = Sandbox::new();
    assert_eq!(disturb(&sandbox, 5, "-STOP").code(), Some(1));
    let failure = sandbox.failure("a.json", 0);
    assert_eq!(failure.kind, FailureKind::TimeLimit);
    assert!(failure.message.contains("was stopped during"), "{failure:?}");
    assert_eq!(
        sandbox.failure("a.json", 1).kind,
        FailureKind::Model,
        "other cells go on"
    );
}

#[test]
#[cfg(target_os = "linux")]
fn a_process_that_asks_for_too_much_memory_fails_only_its_own_cell() {
    let sandbox = Sandbox::new();
    let arguments = "--model resnet50 --model tiny --engine tract --threads 1 --rounds 1 --memory-limit 96";
    sandbox.measure("a.json", arguments).code(1);
    for cell in sandbox.record("a.json").cells {
        if cell.model.name == "tiny" {
            assert_eq!(cell.status, Status::Measured, "the other cell goes on");
            continue;
        }
        let Status::Failed(failure) = cell.status else {
            panic!("{:?}", cell.status);
        };
        // Both engines that compute references died, each in its own process.
        assert_eq!(failure.kind, FailureKind::Reference, "{failure:?}");
        let expected =
            "the process may have 96 MiB of memory, and died before it finished its cell: memory allocation of";
        assert!(failure.message.contains(expected), "{failure:?}");
    }
}

#[test]
fn records_are_checked() {
    let sandbox = Sandbox::new();
    sandbox.measure("a.json", "--model null --engine tract").code(0);
    let text = std::fs::read_to_string(sandbox.path("a.json")).unwrap();
    sandbox.write("half.json", &text.as_bytes()[..text.len() / 2]);
    let changed = text.replacen("\"runs_per_sample\": ", "\"runs_per_sample\": 1", 1);
    sandbox.write("changed.json", changed.as_bytes());
    sandbox.run("check a.json").code(0).says("a.json: ok, 1 cell with");
    sandbox
        .run("check a.json changed.json half.json none.json")
        .code(1)
        .says("a.json: ok")
        .says("changed.json: cell 1 (null on tract): runs whose outputs were compared: expected")
        .says("half.json: not a complete JSON file")
        .says("none.json: cannot be read");
    sandbox
        .run("report changed.json")
        .code(2)
        .says("changed.json: the record contradicts itself: cell 1 (null on tract)")
        .says("hint: it may have been changed after it was measured");
}

#[test]
fn ctrl_c_keeps_what_was_measured() {
    let sandbox = Sandbox::new();
    sandbox.write("long.toml", b"name = \"long\"\n[rules]\nmin_time_ms = 600000\nmax_samples = 100000000\ncell_limit_s = 60\n[[cell]]\nmodel = \"null\"\nengines = [\"tract\"]\n");
    let mut child = sandbox
        .command("run --plan long.toml --force -o a.json")
        .spawn()
        .unwrap();
    std::thread::sleep(std::time::Duration::from_secs(4));
    let interrupted = std::process::Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(interrupted.success());
    // A terminal sends the signal to the whole process group. Here only the parent gets it, so this
    // also shows that the parent stops its child.
    let status = child.wait().unwrap();
    assert_eq!(status.code(), Some(1));
    let record = sandbox.record("a.json");
    assert!(!record.complete);
    assert_eq!(record.cells[0].status, Status::Cancelled);
    assert!(!record.cells[0].samples_ns.is_empty(), "samples are kept");
}
