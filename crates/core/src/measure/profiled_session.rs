//! A network of a pipeline whose nodes are timed in every run.

use std::cell::RefCell;

use async_trait::async_trait;
use tare_record::{Failure, FailureKind};

use crate::{Clock, NamedTensor, NodeRun, Session, SessionInfo, Tensor};

/// Passes runs on, timed node by node, and adds up the nodes of all runs.
pub(super) struct ProfiledSession<'a> {
    session: &'a mut dyn Session,
    clock: &'a dyn Clock,
    nodes: &'a RefCell<Vec<NodeRun>>,
}

impl<'a> ProfiledSession<'a> {
    pub(super) fn new(session: &'a mut dyn Session, clock: &'a dyn Clock, nodes: &'a RefCell<Vec<NodeRun>>) -> Self {
        Self { session, clock, nodes }
    }
}

#[async_trait(?Send)]
impl Session for ProfiledSession<'_> {
    async fn run(&mut self, inputs: &[NamedTensor]) -> Result<Vec<Tensor>, Failure> {
        match self.session.profiled_run(inputs, self.clock).await? {
            Some(run) => {
                add_nodes(&mut self.nodes.borrow_mut(), run.nodes)?;
                Ok(run.outputs)
            }
            None => self.session.run(inputs).await,
        }
    }

    fn info(&self) -> SessionInfo {
        self.session.info()
    }
}

/// Adds the nodes of a run to those of earlier runs.
///
/// # Errors
///
/// If they are other ones.
pub(super) fn add_nodes(total: &mut Vec<NodeRun>, run: Vec<NodeRun>) -> Result<(), Failure> {
    if total.is_empty() {
        *total = run;
        return Ok(());
    }
    let is_same = total.len() == run.len() && total.iter().zip(&run).all(|(a, b)| a.name == b.name);
    if !is_same {
        return Err(Failure::new(
            FailureKind::Run,
            format!(
                "a profiled run has other nodes than the one before: {} instead of {}",
                run.len(),
                total.len()
            ),
        ));
    }
    for (total, node) in total.iter_mut().zip(run) {
        total.multiply_accumulates += node.multiply_accumulates;
        total.bytes += node.bytes;
        total.duration_ns += node.duration_ns;
    }
    Ok(())
}
