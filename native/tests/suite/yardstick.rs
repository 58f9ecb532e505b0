//! Tests of onnxruntime as a yardstick.

use tare_record::{EngineName, FailureKind, Status};

use crate::common::{Ran, Sandbox};

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
fn without_its_library_a_yardstick_fails_alone_and_says_what_to_install() {
    let sandbox = Sandbox::new();
    let command = "run --plan smoke --model tiny --engine tract --engine ort -o run.json";
    Ran::of(
        sandbox
            .command(command)
            .env("ORT_DYLIB_PATH", sandbox.path("absent.so")),
    )
    .code(1)
    .says("pip install onnxruntime");
    for cell in sandbox.record("run.json").cells {
        match (&cell.status, cell.engine.name) {
            (Status::Measured, EngineName::Tract) => {}
            (Status::Failed(failure), EngineName::Ort) => {
                assert_eq!(failure.kind, FailureKind::Device, "{failure}");
                assert!(failure.message.contains("absent.so"), "{failure}");
            }
            found => panic!("{found:?}"),
        }
    }
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
