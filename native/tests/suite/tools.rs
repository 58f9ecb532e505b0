//! Tests the commands that do not measure a plan.

use crate::common::{Sandbox, read_record};

#[test]
fn models_are_listed_and_exported() {
    let sandbox = Sandbox::new();
    sandbox.run("models list").code(0).says("25557032");
    sandbox.run("models export tiny -o tiny.onnx").code(0).says("SHA-256");
    sandbox.measure("file.json", "--model tiny.onnx --engine tract").code(0);
    sandbox.measure("built-in.json", "--model tiny --engine tract").code(0);
    let model = |name: &str| sandbox.record(name).cells[0].model.sha256.clone();
    assert_eq!(
        model("file.json"),
        model("built-in.json"),
        "the exported file is the built-in model"
    );
}

#[test]
fn the_selftest_prints_every_check() {
    let ran = Sandbox::new().run("selftest --pairs 2");
    // Checks of durations depend on the load of this machine. The others must pass.
    for name in [
        "quantiles match those of R",
        "95 % intervals cover the true median",
        "equal series rarely differ",
        "a detectable slowdown of 5 % is found",
        "the shape of a series is recognized",
        "a wrong output fails the cell",
        "a frozen clock is rejected",
    ] {
        assert!(ran.out().contains(&format!("ok      {name}")), "{}", ran.out());
    }
    for timed in [
        "a run of known duration",
        "overhead of measuring",
        "one workload measured twice",
        "tiny on tract measured twice shows no difference: ",
        "statistics of 10,000 samples: ",
    ] {
        assert!(ran.out().contains(timed), "{}", ran.out());
    }
}

#[test]
fn the_doctor_describes_the_machine() {
    Sandbox::new()
        .run("doctor")
        .code(0)
        .says("processor")
        .says("clock")
        .says("graphics")
        .says("browser");
}

#[test]
fn a_profile_shows_the_time_of_each_operator() {
    let sandbox = Sandbox::new();
    let ran = sandbox
        .run("profile --model digits --engine burn-flex --engine tract --profile 3 --rounds 2 -o out")
        .code(0);
    // Lines break anywhere.
    let printed = ran.out().split_whitespace().collect::<Vec<_>>().join(" ");
    for text in [
        "of a run of digits on tract on 1 thread",
        "of a run of digits on burn-flex",
        "outside the operators",
        "6 profiled runs",
    ] {
        assert!(printed.contains(text), "{text:?} is not in {printed}");
    }
    let record = read_record(&sandbox.path("out/native.json"));
    for cell in &record.cells {
        let profile = cell.profile.as_ref().expect("it was profiled");
        let operators: Vec<&str> = profile.nodes.iter().map(|node| node.operator.as_str()).collect();
        assert!(operators.contains(&"Conv"), "{operators:?}");
        assert!(profile.rounds.len() == 2 && profile.rounds.iter().all(|round| round.peak.is_some()));
    }
    sandbox
        .run("report out/native.json --format trace -o trace.json")
        .code(0);
    let trace: serde_json::Value =
        serde_json::from_slice(&std::fs::read(sandbox.path("trace.json")).expect("it was written"))
            .expect("it is JSON");
    let events = trace["traceEvents"].as_array().expect("it has events");
    let nodes: usize = record
        .cells
        .iter()
        .filter_map(|cell| cell.profile.as_ref())
        .map(|profile| profile.nodes.len())
        .sum();
    assert_eq!(events.len(), nodes + record.cells.len());
    sandbox
        .run("run --model tiny --engine tract --rounds 1 -o plain.json")
        .code(0);
    sandbox
        .run("report plain.json --format trace")
        .code(2)
        .says("no cell of these records was profiled");
}

#[test]
fn the_first_operator_that_differs_is_named() {
    let sandbox = Sandbox::new();
    let same = sandbox.run("diverge --model tiny --engine burn-flex").code(0);
    assert!(same.out().contains("Conv") && same.out().contains("burn-flex in native: all values of tiny agree"));
    // No other engine reaches this tolerance.
    sandbox.write(
        "strict.toml",
        b"name = 'strict'\n[[cell]]\nmodel = 'tiny'\nengines = ['burn-flex']\ntolerance = { f32 = 0.0 }\n",
    );
    sandbox
        .run("diverge --plan strict.toml")
        .code(1)
        .says("the first value that differs is \"stem.conv\", computed by Conv");
    sandbox.run("diverge").code(2).says("choose one with --model");
    sandbox
        .run("diverge --model tiny --precision f16")
        .code(2)
        .says("choose f16-weights");
    sandbox
        .run("diverge --model absent.onnx")
        .code(2)
        .says("neither a built-in model nor a file");
}

#[test]
fn shells_and_man_know_the_command_line() {
    let sandbox = Sandbox::new();
    for shell in ["bash", "zsh", "fish", "powershell"] {
        let script = sandbox.run(&format!("completions {shell}")).code(0).out();
        assert!(script.contains("serve-model"), "{shell}");
    }
    sandbox.run("manual man").code(0).says("tare.1");
    let page = std::fs::read_to_string(sandbox.path("man/tare-bench.1")).unwrap();
    assert!(page.contains("\\-\\-resume"), "{page}");
}
