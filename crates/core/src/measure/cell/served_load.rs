//! Requests that are under way at the same time: to a server or to workers, or submitted to a GPU.

use std::cell::RefCell;
use std::collections::BTreeSet;

use futures_util::future::{Either, join_all, select};
use tare_record::{Arrivals, Failure, FailureKind, Load, LoadRound, PhaseName, Rules};

use super::rate_search::GiveUp;
use super::{PROGRESS_INTERVAL_NS, Run, Stop, percent};
use crate::measure::arrivals::ArrivalQueue;
use crate::{Clock, LoadedWorkload, NamedTensor, ServerTimes, Session, Tensor};

/// Requests of an open load that are under way at most. Those that arrive meanwhile wait with the client.
const CONNECTIONS: usize = 32;

/// A request that is sent later than this although a connection was free makes its time doubtful.
const LATE_NS: u64 = 1_000_000;

/// A request with its answer. Times count from the start of the load.
struct Answered {
    arrival_ns: u64,
    sent_ns: u64,
    answered_ns: u64,
    /// `None` if no server answered.
    server: Option<ServerTimes>,
}

/// What all clients share.
struct Shared {
    queue: ArrivalQueue,
    answered: Vec<Answered>,
    give_up: Option<GiveUp>,
    /// Every distinct answer, and how often it came.
    outputs: Vec<(Vec<Tensor>, u64)>,
    late: u64,
    failure: Option<Failure>,
    is_over: bool,
}

/// When a load ends.
struct Limits {
    min_time_ns: u64,
    max_time_ns: u64,
    min_samples: usize,
    max_samples: usize,
}

impl Limits {
    /// How much of the load is done, in percent.
    fn done(&self, time_ns: u64, count: usize) -> u8 {
        percent(time_ns, self.min_time_ns).min(percent(count as u64, self.min_samples as u64))
    }
}

impl Shared {
    fn add(&mut self, answer: Answered, outputs: Vec<Tensor>, limits: &Limits) {
        let now_ns = answer.answered_ns;
        match self.outputs.iter_mut().find(|(known, _)| *known == outputs) {
            Some((_, count)) => *count += 1,
            None => self.outputs.push((outputs, 1)),
        }
        let duration_ns = answer.answered_ns.saturating_sub(answer.arrival_ns);
        self.answered.push(answer);
        let count = self.answered.len();
        if limits.done(now_ns, count) >= 100 || count >= limits.max_samples {
            self.queue.end(now_ns);
        }
        let is_missed = self.give_up.as_mut().is_some_and(|give_up| give_up.is_due(duration_ns));
        self.is_over |= is_missed || now_ns >= limits.max_time_ns;
        self.queue.answered(1, now_ns);
    }
}

