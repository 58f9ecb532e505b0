//! Checks that users can run on their own machine: the statistics on simulated series, and the
//! measurement on workloads with a known duration, output or clock.

mod known;

use std::rc::Rc;

use crate::stats::noise::{BIMODAL_MEDIAN, autoregressive, bimodal, exponential, normal};
use crate::stats::{
    SteadyState, median, median_estimate, outlier_count, quantile, ratio_estimate, rounds_ratio, steady_state, trend,
};
use crate::{Clock, Engine, Workload, calibrate, run_durations_ns};
use known::{Frozen, Known, measured, measured_known, measured_on};
use tare_record::{Cell, FailureKind, Rules, SelfCheck, Status};

/// A real cell that is measured against itself.
pub struct RealCell<'a> {
    /// The engine that runs it.
    pub engine: &'a dyn Engine,
    /// The workload that is measured.
    pub workload: Workload,
    /// Number of pairs of measurements, in rounds. Each pair takes about a third of a second.
    pub pairs: u64,
}

/// Runs all checks. They take some seconds in addition to the pairs of the real cell.
pub async fn selftest(clock: Rc<dyn Clock>, real: &RealCell<'_>) -> Vec<SelfCheck> {
    vec![
        statistics_cost(&*clock),
        quantiles(),
        intervals(),
        equal_series(),
        slower_series(),
        shapes(),
        known_duration(clock.clone()).await,
        harness_cost(&*clock).await,
        equal_cells(&*clock).await,
        equal_real_cells(&*clock, real).await,
        wrong_output(&*clock).await,
        frozen_clock().await,
    ]
}

fn check(name: &str, passed: bool, detail: String) -> SelfCheck {
    SelfCheck {
        name: name.into(),
        passed,
        detail,
    }
}

fn quantiles() -> SelfCheck {
    // R 4: quantile(c(1, 2, 4, 8, 16), p, type = 7).
    let sorted = [1.0, 2.0, 4.0, 8.0, 16.0];
    let expected = [
        (0.0, 1.0),
        (0.1, 1.4),
        (0.25, 2.0),
        (0.5, 4.0),
        (0.9, 12.8),
        (1.0, 16.0),
    ];
    let right = expected
        .iter()
        .filter(|(p, value)| quantile(&sorted, *p).is_some_and(|found| (found - value).abs() < 1e-12))
        .count();
    check(
        "quantiles match those of R",
        right == expected.len(),
        format!("{right} of {}", expected.len()),
    )
}

fn intervals() -> SelfCheck {
    const SERIES: u64 = 300;
    type Noise = fn(u64) -> Vec<f64>;
    let noises: [(&str, f64, Noise); 4] = [
        ("normal", 0.0, |seed| normal(seed, 100)),
        ("skewed", std::f64::consts::LN_2, |seed| exponential(seed, 100)),
        ("bimodal", BIMODAL_MEDIAN, |seed| bimodal(seed, 100)),
        ("autocorrelated", 0.0, |seed| autoregressive(seed, 300, 0.5)),
    ];
    let shares: Vec<(&str, f64)> = noises
        .iter()
        .map(|(name, truth, noise)| {
            let covered = (0..SERIES)
                .filter_map(|seed| median_estimate(&noise(seed)))
                .filter(|estimate| estimate.low <= *truth && *truth <= estimate.high)
                .count();
            (*name, covered as f64 * 100.0 / SERIES as f64)
        })
        .collect();
    let detail: Vec<String> = shares
        .iter()
        .map(|(name, share)| format!("{name} {share:.1} %"))
        .collect();
    // 95 % of 300 series, within three standard deviations of 1.3 %.
    check(
        "95 % intervals cover the true median",
        shares.iter().all(|(_, share)| (91.2..=98.8).contains(share)),
        detail.join(", "),
    )
}

fn latencies(seed: u64) -> Vec<f64> {
    exponential(seed, 60).iter().map(|tail| 10.0 + tail).collect()
}

fn equal_series() -> SelfCheck {
    let apart = (0..200)
        .filter_map(|seed| ratio_estimate(&latencies(2 * seed), &latencies(2 * seed + 1), seed))
        .filter(|ratio| ratio.low > 1.0 || ratio.high < 1.0)
        .count();
    check(
        "equal series rarely differ",
        apart <= 20,
        format!("{apart} of 200 pairs, 10 expected"),
    )
}

fn slower_series() -> SelfCheck {
    let (mut detectable, mut found) = (0, 0);
    for seed in 0..200 {
        let (before, after) = (latencies(2 * seed), latencies(2 * seed + 1));
        let slower: Vec<f64> = after.iter().map(|value| value * 1.05).collect();
        let Some((same, ratio)) = ratio_estimate(&after, &before, seed).zip(ratio_estimate(&slower, &before, seed))
        else {
            continue;
        };
        if same.detectable_effect() <= 0.05 {
            detectable += 1;
            found += usize::from(ratio.low > 1.0);
        }
    }
    check(
        "a detectable slowdown of 5 % is found",
        detectable > 0 && found * 5 >= detectable * 4,
        format!("{found} of {detectable} pairs, at least four of five expected"),
    )
}

