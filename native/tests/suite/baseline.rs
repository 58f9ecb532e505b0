//! `tare check --baseline`: whether a run is slower than earlier ones.

use tare_record::{Failure, FailureKind, Record, Status};

#[cfg(unix)]
use crate::common::Ran;
use crate::common::Sandbox;

/// Two cells in five short rounds.
const PLAN: &str = "name = \"regression\"\n[rules]\nrounds = 5\nmin_time_ms = 50\nmax_time_ms = 50\nmin_warmup_ms = 0\n\
    ratio_precision_percent = 0\n[[cell]]\nmodel = \"tiny\"\nengines = [\"tract\", \"burn-flex\"]\n";

/// A sandbox with a record, and another one of an earlier run, which is the same after a change.
fn with_earlier(change: impl FnOnce(&mut Record)) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("plan.toml", PLAN.as_bytes());
    sandbox.run("run --plan plan.toml -o now.json").code(0);
    let mut record = sandbox.record("now.json");
    record.created = "2026-01-01T00:00:00Z".into();
    change(&mut record);
    sandbox.write("before.json", record.to_json().unwrap().as_bytes());
    sandbox
}

/// Makes runs of a cell so much shorter that no noise hides it.
fn speed_up(record: &mut Record) {
    record.cells[0]
        .samples_ns
        .iter_mut()
        .for_each(|sample| *sample = (*sample / 8).max(1));
}

#[test]
fn an_unchanged_run_is_no_alarm() {
    let sandbox = with_earlier(|_| ());
    sandbox
        .run("check now.json --baseline before.json")
        .code(0)
        .says("No slowdown can be seen. One of ")
        .says("with fewer than four earlier runs");
}

#[test]
fn a_slower_cell_is_an_alarm_in_every_format() {
    let sandbox = with_earlier(speed_up);
    for (format, expected) in [
        ("text", "1 of 2 cells is slower."),
        (
            "md",
            "## Compared with an earlier record\n\n**1 of 2 cells is slower.**",
        ),
        ("github", "::error title=tare::tiny on tract (native, 1 thread"),
        ("bencher", "\"latency\""),
    ] {
        let ran = sandbox.run(&format!("check now.json --baseline before.json --format {format}"));
        ran.code(1).says(expected);
    }
    let figures = sandbox
        .run("check now.json --baseline before.json --format bencher")
        .out();
    let figures: serde_json::Value = serde_json::from_str(&figures).unwrap();
    assert_eq!(figures.as_object().unwrap().len(), 2, "{figures}");
    // As much as a user says is none.
    sandbox
        .run("check now.json --baseline before.json --tolerance 1000")
        .code(0);
    sandbox
        .run("check before.json --baseline now.json")
        .code(0)
        .says("faster");
}

#[test]
fn a_folder_of_earlier_runs_is_a_history() {
    let sandbox = with_earlier(speed_up);
    std::fs::create_dir(sandbox.path("runs")).unwrap();
    // Of `tare bench`, and no record.
    sandbox.write("runs/run.json", b"{}");
    let record = sandbox.record("before.json");
    // Each a little shorter: runs that are longer than their round would contradict it.
    for run in 0..5_u64 {
        let mut record = record.clone();
        record.created = format!("2026-01-0{}T00:00:00Z", run + 1);
        for cell in &mut record.cells {
            cell.samples_ns
                .iter_mut()
                .for_each(|sample| *sample -= *sample * run / 100);
        }
        sandbox.write(&format!("runs/{run}.json"), record.to_json().unwrap().as_bytes());
    }
    let ran = sandbox.run("check now.json --baseline runs").code(1);
    assert!(
        ran.out().contains("Compared with 5 earlier records") && !ran.out().contains("fewer than four"),
        "{}",
        ran.out()
    );
}

/// As GitHub runs it.
#[cfg(unix)]
#[test]
fn the_action_annotates_and_fails() {
    let sandbox = with_earlier(speed_up);
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_tare"));
    let mut same = sandbox.record("before.json");
    same.created = "2026-01-02T00:00:00Z".into();
    sandbox.write("same.json", same.to_json().unwrap().as_bytes());
    let path = std::env::var("PATH").unwrap();
    let script = std::path::absolute("../.github/actions/check/check.sh").unwrap();
    for (record, code, annotation, summary) in [
        (
            "now.json",
            1,
            "::error title=tare::tiny on tract",
            "1 of 2 cells is slower",
        ),
        (
            "same.json",
            0,
            "::notice title=tare::No slowdown can be seen",
            "No slowdown can be seen",
        ),
        ("absent.json", 2, "", ""),
    ] {
        let mut command = std::process::Command::new("bash");
        command
            .arg(&script)
            .current_dir(sandbox.folder.path())
            .env("PATH", format!("{}:{path}", program.parent().unwrap().display()))
            .env("GITHUB_STEP_SUMMARY", sandbox.path(&format!("{record}.md")))
            .envs([("RECORD", record), ("BASELINE", "before.json"), ("TOLERANCE", "0")]);
        Ran::of(&mut command).code(code).says(annotation);
        let written = std::fs::read_to_string(sandbox.path(&format!("{record}.md"))).unwrap();
        assert!(written.contains(summary), "{written}");
    }
}

#[test]
fn what_cannot_be_compared_is_told() {
    let sandbox = with_earlier(|_| ());
    let mut broken = sandbox.record("now.json");
    broken.cells[1].status = Status::Failed(Failure::new(FailureKind::Run, "it broke"));
    broken.cells[1].samples_ns.clear();
    broken.cells[1].rounds.clear();
    sandbox.write("broken.json", broken.to_json().unwrap().as_bytes());
    sandbox
        .run("check broken.json --baseline before.json")
        .code(1)
        .says("1 of 2 cells is broken")
        .says("it broke");
    let mut elsewhere = sandbox.record("before.json");
    elsewhere.machine.logical_cores += 1;
    sandbox.write("elsewhere.json", elsewhere.to_json().unwrap().as_bytes());
    std::fs::create_dir(sandbox.path("empty")).unwrap();
    for (arguments, expected) in [
        (
            "before.json --baseline elsewhere.json",
            "did the same work on the same kind of machine",
        ),
        ("before.json --baseline before.json", "nothing can be compared"),
        (
            "before.json --baseline absent.json",
            "cannot read the record absent.json",
        ),
        ("before.json --baseline empty", "the folder empty holds no records"),
        (
            "before.json --baseline now.json --tolerance=-1",
            "expected a number of percent from 0 to 1000",
        ),
        ("before.json --tolerance 5", "--baseline"),
    ] {
        sandbox.run(&format!("check {arguments}")).code(2).says(expected);
    }
}
