//! Tests of runs over several environments.

use std::path::Path;

use tare_record::{Record, Status, Warning, WarningKind};
use tare_report::{Basis, compare};

use crate::common::processes::Disturbed;
use crate::common::{Ran, Sandbox, page, read_record};

/// A plan of five short rounds.
fn write_plan(sandbox: &Sandbox, min_time_ms: u32) {
    let plan = format!(
        "name = \"rounds\"\n[rules]\nrounds = 5\nmin_time_ms = {min_time_ms}\nmax_time_ms = {min_time_ms}\n\
        min_warmup_ms = 10\nratio_precision_percent = 0\n[[cell]]\nmodel = \"tiny\"\nengines = [\"tract\"]\n"
    );
    sandbox.write("plan.toml", plan.as_bytes());
}

fn bench(sandbox: &Sandbox, arguments: &str) -> Ran {
    Ran::of(sandbox.command(&format!("bench {arguments}")).args(["--page", &page()]))
}

fn records(sandbox: &Sandbox, names: &[&str]) -> Vec<Record> {
    names
        .iter()
        .map(|name| read_record(&sandbox.path(&format!("out/{name}.json"))))
        .collect()
}

fn numbers(record: &Record) -> Vec<usize> {
    record.cells[0].rounds.iter().map(|round| round.number).collect()
}

#[test]
fn environments_take_turns_in_one_run() {
    let sandbox = Sandbox::new();
    write_plan(&sandbox, 100);
    bench(&sandbox, "--plan plan.toml --in native,node,browser -o out")
        .code(0)
        .says("tiny on tract, 1 thread: native and ");
    let records = records(&sandbox, &["native", "node", "browser"]);
    assert!(records[0].run.is_some());
    let mut starts = Vec::new();
    for (place, record) in records.iter().enumerate() {
        assert!(record.all_measured() && record.run == records[0].run);
        assert_eq!(numbers(record), [1, 2, 3, 4, 5]);
        starts.extend(
            record.cells[0]
                .rounds
                .iter()
                .map(|round| (round.start_ns.unwrap(), round.number, place)),
        );
    }
    starts.sort_unstable();
    for (index, round) in starts.chunks(3).enumerate() {
        assert!(
            round.iter().all(|(_, number, _)| *number == index + 1),
            "rounds follow each other"
        );
    }
    let reference = |record: &Record| record.cells[0].verification.as_ref().unwrap().reference_sha256.clone();
    assert!(reference(&records[0]).is_some());
    assert!(records.iter().all(|record| reference(record) == reference(&records[0])));
    let comparison = compare(&records);
    assert!(comparison.pairs.len() == 2 && comparison.refusals.is_empty());
    assert!(comparison.pairs.iter().all(|pair| pair.basis == Basis::Pairs(5)));
    let browser = records[2].machine.browser.as_ref().unwrap();
    assert!(browser.name.is_some() && browser.session.is_some());
    let report = std::fs::read_to_string(sandbox.path("out/report.html")).unwrap();
    assert!(report.contains("Both sides took turns in one run") && report.contains("one reference for all"));
    let command = std::fs::read_to_string(sandbox.path("out/command.txt")).unwrap();
    assert!(
        command.starts_with("tare bench --plan plan.toml --in native,node,browser -o out"),
        "{command}"
    );

    // The folder belongs to that run.
    bench(&sandbox, "--plan plan.toml -o out")
        .code(2)
        .says("holds a run already")
        .says("--resume");
    // Which is complete: nothing is measured again.
    let before = std::fs::read_to_string(sandbox.path("out/native.json")).unwrap();
    sandbox.run("bench --resume out").code(0);
    assert_eq!(
        std::fs::read_to_string(sandbox.path("out/native.json")).unwrap(),
        before
    );
    // A record of another run.
    std::fs::create_dir(sandbox.path("other")).unwrap();
    std::fs::copy(sandbox.path("out/native.json"), sandbox.path("other/native.json")).unwrap();
    bench(&sandbox, "--plan plan.toml -o other")
        .code(2)
        .says("may be a record of another run");
}

#[test]
fn errors_of_a_run_are_explained() {
    let sandbox = Sandbox::new();
    write_plan(&sandbox, 10);
    for (arguments, expected) in [
        ("--in native,native", "--in names native twice"),
        ("--in native,opera", "there is no browser \"opera\""),
        ("--browsers chrome", "--webdriver"),
        ("--listen 192.0.2.1 --in native,browser", "cannot listen on 192.0.2.1"),
    ] {
        bench(&sandbox, arguments).code(2).says(expected);
    }
    // Nothing is left of a run that could not begin.
    bench(&sandbox, "--plan plan.toml --listen 192.0.2.1 --in browser -o early").code(2);
    assert!(!sandbox.path("early").exists());
    sandbox
        .run("bench --resume absent")
        .code(2)
        .says("is not the folder of a run");
    // One environment that is missing does not stop the others, but the run says so.
    let mut command = sandbox.command("bench --plan plan.toml --in native,node -o out");
    Ran::of(command.args(["--page", &page()]).env("TARE_NODE", "no-such-node"))
        .code(1)
        .says("node is left out: cannot start no-such-node");
    assert!(records(&sandbox, &["native"])[0].all_measured());
}