fn shapes() -> SelfCheck {
    let series = |level: fn(usize) -> f64| -> Vec<f64> {
        normal(1, 200)
            .iter()
            .enumerate()
            .map(|(position, noise)| level(position) + noise)
            .collect()
    };
    let spikes = series(|position| if position % 50 == 7 { 300.0 } else { 100.0 });
    let drift = series(|position| 100.0 + position as f64 / 10.0);
    let found = [
        ("flat", steady_state(&series(|_| 100.0)) == SteadyState::Flat),
        ("spikes", steady_state(&spikes) == SteadyState::Flat),
        (
            "warm-up",
            matches!(
                steady_state(&series(|position| if position < 30 { 130.0 } else { 100.0 })),
                SteadyState::WarmUp { .. }
            ),
        ),
        (
            "slow-down",
            steady_state(&series(|position| if position < 100 { 100.0 } else { 120.0 })) == SteadyState::SlowDown,
        ),
        (
            "no steady state",
            steady_state(&series(|position| if position < 180 { 100.0 } else { 120.0 })) == SteadyState::NoSteadyState,
        ),
        ("drift", trend(&drift).is_some_and(|change| change > 0.1)),
    ];
    let missed: Vec<&str> = found
        .iter()
        .filter(|(_, right)| !right)
        .map(|(name, _)| *name)
        .collect();
    let detail = if missed.is_empty() {
        "flat, spikes, warm-up, slow-down, no steady state, drift".into()
    } else {
        format!("not recognized: {}", missed.join(", "))
    };
    check("the shape of a series is recognized", missed.is_empty(), detail)
}

/// Times the statistics of a long series as a report computes them. Reports the duration and has no
/// limit.
fn statistics_cost(clock: &dyn Clock) -> SelfCheck {
    const SAMPLES: usize = 10_000;
    let series: Vec<f64> = exponential(1, SAMPLES).iter().map(|tail| 10.0 + tail).collect();
    let start_ns = clock.now_ns();
    let found = (
        steady_state(&series),
        trend(&series),
        outlier_count(&series),
        median_estimate(&series),
        ratio_estimate(&series, &series, 1),
    );
    let took_ns = clock.now_ns().saturating_sub(start_ns);
    check(
        "statistics of 10,000 samples",
        found.3.is_some() && found.4.is_some(),
        format!("{:.1} ms", took_ns as f64 / 1e6),
    )
}

/// Median duration of one run of a measured cell, in nanoseconds.
fn median_ns(cell: &Cell) -> Option<f64> {
    let samples: Vec<f64> = cell.samples_ns.iter().map(|&ns| ns as f64).collect();
    Some(median_estimate(&samples)?.value / f64::from(cell.runs_per_sample))
}

async fn known_duration(clock: Rc<dyn Clock>) -> SelfCheck {
    const DURATION_NS: u64 = 3_000_000;
    let name = "a run of known duration is measured correctly";
    let wait = Known::Wait {
        clock: clock.clone(),
        duration_ns: DURATION_NS,
    };
    match measured(wait, &*clock, 100).await {
        Ok((cell, clock_info)) => {
            let Some(found) = median_ns(&cell) else {
                return check(name, false, format!("{:?}", cell.status));
            };
            // A wait ends up to one step of the clock late. Interruptions may add 1 %.
            let late = found - DURATION_NS as f64;
            let allowed = clock_info.granularity_ns as f64 + DURATION_NS as f64 / 100.0;
            check(
                name,
                late.abs() <= allowed,
                format!(
                    "measured {:.4} ms for a wait of 3 ms, with clock steps of {} ns",
                    found / 1e6,
                    clock_info.granularity_ns
                ),
            )
        }
        Err(error) => check(name, false, error),
    }
}

async fn harness_cost(clock: &dyn Clock) -> SelfCheck {
    let name = "overhead of measuring a run";
    match measured(Known::Nothing, clock, 50).await {
        Ok((cell, _)) => match median_ns(&cell) {
            Some(found) => check(name, true, format!("{found:.0} ns")),
            None => check(name, false, format!("{:?}", cell.status)),
        },
        Err(error) => check(name, false, error),
    }
}

