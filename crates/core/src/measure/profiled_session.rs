//! A network of a pipeline whose nodes are timed in every run.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};

use async_trait::async_trait;
use tare_record::{Failure, FailureKind};

use crate::{Clock, NamedTensor, NodeRun, Session, SessionInfo, Tensor};

/// Passes runs on, timed node by node, and adds up the nodes of all runs, and what preparing took.
pub(super) struct ProfiledSession<'a> {
    session: &'a mut dyn Session,
    clock: &'a dyn Clock,
    nodes: &'a RefCell<Vec<NodeRun>>,
    preparation_ns: &'a Cell<u64>,
}

impl<'a> ProfiledSession<'a> {
    pub(super) fn new(
        session: &'a mut dyn Session,
        clock: &'a dyn Clock,
        nodes: &'a RefCell<Vec<NodeRun>>,
        preparation_ns: &'a Cell<u64>,
    ) -> Self {
        Self {
            session,
            clock,
            nodes,
            preparation_ns,
        }
    }
}

#[async_trait(?Send)]
impl Session for ProfiledSession<'_> {
    async fn run(&mut self, inputs: &[NamedTensor]) -> Result<Vec<Tensor>, Failure> {
        match self.session.profiled_run(inputs, self.clock).await? {
            Some(run) => {
                add_nodes(&mut self.nodes.borrow_mut(), run.nodes)?;
                self.preparation_ns.set(self.preparation_ns.get() + run.preparation_ns);
                Ok(run.outputs)
            }
            None => self.session.run(inputs).await,
        }
    }

    fn info(&self) -> SessionInfo {
        self.session.info()
    }
}

/// The items in the order of these names. Names may occur several times. `None` if they are other ones.
///
/// An engine that chooses the order anew when it loads a model has other orders in other processes.
pub(super) fn in_order_of<'a, T>(
    names: impl ExactSizeIterator<Item = &'a str>,
    items: Vec<T>,
    name: impl Fn(&T) -> &str,
) -> Option<Vec<T>> {
    if names.len() != items.len() {
        return None;
    }
    let mut by_name: HashMap<String, VecDeque<T>> = HashMap::new();
    for item in items {
        by_name.entry(name(&item).to_owned()).or_default().push_back(item);
    }
    names.map(|name| by_name.get_mut(name)?.pop_front()).collect()
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
    let counts = (run.len(), total.len());
    let names = total.iter().map(|node| node.name.as_str());
    let run = in_order_of(names, run, |node| &node.name).ok_or_else(|| {
        Failure::new(
            FailureKind::Run,
            format!(
                "a profiled run has other nodes than the one before: {} instead of {}",
                counts.0, counts.1
            ),
        )
    })?;
    for (total, node) in total.iter_mut().zip(run) {
        total.multiply_accumulates += node.multiply_accumulates;
        total.bytes += node.bytes;
        total.duration_ns += node.duration_ns;
    }
    Ok(())
}
