//! How many clients saturate a model, what they wait, and what dynamic batching gains.

use crate::sorting::sort_by;
use tare_core::stats::{Estimate, rounds_estimate, rounds_ratio};
use tare_record::{Arrivals, Load, LoadRound, Question};

use crate::finding::{Answer, Figure, Finding, Quantity};
use crate::format;
use crate::load_parts;
use crate::measured::{Measured, asking, groups, is_different};

/// Clients that reach this share of the largest throughput saturate the model.
const SATURATED: f64 = 0.95;

/// If more than this share of all requests was handed over late, the generator and not the engine was measured.
const MAX_LATE: f64 = 0.01;

/// Seed of the bootstrap.
const SEED: u64 = 1;

/// Where measuring ended too early.
const UNKNOWN_WAIT: &str = ". How long they wait cannot be told: measuring ended before each had a second answer";

pub(crate) fn findings(cells: &[Measured<'_>]) -> Vec<Finding> {
    let usable = asking(cells, Question::Load).filter(|cell| cell.is_under_load());
    let groups = groups(usable, |cell| {
        (
            cell.place,
            cell.model().to_owned(),
            cell.engine(),
            cell.threads(),
            cell.cell.load.batch,
            cell.cell.options.precision,
            cell.transport(),
            cell.sessions(),
            load(cell).and_then(|load| load.submissions),
        )
    });
    let mut found = Vec::new();
    for group in &groups {
        found.extend(group.iter().filter_map(|cell| invalid(cell)));
        let valid: Vec<&Measured<'_>> = group.iter().copied().filter(|cell| invalid(cell).is_none()).collect();
        found.extend(saturation(&valid));
        found.extend(valid.iter().filter_map(|cell| batching(cell, &valid)));
        found.extend(valid.iter().filter_map(|cell| open_load(cell)));
    }
    found
}

fn load(cell: &Measured<'_>) -> Option<Load> {
    cell.cell.load.requests
}

fn clients(cell: &Measured<'_>) -> Option<usize> {
    match load(cell)? {
        Load {
            arrivals: Arrivals::Clients(clients),
            batching: None,
            ..
        } => Some(clients),
        _ => None,
    }
}

fn late_share(cell: &Measured<'_>) -> f64 {
    let late: u64 = cell.cell.load_rounds.iter().map(|round| round.late).sum();
    late as f64 / cell.cell.samples_ns.len().max(1) as f64
}

fn subject(cell: &Measured<'_>) -> String {
    let batch = match cell.cell.load.batch {
        1 => String::new(),
        batch => format!(", batch {batch}"),
    };
    let transport = cell
        .transport()
        .map_or_else(String::new, |transport| format!(" over {transport}"));
    format!(
        "{}, {}{batch} on {}{transport}",
        cell.where_it_ran(),
        cell.model(),
        cell.engine_in_words()
    )
}

/// Items per second, by round.
fn rates(cell: &Measured<'_>) -> Vec<Vec<f64>> {
    load_parts::rates(cell.cell)
}

fn rate(cell: &Measured<'_>) -> Option<Estimate> {
    rounds_estimate(&rates(cell))
}

/// Median over all requests of one part of their time, in nanoseconds.
fn part(cell: &Measured<'_>, part: fn(&LoadRound) -> &Vec<u64>) -> f64 {
    load_parts::part_ns(cell.cell, part).unwrap_or(0.0)
}

fn invalid(cell: &Measured<'_>) -> Option<Finding> {
    let share = late_share(cell);
    (share > MAX_LATE).then(|| Finding {
        question: Question::Load,
        answer: Answer::CannotTell(format!(
            "{}, under {}: invalid, because {} of the requests were handed over more than a millisecond late although nothing was being \
             answered. Close other programs and repeat.",
            subject(cell),
            load(cell).map_or_else(String::new, |load| load.to_string()),
            format::percent(share)
        )),
        figures: vec![Figure::new("requests that were late", Quantity::Share(share))],
        assumptions: vec![],
    })
}

fn saturation(group: &[&Measured<'_>]) -> Option<Finding> {
    let mut closed: Vec<(usize, &Measured<'_>)> =
        group.iter().filter_map(|&cell| Some((clients(cell)?, cell))).collect();
    sort_by(&mut closed, |a, b| a.0.cmp(&b.0));
    let (first, last) = (closed.first()?, closed.last()?);
    if closed.len() < 2 {
        return None;
    }
    let mut figures = Vec::new();
    let mut timed = Vec::new();
    for &(clients, cell) in &closed {
        // Clients that had no second answer do not say how long they wait.
        let (rate, latency) = (rate(cell)?, cell.median());
        let name = if clients == 1 {
            "1 client".to_owned()
        } else {
            format!("{clients} clients")
        };
        figures.push(Figure::new(format!("items with {name}"), Quantity::Rate(rate)));
        figures.extend(latency.map(|latency| {
            let what = format!("median time of a request with {name}");
            Figure::new(what, Quantity::Duration(latency))
        }));
        figures.extend(
            cell.percentile(0.99)
                .map(|p99| Figure::new(format!("p99 with {name}"), Quantity::Duration(p99))),
        );
        timed.push((clients, rate.value, latency.map(|latency| latency.value)));
    }
    let best = timed.iter().map(|(_, rate, _)| *rate).fold(0.0, f64::max);
    let gain = rounds_ratio(&rates(last.1), &rates(first.1), SEED)?;
    let is_saturated = |(_, rate, _): &&(usize, f64, Option<f64>)| *rate >= SATURATED * best || !is_different(&gain);
    let (saturated, rate, latency) = timed.iter().find(is_saturated).copied()?;
    let (_, _, longest) = timed.last().copied()?;
    let wait = match (longest, latency) {
        (Some(longest), Some(latency)) => format!(
            ", and wait {} instead of {}",
            format::duration(longest),
            format::duration(latency)
        ),
        _ => UNKNOWN_WAIT.into(),
    };
    let each = longest.map_or_else(
        || UNKNOWN_WAIT.into(),
        |longest| format!(", and each takes {}", format::duration(longest)),
    );
    let median = latency.map_or_else(String::new, |latency| {
        format!(", with a median time of {} per request", format::duration(latency))
    });
    let text = if saturated == first.0 {
        format!(
            "{} is saturated by {}, at {}. {} clients make no more of them{wait}",
            subject(first.1),
            if saturated == 1 {
                "one client".to_owned()
            } else {
                format!("{saturated} clients")
            },
            format::items_rate(rate),
            last.0,
        )
    } else {
        format!(
            "{} is saturated by {saturated} clients, at {}{median}. {} clients make {} as many items as {}{each}",
            subject(first.1),
            format::items_rate(rate),
            last.0,
            Quantity::Ratio(gain),
            first.0,
        )
    };
    Some(Finding {
        question: Question::Load,
        answer: Answer::Told(text + "."),
        figures,
        assumptions: vec![match first.1.transport() {
            None => "Requests come from the same process, so no transport is part of their time.".into(),
            Some(_) => "Client and server share the processors of one machine.".into(),
        }],
    })
}

/// What batching gains over the same load without it.
fn batching(cell: &Measured<'_>, group: &[&Measured<'_>]) -> Option<Finding> {
    let own = load(cell)?;
    let batching = own.batching?;
    let without = group
        .iter()
        .find(|other| load(other).is_some_and(|load| load.arrivals == own.arrivals && load.batching.is_none()))?;
    let gain = rounds_ratio(&rates(cell), &rates(without), SEED)?;
    let slower = cell.ratio(without)?;
    let runs: Vec<f64> = cell
        .cell
        .load_rounds
        .iter()
        .flat_map(|round| round.run_requests.iter().map(|&count| count as f64))
        .collect();
    let merged = runs.iter().sum::<f64>() / runs.len().max(1) as f64;
    let verb = if is_different(&gain) {
        format!("makes {} as many items", Quantity::Ratio(gain))
    } else {
        format!(
            "changes nothing about the number of items that can be seen ({})",
            Quantity::Ratio(gain)
        )
    };
    let waited = part(cell, |round| &round.batching_ns);
    Some(Finding {
        question: Question::Load,
        answer: Answer::Told(format!(
            "{}, under load of {}: dynamic batching ({batching}) {verb}. A request takes {} the time, of which {} is waiting for others; a run \
             answers {merged:.1} requests on average.",
            subject(cell),
            own.arrivals,
            Quantity::Ratio(slower),
            format::duration(waited)
        )),
        figures: vec![
            Figure::new("items with batching over without", Quantity::Ratio(gain)),
            Figure::new("time of a request with batching over without", Quantity::Ratio(slower)),
        ],
        assumptions: vec![],
    })
}

/// What requests wait that arrive by a schedule.
fn open_load(cell: &Measured<'_>) -> Option<Finding> {
    let load = load(cell)?;
    if !matches!(load.arrivals, Arrivals::Poisson(_) | Arrivals::Constant(_)) || load.batching.is_some() {
        return None;
    }
    let (rate, latency) = (rate(cell)?, cell.median()?);
    let sum = |of: fn(&LoadRound) -> u64| cell.cell.load_rounds.iter().map(of).sum::<u64>();
    let (dropped, waiting) = (sum(|round| round.dropped), sum(|round| round.unanswered));
    let answered = cell.cell.samples_ns.len() as u64;
    let queue = part(cell, |round| &round.queue_ns);
    let mut figures = vec![
        Figure::new("items", Quantity::Rate(rate)),
        Figure::new("median time of a request", Quantity::Duration(latency)),
    ];
    let tail = match cell.percentile(0.99) {
        None => String::new(),
        Some(p99) => {
            figures.push(Figure::new("p99 of a request", Quantity::Duration(p99)));
            format!(", p99 {}", format::duration(p99.value))
        }
    };
    let lost = match (dropped, waiting) {
        (0, 0) => String::new(),
        (0, waiting) => {
            figures.push(Figure::new(
                "requests that still waited at the end",
                Quantity::Count(waiting),
            ));
            format!(" When the time was over, {waiting} requests still waited.")
        }
        (dropped, _) => {
            let share = dropped as f64 / (dropped + waiting + answered) as f64;
            figures.push(Figure::new("requests that were dropped", Quantity::Share(share)));
            format!(" It is too much: {} were dropped.", format::percent(share))
        }
    };
    Some(Finding {
        question: Question::Load,
        answer: Answer::Told(format!(
            "{}, under {load}: a request takes {} at the median{tail}, of which {} is waiting for others to be answered.{lost}",
            subject(cell),
            format::duration(latency.value),
            format::duration(queue)
        )),
        figures,
        assumptions: vec![],
    })
}

#[cfg(test)]
mod tests {
    use tare_record::{Arrivals, Load, Question};

    use crate::simulated::{Simulated, answers};

    fn with_clients(clients: usize, per_second: f64, batching: Option<&str>) -> Simulated {
        Simulated {
            run_ms: clients as f64 * 1e3 / per_second,
            load: Some(Load {
                batching: batching.map(|text| text.parse().unwrap()),
                ..Load::new(Arrivals::Clients(clients))
            }),
            load_per_second: per_second,
            ..Simulated::default()
        }
    }

    #[test]
    fn saturation_is_where_more_clients_only_wait() {
        let of = |rates: &[(usize, f64)]| -> Vec<Simulated> {
            rates
                .iter()
                .map(|&(clients, rate)| with_clients(clients, rate, None))
                .collect()
        };
        let found = answers(Question::Load, &of(&[(1, 100.0), (2, 180.0), (4, 250.0), (8, 252.0)]));
        assert!(found[0].contains("saturated by 4 clients, at 250 items/s"), "{found:?}");
        let found = answers(Question::Load, &of(&[(1, 100.0), (4, 101.0)]));
        assert!(
            found[0].contains("saturated by one client, at 100 items/s. 4 clients make no more"),
            "{found:?}"
        );
        assert!(answers(Question::Load, &of(&[(1, 100.0)])).is_empty());
    }

    #[test]
    fn batching_is_compared_with_the_same_clients() {
        let cells = [
            with_clients(8, 100.0, None),
            with_clients(8, 250.0, Some("8 within 5 ms")),
            with_clients(4, 100.0, None),
        ];
        let found = answers(Question::Load, &cells);
        let found: Vec<&String> = found.iter().filter(|text| text.contains("dynamic batching")).collect();
        assert_eq!(found.len(), 1);
        assert!(
            found[0].contains("up to 8 requests within 5 ms) makes 2.50x"),
            "{found:?}"
        );
        let found = answers(Question::Load, &cells[1..]);
        assert!(
            !found.iter().any(|text| text.contains("dynamic")),
            "without a counterpart"
        );
    }

    #[test]
    fn a_generator_that_lags_makes_a_cell_invalid() {
        let mut cells = [with_clients(1, 100.0, None), with_clients(2, 200.0, None)];
        cells[1].late = 50;
        let found = answers(Question::Load, &cells);
        assert_eq!(found.len(), 1);
        assert!(found[0].contains("invalid"), "{found:?}");
    }
}
