//! A record must not contradict itself. A file that was edited, or joined from several, shows here.

use std::collections::BTreeSet;
use std::fmt::Display;

use crate::{Cell, EnvironmentKind, LoadRound, PhaseName, Record, Round, Status};

/// Most bytes of a name in a record: those of the longest path on Linux.
const MAX_NAME_BYTES: usize = 4_096;

/// What does not hold together in a record, a line each: where, what was expected, and what was found. Empty for what
/// tare wrote. Cells count from 1.
pub fn inconsistencies(record: &Record) -> Vec<String> {
    let mut found = Found::default();
    check_record(record, &mut found);
    for (index, cell) in record.cells.iter().enumerate() {
        (found.cell, found.round) = (Some((index, cell)), None);
        if cell.configuration.environment != record.machine.kind {
            found.differ("environment", &record.machine.kind, &cell.configuration.environment);
        }
        check_cell(cell, &mut found);
        check_outputs(cell, &mut found);
        check_rounds(cell, &mut found);
    }
    found.lines
}

/// What was found so far, and where it is looked for now.
#[derive(Default)]
struct Found<'r> {
    cell: Option<(usize, &'r Cell)>,
    round: Option<usize>,
    lines: Vec<String>,
}

impl Found<'_> {
    // Not inlined: the page has a limit of its size.
    #[inline(never)]
    fn say(&mut self, what: &str) {
        let mut place = match self.cell {
            None => "record".to_owned(),
            Some((index, cell)) => {
                let model: String = cell.model.name.chars().take(100).collect();
                format!("cell {} ({model} on {})", index + 1, cell.engine.name)
            }
        };
        if let Some(round) = self.round {
            place += &format!(", round {round}");
        }
        self.lines.push(format!("{place}: {what}"));
    }

    #[inline(never)]
    fn differ(&mut self, what: &str, expected: &dyn Display, found: &dyn Display) {
        self.say(&format!("{what}: expected {expected}, found {found}"));
    }

    fn same(&mut self, what: &str, expected: u64, found: u64) {
        if expected != found {
            self.differ(what, &expected, &found);
        }
    }

    fn at_most(&mut self, what: &str, limit: f64, found: f64) {
        if found > limit {
            self.differ(what, &format_args!("at most {limit}"), &found);
        }
    }

    fn hash(&mut self, what: &str, hash: &str) {
        if hash.len() != 64 || !hash.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
            self.differ(what, &"64 lowercase hexadecimal digits", &hash);
        }
    }
}

fn check_record(record: &Record, found: &mut Found<'_>) {
    let machine = &record.machine;
    // In Node, the program that started it describes the machine.
    for (kind, is_described) in [
        (EnvironmentKind::Browser, machine.browser.is_some()),
        (EnvironmentKind::Node, machine.node.is_some()),
    ] {
        if is_described && machine.kind != kind {
            found.differ("environment that the machine describes", &machine.kind, &kind);
        }
    }
    // RFC 3339, UTC: all that readers rely on is that texts sort as times do.
    let (created, pattern) = (&record.created, "0000-00-00T00:00:00");
    let mut pairs = created.bytes().zip(pattern.bytes());
    let fits = pairs.all(|(byte, form)| {
        if form == b'0' {
            byte.is_ascii_digit()
        } else {
            byte == form
        }
    });
    if !(fits && created.len() > pattern.len() && created.ends_with('Z')) {
        found.differ("created", &"a time like 2026-11-26T12:00:00Z", created);
    }
    if record.clock.granularity_ns == 0 {
        found.say("the clock has no granularity");
    }
}

/// Names are short: those of a record that was made to do harm would fill screens, tables and memory.
fn check_names(cell: &Cell, found: &mut Found<'_>) {
    let configuration = &cell.configuration;
    let known = |text: &Option<String>| text.as_ref().map_or(0, String::len);
    let operators = cell.profile.iter().flat_map(|profile| &profile.nodes);
    for (what, bytes) in [
        ("name of the model", cell.model.name.len()),
        ("version of the engine", cell.engine.version.len()),
        ("vector instructions", configuration.vector_level.len()),
        ("limit of vector instructions", known(&configuration.vector_limit)),
        ("name of the browser", known(&configuration.browser)),
        ("graphics API", known(&configuration.graphics_api)),
        ("shader language", known(&configuration.shader_language)),
        (
            "name of the adapter",
            cell.adapter.as_ref().map_or(0, |adapter| adapter.name.len()),
        ),
        (
            "name of an operator",
            operators.map(|node| node.operator.len()).max().unwrap_or(0),
        ),
    ] {
        if bytes > MAX_NAME_BYTES {
            found.differ(what, &format_args!("at most {MAX_NAME_BYTES} bytes"), &bytes);
        }
    }
}

