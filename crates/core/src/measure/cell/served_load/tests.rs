#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::cell::Cell as Slot;
use std::rc::Rc;

use async_trait::async_trait;
use bytes::Bytes;
use tare_record::{Cell, CellRequest, EngineInfo, EngineName, EnvironmentKind, ModelSource, Rules, Status, Transport};

use super::super::simulated::{MS, Quiet, SimulatedClock, clock_info, items, workload};
use super::*;
use crate::{Engine, Loaded, SessionInfo, TensorData, measure};

/// What a request and its answer take in transit.
const TRANSPORT_NS: u64 = MS / 2;

/// A client of a server that answers one request after the other, each in `service_ns`.
#[derive(Clone)]
struct SimulatedClient {
    clock: SimulatedClock,
    service_ns: u64,
    /// When the server has answered all requests so far.
    free_ns: Rc<Slot<u64>>,
    runs: Rc<Slot<u64>>,
    /// The run that fails.
    fails_at: u64,
    /// Otherwise a device that runs one submission after the other, and says nothing about them.
    is_server: bool,
    times: ServerTimes,
}

#[async_trait(?Send)]
impl Engine for SimulatedClient {
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
impl Session for SimulatedClient {
    async fn run(&mut self, _: &[NamedTensor]) -> Result<Vec<Tensor>, Failure> {
        let arrived_ns = self.clock.now_ns();
        let started_ns = arrived_ns.max(self.free_ns.get());
        self.free_ns.set(started_ns + self.service_ns);
        let run = self.runs.get();
        self.runs.set(run + 1);
        self.times = ServerTimes {
            queue_ns: started_ns - arrived_ns,
            batching_ns: 0,
            compute_ns: self.service_ns,
            run,
            requests: 1,
        };
        let answered_ns = started_ns + self.service_ns + TRANSPORT_NS;
        self.clock.sleep(answered_ns.saturating_sub(self.clock.now_ns())).await;
        if run == self.fails_at {
            return Err(Failure::new(FailureKind::Run, "the server went away"));
        }
        Ok(vec![Tensor::new(vec![1], TensorData::F32(vec![2.0])).unwrap()])
    }

    fn info(&self) -> SessionInfo {
        SessionInfo::default()
    }

    fn another_client(&self) -> Option<Box<dyn Session>> {
        Some(Box::new(self.clone()))
    }

    fn server_times(&self) -> Option<ServerTimes> {
        self.is_server.then_some(self.times)
    }
}

fn under(arrivals: Arrivals, fails_at: u64) -> Cell {
    measured(Load::new(arrivals), Some(Transport::Grpc), fails_at)
}

fn measured(load: Load, transport: Option<Transport>, fails_at: u64) -> Cell {
    let clock = SimulatedClock::default();
    let client = SimulatedClient {
        clock: clock.clone(),
        service_ns: 2 * MS,
        free_ns: Rc::default(),
        runs: Rc::default(),
        fails_at,
        is_server: transport.is_some(),
        times: ServerTimes::default(),
    };
    let model = ModelSource::BuiltIn { name: "fake".into() };
    let request = CellRequest {
        load: Some(load),
        transport,
        rules: Rules {
            min_time_ms: 400,
            max_time_ms: 2_000,
            min_samples: 100,
            min_warmup_ms: 0,
            ..Rules::default()
        },
        ..CellRequest::new(EngineName::Tract, EnvironmentKind::Native, model, clock_info())
    };
    let reference = [items("y", vec![2.0])];
    let mut observer = Quiet;
    let measured = measure(
        &request,
        workload(1),
        &client,
        &reference,
        vec![],
        &clock,
        &mut observer,
    );
    pollster::block_on(measured).0
}

fn mean(values: &[u64]) -> f64 {
    values.iter().sum::<u64>() as f64 / values.len() as f64 / MS as f64
}

#[test]
fn clients_share_a_server_and_the_parts_of_their_time_are_told_apart() {
    for (clients, latency_ms, per_second) in [(1, 2.5, 400.0), (4, 8.0, 500.0)] {
        let cell = under(Arrivals::Clients(clients), u64::MAX);
        assert_eq!(cell.status, Status::Measured);
        let round = &cell.load_rounds[0];
        let count = cell.samples_ns.len() as f64;
        assert!(
            (mean(&cell.samples_ns) - latency_ms).abs() < 0.2,
            "{clients}: {}",
            mean(&cell.samples_ns)
        );
        let rate = count * 1e9 / round.duration_ns as f64;
        assert!((rate / per_second - 1.0).abs() < 0.03, "{clients}: {rate}");
        assert!(
            (mean(&round.transport_ns) - 0.5).abs() < 0.1,
            "{}",
            mean(&round.transport_ns)
        );
        assert!((mean(&round.compute_ns) - 2.0).abs() < 1e-9);
        let digests = &cell.verification.as_ref().unwrap().digests;
        assert_eq!(digests[0].runs as f64, count, "every answer is verified");
        assert_eq!((round.late, round.dropped), (0, 0));
    }
}

#[test]
fn a_device_computes_while_other_results_are_read() {
    for (submissions, per_second) in [(1, 400.0), (2, 500.0)] {
        let load = Load {
            submissions: Some(submissions),
            ..Load::new(Arrivals::Clients(4))
        };
        let cell = measured(load, None, u64::MAX);
        assert_eq!(cell.status, Status::Measured);
        let round = &cell.load_rounds[0];
        let count = cell.samples_ns.len();
        let rate = count as f64 * 1e9 / round.duration_ns as f64;
        assert!((rate / per_second - 1.0).abs() < 0.03, "{submissions}: {rate}");
        assert_eq!(round.run_requests, vec![1; count]);
        assert!(round.transport_ns.is_empty());
        let at_once = mean(&round.compute_ns) / mean(&cell.samples_ns) * 4.0;
        assert!((at_once - submissions as f64).abs() < 0.1, "{submissions}: {at_once}");
    }
}

#[test]
fn a_schedule_does_not_wait_for_answers() {
    let cell = under("constant 250/s".parse().unwrap(), u64::MAX);
    let round = &cell.load_rounds[0];
    assert_eq!(round.late, 0);
    let distances: Vec<u64> = round.arrivals_ns.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(distances.iter().all(|&distance| distance == 4 * MS), "{distances:?}");
    assert!((mean(&cell.samples_ns) - 2.5).abs() < 0.1, "{}", mean(&cell.samples_ns));
}

#[test]
fn a_server_that_goes_away_fails_the_cell_and_keeps_the_answers() {
    let cell = under(Arrivals::Clients(2), 60);
    assert!(matches!(&cell.status, Status::Failed(failure) if failure.message.contains("went away")));
    assert!(cell.samples_ns.len() > 30, "{}", cell.samples_ns.len());
}