async fn equal_cells(clock: &dyn Clock) -> SelfCheck {
    const MAX_PAIRS: u64 = 40;
    const MIN_PAIRS: u64 = 5;
    const TIME_LIMIT_NS: u64 = 5_000_000_000;
    let name = "one workload measured twice shows no difference";
    let clock_info = match calibrate(clock) {
        Ok(info) => info,
        Err(error) => return check(name, false, error.to_string()),
    };
    let start_ns = clock.now_ns();
    // A coarse clock needs long samples: 40 pairs would take minutes in a browser that is not
    // isolated.
    let wants_more =
        |pairs| pairs < MIN_PAIRS || pairs < MAX_PAIRS && clock.now_ns().saturating_sub(start_ns) < TIME_LIMIT_NS;
    compare_pairs(name, wants_more, async || {
        measured_known(Known::Work, clock, &clock_info, short_rounds(5)).await
    })
    .await
}

async fn equal_real_cells(clock: &dyn Clock, real: &RealCell<'_>) -> SelfCheck {
    let engine = real.engine.info().name;
    let name = format!(
        "{} on {engine} measured twice shows no difference",
        real.workload.model.name
    );
    let computed = async {
        let loaded = real.workload.load(real.engine, clock).await;
        let mut loaded = loaded.map_err(|error| error.to_string())?;
        let outputs = loaded.run(clock).await;
        let clock_info = calibrate(clock).map_err(|error| error.to_string())?;
        Ok((
            real.workload.name_outputs(outputs.map_err(|error| error.to_string())?),
            clock_info,
        ))
    };
    let (reference, clock_info) = match computed.await {
        Ok(computed) => computed,
        Err(error) => return check(&name, false, error),
    };
    let once = async || {
        measured_on(
            real.engine,
            &real.workload,
            &reference,
            clock,
            &clock_info,
            short_rounds(20),
        )
        .await
    };
    compare_pairs(&name, |pairs| pairs < real.pairs, once).await
}

/// Rules for rounds that are just long enough for a median, because the checks look at differences
/// between rounds.
fn short_rounds(min_time_ms: u64) -> Rules {
    Rules {
        min_time_ms,
        max_time_ms: min_time_ms,
        min_samples: 3,
        ..Rules::default()
    }
}

/// Rounds of each cell of a pair. They alternate as in a plan.
const ROUNDS: usize = 5;

/// Measures pairs of equal cells and counts how often the two cells of a pair differ. `wants_more`
/// receives the number of pairs so far and decides whether to measure another.
async fn compare_pairs(name: &str, wants_more: impl Fn(u64) -> bool, mut once: impl AsyncFnMut() -> Cell) -> SelfCheck {
    let (mut pairs, mut compared, mut apart, mut far) = (0, 0, 0, 0);
    let mut widths = Vec::new();
    while wants_more(pairs) {
        let mut cells: [Vec<Vec<f64>>; 2] = [vec![], vec![]];
        for turn in 0..2 * ROUNDS {
            let cell = once().await;
            if cell.status != Status::Measured {
                return check(name, false, format!("{:?}", cell.status));
            }
            // Alternate which of the two comes first.
            cells[(turn + turn / 2) % 2].extend(run_durations_ns(&cell));
        }
        if let Some(ratio) = rounds_ratio(&cells[1], &cells[0], pairs) {
            compared += 1;
            apart += u64::from(ratio.low > 1.0 || ratio.high < 1.0);
            far += u64::from(ratio.low > 1.02 || ratio.high < 0.98);
            widths.push(ratio.relative_half_width() * 100.0);
        }
        pairs += 1;
    }
    // One pair in twenty differs by chance. Allow three standard deviations more.
    let limit = 0.05 * pairs as f64 + 3.0 * (0.05 * 0.95 * pairs as f64).sqrt();
    check(
        name,
        compared == pairs && apart as f64 <= limit,
        format!(
            "{apart} of {compared} pairs differ, {far} by more than 2 % (one in twenty differs by chance); intervals of {ROUNDS} rounds extend {:.1} % to each side",
            median(&widths).unwrap_or(0.0)
        ),
    )
}

async fn wrong_output(clock: &dyn Clock) -> SelfCheck {
    let name = "a wrong output fails the cell";
    match measured(
        Known::WrongAfter {
            runs: 5,
            done: Rc::default(),
        },
        clock,
        10,
    )
    .await
    {
        Ok((cell, _)) => match &cell.status {
            Status::Failed(failure) if failure.kind == FailureKind::Output => {
                check(name, true, failure.message.clone())
            }
            other => check(name, false, format!("{other:?}")),
        },
        Err(error) => check(name, false, error),
    }
}

async fn frozen_clock() -> SelfCheck {
    let name = "a frozen clock is rejected";
    match measured(Known::Nothing, &Frozen, 10).await {
        Ok((cell, _)) => check(name, false, format!("{:?}", cell.status)),
        Err(error) => check(name, true, error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_statistics_pass() {
        for check in [quantiles(), intervals(), equal_series(), slower_series(), shapes()] {
            assert!(check.passed, "{}: {}", check.name, check.detail);
        }
    }
}
