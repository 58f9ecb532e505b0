//! Tests of the experiments that plans describe.

use std::path::Path;

use crate::common::{Ran, Sandbox, page, read_record};

/// Runs the quick form of a plan natively and in a browser, and looks for what it has to find out.
fn quick(plan: &str, expected: &[&str]) {
    let sandbox = Sandbox::new();
    let arguments = format!("bench --plan {plan} --quick -o out");
    let ran = Ran::of(sandbox.command(&arguments).args(["--page", &page()])).code(0);
    // Lines break anywhere.
    let printed = ran.out().split_whitespace().collect::<Vec<_>>().join(" ");
    for text in ["What was found", "Natively, ", "In Chrom"].iter().chain(expected) {
        assert!(printed.contains(text), "{text:?} is not in {printed}");
    }
    for name in ["native", "browser"] {
        let record = read_record(&sandbox.path(&format!("out/{name}.json")));
        assert!(record.all_measured(), "{name}");
        assert_eq!(record.plan.name, format!("{plan} (quick)"));
    }
    assert!(Path::new(&sandbox.path("out/report.html")).is_file());
}

#[test]
fn batch_sizes_are_compared() {
    quick("batch", &["resnet50 on tract", "batch 1", "batch 4"]);
}

#[test]
fn threads_are_compared() {
    quick("threads", &["minilm on tract"]);
}

#[test]
fn detectors_run_in_sequence() {
    quick(
        "detect",
        &[
            "misses 100 ms",
            "no engine on a GPU was measured",
            "The largest part",
            "without any computation",
        ],
    );
}

#[test]
fn operators_are_timed_against_peaks() {
    quick(
        "profile",
        &[
            "of a run of minilm on tract on 1 thread",
            "of the run is outside the operators",
            "of the extra time over native",
            "peaks of",
        ],
    );
}

#[test]
fn clients_and_schedules_make_load() {
    quick(
        "serve",
        &[
            "saturated by",
            "dynamic batching (up to 8 requests within 5 ms)",
            "Poisson arrivals, 80 % of",
            "under 8 clients on tract on",
            "over grpc",
            "over http",
            "in transit for",
        ],
    );
}

#[test]
fn first_results_are_compared_with_later_ones() {
    quick("cold", &["gives its first result after", "chunk"]);
}

#[test]
fn weights_in_fewer_bits_are_judged() {
    quick(
        "precision",
        &[
            "digits in f16-weights",
            "digits in int8-weights",
            "digits in int8-dynamic",
            "of 346 answers are right",
            "instead",
        ],
    );
}

#[test]
fn a_long_series_is_explained_or_not() {
    quick("stability", &["in 8 rounds the slowest took", "the variation"]);
}

#[test]
fn plans_are_listed_and_shown() {
    let sandbox = Sandbox::new();
    sandbox.run("plans").code(0).says("detect").says("--quick");
    let shown = sandbox.run("plans show batch").code(0).out();
    sandbox.write("mine.toml", shown.as_bytes());
    let filters = "--filter model=distilbert";
    sandbox
        .run(&format!("run --plan mine.toml --quick {filters}"))
        .code(2)
        .says("no cell has model=distilbert: the plan has resnet50");
    sandbox
        .run("plans show nothing")
        .code(2)
        .says("unknown plan \"nothing\": expected batch, ");
}

#[test]
fn what_a_model_cannot_take_fails_its_own_cells() {
    let sandbox = Sandbox::new();
    for (options, expected) in [
        ("--model shapegen --batch 2", "cannot take batches of 2"),
        ("--model tiny --steps 3", "has no steps to choose"),
        ("--model tiny --chunk 3", "has no chunks to choose"),
        ("--model shapegen --precision f16-weights", "has no precision to choose"),
        (
            "--model null --precision int8-weights",
            "no weight that can be converted to int8-weights",
        ),
        ("--model tiny+shapegen", "consists of several networks itself"),
        ("--model tiny+tiny", "occurs twice"),
        ("--model tiny+nothing", "several of them joined by `+`"),
    ] {
        sandbox
            .run(&format!("run --engine tract --rounds 1 {options}"))
            .code(1)
            .says(expected);
    }
    for (options, expected) in [
        ("--arrivals often", "for example"),
        ("--batch 0", "batch must list numbers of 1 to 1048576, found [0]"),
        (
            "--precision bf16",
            "expected f32, f16-weights, f16, int8-weights or int8-dynamic",
        ),
        ("--batching off", "need requests that arrive"),
        ("--clients 1 --batching often", "for example \"8 within 5 ms\""),
        ("--clients 0", "numbers of 1 to 1000, found 0"),
        ("--clients 1000000000", "numbers of 1 to 1000"),
        ("--filter size=1", "unknown key \"size\""),
    ] {
        sandbox
            .run(&format!("run --model tiny {options}"))
            .code(2)
            .says(expected);
    }
}
