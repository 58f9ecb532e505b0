//! Tests the commands that do not measure a plan.

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
fn a_profile_shows_the_duration_of_each_node() {
    let sandbox = Sandbox::new();
    let ran = sandbox.run("profile --model tiny --engine burn-flex --runs 3").code(0);
    let text = ran.out();
    let rows: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
    let convolutions = rows.iter().filter(|row| row.contains(&"Conv")).count();
    let shares: Vec<f64> = rows
        .iter()
        .filter_map(|row| row.iter().find_map(|word| word.strip_suffix('%')?.parse().ok()))
        .collect();
    assert_eq!(convolutions, 3, "{text}");
    assert!((shares.iter().sum::<f64>() - 100.0).abs() < 1.0, "{shares:?}");
    assert!(shares.is_sorted_by(|a, b| a >= b), "{shares:?}");
    sandbox.run("profile").code(2).says("choose one with --model");
    sandbox
        .run("profile --model tiny --engine tract")
        .code(2)
        .says("only a single burn engine");
}

#[test]
fn the_first_operator_that_differs_is_named() {
    let sandbox = Sandbox::new();
    let same = sandbox.run("diverge --model tiny --engine burn-flex").code(0);
    assert!(same.out().contains("Conv") && same.out().contains("all values of tiny on burn-flex agree"));
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
        .run("diverge --model absent.onnx")
        .code(2)
        .says("neither a built-in model nor a file");
}
