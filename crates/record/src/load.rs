//! How requests reach a model, and what became of them.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Requests that arrive while others are being answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Load {
    /// When requests arrive.
    pub arrivals: Arrivals,
    /// How waiting requests are merged into one run. `None`: every run answers one request.
    #[serde(default)]
    pub batching: Option<Batching>,
    /// Sessions of a server, or workers of a page, that run at the same time, each with the model in memory. `None`: one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sessions: Option<usize>,
    /// Runs of one session that are under way at the same time, on a GPU. `None`: one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub submissions: Option<usize>,
}

impl Load {
    /// Requests that arrive, each answered by a run of its own.
    pub fn new(arrivals: Arrivals) -> Self {
        Self {
            arrivals,
            batching: None,
            sessions: None,
            submissions: None,
        }
    }
}

/// When requests arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Arrivals {
    /// Closed load: each of these clients sends its next request when it has its answer.
    Clients(usize),
    /// Open load with exponentially distributed distances.
    Poisson(Rate),
    /// Open load with equal distances.
    Constant(Rate),
    /// Open load with exponentially distributed distances, at the largest rate that keeps a goal. It is searched.
    Goal(Goal),
}

/// A time within which a share of all requests has to be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Goal {
    /// The time, from the arrival to the answer.
    pub within_ns: u64,
    /// The share, in percent.
    pub percent: u32,
}

/// How many requests arrive per time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Rate {
    /// Mean time between two arrivals.
    IntervalNs(u64),
    /// Share of the rate at which the model can answer one request after the other, in percent.
    PercentOfCapacity(u32),
}

/// Dynamic batching: a run starts when enough requests wait, or when the oldest has waited for long enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Batching {
    /// Requests that one run answers at most.
    pub max_requests: usize,
    /// How long the oldest request waits for others at most.
    pub max_wait_ns: u64,
}

/// What became of the requests of one round.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LoadRound {
    /// Time from the first arrival to the last answer, without the time in which answers were verified.
    pub duration_ns: u64,
    /// When each request was meant to arrive, from the start of the load, in the order of the answers.
    pub arrivals_ns: Vec<u64>,
    /// How long each waited because others were being answered.
    pub queue_ns: Vec<u64>,
    /// How long each waited for others to join its run.
    pub batching_ns: Vec<u64>,
    /// How long the run took that answered it.
    pub compute_ns: Vec<u64>,
    /// The rest of its time, if a server answered: encoding, sending and decoding request and answer. Empty otherwise.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub transport_ns: Vec<u64>,
    /// Requests that each run answered.
    pub run_requests: Vec<usize>,
    /// Requests that were dropped because too many were waiting.
    pub dropped: u64,
    /// Requests that still waited when the time was over.
    pub unanswered: u64,
    /// Requests that were handed over more than a millisecond after they were meant to arrive, although nothing was being
    /// answered.
    pub late: u64,
}

/// More requests per second than any engine answers.
const MAX_PER_SECOND: f64 = 1e6;

/// Loads above this share of the capacity only fill the queue.
const MAX_PERCENT: u32 = 1_000;

/// As in a plan: `95% within 100 ms`.
fn goal(text: &str) -> Option<Goal> {
    let (share, time) = text.split_once("within")?;
    let percent = share.trim().strip_suffix('%')?.trim().parse().ok()?;
    let within_ms: f64 = time.trim().strip_suffix("ms")?.trim().parse().ok()?;
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most 1e12")]
    let within_ns = (within_ms * 1e6).round() as u64;
    let is_possible = (50..=99).contains(&percent) && (1e-3..=1e6).contains(&within_ms);
    is_possible.then_some(Goal { within_ns, percent })
}

/// As in a plan: `poisson 20/s`, `constant 80%`, `95% within 100 ms`.
impl FromStr for Arrivals {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let expected = || {
            format!(
                "arrivals {text:?}: expected `poisson` or `constant` with a rate above 0 and up to {MAX_PER_SECOND}/s or {MAX_PERCENT}%, \
                 or a share of 50 to 99% and a time, for example \"poisson 20/s\", \"constant 80%\" or \"95% within 100 ms\""
            )
        };
        if text.contains("within") {
            return goal(text).map(Arrivals::Goal).ok_or_else(expected);
        }
        let (kind, rate) = text.trim().split_once(' ').ok_or_else(expected)?;
        let rate = rate.trim();
        let rate = if let Some(percent) = rate.strip_suffix('%') {
            let percent = percent.trim().parse().ok();
            let percent = percent.filter(|percent| (1..=MAX_PERCENT).contains(percent));
            Rate::PercentOfCapacity(percent.ok_or_else(expected)?)
        } else {
            let per_second = rate.strip_suffix("/s").and_then(|rate| rate.trim().parse::<f64>().ok());
            let per_second = per_second.filter(|rate| *rate > 1e-3 && *rate <= MAX_PER_SECOND);
            #[allow(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "between 1e3 and 1e12"
            )]
            let interval_ns = (1e9 / per_second.ok_or_else(expected)?).round() as u64;
            Rate::IntervalNs(interval_ns)
        };
        match kind {
            "poisson" => Ok(Arrivals::Poisson(rate)),
            "constant" => Ok(Arrivals::Constant(rate)),
            _ => Err(expected()),
        }
    }
}

