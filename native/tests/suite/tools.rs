//! The commands beside measuring, run as a user would.

use crate::common::Sandbox;

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
        "a file goes the same way as a built-in model"
    );
}

#[test]
fn the_selftest_tells_every_truth() {
    let ran = Sandbox::new().run("selftest --pairs 2");
    // Whether a time comes out right depends on what else this machine does; the rest must hold.
    for truth in [
        "quantiles equal those of R",
        "95 % intervals hold the true median",
        "equal series are seldom told apart",
        "a slowdown of 5 % that can be seen is seen",
        "what a series does is recognised",
        "a wrong output is never a measurement",
        "a clock that does not move is refused",
    ] {
        assert!(ran.out().contains(&format!("ok      {truth}")), "{}", ran.out());
    }
    for timed in [
        "a run of known length",
        "what measuring adds",
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
fn the_time_of_a_run_is_told_node_by_node() {
    let sandbox = Sandbox::new();
    let told = sandbox.run("profile --model tiny --engine burn-flex --runs 3").code(0);
    let text = told.out();
    let rows: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
    let convolutions = rows.iter().filter(|row| row.contains(&"Conv")).count();
    let shares: Vec<f64> = rows
        .iter()
        .filter_map(|row| row.iter().find_map(|word| word.strip_suffix('%')?.parse().ok()))
        .collect();
    assert_eq!(convolutions, 3, "{text}");
    assert!((shares.iter().sum::<f64>() - 100.0).abs() < 1.0, "{shares:?}");
    assert!(shares.is_sorted_by(|a, b| a >= b), "{shares:?}");
    sandbox.run("profile").code(2).says("name one with --model");
    sandbox
        .run("profile --model tiny --engine tract")
        .code(2)
        .says("only burn's runs");
}

#[test]
fn the_first_operator_that_differs_is_named() {
    let sandbox = Sandbox::new();
    let same = sandbox.run("diverge --model tiny --engine burn-flex").code(0);
    assert!(same.out().contains("Conv") && same.out().contains("no value of tiny on burn-flex differs"));
    // Nothing can be as near as that.
    sandbox.write(
        "strict.toml",
        b"name = 'strict'\n[[cell]]\nmodel = 'tiny'\nengines = ['burn-flex']\ntolerance = { f32 = 0.0 }\n",
    );
    sandbox
        .run("diverge --plan strict.toml")
        .code(1)
        .says("the first value that differs is \"stem.conv\", made by Conv");
    sandbox.run("diverge").code(2).says("name one with --model");
    sandbox
        .run("diverge --model absent.onnx")
        .code(2)
        .says("neither a built-in model nor a file");
}
