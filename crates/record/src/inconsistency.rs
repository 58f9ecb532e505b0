//! What a record says twice must agree. A file that was edited, or joined from several, shows here.

use crate::{Cell, EnvironmentKind, LoadRound, PhaseName, Record, Round, Status};

/// What does not hold together in a record, a line each: where, what was expected, and what was found. Empty for what
/// tare wrote. Cells count from 1.
pub fn inconsistencies(record: &Record) -> Vec<String> {
    let mut found = Found::default();
    check_record(record, &mut found);
    for (index, cell) in record.cells.iter().enumerate() {
        found.place = format!("cell {} ({} on {})", index + 1, cell.model.name, cell.engine.name);
        if cell.configuration.environment != record.machine.kind {
            found.differ("environment", record.machine.kind, cell.configuration.environment);
        }
        check_cell(cell, &mut found);
    }
    found.lines
}

#[derive(Default)]
struct Found {
    place: String,
    lines: Vec<String>,
}

impl Found {
    fn say(&mut self, what: &str) {
        self.lines.push(format!("{}: {what}", self.place));
    }

    fn differ(&mut self, what: &str, expected: impl ToString, found: impl ToString) {
        self.say(&format!(
            "{what}: expected {}, found {}",
            expected.to_string(),
            found.to_string()
        ));
    }

    fn count(&mut self, what: &str, expected: usize, found: usize) {
        if expected != found {
            self.differ(what, expected, found);
        }
    }

    fn hash(&mut self, what: &str, hash: &str) {
        if hash.len() != 64 || !hash.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
            self.differ(what, "64 lowercase hexadecimal digits", hash);
        }
    }
}

fn check_record(record: &Record, found: &mut Found) {
    found.place = "record".into();
    let machine = &record.machine;
    // In Node, the program that started it describes the machine.
    for (kind, is_described) in [
        (EnvironmentKind::Browser, machine.browser.is_some()),
        (EnvironmentKind::Node, machine.node.is_some()),
    ] {
        if is_described != (machine.kind == kind) {
            let what = if is_described { "is" } else { "is not" };
            found.say(&format!(
                "the machine is {}, and a {kind} {what} described",
                machine.kind
            ));
        }
    }
    // RFC 3339, UTC: all that readers rely on is that texts sort as times do.
    let pattern = "0000-00-00T00:00:00";
    let created = &record.created;
    let fits = created.len() > pattern.len()
        && created.ends_with('Z')
        && created.bytes().zip(pattern.bytes()).all(|(byte, form)| {
            if form == b'0' {
                byte.is_ascii_digit()
            } else {
                byte == form
            }
        });
    if !fits {
        found.differ("created", "a time like 2026-11-26T12:00:00Z", created);
    }
    if record.clock.granularity_ns == 0 {
        found.say("the clock has no granularity");
    }
}

fn check_cell(cell: &Cell, found: &mut Found) {
    let samples = &cell.samples_ns;
    if let Some(hash) = &cell.model.sha256 {
        found.hash("hash of the model", hash);
    }
    for input in &cell.inputs {
        found.hash("hash of an input", &input.sha256);
    }
    if cell.runs_per_sample == 0 {
        found.say("a sample holds no runs");
    }
    if matches!(cell.status, Status::Measured) {
        if samples.is_empty() {
            found.say("it is measured, and has no samples");
        }
        if cell.verification.is_none() {
            found.say("it is measured, and its outputs were not compared");
        }
    }
    check_rounds(cell, found);
    check_outputs(cell, found);
    if let Some(accuracy) = &cell.accuracy
        && accuracy.same_top1.max(accuracy.same_top5) > accuracy.rows
    {
        found.say("more rows are the same than there are");
    }
    if let Some(profile) = &cell.profile {
        for node in &profile.nodes {
            found.count("rounds of a profiled node", profile.rounds.len(), node.rounds_ns.len());
        }
    }
}