fn check_cell(cell: &Cell, found: &mut Found<'_>) {
    if let Some(hash) = &cell.model.sha256 {
        found.hash("hash of the model", hash);
    }
    check_names(cell, found);
    for input in &cell.inputs {
        found.hash("hash of an input", &input.sha256);
    }
    if cell.runs_per_sample == 0 {
        found.say("a sample holds no runs");
    }
    if cell.status == Status::Measured {
        if cell.samples_ns.is_empty() {
            found.say("it is measured, and has no samples");
        }
        if cell.verification.is_none() {
            found.say("it is measured, and its outputs were not compared");
        }
    }
    if let Some(accuracy) = &cell.accuracy {
        let same = accuracy.same_top1.max(accuracy.same_top5);
        found.at_most("rows with the same largest elements", accuracy.rows as f64, same as f64);
    }
    if let Some(profile) = &cell.profile {
        for node in &profile.nodes {
            found.same(
                "rounds of a profiled node",
                count(&profile.rounds),
                count(&node.rounds_ns),
            );
        }
    }
}

fn check_outputs(cell: &Cell, found: &mut Found<'_>) {
    let Some(verification) = &cell.verification else {
        return;
    };
    if let Some(hash) = &verification.reference_sha256 {
        found.hash("hash of the reference", hash);
    }
    let mut verified = 0_u64;
    for digest in &verification.digests {
        found.hash("digest of the outputs", &digest.sha256);
        verified = verified.saturating_add(digest.runs);
    }
    // Under load, one run answers several requests. What ended early may have verified more than it kept.
    if cell.status == Status::Measured && cell.load_rounds.is_empty() {
        let timed = count(&cell.samples_ns).saturating_mul(cell.runs_per_sample.into());
        found.same("runs whose outputs were compared", timed, verified);
    }
    for output in &verification.outputs {
        found.hash("hash of an output", &output.tensor.sha256);
        if cell.status == Status::Measured {
            found.at_most(
                "drift of what was measured",
                verification.tolerance,
                output.drift.max_scaled,
            );
        }
        if let Some(sample) = &output.sample {
            let largest = sample
                .values
                .iter()
                .fold(0.0, |largest: f64, value| largest.max(value.abs()));
            found.at_most("elements of an output", sample.largest, largest);
        }
    }
}

/// Records of earlier builds had a single round, and did not list it.
fn check_rounds(cell: &Cell, found: &mut Found<'_>) {
    if cell.rounds.is_empty() {
        return;
    }
    let counted = cell
        .rounds
        .iter()
        .fold(0, |sum: usize, round| sum.saturating_add(round.samples));
    found.same("samples of all rounds", counted as u64, count(&cell.samples_ns));
    // 0 in records of earlier builds.
    let mut numbers = BTreeSet::new();
    let mut numbered = cell
        .rounds
        .iter()
        .map(|round| round.number)
        .filter(|&number| number > 0);
    if !numbered.all(|number| numbers.insert(number)) {
        found.say("two of its rounds have the same number");
    }
    // A round that failed has neither.
    let rounds = count(&cell.rounds) as f64;
    found.at_most("rounds under load", rounds, count(&cell.load_rounds) as f64);
    for stage in &cell.stages {
        found.at_most("rounds of a stage", rounds, count(&stage.rounds) as f64);
    }
    let mut rest = &cell.samples_ns[..];
    for (index, round) in cell.rounds.iter().enumerate() {
        found.round = Some(round.number);
        let (samples, after) = rest.split_at(round.samples.min(rest.len()));
        rest = after;
        if cell.load_rounds.is_empty() {
            check_duration(round, samples, found);
        } else if cell.load_rounds.len() == cell.rounds.len() {
            check_load(round, &cell.load_rounds[index], samples, found);
        }
    }
}

/// What was sampled one after the other took no longer than sampling did.
fn check_duration(round: &Round, samples: &[u64], found: &mut Found<'_>) {
    if let Some(steady) = round.phases.iter().find(|phase| phase.name == PhaseName::Steady) {
        let sum = samples.iter().fold(0, |sum: u64, &sample| sum.saturating_add(sample));
        found.at_most("duration of the samples in ns", steady.duration_ns as f64, sum as f64);
    }
}

/// The parts of each request make its time, and the runs answered every one.
fn check_load(round: &Round, load: &LoadRound, samples: &[u64], found: &mut Found<'_>) {
    let requests = count(&load.arrivals_ns);
    found.same("requests", round.samples as u64, requests);
    let parts = [&load.queue_ns, &load.batching_ns, &load.compute_ns, &load.transport_ns];
    for (index, part) in parts.iter().enumerate() {
        // Nothing may have been sent.
        if index < 3 || !part.is_empty() {
            found.same("requests with all their times", requests, count(part));
        }
    }
    // Those of a run that was stopped may have no answer.
    let answered = load
        .run_requests
        .iter()
        .fold(0, |sum: usize, &run| sum.saturating_add(run));
    if requests > answered as u64 {
        found.differ("requests that runs answered", &requests, &answered);
    }
    for (index, &sample) in samples.iter().enumerate() {
        let part = |part: &&Vec<u64>| part.get(index).copied().unwrap_or(0);
        let time = parts.iter().map(part).fold(0, u64::saturating_add);
        // A coarse clock sees nothing of a short request, which counts as 1 ns. The clock of a server may see more than the client's.
        let is_sent_in_no_time = load.transport_ns.get(index) == Some(&0);
        if time.max(1) != sample && !(is_sent_in_no_time && sample < time) {
            found.differ("time of a request in ns", &time, &sample);
            return;
        }
    }
}

fn count<T>(items: &[T]) -> u64 {
    items.len() as u64
}
