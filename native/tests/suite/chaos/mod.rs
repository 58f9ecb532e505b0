//! Faults at random moments: whatever is killed or stopped, records stay readable, finished rounds stay in them, nothing is left
//! running, and the run can be resumed.
//!
//! The tests try twelve moments. `cargo xtask chaos` tries as many as you ask for, and keeps the outcomes.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use tare_core::Random;
use tare_record::Record;

use crate::common::Sandbox;
use crate::common::processes::{Disturbed, kill_all};

const MOMENTS: u64 = 12;

const SIGNALS: [&str; 4] = ["KILL", "TERM", "HUP", "STOP"];

/// A command that is disturbed, and how often it is chosen.
struct Subject {
    name: &'static str,
    arguments: &'static str,
    records: &'static [&'static str],
    weight: u64,
}

const SUBJECTS: [Subject; 5] = [
    Subject {
        name: "tare run",
        arguments: "run --plan plan.toml -o native.json",
        records: &["native.json"],
        weight: 6,
    },
    Subject {
        name: "tare node",
        arguments: "node --plan plan.toml -o node.json",
        records: &["node.json"],
        weight: 3,
    },
    Subject {
        name: "tare browser",
        arguments: "browser --plan plan.toml -o browser.json",
        records: &["browser.json"],
        weight: 3,
    },
    Subject {
        name: "tare bench, native",
        arguments: "bench --plan plan.toml --in native -o out",
        records: &["out/native.json"],
        weight: 5,
    },
    Subject {
        name: "tare bench, native and browser",
        arguments: "bench --plan plan.toml --in native,browser -o out",
        records: &["out/native.json", "out/browser.json"],
        weight: 3,
    },
];

/// Three short rounds of two cells.
const PLAN: &str = "name = \"chaos\"\n[rules]\nrounds = 3\nmin_time_ms = 150\nmax_time_ms = 150\nmin_warmup_ms = 0\n\
    ratio_precision_percent = 0\ncell_limit_s = 8\nrounds_limit_s = 60\n\
    [[cell]]\nmodel = \"tiny\"\nengines = [\"tract\", \"burn-flex\"]\n";

/// What a run was disturbed by, and when.
#[derive(Debug)]
struct Fault {
    signal: &'static str,
    after: Duration,
    /// Whose turn it is among the processes that are there then. The program itself is the first.
    victim: u64,
    /// When a stopped process goes on.
    pause: Option<Duration>,
}

/// What happened to the moments so far.
#[derive(Debug, Default, Clone, Copy)]
struct Outcome {
    tried: u64,
    lost: u64,
}

#[test]
fn a_fault_at_any_moment_loses_nothing() {
    let number = |name: &str| std::env::var(name).ok().and_then(|value| value.parse().ok());
    let (moments, seed) = (
        number("TARE_CHAOS_MOMENTS").unwrap_or(MOMENTS),
        number("TARE_CHAOS_SEED").unwrap_or(1),
    );
    let mut random = Random::new(seed, "chaos");
    let mut lasting: BTreeMap<&str, Duration> = BTreeMap::new();
    let mut outcomes: BTreeMap<String, Outcome> = BTreeMap::new();
    for moment in 0..moments {
        let subject = chosen(&mut random);
        let whole = *lasting.entry(subject.name).or_insert_with(|| undisturbed(subject));
        let share = Duration::from_millis(random.below(u64::try_from(whole.as_millis()).unwrap().max(1)));
        let signal = SIGNALS[usize::try_from(random.below(4)).unwrap()];
        let fault = Fault {
            signal,
            after: share,
            // Half of all faults hit the program itself.
            victim: if random.below(2) == 0 { 0 } else { random.next_u64() },
            pause: (signal == "STOP" && random.below(2) == 0).then(|| Duration::from_millis(random.below(1500))),
        };
        let mut victim = String::from("nobody");
        let sandbox = Sandbox::new();
        sandbox.write("plan.toml", PLAN.as_bytes());
        let survived = catch_unwind(AssertUnwindSafe(|| disturb(&sandbox, subject, &fault, &mut victim)));
        kill_all(&sandbox);
        let outcome = outcomes
            .entry(format!("{}\t{victim}\t{signal}", subject.name))
            .or_default();
        outcome.tried += 1;
        if survived.is_err() {
            outcome.lost += 1;
            eprintln!("moment {moment} of seed {seed}: {}, {victim}: {fault:?}", subject.name);
        }
        write_down(&outcomes);
    }
    let lost: Vec<_> = outcomes.iter().filter(|(_, outcome)| outcome.lost > 0).collect();
    assert!(lost.is_empty(), "{lost:?}");
}

