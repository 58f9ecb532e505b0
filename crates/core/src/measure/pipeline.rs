//! Several networks that run as one, with work on the host between them.

use std::fmt::Debug;
use std::ops::Range;

use async_trait::async_trait;
use tare_record::Failure;

use crate::{Clock, NamedTensor, Session, Tensor};

/// What happens on the host between the networks of a run. The same code in every environment.
#[async_trait(?Send)]
pub trait Pipeline: Debug + Sync {
    /// Stages of a run, in order, and how many steps each takes for these inputs.
    fn stages(&self, inputs: &[NamedTensor]) -> Vec<(&'static str, usize)>;

    /// Runs once. `networks` are loaded, in the order of [`Composition::networks`]; `stopwatch` is told of the end of every
    /// stage.
    ///
    /// # Errors
    ///
    /// If an engine fails, or the inputs do not fit.
    async fn run(
        &self,
        networks: &mut [Box<dyn Session>],
        inputs: &[NamedTensor],
        stopwatch: &mut Stopwatch<'_>,
    ) -> Result<Vec<Tensor>, Failure>;
}

/// A workload of several networks.
#[derive(Debug, Clone)]
pub struct Composition {
    /// What happens between them.
    pub pipeline: &'static dyn Pipeline,
    /// The networks.
    pub networks: Vec<Network>,
}

/// A network of a composition.
#[derive(Debug, Clone)]
pub struct Network {
    /// Where its ONNX file lies in the bytes of the workload.
    pub bytes: Range<usize>,
    /// Inputs of the names, types and shapes that it is run with.
    pub inputs: Vec<NamedTensor>,
}

/// Adds up how long each stage takes.
pub struct Stopwatch<'a> {
    clock: &'a dyn Clock,
    last_ns: u64,
    totals_ns: std::slice::IterMut<'a, u64>,
}

impl<'a> Stopwatch<'a> {
    /// Starts the first stage; the length of each is added to its total.
    pub(crate) fn start(clock: &'a dyn Clock, totals_ns: &'a mut [u64]) -> Self {
        Self {
            clock,
            last_ns: clock.now_ns(),
            totals_ns: totals_ns.iter_mut(),
        }
    }

    /// The present stage ends, the next begins.
    pub fn lap(&mut self) {
        let now_ns = self.clock.now_ns();
        if let Some(total_ns) = self.totals_ns.next() {
            *total_ns += now_ns.saturating_sub(self.last_ns);
        }
        self.last_ns = now_ns;
    }
}
