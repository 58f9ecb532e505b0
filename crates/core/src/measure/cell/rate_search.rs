//! Loads, and the largest rate of requests that keeps a goal.

use tare_record::{Arrivals, Failure, FailureKind, Goal, Load, LoadRound, Phase, Rate, Rules};

use super::{Run, Stop};
use crate::LoadedWorkload;
use crate::stats::quantile;

/// Trials of the search. The first finds out whether any rate keeps the goal, and each of the others halves the range of
/// possible rates on a logarithmic scale. Six halvings of a range of 24 leave 5 %.
pub const RATE_TRIALS: usize = 7;

/// The range of rates, as shares of the rate at which one request after the other is answered. Merged requests and
/// several sessions widen it.
const LEAST: f64 = 0.05;
const MOST: f64 = 1.2;

/// A trial sends enough requests that this many may miss the goal.
const MISSES: usize = 5;

/// What a trial measured.
struct Trial {
    samples_ns: Vec<u64>,
    phases: Vec<Phase>,
    rounds: Vec<LoadRound>,
}

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
                self.one_load(load, &request.rules, None, sessions, run_ns).await
            }
        }
    }

    async fn one_load(
        &mut self,
        load: Load,
        rules: &Rules,
        give_up: Option<GiveUp>,
        sessions: &mut [(usize, LoadedWorkload<'_>)],
        run_ns: u64,
    ) -> Result<(), Stop> {
        match sessions {
            [(_, loaded)] if self.request.transport.is_some() || load.submissions.is_some() => {
                self.under_served_load(load, rules, give_up, loaded, run_ns).await
            }
            sessions => self.under_own_load(load, rules, give_up, sessions, run_ns).await,
        }
    }

    /// Bisects the rate. The requests of the last trial that kept the goal become the samples, also if the search is
    /// interrupted.
    async fn search_rate(
        &mut self,
        load: Load,
        goal: Goal,
        sessions: &mut [(usize, LoadedWorkload<'_>)],
        run_ns: u64,
    ) -> Result<(), Stop> {
        let rules = trial_rules(&self.request.rules, goal);
        let at_once =
            load.batching.map_or(1, |batching| batching.max_requests) * load.sessions.or(load.submissions).unwrap_or(1);
        let (mut low, mut high) = (LEAST.ln(), (MOST * at_once as f64).ln());
        let mut kept: Option<Trial> = None;
        let mut ended = Ok(());
        for number in 0..RATE_TRIALS {
            let rate = if number == 0 { low } else { f64::midpoint(low, high) };
            #[allow(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "positive, and at most 20 runs"
            )]
            let interval_ns = (run_ns.max(1) as f64 / rate.exp()).round() as u64;
            let at_rate = Load {
                arrivals: Arrivals::Poisson(Rate::IntervalNs(interval_ns.max(1))),
                ..load
            };
            let (phases, rounds) = (self.cell.phases.len(), self.cell.load_rounds.len());
            let give_up = GiveUp::of_trial(goal, &rules, interval_ns);
            ended = self.one_load(at_rate, &rules, Some(give_up), sessions, run_ns).await;
            let trial = Trial {
                samples_ns: std::mem::take(&mut self.cell.samples_ns),
                phases: self.cell.phases.split_off(phases),
                rounds: self.cell.load_rounds.split_off(rounds),
            };
            match ended {
                Err(_) => break,
                Ok(()) if trial.keeps(goal) => {
                    kept = Some(trial);
                    low = rate;
                }
                Ok(()) if number == 0 => break,
                Ok(()) => high = rate,
            }
        }
        if let Some(trial) = kept {
            self.cell.samples_ns = trial.samples_ns;
            self.cell.phases.extend(trial.phases);
            self.cell.load_rounds.extend(trial.rounds);
            return ended;
        }
        ended?;
        let message = format!(
            "no rate keeps the goal of {goal}: even at {:.0} % of what the model answers one after the other, too many requests take longer",
            LEAST * 100.0
        );
        Err(Failure::new(FailureKind::Run, message)
            .with_hint("choose a longer time in `arrivals`")
            .into())
    }
}

impl Trial {
    /// Whether the share of the goal was answered in time, and no request was lost.
    fn keeps(&self, goal: Goal) -> bool {
        let mut sorted: Vec<f64> = self.samples_ns.iter().map(|&ns| ns as f64).collect();
        sorted.sort_unstable_by(f64::total_cmp);
        let time_ns = quantile(&sorted, f64::from(goal.percent) / 100.0);
        time_ns.is_some_and(|time_ns| time_ns <= goal.within_ns as f64)
            && self.rounds.iter().all(|round| round.dropped + round.unanswered == 0)
    }
}

/// When a trial has missed its goal, and ends early.
#[derive(Clone, Copy)]
pub(super) struct GiveUp {
    within_ns: u64,
    allowed: f64,
    misses: u64,
}

impl GiveUp {
    /// More misses than the goal allows among all requests that the trial may have. They arrive every `interval_ns` on
    /// average, and four standard deviations more are hardly possible.
    fn of_trial(goal: Goal, rules: &Rules, interval_ns: u64) -> Self {
        let in_time = rules.min_time_ms as f64 * 1e6 / interval_ns.max(1) as f64;
        let most = (in_time + 4.0 * in_time.sqrt()).max(rules.min_samples as f64);
        Self {
            within_ns: goal.within_ns,
            allowed: most * f64::from(100 - goal.percent.min(100)) / 100.0,
            misses: 0,
        }
    }

    /// Counts a request by its duration. Returns whether too many have missed.
    pub(super) fn is_due(&mut self, duration_ns: u64) -> bool {
        self.misses += u64::from(duration_ns > self.within_ns);
        self.misses as f64 > self.allowed
    }
}

/// The rules of a trial: enough requests to tell the share of the goal.
fn trial_rules(rules: &Rules, goal: Goal) -> Rules {
    let needed = MISSES * 100 / (100 - goal.percent.min(99) as usize);
    Rules {
        min_samples: rules.min_samples.max(needed),
        max_samples: rules.max_samples.max(needed),
        ..rules.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trial_ends_when_more_requests_have_missed_than_it_allows() {
        let goal = Goal {
            within_ns: 10,
            percent: 95,
        };
        // 1,000 requests in a second and 126 more by chance, or at least 100.
        for (interval_ns, allowed) in [(1_000_000, 56), (1_000_000_000, 5)] {
            let rules = Rules {
                min_time_ms: 1_000,
                min_samples: 100,
                ..Rules::default()
            };
            let mut give_up = GiveUp::of_trial(goal, &rules, interval_ns);
            assert!((0..400).all(|_| !give_up.is_due(10)), "{interval_ns}");
            assert!((0..allowed).all(|_| !give_up.is_due(11)), "{interval_ns}");
            assert!(give_up.is_due(11), "{interval_ns}");
        }
    }
}