fn check_rounds(cell: &Cell, found: &mut Found) {
    if cell.rounds.is_empty() {
        // Records of earlier builds had a single round.
        return;
    }
    let mut counted = 0_usize;
    for round in &cell.rounds {
        counted = counted.saturating_add(round.samples);
    }
    found.count("samples of all rounds", counted, cell.samples_ns.len());
    if cell.rounds.windows(2).any(|pair| pair[0].number > pair[1].number) {
        found.say("its rounds are not in order");
    }
    if !cell.load_rounds.is_empty() {
        found.count("rounds under load", cell.rounds.len(), cell.load_rounds.len());
    }
    for stage in &cell.stages {
        found.count("rounds of a stage", cell.rounds.len(), stage.rounds.len());
    }
    let mut rest = &cell.samples_ns[..];
    for (index, round) in cell.rounds.iter().enumerate() {
        let (samples, after) = rest.split_at(round.samples.min(rest.len()));
        rest = after;
        match cell.load_rounds.get(index) {
            Some(load) => check_load(round, load, samples, found),
            None => check_duration(round, samples, found),
        }
    }
}

/// What was sampled one after the other took no longer than sampling did.
fn check_duration(round: &Round, samples: &[u64], found: &mut Found) {
    let steady = round.phases.iter().find(|phase| phase.name == PhaseName::Steady);
    let sum = samples.iter().fold(0_u64, |sum, &sample| sum.saturating_add(sample));
    if let Some(steady) = steady.filter(|steady| steady.duration_ns < sum) {
        found.differ(
            &format!("duration of the samples of round {}", round.number),
            format!("at most {} ns", steady.duration_ns),
            format!("{sum} ns"),
        );
    }
}

/// The parts of each request make its time, and the runs answered every one.
fn check_load(round: &Round, load: &LoadRound, samples: &[u64], found: &mut Found) {
    let requests = load.arrivals_ns.len();
    found.count("requests of a round", round.samples, requests);
    let parts = [&load.queue_ns, &load.batching_ns, &load.compute_ns, &load.transport_ns];
    // Transport is empty where nothing was sent.
    for part in parts[..3]
        .iter()
        .chain(parts[3..].iter().filter(|part| !part.is_empty()))
    {
        found.count("requests with all their times", requests, part.len());
    }
    let answered = load
        .run_requests
        .iter()
        .fold(0_usize, |sum, &run| sum.saturating_add(run));
    found.count("requests that runs answered", requests, answered);
    let time = |index: usize| {
        let part = |part: &&Vec<u64>| part.get(index).copied().unwrap_or(0);
        parts.iter().map(part).fold(0_u64, u64::saturating_add)
    };
    if let Some((index, &sample)) = samples
        .iter()
        .enumerate()
        .find(|&(index, &sample)| time(index) != sample)
    {
        found.differ(
            &format!("time of request {} of round {}", index + 1, round.number),
            time(index),
            sample,
        );
    }
}

fn check_outputs(cell: &Cell, found: &mut Found) {
    let Some(verification) = &cell.verification else {
        return;
    };
    if let Some(hash) = &verification.reference_sha256 {
        found.hash("hash of the reference", hash);
    }
    for digest in &verification.digests {
        found.hash("digest of the outputs", &digest.sha256);
    }
    let timed = (cell.samples_ns.len() as u64).saturating_mul(cell.runs_per_sample.into());
    let verified = verification
        .digests
        .iter()
        .fold(0_u64, |sum, digest| sum.saturating_add(digest.runs));
    // Under load, runs while the rate was searched were verified too, and one run answers several requests.
    if cell.load_rounds.is_empty() && verified != timed {
        found.differ("runs whose outputs were compared", timed, verified);
    }
    for output in &verification.outputs {
        found.hash("hash of an output", &output.tensor.sha256);
        let drift = &output.drift;
        if matches!(cell.status, Status::Measured) && drift.max_scaled > verification.tolerance {
            found.differ(
                "drift of what was measured",
                format!("at most {}", verification.tolerance),
                drift.max_scaled,
            );
        }
        if let Some(sample) = &output.sample {
            let largest = sample
                .values
                .iter()
                .fold(0.0, |largest: f64, value| largest.max(value.abs()));
            if largest > sample.largest {
                found.differ("elements of an output", format!("at most {}", sample.largest), largest);
            }
        }
    }
}