fn chosen(random: &mut Random) -> &'static Subject {
    let mut ticket = random.below(SUBJECTS.iter().map(|subject| subject.weight).sum());
    SUBJECTS
        .iter()
        .find(|subject| {
            let is_it = ticket < subject.weight;
            ticket = ticket.saturating_sub(subject.weight);
            is_it
        })
        .unwrap()
}

/// How long a command takes.
fn undisturbed(subject: &Subject) -> Duration {
    let sandbox = Sandbox::new();
    sandbox.write("plan.toml", PLAN.as_bytes());
    let start = Instant::now();
    let mut run = Disturbed::start(&sandbox, subject.arguments);
    assert_eq!(run.end(), Some(0), "{}", run.log());
    run.nothing_is_left();
    start.elapsed()
}

/// Starts a command, disturbs it, and checks that nothing is lost or left.
fn disturb(sandbox: &Sandbox, subject: &Subject, fault: &Fault, victim: &mut String) {
    let mut run = Disturbed::start(sandbox, subject.arguments);
    std::thread::sleep(fault.after);
    let own = run.child.id();
    let mut processes = run.processes();
    processes.sort_by_key(|(id, _)| (*id != own, *id));
    let before = rounds(sandbox, subject);
    // Nobody is there if the run has ended.
    if let Some((id, line)) = processes.get(usize::try_from(fault.victim % processes.len().max(1) as u64).unwrap()) {
        *victim = kind(line).to_owned();
        run.signal_if_there(fault.signal, *id);
        // A program that is stopped for good is ended by whoever stopped it.
        let pause = fault.pause.or((*id == own).then_some(Duration::from_secs(3)));
        if let (Some(pause), "STOP") = (pause, fault.signal) {
            std::thread::sleep(pause);
            run.signal_if_there("CONT", *id);
        }
    }
    run.end();
    run.nothing_is_left();
    let after = rounds(sandbox, subject);
    for (record, kept) in &before {
        assert!(after.get(record) >= Some(kept), "{record}: {after:?} after {before:?}");
    }
    if subject.arguments.starts_with("bench") && sandbox.path("out").is_dir() {
        let resumed = sandbox.run("bench --resume out");
        // Without a whole start there is nothing to resume, and nothing was measured.
        if before.is_empty() && resumed.err().contains("hint: ") && rounds(sandbox, subject).is_empty() {
            return;
        }
        resumed.code(0);
        for name in subject.records {
            assert!(sandbox.record(name).all_measured(), "{name} is whole in the end");
        }
    }
}

/// Rounds of each record that is there, over all cells. Every record is readable.
fn rounds(sandbox: &Sandbox, subject: &Subject) -> BTreeMap<&'static str, usize> {
    let there = subject.records.iter().filter(|name| sandbox.path(name).is_file());
    let count = |record: &Record| record.cells.iter().map(|cell| cell.rounds.len()).sum();
    there.map(|name| (*name, count(&sandbox.record(name)))).collect()
}

/// What a process is, by its command line.
fn kind(line: &str) -> &'static str {
    let has = |text: &str| line.contains(text);
    if has("--type=renderer") {
        "renderer"
    } else if has("--type=gpu-process") {
        "GPU process"
    } else if has("--type=") || has("crashpad") {
        "helper of the browser"
    } else if has(" guard ") {
        "guard"
    } else if has("chromedriver") && !has("--remote-debugging") {
        "driver"
    } else if has("chrom") {
        "browser"
    } else if has(" child ") {
        "cell"
    } else if has("node-worker") {
        "Node"
    } else {
        "program"
    }
}

/// Writes what happened so far to the file that `cargo xtask chaos` names, if it does.
fn write_down(outcomes: &BTreeMap<String, Outcome>) {
    let Some(path) = std::env::var_os("TARE_CHAOS_OUTCOMES") else {
        return;
    };
    let line = |(what, outcome): (&String, &Outcome)| format!("{what}\t{}\t{}\n", outcome.tried, outcome.lost);
    std::fs::write(path, outcomes.iter().map(line).collect::<String>()).unwrap();
}
