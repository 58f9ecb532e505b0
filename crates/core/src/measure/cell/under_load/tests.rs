#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use async_trait::async_trait;
use bytes::Bytes;
use tare_record::{
    Cell, CellRequest, EngineInfo, EngineName, EnvironmentKind, Failure, Load, ModelSource, Rules, Status,
};

use super::super::simulated::{MS, Quiet, READ_NS, SimulatedClock, clock_info, items, workload};
use crate::{Clock, Engine, Loaded, NamedTensor, Session, SessionInfo, Tensor, TensorData, measure};

/// An engine that takes `base_ns`, and `item_ns` for each item of the batch. Items from number `wrong_from` on are
/// wrong if more than one request is answered at once.
#[derive(Clone)]
struct SimulatedEngine {
    clock: SimulatedClock,
    base_ns: u64,
    item_ns: u64,
    wrong_from: usize,
}

#[async_trait(?Send)]
impl Engine for SimulatedEngine {
    fn info(&self) -> EngineInfo {
        EngineInfo {
            name: EngineName::Tract,
            version: "simulated".into(),
            settings: Default::default(),
        }
    }

    async fn load(&self, _: Bytes, _: &[NamedTensor], _: &dyn Clock) -> Result<Loaded, Failure> {
        Ok(Loaded {
            session: Box::new(self.clone()),
            phases: vec![],
        })
    }
}

#[async_trait(?Send)]
impl Session for SimulatedEngine {
    async fn run(&mut self, inputs: &[NamedTensor]) -> Result<Vec<Tensor>, Failure> {
        let items = inputs[0].tensor.shape()[0];
        let time = &self.clock.0;
        time.set(time.get() + self.base_ns + self.item_ns * items as u64);
        let values = (0..items).map(|item| if items > 1 && item >= self.wrong_from { 3.0 } else { 2.0 });
        Ok(vec![
            Tensor::new(vec![items], TensorData::F32(values.collect())).unwrap(),
        ])
    }

    fn info(&self) -> SessionInfo {
        SessionInfo::default()
    }
}

struct Simulated {
    arrivals: &'static str,
    clients: usize,
    batching: Option<&'static str>,
    base_ns: u64,
    item_ns: u64,
    wrong_from: usize,
    min_samples: usize,
    max_time_ms: u64,
    cell_limit_s: u64,
}

impl Default for Simulated {
    fn default() -> Self {
        Self {
            arrivals: "",
            clients: 1,
            batching: None,
            base_ns: MS,
            item_ns: 0,
            wrong_from: usize::MAX,
            min_samples: 200,
            max_time_ms: 1_000_000,
            cell_limit_s: 1_000_000,
        }
    }
}

impl Simulated {
    fn measure(self) -> Cell {
        let clock = SimulatedClock::default();
        let engine = SimulatedEngine {
            clock: clock.clone(),
            base_ns: self.base_ns,
            item_ns: self.item_ns,
            wrong_from: self.wrong_from,
        };
        let arrivals = match self.arrivals {
            "" => tare_record::Arrivals::Clients(self.clients),
            text => text.parse().unwrap(),
        };
        let request = CellRequest {
            load: Some(Load {
                batching: self.batching.map(|text| text.parse().unwrap()),
                ..Load::new(arrivals)
            }),
            rules: Rules {
                min_time_ms: 1,
                min_samples: self.min_samples,
                max_samples: 100_000,
                max_time_ms: self.max_time_ms,
                min_warmup_ms: 1,
                cell_limit_s: self.cell_limit_s,
                ..Rules::default()
            },
            ..CellRequest::new(
                EngineName::Tract,
                EnvironmentKind::Native,
                ModelSource::BuiltIn {
                    name: "simulated".into(),
                },
                clock_info(),
            )
        };
        let mut one = workload(1);
        if self.batching.is_some() {
            one.merged = [2, 4, 8].map(|items| (items, workload(items))).into();
        }
        let reference = [items("y", vec![2.0])];
        pollster::block_on(measure(&request, one, &engine, &reference, vec![], &clock, &mut Quiet)).0
    }
}

fn mean(values: &[u64]) -> f64 {
    values.iter().sum::<u64>() as f64 / values.len() as f64
}

#[test]
fn one_client_never_waits() {
    let cell = Simulated::default().measure();
    assert_eq!(cell.status, Status::Measured);
    let round = &cell.load_rounds[0];
    let answered = cell.samples_ns.len();
    assert!(answered >= 200);
    assert!(
        cell.samples_ns.iter().all(|&ns| ns.abs_diff(MS) < 10 * READ_NS),
        "{:?}",
        cell.samples_ns
    );
    assert!(mean(&round.queue_ns) < 10.0 * READ_NS as f64);
    assert_eq!((round.dropped, round.late), (0, 0));
    let throughput = answered as f64 / (round.duration_ns as f64 / 1e9);
    assert!((throughput / 1_000.0 - 1.0).abs() < 0.01, "{throughput}");
}

#[test]
fn clients_wait_for_each_other() {
    let cell = Simulated {
        clients: 4,
        ..Simulated::default()
    }
    .measure();
    let round = &cell.load_rounds[0];
    assert!((mean(&round.compute_ns) / 1e6 - 1.0).abs() < 0.01);
    let waits = &round.queue_ns[10..190];
    assert!(
        (mean(waits) / 3e6 - 1.0).abs() < 0.01,
        "three others are answered first: {}",
        mean(waits)
    );
}

