//! When requests arrive.

use std::collections::VecDeque;

use tare_record::{Arrivals, Rate};

use crate::Random;

/// More waiting requests than this are dropped: the load is beyond what the engine can answer, and the queue would
/// grow until the end.
const MAX_WAITING: usize = 1_000;

/// Requests that wait, and those to come. Times are nanoseconds from the start of the load.
///
/// Arrivals of open load are drawn from the seed alone, so they do not depend on how fast requests are answered. The
/// time of a request counts from its arrival even if nothing could receive it then: otherwise a slow answer would hide
/// that others had to wait (Tene, "How NOT to Measure Latency", 2015).
pub(super) struct ArrivalQueue {
    /// Arrivals of the requests that wait, oldest first.
    waiting: VecDeque<u64>,
    next: Next,
    /// No request arrives at this time or later.
    end_ns: u64,
    /// Requests that were dropped.
    pub(super) dropped: u64,
}

enum Next {
    /// Clients send a request when they have an answer.
    Clients,
    /// The next arrival, and the distances of those that follow.
    At {
        next_ns: f64,
        interval_ns: f64,
        random: Option<Random>,
    },
}

impl ArrivalQueue {
    /// `run_ns` is how long a run takes, and `round` tells the schedules of rounds apart.
    pub(super) fn new(arrivals: Arrivals, run_ns: u64, seed: u64, round: usize) -> Self {
        let interval_ns = |rate: Rate| match rate {
            Rate::IntervalNs(interval_ns) => interval_ns as f64,
            Rate::PercentOfCapacity(percent) => run_ns.max(1) as f64 * 100.0 / f64::from(percent.max(1)),
        };
        let (clients, next) = match arrivals {
            Arrivals::Goal(_) => unreachable!("the search turns a goal into rates"),
            Arrivals::Clients(clients) => (clients, Next::Clients),
            Arrivals::Constant(rate) => {
                let interval_ns = interval_ns(rate);
                let random = None;
                (
                    0,
                    Next::At {
                        next_ns: 0.0,
                        interval_ns,
                        random,
                    },
                )
            }
            Arrivals::Poisson(rate) => {
                let interval_ns = interval_ns(rate);
                let random = Some(Random::new(seed, &format!("arrivals {round}")));
                (
                    0,
                    Next::At {
                        next_ns: 0.0,
                        interval_ns,
                        random,
                    },
                )
            }
        };
        Self {
            waiting: std::iter::repeat_n(0, clients).collect(),
            next,
            end_ns: u64::MAX,
            dropped: 0,
        }
    }

    /// No request arrives from now on.
    pub(super) fn end(&mut self, now_ns: u64) {
        self.end_ns = self.end_ns.min(now_ns);
    }

    /// Takes in all requests that have arrived.
    pub(super) fn admit(&mut self, now_ns: u64) {
        while let Some(arrival_ns) = self.next_ns().filter(|&arrival_ns| arrival_ns <= now_ns) {
            if self.waiting.len() < MAX_WAITING {
                self.waiting.push_back(arrival_ns);
            } else {
                self.dropped += 1;
            }
            if let Next::At {
                next_ns,
                interval_ns,
                random,
            } = &mut self.next
            {
                *next_ns += *interval_ns * random.as_mut().map_or(1.0, exponential);
            }
        }
    }

    /// When the next request arrives. `None` if none does, or only after an answer.
    pub(super) fn next_ns(&self) -> Option<u64> {
        match &self.next {
            Next::Clients => None,
            Next::At { next_ns, .. } => {
                #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a positive time")]
                let next_ns = next_ns.round() as u64;
                (next_ns < self.end_ns).then_some(next_ns)
            }
        }
    }

    /// Arrival of the oldest request that waits.
    pub(super) fn oldest_ns(&self) -> Option<u64> {
        self.waiting.front().copied()
    }

    /// Number of requests that wait.
    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Takes the oldest requests, at most `count`.
    pub(super) fn take(&mut self, count: usize) -> Vec<u64> {
        let count = count.min(self.waiting.len());
        self.waiting.drain(..count).collect()
    }

    /// Some requests were answered: clients send their next ones.
    pub(super) fn answered(&mut self, count: usize, now_ns: u64) {
        if matches!(self.next, Next::Clients) && now_ns < self.end_ns {
            self.waiting.extend(std::iter::repeat_n(now_ns, count));
        }
    }
}

/// Exponentially distributed with mean 1, by inversion.
fn exponential(random: &mut Random) -> f64 {
    // 53 bits; never 0.
    let uniform = ((random.next_u64() >> 11) as f64 + 1.0) / 9_007_199_254_740_992.0;
    -uniform.ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(arrivals: &str, seed: u64, until_ns: u64) -> Vec<u64> {
        let mut queue = ArrivalQueue::new(arrivals.parse().unwrap(), 1_000_000, seed, 1);
        queue.end(until_ns);
        let mut all = Vec::new();
        while let Some(next_ns) = queue.next_ns() {
            queue.admit(next_ns);
            all.extend(queue.take(usize::MAX));
        }
        all
    }

    #[test]
    fn constant_arrivals_keep_their_distance() {
        assert_eq!(
            schedule("constant 1000/s", 0, 3_500_000),
            [0, 1_000_000, 2_000_000, 3_000_000]
        );
        assert_eq!(schedule("constant 200%", 0, 1_100_000), [0, 500_000, 1_000_000]);
    }

    #[test]
    fn poisson_arrivals_have_the_mean_and_the_spread_of_their_rate() {
        let all = schedule("poisson 1000/s", 7, 20_000_000_000);
        let distances: Vec<f64> = all.windows(2).map(|pair| (pair[1] - pair[0]) as f64).collect();
        let mean = distances.iter().sum::<f64>() / distances.len() as f64;
        let variance = distances.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / distances.len() as f64;
        assert!((mean / 1e6 - 1.0).abs() < 0.02, "{mean}");
        assert!(
            (variance.sqrt() / mean - 1.0).abs() < 0.03,
            "the spread equals the mean"
        );
        assert_eq!(all, schedule("poisson 1000/s", 7, 20_000_000_000));
        assert_ne!(all, schedule("poisson 1000/s", 8, 20_000_000_000));
    }

    #[test]
    fn clients_wait_for_their_answers() {
        let mut queue = ArrivalQueue::new(Arrivals::Clients(3), 1, 0, 1);
        queue.admit(5);
        assert_eq!((queue.len(), queue.next_ns()), (3, None));
        assert_eq!(queue.take(2), [0, 0]);
        queue.answered(2, 10);
        assert_eq!((queue.len(), queue.oldest_ns()), (3, Some(0)));
        queue.end(20);
        queue.answered(1, 21);
        assert_eq!(queue.take(9), [0, 10, 10]);
    }

    #[test]
    fn a_queue_that_grows_without_end_drops_requests() {
        let mut queue = ArrivalQueue::new("constant 1000000/s".parse().unwrap(), 1, 0, 1);
        queue.admit(1_999_000);
        assert_eq!((queue.len(), queue.dropped), (1_000, 1_000));
    }
}
