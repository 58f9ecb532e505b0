//! Several networks that run as one model, with work on the CPU between them.

use std::fmt::Debug;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use tare_record::Failure;

use crate::{Clock, NamedTensor, Session, Tensor};

/// The work on the CPU between the networks of a run. Every environment runs the same code.
#[async_trait(?Send)]
pub trait Pipeline: Debug + Sync {
    /// The stages of a run, in order, each with its number of steps for these inputs.
    fn stages(&self, inputs: &[NamedTensor]) -> Vec<(String, usize)>;

    /// Runs once. `networks` holds the loaded networks in the order of [`Composition::networks`].
    /// Calls [`Stopwatch::lap`] at the end of every stage.
    ///
    /// # Errors
    ///
    /// If an engine fails, or the inputs do not fit.
    async fn run(
        &self,
        networks: &mut [Box<dyn Session + '_>],
        inputs: &[NamedTensor],
        stopwatch: &mut Stopwatch<'_>,
    ) -> Result<Vec<Tensor>, Failure>;
}

/// Several networks that make up a workload.
#[derive(Debug, Clone)]
pub struct Composition {
    /// The work between the networks.
    pub pipeline: Arc<dyn Pipeline>,
    /// The networks.
    pub networks: Vec<Network>,
}

/// A network of a composition.
#[derive(Debug, Clone)]
pub struct Network {
    /// Range of its ONNX file in the bytes of the workload.
    pub bytes: Range<usize>,
    /// Inputs with the names, types and shapes that it runs with.
    pub inputs: Vec<NamedTensor>,
}

/// Adds up the duration of each stage.
pub struct Stopwatch<'a> {
    clock: &'a dyn Clock,
    last_ns: u64,
    totals_ns: std::slice::IterMut<'a, u64>,
}

impl<'a> Stopwatch<'a> {
    /// Starts the first stage. The duration of each stage is added to its total.
    pub(crate) fn start(clock: &'a dyn Clock, totals_ns: &'a mut [u64]) -> Self {
        Self {
            clock,
            last_ns: clock.now_ns(),
            totals_ns: totals_ns.iter_mut(),
        }
    }

    /// Ends the current stage and starts the next.
    pub fn lap(&mut self) {
        let now_ns = self.clock.now_ns();
        if let Some(total_ns) = self.totals_ns.next() {
            *total_ns += now_ns.saturating_sub(self.last_ns);
        }
        self.last_ns = now_ns;
    }
}