/// Starts a run that takes some seconds, and waits until a round of the browser is on disk.
fn started<'a>(sandbox: &'a Sandbox, command: &str) -> Disturbed<'a> {
    write_plan(sandbox, 2000);
    let mut run = Disturbed::start(
        sandbox,
        &format!("{command} --plan plan.toml --in native,browser -o out"),
    );
    let file = sandbox.path("out/browser.json");
    run.wait("a round", |_| {
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        Record::from_json(&text).is_ok_and(|record| record.cells.iter().any(|cell| !cell.rounds.is_empty()))
    });
    run
}

#[test]
fn a_browser_that_dies_costs_its_round_alone() {
    for (what, has, has_not) in [
        ("browser", "--remote-debugging-port", "--type="),
        ("driver", "chromedriver", "guard"),
    ] {
        let sandbox = Sandbox::new();
        let mut run = started(&sandbox, "bench --fresh worker");
        run.wait(what, |run| run.signal_to("KILL", has, has_not));
        assert_eq!(run.end(), Some(0), "{what}\n{}", run.log());
        let records = records(&sandbox, &["native", "browser"]);
        assert_eq!(numbers(&records[0]), [1, 2, 3, 4, 5], "{what}");
        let cell = &records[1].cells[0];
        assert!(
            cell.status == Status::Measured && cell.rounds.len() >= 3,
            "{what}: {:?}",
            cell.status
        );
        let lost = cell
            .warnings
            .iter()
            .filter(|warning| warning.kind == WarningKind::LostRound);
        assert_eq!(lost.count() + cell.rounds.len(), 5, "{what}: {:?}", cell.warnings);
        run.nothing_is_left();
    }
}

#[test]
fn a_browser_that_hangs_is_started_again() {
    let sandbox = Sandbox::new();
    let mut run = started(&sandbox, "bench --fresh worker");
    run.signal_to_all("STOP", "--type=renderer");
    assert_eq!(run.end(), Some(0), "{}", run.log());
    let records = records(&sandbox, &["native", "browser"]);
    let cell = &records[1].cells[0];
    assert!(
        cell.warnings
            .iter()
            .any(|warning| warning.message.contains("was silent")),
        "{:?}",
        cell.warnings
    );
    run.nothing_is_left();
}

#[test]
fn a_run_that_is_ended_leaves_nothing_but_its_records() {
    for (signal, code) in [("INT", Some(1)), ("TERM", Some(1)), ("HUP", Some(1)), ("KILL", None)] {
        let sandbox = Sandbox::new();
        let mut run = started(&sandbox, "bench");
        run.signal(signal);
        assert_eq!(run.end(), code, "{signal}\n{}", run.log());
        run.nothing_is_left();
        let records = records(&sandbox, &["native", "browser"]);
        assert!(records.iter().all(|record| !record.complete), "{signal}");
        assert!(
            !records[1].cells[0].rounds.is_empty(),
            "{signal}: what was measured is kept"
        );
        if ["INT", "KILL"].contains(&signal) {
            let kept = numbers(&records[1]);
            sandbox.run("bench --resume out").code(0);
            let resumed = self::records(&sandbox, &["native", "browser"]);
            assert!(resumed.iter().all(Record::all_measured));
            let few = |warning: &Warning| warning.kind == WarningKind::FewRounds;
            assert!(!resumed.iter().any(|record| record.cells[0].warnings.iter().any(few)));
            for record in &resumed {
                let mut numbers = numbers(record);
                numbers.sort_unstable();
                assert_eq!(numbers, [1, 2, 3, 4, 5]);
            }
            assert_eq!(numbers(&resumed[1])[..kept.len()], kept);
        }
    }
}

#[test]
fn a_cell_in_node_ends_with_the_program() {
    let sandbox = Sandbox::new();
    write_plan(&sandbox, 2000);
    let mut run = Disturbed::start(&sandbox, "bench --plan plan.toml --in node -o out");
    run.wait("a cell in Node", |run| run.log().contains("Round 1 of 5"));
    run.signal("KILL");
    run.end();
    run.nothing_is_left();
}

#[test]
fn two_runs_cannot_use_one_folder() {
    let sandbox = Sandbox::new();
    let mut run = started(&sandbox, "bench");
    sandbox
        .run("bench --resume out")
        .code(2)
        .says("another run is using the folder");
    run.signal("INT");
    run.end();
    assert!(
        Path::new(&sandbox.path("out/report.html")).is_file(),
        "the report of what was measured"
    );
}
