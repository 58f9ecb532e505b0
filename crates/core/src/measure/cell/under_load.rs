//! Answers requests that arrive while others are being answered.

use tare_record::{Load, LoadRound, PhaseName, Rules};

use super::rate_search::GiveUp;
use super::{Run, Stop, percent};
use crate::measure::arrivals::ArrivalQueue;
use crate::{Clock, LoadedWorkload, Tensor};

/// A request that is handed over later than this although nothing was being answered makes its time doubtful.
const LATE_NS: u64 = 1_000_000;

/// A wait that is longer than this leaves time to report progress.
const IDLE_NS: u64 = 50_000_000;

/// The clock of a load: it stands still while answers are verified, so that verification takes nothing from the engine.
struct LoadClock<'a> {
    clock: &'a dyn Clock,
    start_ns: u64,
    paused_ns: u64,
}

impl LoadClock<'_> {
    fn now_ns(&self) -> u64 {
        self.clock.now_ns().saturating_sub(self.start_ns + self.paused_ns)
    }
}

impl Run<'_> {
    /// Answers requests until the rules are met. `sessions` holds the model for 1 request, and for more at once, by
    /// their number, ascending. `run_ns` is how long it takes to answer one.
    pub(super) async fn under_own_load(
        &mut self,
        load: Load,
        rules: &Rules,
        mut give_up: Option<GiveUp>,
        sessions: &mut [(usize, LoadedWorkload<'_>)],
        run_ns: u64,
    ) -> Result<(), Stop> {
        let (seed, round_number) = (self.request.seed, self.request.round);
        let mut queue = ArrivalQueue::new(load.arrivals, run_ns, seed, round_number);
        let mut round = LoadRound::default();
        let clock = self.clock;
        let mut time = LoadClock {
            clock,
            start_ns: clock.now_ns(),
            paused_ns: 0,
        };
        // Nothing was being answered since then.
        let mut free_ns = 0;
        let max_time_ns = rules.max_time_ms.saturating_mul(1_000_000);
        let max_requests = load.batching.map_or(1, |batching| batching.max_requests);
        let ended = loop {
            let mut now_ns = time.now_ns();
            queue.admit(now_ns);
            let Some(oldest_ns) = queue.oldest_ns() else {
                let Some(next_ns) = queue.next_ns() else { break Ok(()) };
                // A browser's timers are coarser than a request takes, so this waits by reading the clock.
                let mut checked = Ok(());
                while now_ns < next_ns && checked.is_ok() {
                    std::hint::spin_loop();
                    if next_ns - now_ns > IDLE_NS {
                        checked = self.check("load", 0);
                    }
                    now_ns = time.now_ns();
                }
                if checked.is_err() {
                    break checked;
                }
                continue;
            };
            if let Some(batching) = load.batching {
                let deadline_ns = oldest_ns.saturating_add(batching.max_wait_ns);
                if queue.len() < max_requests && now_ns < deadline_ns {
                    std::hint::spin_loop();
                    continue;
                }
            } else if now_ns.saturating_sub(oldest_ns.max(free_ns)) > LATE_NS {
                round.late += 1;
            }
            let requests = queue.take(max_requests);
            let Some(session) = sessions.iter_mut().position(|(size, _)| *size >= requests.len()) else {
                unreachable!("there is a session for the largest number of requests")
            };
            let (size, loaded) = &mut sessions[session];
            let start_ns = time.now_ns();
            let run = loaded.run(clock).await;
            let end_ns = time.now_ns();
            let outputs = match run {
                Ok(outputs) => outputs,
                Err(failure) => break Err(failure.into()),
            };
            let mut is_missed = false;
            for &arrival_ns in &requests {
                let could_start_ns = arrival_ns.max(free_ns);
                let parts = [
                    could_start_ns - arrival_ns,
                    start_ns.saturating_sub(could_start_ns),
                    end_ns.saturating_sub(start_ns),
                ];
                round.arrivals_ns.push(arrival_ns);
                round.queue_ns.push(parts[0]);
                round.batching_ns.push(parts[1]);
                round.compute_ns.push(parts[2]);
                // A clock that is coarser than a request would make it take no time.
                let duration_ns = parts.iter().sum::<u64>().max(1);
                self.cell.samples_ns.push(duration_ns);
                is_missed |= give_up.as_mut().is_some_and(|give_up| give_up.is_due(duration_ns));
            }
            round.run_requests.push(requests.len());
            round.duration_ns = end_ns;
            queue.answered(requests.len(), end_ns);
            free_ns = end_ns;

            let pause_ns = clock.now_ns();
            let (answers, size) = (requests.len(), *size);
            let checked = self.verify_answers(&outputs, answers, size, true).and_then(|()| {
                let count = self.cell.samples_ns.len();
                let time_share = percent(end_ns, rules.min_time_ms * 1_000_000);
                let done = time_share.min(percent(count as u64, rules.min_samples as u64));
                if done >= 100 || count >= rules.max_samples {
                    queue.end(end_ns);
                }
                self.check("load", done.min(99))
            });
            time.paused_ns += clock.now_ns().saturating_sub(pause_ns);
            if checked.is_err() || is_missed || end_ns >= max_time_ns {
                break checked;
            }
        };
        round.dropped = queue.dropped;
        round.unanswered = queue.len() as u64;
        self.phase(PhaseName::Steady, round.duration_ns);
        self.cell.load_rounds.push(round);
        ended
    }

    /// Runs the model for several requests at once until the engine has chosen its kernels, and once more.
    pub(super) async fn warm_up_merged(&mut self, loaded: &mut LoadedWorkload<'_>, size: usize) -> Result<(), Stop> {
        let mut is_tuned = false;
        loop {
            let outputs = loaded.run(self.clock).await?;
            self.verify_answers(&outputs, size, size, false)?;
            self.check("warm-up", 0)?;
            if is_tuned {
                return Ok(());
            }
            is_tuned = loaded.tuning_complete(self.clock.now_ns());
        }
    }

    /// Verifies every answer of a run for `size` requests, of which `answers` were asked for.
    fn verify_answers(&mut self, outputs: &[Tensor], answers: usize, size: usize, sampled: bool) -> Result<(), Stop> {
        if size == 1 {
            return self.verify(outputs.to_vec(), sampled);
        }
        for index in 0..answers {
            let answer: Option<Vec<Tensor>> = outputs.iter().map(|output| output.part(index, size)).collect();
            let Some(answer) = answer else {
                return Err(Self::not_by_request(size));
            };
            self.verify(answer, sampled)?;
        }
        Ok(())
    }

    fn not_by_request(size: usize) -> Stop {
        tare_record::Failure::new(
            tare_record::FailureKind::Run,
            format!("an output of {size} requests at once cannot be split by request: its first dimension does not hold them"),
        )
        .with_hint("use a model whose outputs have the batch as their first dimension, or no batching")
        .into()
    }
}

#[cfg(test)]
mod tests;
