//! Loads, and the largest rate of requests that keeps a goal.

use tare_record::{Arrivals, Failure, FailureKind, Goal, Load, Rate, Rules};

use super::{Run, Stop};
use crate::LoadedWorkload;
use crate::stats::quantile;

/// Trials of the search. They halve the range of possible rates on a logarithmic scale: seven leave 3 %.
const TRIALS: usize = 7;

/// The range of rates, as shares of the rate at which one request after the other is answered. Merged requests and
/// several sessions widen it.
const LEAST: f64 = 0.05;
const MOST: f64 = 1.2;

/// A trial has at least so many requests beyond the goal's share.
const BEYOND: usize = 5;

impl Run<'_> {
    /// Answers requests as the load says. `sessions` holds the model for 1 request, and for more at once.
    pub(super) async fn under_load(
        &mut self,
        load: Load,
        sessions: &mut [(usize, LoadedWorkload<'_>)],
        run_ns: u64,
    ) -> Result<(), Stop> {
        match load.arrivals {
            Arrivals::Goal(goal) => self.search_rate(load, goal, sessions, run_ns).await,
            _ => {
                let request = self.request;
                self.one_load(load, &request.rules, sessions, run_ns).await
            }
        }
    }

    async fn one_load(
        &mut self,
        load: Load,
        rules: &Rules,
        sessions: &mut [(usize, LoadedWorkload<'_>)],
        run_ns: u64,
    ) -> Result<(), Stop> {
        match sessions {
            [(_, loaded)] if self.request.transport.is_some() => {
                self.under_served_load(load, rules, loaded, run_ns).await
            }
            sessions => self.under_own_load(load, rules, sessions, run_ns).await,
        }
    }

    /// Bisects the rate. The requests of the last trial that kept the goal become the samples.
    async fn search_rate(
        &mut self,
        load: Load,
        goal: Goal,
        sessions: &mut [(usize, LoadedWorkload<'_>)],
        run_ns: u64,
    ) -> Result<(), Stop> {
        let rules = trial_rules(&self.request.rules, goal);
        let merged = load.batching.map_or(1, |batching| batching.max_requests) * load.sessions.unwrap_or(1);
        let (mut low, mut high) = (LEAST.ln(), (MOST * merged as f64).ln());
        let mut kept = None;
        for trial in 0..TRIALS {
            // First whether any rate keeps it.
            let rate = if trial == 0 { low } else { f64::midpoint(low, high) };
            #[allow(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "positive, and at most 20 runs"
            )]
            let interval_ns = (run_ns.max(1) as f64 / rate.exp()).round() as u64;
            let trial_load = Load {
                arrivals: Arrivals::Poisson(Rate::IntervalNs(interval_ns.max(1))),
                ..load
            };
            let (phases, rounds) = (self.cell.phases.len(), self.cell.load_rounds.len());
            let ended = self.one_load(trial_load, &rules, sessions, run_ns).await;
            let samples = std::mem::take(&mut self.cell.samples_ns);
            let result = (
                samples,
                self.cell.phases.split_off(phases),
                self.cell.load_rounds.split_off(rounds),
            );
            ended?;
            if keeps(goal, &result.0) && result.2.iter().all(|round| round.dropped + round.unanswered == 0) {
                kept = Some(result);
                low = rate;
            } else if trial == 0 {
                break;
            } else {
                high = rate;
            }
        }
        let Some((samples, phases, rounds)) = kept else {
            let message = format!(
                "no rate keeps the goal of {goal}: at {} % of what the model answers one after the other, more requests take longer",
                LEAST * 100.0
            );
            return Err(Failure::new(FailureKind::Run, message)
                .with_hint("choose a longer time in `arrivals`")
                .into());
        };
        self.cell.samples_ns = samples;
        self.cell.phases.extend(phases);
        self.cell.load_rounds.extend(rounds);
        Ok(())
    }
}

/// The rules of a trial: enough requests to tell the share of the goal.
fn trial_rules(rules: &Rules, goal: Goal) -> Rules {
    let needed = BEYOND * 100 / (100 - goal.percent.min(99) as usize);
    Rules {
        min_samples: rules.min_samples.max(needed),
        max_samples: rules.max_samples.max(needed),
        ..rules.clone()
    }
}

/// Whether the share of the goal was answered in time.
fn keeps(goal: Goal, samples_ns: &[u64]) -> bool {
    let mut sorted: Vec<f64> = samples_ns.iter().map(|&ns| ns as f64).collect();
    sorted.sort_by(f64::total_cmp);
    let time_ns = quantile(&sorted, f64::from(goal.percent) / 100.0);
    time_ns.is_some_and(|time_ns| time_ns <= goal.within_ns as f64)
}
