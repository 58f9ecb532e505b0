//! Runs that are timed node by node.

use tare_record::{OperatorProfile, ProfiledNode, ProfiledRound, Warning, WarningKind};

use super::super::profiled_session::{add_nodes, in_order_of};
use super::{Run, Stop};
use crate::measure::clock::elapsed_ns;
use crate::{LoadedWorkload, NodeRun};

impl Run<'_> {
    /// Profiles as many runs as the plan asks for. What cannot be profiled is said in a warning, because the samples
    /// are not affected.
    pub(super) async fn profile(&mut self, loaded: &mut LoadedWorkload<'_>) -> Result<(), Stop> {
        if self.request.rules.profiled_runs == 0 {
            return Ok(());
        }
        let why = match self.profiled_runs(loaded).await {
            Ok(Some((round, nodes))) => {
                self.cell.profile = Some(OperatorProfile {
                    nodes: nodes
                        .into_iter()
                        .map(|node| of_round(node, round.runs_ns.len()))
                        .collect(),
                    rounds: vec![ProfiledRound {
                        peak: loaded.peak_speed(self.clock).await,
                        ..round
                    }],
                });
                return Ok(());
            }
            Ok(None) => "the engine cannot time its nodes".into(),
            Err(Stop::Failed(failure)) => failure.message,
            Err(Stop::TimedOut { .. }) => "the time limit was reached".into(),
            Err(Stop::Cancelled) => return Err(Stop::Cancelled),
        };
        self.cell.warnings.push(Warning {
            kind: WarningKind::NoProfile,
            message: format!("runs were not profiled: {why}"),
        });
        Ok(())
    }

    /// The profiled runs, with the totals of their nodes. Ends early at the time limit, if anything was profiled.
    async fn profiled_runs(
        &mut self,
        loaded: &mut LoadedWorkload<'_>,
    ) -> Result<Option<(ProfiledRound, Vec<NodeRun>)>, Stop> {
        // Waiting after every node may need other kernels, which the first run chooses.
        let Some(first) = loaded.profiled_run(self.clock).await? else {
            return Ok(None);
        };
        self.verify(first.outputs, false)?;
        self.check("profile", 99)?;
        let (mut nodes, mut runs_ns) = (Vec::new(), Vec::new());
        for _ in 0..self.request.rules.profiled_runs {
            let start_ns = self.clock.now_ns();
            let run = loaded.profiled_run(self.clock).await?;
            let called_ns = elapsed_ns(start_ns, self.clock.now_ns(), &self.request.clock)?;
            let run = run.unwrap_or_default();
            runs_ns.push(called_ns.saturating_sub(run.preparation_ns));
            self.verify(run.outputs, false)?;
            add_nodes(&mut nodes, run.nodes)?;
            match self.check("profile", 99) {
                Err(Stop::TimedOut { .. }) => break,
                checked => checked?,
            }
        }
        Ok(Some((ProfiledRound { runs_ns, peak: None }, nodes)))
    }
}

fn of_round(node: NodeRun, runs: usize) -> ProfiledNode {
    let runs = runs as u64;
    ProfiledNode {
        name: node.name,
        operator: node.operator,
        multiply_accumulates: node.multiply_accumulates / runs,
        bytes: node.bytes / runs,
        rounds_ns: vec![node.duration_ns / runs],
    }
}

/// Adds the profile of a later round. One with other nodes is dropped: their times cannot be compared.
pub(crate) fn join(earlier: Option<OperatorProfile>, later: Option<OperatorProfile>) -> Option<OperatorProfile> {
    let (mut earlier, later) = match (earlier, later) {
        (Some(earlier), Some(later)) => (earlier, later),
        (earlier, later) => return earlier.or(later),
    };
    let names = earlier.nodes.iter().map(|node| node.name.as_str());
    if let Some(nodes) = in_order_of(names, later.nodes, |node| &node.name) {
        earlier.rounds.extend(later.rounds);
        for (node, later) in earlier.nodes.iter_mut().zip(nodes) {
            node.rounds_ns.extend(later.rounds_ns);
        }
    }
    Some(earlier)
}
