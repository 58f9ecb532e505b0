//! Faults at random moments: whatever is killed or stopped, fills up, goes away or jumps, records stay readable, finished rounds stay in
//! them, nothing is left running, and the run can be resumed.
//!
//! The tests try some moments. `cargo xtask chaos` tries as many as you ask for, and keeps the outcomes.

mod outages;
mod signals;

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::fs::OpenOptions;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

use tare_core::Random;
use tare_record::Record;

use crate::common::processes::{Disturbed, kill_all};
use crate::common::{Sandbox, read_record};

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

/// What disturbs a run at a random moment.
trait Fault: Debug {
    /// One for a command that takes this long.
    fn random(random: &mut Random, whole: Duration) -> Self;

    /// Starts the command, disturbs it, and checks that nothing is lost or left. Fills in what was hit and how.
    fn strike(&self, sandbox: &Sandbox, subject: &Subject, hit: &mut Hit);
}

/// What a fault hit, and how: the names under which it is counted.
#[derive(Debug)]
struct Hit {
    victim: &'static str,
    event: &'static str,
}

/// How many moments `cargo xtask chaos` asks for.
fn moments_asked() -> Option<u64> {
    number("TARE_CHAOS_MOMENTS")
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

/// Tries a kind of fault at random moments. `stream` separates its random numbers from those of others.
#[track_caller]
fn try_moments<F: Fault>(stream: &str, moments: u64) {
    let seed = number("TARE_CHAOS_SEED").unwrap_or(1);
    let mut random = Random::new(seed, stream);
    let mut lasting: BTreeMap<&str, Duration> = BTreeMap::new();
    let mut lost = vec![];
    for moment in 0..moments {
        let subject = chosen(&mut random);
        let whole = *lasting.entry(subject.name).or_insert_with(|| undisturbed(subject));
        let fault = F::random(&mut random, whole);
        let mut hit = Hit {
            victim: "nobody",
            event: "nothing",
        };
        let sandbox = Sandbox::new();
        sandbox.write("plan.toml", PLAN.as_bytes());
        let survived = catch_unwind(AssertUnwindSafe(|| fault.strike(&sandbox, subject, &mut hit))).is_ok();
        kill_all(&sandbox);
        count(subject, &hit, survived);
        if !survived {
            let what = format!("moment {moment} of seed {seed}: {}, {hit:?}: {fault:?}", subject.name);
            eprintln!("{what}");
            lost.push(what);
        }
    }
    assert!(lost.is_empty(), "{lost:#?}");
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

/// Rounds of each record that is there, over all cells. Every record is readable.
fn rounds(folder: &Path, subject: &Subject) -> BTreeMap<&'static str, usize> {
    let there = subject.records.iter().filter(|name| folder.join(name).is_file());
    let count = |record: &Record| record.cells.iter().map(|cell| cell.rounds.len()).sum();
    there
        .map(|name| (*name, count(&read_record(&folder.join(name)))))
        .collect()
}

/// Checks that all rounds that were there before are still there.
#[track_caller]
fn none_is_lost(before: &BTreeMap<&str, usize>, after: &BTreeMap<&str, usize>) {
    for (record, rounds) in before {
        assert!(
            after.get(record) >= Some(rounds),
            "{record}: {after:?} after {before:?}"
        );
    }
}

/// Finishes a run that was disturbed. `folder` is what it wrote, in the sandbox.
#[track_caller]
fn can_be_resumed(sandbox: &Sandbox, subject: &Subject, folder: &str) {
    let folder = Path::new(folder);
    let results = folder.join("out");
    if !subject.arguments.starts_with("bench") || !sandbox.folder.path().join(&results).is_dir() {
        return;
    }
    let start = sandbox.folder.path().join(folder);
    let before = rounds(&start, subject);
    let resumed = sandbox.run(&format!("bench --resume {}", results.display()));
    // Without a whole start there is nothing to resume, and nothing was measured.
    if before.values().all(|rounds| *rounds == 0) && resumed.err().contains("hint: ") {
        return;
    }
    resumed.code(0);
    for name in subject.records {
        assert!(
            read_record(&start.join(name)).all_measured(),
            "{name} is whole in the end"
        );
    }
}

/// Adds a moment to the file that `cargo xtask chaos` names, if it does.
fn count(subject: &Subject, hit: &Hit, survived: bool) {
    let Some(path) = std::env::var_os("TARE_CHAOS_OUTCOMES") else {
        return;
    };
    let mut file = OpenOptions::new().create(true).append(true).open(path).unwrap();
    let line = format!(
        "{}\t{}\t{}\t1\t{}\n",
        subject.name,
        hit.victim,
        hit.event,
        u8::from(!survived)
    );
    file.write_all(line.as_bytes()).unwrap();
}