impl Run<'_> {
    /// Sends requests until the rules are met. `run_ns` is how long it takes to answer one.
    pub(super) async fn under_served_load(
        &mut self,
        load: Load,
        rules: &Rules,
        give_up: Option<GiveUp>,
        loaded: &LoadedWorkload<'_>,
        run_ns: u64,
    ) -> Result<(), Stop> {
        let limits = Limits {
            min_time_ns: rules.min_time_ms.saturating_mul(1_000_000),
            max_time_ns: rules.max_time_ms.saturating_mul(1_000_000),
            min_samples: rules.min_samples,
            max_samples: rules.max_samples,
        };
        let shared = RefCell::new(Shared {
            queue: ArrivalQueue::new(load.arrivals, run_ns, self.request.seed, self.request.round),
            answered: vec![],
            give_up,
            outputs: vec![],
            late: 0,
            failure: None,
            is_over: false,
        });
        let count = match (load.submissions, load.arrivals) {
            (Some(submissions), _) => submissions,
            (None, Arrivals::Clients(clients)) => clients,
            (None, _) => CONNECTIONS,
        };
        let sessions: Option<Vec<_>> = (0..count).map(|_| loaded.another_client()).collect();
        let sessions = sessions.ok_or_else(|| {
            let message =
                "runs of this model follow each other here: it consists of several networks, or computes on the CPU";
            Failure::new(FailureKind::Unsupported, message)
                .with_hint("submissions need one network on burn-wgpu; on the CPU, use `sessions` with a transport")
        })?;
        let (clock, start_ns) = (self.clock, self.clock.now_ns());
        let inputs = &self.workload.inputs;
        let all = sessions
            .into_iter()
            .map(|session| client(session, inputs, clock, start_ns, &shared, &limits));
        let mut clients = join_all(all);
        let stop = loop {
            match select(clients, clock.sleep(PROGRESS_INTERVAL_NS)).await {
                Either::Left(_) => break Ok(()),
                Either::Right((_, waiting)) => clients = waiting,
            }
            let done = limits.done(clock.now_ns() - start_ns, shared.borrow().answered.len());
            if let Err(stop) = self.check("load", done.min(99)) {
                drop(clients);
                break Err(stop);
            }
        };
        let shared = shared.into_inner();
        self.record_load(&shared);
        for (outputs, count) in shared.outputs {
            self.verify_runs(outputs, count)?;
        }
        match shared.failure {
            Some(failure) => Err(failure.into()),
            None => stop,
        }
    }

    /// Adds what became of the requests to the cell.
    fn record_load(&mut self, shared: &Shared) {
        let mut round = LoadRound {
            dropped: shared.queue.dropped,
            unanswered: shared.queue.len() as u64,
            late: shared.late,
            ..LoadRound::default()
        };
        let mut runs = BTreeSet::new();
        for answer in &shared.answered {
            let waited_ns = answer.sent_ns.saturating_sub(answer.arrival_ns);
            let under_way_ns = answer.answered_ns.saturating_sub(answer.sent_ns);
            // A clock that is coarser than a request would make it take no time.
            self.cell.samples_ns.push((waited_ns + under_way_ns).max(1));
            round.arrivals_ns.push(answer.arrival_ns);
            round.duration_ns = round.duration_ns.max(answer.answered_ns);
            match &answer.server {
                Some(server) => {
                    let in_server_ns = server.queue_ns + server.batching_ns + server.compute_ns;
                    round.queue_ns.push(waited_ns + server.queue_ns);
                    round.batching_ns.push(server.batching_ns);
                    round.compute_ns.push(server.compute_ns);
                    round.transport_ns.push(under_way_ns.saturating_sub(in_server_ns));
                    if runs.insert(server.run) {
                        round.run_requests.push(server.requests);
                    }
                }
                None => {
                    round.queue_ns.push(waited_ns);
                    round.batching_ns.push(0);
                    round.compute_ns.push(under_way_ns);
                    round.run_requests.push(1);
                }
            }
        }
        self.phase(PhaseName::Steady, round.duration_ns);
        self.cell.load_rounds.push(round);
    }
}

/// Sends requests one after another until none are left.
async fn client(
    mut session: Box<dyn Session>,
    inputs: &[NamedTensor],
    clock: &dyn Clock,
    start_ns: u64,
    shared: &RefCell<Shared>,
    limits: &Limits,
) {
    let now_ns = || clock.now_ns().saturating_sub(start_ns);
    let mut has_waited = false;
    loop {
        let (next, next_ns) = {
            let mut shared = shared.borrow_mut();
            if shared.is_over {
                return;
            }
            shared.queue.admit(now_ns());
            (shared.queue.take(1).pop(), shared.queue.next_ns())
        };
        let Some(arrival_ns) = next else {
            let Some(next_ns) = next_ns else { return };
            clock.sleep(next_ns.saturating_sub(now_ns())).await;
            has_waited = true;
            continue;
        };
        let sent_ns = now_ns();
        let is_late = std::mem::take(&mut has_waited) && sent_ns.saturating_sub(arrival_ns) > LATE_NS;
        let run = session.run(inputs).await;
        let answered_ns = now_ns();
        let mut shared = shared.borrow_mut();
        shared.late += u64::from(is_late);
        match run {
            Ok(outputs) => {
                let answer = Answered {
                    arrival_ns,
                    sent_ns,
                    answered_ns,
                    server: session.server_times(),
                };
                shared.add(answer, outputs, limits);
            }
            Err(failure) => {
                shared.failure.get_or_insert(failure);
                shared.is_over = true;
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests;