/// Pollaczek and Khinchine, for runs of equal length: requests wait for ρ / (2 (1 - ρ)) runs on average.
#[test]
fn waiting_times_follow_queueing_theory() {
    for (arrivals, load) in [("poisson 50%", 0.5), ("poisson 80%", 0.8)] {
        let cell = Simulated {
            arrivals,
            min_samples: 20_000,
            ..Simulated::default()
        }
        .measure();
        let waited = mean(&cell.load_rounds[0].queue_ns) / 1e6;
        let expected = load / (2.0 * (1.0 - load));
        assert!(
            (waited / expected - 1.0).abs() < 0.1,
            "{arrivals}: {waited} instead of {expected} runs"
        );
    }
    let cell = Simulated {
        arrivals: "constant 90%",
        ..Simulated::default()
    }
    .measure();
    assert!(
        mean(&cell.load_rounds[0].queue_ns) < 10.0 * READ_NS as f64,
        "none waits without chance"
    );
}

#[test]
fn batching_merges_the_requests_that_wait() {
    let batched = Simulated {
        clients: 8,
        batching: Some("8 within 5 ms"),
        item_ns: MS / 10,
        ..Simulated::default()
    }
    .measure();
    let round = &batched.load_rounds[0];
    assert!(
        round.run_requests.iter().all(|&count| count == 8),
        "{:?}",
        round.run_requests
    );
    assert!((mean(&round.compute_ns) / 1.8e6 - 1.0).abs() < 0.01);
    assert_eq!(
        batched.verification.unwrap().digests[0].runs,
        batched.samples_ns.len() as u64,
        "each answer is verified"
    );

    let few = Simulated {
        clients: 3,
        batching: Some("8 within 5 ms"),
        ..Simulated::default()
    }
    .measure();
    let round = &few.load_rounds[0];
    assert!(round.run_requests.iter().all(|&count| count == 3));
    assert!(
        (mean(&round.batching_ns) / 5e6 - 1.0).abs() < 0.01,
        "they wait for others in vain"
    );
}

#[test]
fn a_wrong_answer_among_merged_requests_is_found() {
    let cell = Simulated {
        clients: 8,
        batching: Some("8 within 5 ms"),
        wrong_from: 1,
        ..Simulated::default()
    }
    .measure();
    assert!(matches!(cell.status, Status::Failed(_)), "{:?}", cell.status);
}

#[test]
fn too_much_load_ends_at_the_time_limit_with_what_was_not_answered() {
    let cell = Simulated {
        arrivals: "constant 200%",
        min_samples: 100_000,
        max_time_ms: 3_000,
        ..Simulated::default()
    }
    .measure();
    assert_eq!(cell.status, Status::Measured);
    let round = &cell.load_rounds[0];
    assert!(round.duration_ns.abs_diff(3_000 * MS) < 10 * MS);
    let answered = cell.samples_ns.len() as f64;
    assert!((answered / 3_000.0 - 1.0).abs() < 0.01);
    assert!(
        ((round.dropped + round.unanswered) as f64 / 3_000.0 - 1.0).abs() < 0.01,
        "half of all"
    );
}

#[test]
fn the_largest_rate_that_keeps_a_goal_is_found() {
    // Runs of 1 ms, one after the other. At load r, the tail of the waiting time falls with exp(-t x), where
    // r (exp(x) - 1) = x: 95 % are answered within 3 ms at about half the capacity, and within 10 ms at about 85 %.
    let per_second = |arrivals| {
        let cell = Simulated {
            arrivals,
            min_samples: 2_000,
            max_time_ms: 1_000_000,
            ..Simulated::default()
        }
        .measure();
        assert_eq!(cell.status, Status::Measured, "{arrivals}");
        let round = &cell.load_rounds[0];
        assert_eq!(cell.load_rounds.len(), 1, "trials that were not kept leave nothing");
        assert_eq!(round.arrivals_ns.len(), cell.samples_ns.len());
        cell.samples_ns.len() as f64 * 1e9 / round.duration_ns as f64
    };
    let (tight, loose) = (per_second("95% within 3 ms"), per_second("95% within 10 ms"));
    assert!((300.0..600.0).contains(&tight), "{tight}");
    assert!((750.0..950.0).contains(&loose), "{loose}");
    let impossible = Simulated {
        arrivals: "95% within 0.5 ms",
        min_samples: 100,
        ..Simulated::default()
    };
    let failed = impossible.measure().status;
    assert!(
        matches!(&failed, Status::Failed(failure) if failure.message.contains("no rate keeps the goal")),
        "{failed:?}"
    );
}

#[test]
fn a_search_that_is_interrupted_keeps_what_it_found() {
    // The first trial takes 40 s, at 50 requests per second.
    let cell = Simulated {
        arrivals: "95% within 10 ms",
        min_samples: 2_000,
        max_time_ms: 1_000_000,
        cell_limit_s: 42,
        ..Simulated::default()
    }
    .measure();
    assert!(matches!(cell.status, Status::TimedOut(_)), "{:?}", cell.status);
    assert!(
        cell.samples_ns.len() >= 2_000 && cell.load_rounds.len() == 1,
        "{}",
        cell.samples_ns.len()
    );
}