impl fmt::Display for Arrivals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Arrivals::Clients(1) => f.write_str("1 client"),
            Arrivals::Clients(clients) => write!(f, "{clients} clients"),
            Arrivals::Poisson(rate) => write!(f, "Poisson arrivals, {rate}"),
            Arrivals::Constant(rate) => write!(f, "constant arrivals, {rate}"),
            Arrivals::Goal(goal) => write!(f, "the largest rate with {goal}"),
        }
    }
}

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let within_ms = (self.within_ns as f64 / 1e3).round() / 1e3;
        write!(f, "{} % within {within_ms} ms", self.percent)
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Rate::IntervalNs(ns) => write!(f, "{} per second", (1e12 / (*ns).max(1) as f64).round() / 1e3),
            Rate::PercentOfCapacity(percent) => write!(f, "{percent} % of capacity"),
        }
    }
}

/// As in a plan: `8 within 5 ms`.
impl FromStr for Batching {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parsed = text.split_once("within").and_then(|(requests, wait)| {
            let wait = wait.trim().strip_suffix("ms")?;
            Some((requests.trim().parse().ok()?, wait.trim().parse::<f64>().ok()?))
        });
        match parsed {
            Some((max_requests, wait_ms))
                if (2..=64).contains(&max_requests) && (0.0..=10_000.0).contains(&wait_ms) =>
            {
                #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most 1e10")]
                let max_wait_ns = (wait_ms * 1e6).round() as u64;
                Ok(Batching {
                    max_requests,
                    max_wait_ns,
                })
            }
            _ => Err(format!(
                "batching {text:?}: expected `off`, or 2 to 64 requests and a wait of at most 10000 ms, for example \"8 within 5 ms\""
            )),
        }
    }
}

impl fmt::Display for Batching {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let wait_ms = (self.max_wait_ns as f64 / 1e3).round() / 1e3;
        write!(f, "up to {} requests within {wait_ms} ms", self.max_requests)
    }
}

impl fmt::Display for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.arrivals)?;
        if let Some(batching) = &self.batching {
            write!(f, ", {batching}")?;
        }
        for (count, what) in [(self.sessions, "sessions"), (self.submissions, "submissions")] {
            if let Some(count) = count.filter(|&count| count > 1) {
                write!(f, ", {count} {what}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loads_in_words() {
        let arrivals = |text: &str| text.parse::<Arrivals>().unwrap();
        for (text, expected) in [
            ("poisson 20/s", "Poisson arrivals, 20 per second"),
            ("constant 0.5 /s", "constant arrivals, 0.5 per second"),
            ("poisson  80 %", "Poisson arrivals, 80 % of capacity"),
            ("95 % within 2.5 ms", "the largest rate with 95 % within 2.5 ms"),
        ] {
            assert_eq!(arrivals(text).to_string(), expected);
        }
        let load = Load {
            batching: Some("8 within 2.5 ms".parse().unwrap()),
            sessions: Some(2),
            ..Load::new(Arrivals::Clients(4))
        };
        assert_eq!(
            load.to_string(),
            "4 clients, up to 8 requests within 2.5 ms, 2 sessions"
        );
        let load = Load {
            submissions: Some(3),
            ..Load::new(Arrivals::Clients(4))
        };
        assert_eq!(load.to_string(), "4 clients, 3 submissions");
    }

    #[test]
    fn bad_loads_are_refused_with_an_example() {
        for text in [
            "",
            "poisson",
            "poisson 0/s",
            "poisson 1e9/s",
            "poisson -1/s",
            "poisson NaN/s",
            "constant 0%",
            "constant 5000%",
            "often 3/s",
            "constant 20",
            "100% within 5 ms",
            "95% within 0 ms",
            "95% within NaN ms",
            "95 within 5 ms",
        ] {
            let error = text.parse::<Arrivals>().unwrap_err();
            assert!(error.contains("poisson 20/s"), "{error}");
        }
        for text in [
            "",
            "8",
            "1 within 5 ms",
            "65 within 5 ms",
            "8 within 5 s",
            "8 within -1 ms",
            "8 within NaN ms",
        ] {
            let error = text.parse::<Batching>().unwrap_err();
            assert!(error.contains("8 within 5 ms"), "{error}");
        }
    }
}
