use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;

use bytes::Bytes;
use tare_record::{Failure, ModelInfo, PeakSpeed, Phase};

use super::device_timed_session::DeviceTimedSession;
use super::pipeline::{Composition, Stopwatch};
use super::profiled_session::ProfiledSession;
use crate::{Clock, Engine, Loaded, NamedTensor, NodeRun, PostProcessing, ProfiledRun, Session, SessionInfo, Tensor};

/// A model with its inputs.
#[derive(Debug, Clone)]
pub struct Workload {
    /// Name, hash and size of the model.
    pub model: ModelInfo,
    /// The whole ONNX file, or the files of all networks of a composition, one after the other.
    pub bytes: Bytes,
    /// Inputs in the model's order.
    pub inputs: Vec<NamedTensor>,
    /// Names of the outputs in the model's order.
    pub outputs: Vec<String>,
    /// The networks that make up this model, or `None` if it is a single network.
    pub composition: Option<Composition>,
    /// Work on the CPU that follows the network.
    pub post_processing: Option<PostProcessing>,
    /// The same model for several requests at once, by their number, ascending: for dynamic batching.
    pub merged: Vec<(usize, Workload)>,
    /// What the accuracy of fewer bits is judged by.
    pub accuracy: Option<AccuracyCheck>,
}

/// What the accuracy of fewer bits is judged by. The model as it is takes memory, so it is prepared when it is needed.
#[derive(Clone)]
pub struct AccuracyCheck(Rc<dyn Fn() -> Result<Originals, Failure>>);

/// The model as it is, and inputs for it and the converted one.
#[derive(Debug, Clone)]
pub struct Originals {
    /// The model as it is.
    pub model: Workload,
    /// Inputs of each run.
    pub inputs: Vec<Vec<NamedTensor>>,
    /// The right class for each run. Empty if it is not known.
    pub labels: Vec<usize>,
}

impl AccuracyCheck {
    /// A check of what `prepare` returns.
    pub fn new(prepare: impl Fn() -> Result<Originals, Failure> + 'static) -> Self {
        Self(Rc::new(prepare))
    }

    /// Prepares the model as it is, and the inputs.
    ///
    /// # Errors
    ///
    /// If the model cannot be read again.
    pub fn prepare(&self) -> Result<Originals, Failure> {
        (self.0)()
    }
}

impl fmt::Debug for AccuracyCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccuracyCheck")
    }
}

impl Workload {
    /// Attaches their names to the outputs of a run.
    pub fn name_outputs(&self, outputs: Vec<Tensor>) -> Vec<NamedTensor> {
        let names = self.outputs.iter().cloned();
        names
            .zip(outputs)
            .map(|(name, tensor)| NamedTensor { name, tensor })
            .collect()
    }

    /// Loads the workload on an engine.
    ///
    /// # Errors
    ///
    /// If the engine cannot load a network.
    pub async fn load(&self, engine: &dyn Engine, clock: &dyn Clock) -> Result<LoadedWorkload<'_>, Failure> {
        self.load_bytes(self.bytes.clone(), engine, clock).await
    }

    /// Like [`Self::load`], but takes the workload's bytes separately, so that they can be dropped
    /// while it loads.
    pub(crate) async fn load_bytes(
        &self,
        bytes: Bytes,
        engine: &dyn Engine,
        clock: &dyn Clock,
    ) -> Result<LoadedWorkload<'_>, Failure> {
        let mut loaded = LoadedWorkload {
            workload: self,
            sessions: vec![],
            stages: vec![],
            totals_ns: vec![],
            phases: vec![],
        };
        match &self.composition {
            None => loaded.add(engine.load(bytes, &self.inputs, clock).await?),
            Some(composition) => {
                for network in &composition.networks {
                    let file = bytes.slice(network.bytes.clone());
                    loaded.add(engine.load(file, &network.inputs, clock).await?);
                }
                loaded.stages = composition.pipeline.stages(&self.inputs);
                loaded.totals_ns = vec![0; loaded.stages.len()];
            }
        }
        Ok(loaded)
    }
}

/// A workload that is ready to run.
pub struct LoadedWorkload<'a> {
    workload: &'a Workload,
    sessions: Vec<Box<dyn Session>>,
    stages: Vec<(String, usize)>,
    totals_ns: Vec<u64>,
    phases: Vec<Phase>,
}

impl LoadedWorkload<'_> {
    fn add(&mut self, loaded: Loaded) {
        self.sessions.push(loaded.session);
        for step in loaded.phases {
            match self.phases.iter_mut().find(|known| known.name == step.name) {
                Some(known) => known.duration_ns += step.duration_ns,
                None => self.phases.push(step),
            }
        }
    }

    /// Phases of loading, in order. The durations of several networks are added up.
    pub fn phases(&self) -> &[Phase] {
        &self.phases
    }

    /// Runs once, with the inputs of the workload.
    ///
    /// # Errors
    ///
    /// If the engine fails.
    pub async fn run(&mut self, clock: &dyn Clock) -> Result<Vec<Tensor>, Failure> {
        let workload = self.workload;
        self.run_with(&workload.inputs, clock).await
    }

    /// Runs once, with the inputs of the workload, and times every node. A node of a network that runs several times
    /// counts once, with its total. `None` if the engine cannot.
    ///
    /// # Errors
    ///
    /// If the engine fails.
    pub(crate) async fn profiled_run(&mut self, clock: &dyn Clock) -> Result<Option<ProfiledRun>, Failure> {
        let inputs = &self.workload.inputs;
        let Some(composition) = &self.workload.composition else {
            let [session] = self.sessions.as_mut_slice() else {
                unreachable!("a workload without a composition has exactly one session");
            };
            return session.profiled_run(inputs, clock).await;
        };
        let profiles: Vec<_> = self.sessions.iter().map(|_| RefCell::new(vec![])).collect();
        let preparation_ns = Cell::new(0);
        let networks = self.sessions.iter_mut().zip(&profiles);
        let mut networks: Vec<Box<dyn Session + '_>> = networks
            .map(|(session, nodes)| {
                Box::new(ProfiledSession::new(&mut **session, clock, nodes, &preparation_ns)) as Box<dyn Session + '_>
            })
            .collect();
        let mut stopwatch = Stopwatch::start(clock, &mut self.totals_ns);
        let outputs = composition.pipeline.run(&mut networks, inputs, &mut stopwatch).await?;
        drop(networks);
        let numbered = profiles.into_iter().enumerate();
        let nodes: Vec<NodeRun> = numbered
            .flat_map(|(index, nodes)| {
                nodes.into_inner().into_iter().map(move |node: NodeRun| NodeRun {
                    name: format!("{}/{}", index + 1, node.name),
                    ..node
                })
            })
            .collect();
        Ok((!nodes.is_empty()).then_some(ProfiledRun {
            outputs,
            nodes,
            preparation_ns: preparation_ns.get(),
        }))
    }

    /// Another session of the same loaded model: see [`Session::another_client`]. `None` for several networks.
    pub(crate) fn another_client(&self) -> Option<Box<dyn Session>> {
        match self.sessions.as_slice() {
            [session] => session.another_client(),
            _ => None,
        }
    }

    /// Speeds that no kernel can exceed: see [`Session::peak_speed`].
    pub(crate) async fn peak_speed(&self, clock: &dyn Clock) -> Option<PeakSpeed> {
        self.sessions.first()?.peak_speed(clock).await
    }

    /// Runs once, with other inputs of the same shapes.
    ///
    /// # Errors
    ///
    /// If the engine fails.
    pub async fn run_with(&mut self, inputs: &[NamedTensor], clock: &dyn Clock) -> Result<Vec<Tensor>, Failure> {
        match (&self.workload.composition, self.sessions.as_mut_slice()) {
            (None, [session]) => session.run(inputs).await,
            (Some(composition), sessions) => {
                let mut stopwatch = Stopwatch::start(clock, &mut self.totals_ns);
                composition.pipeline.run(sessions, inputs, &mut stopwatch).await
            }
            (None, _) => unreachable!("a workload without a composition has exactly one session"),
        }
    }

    /// Stages of a run with their number of steps. Empty for a single network.
    pub(crate) fn stages(&self) -> &[(String, usize)] {
        &self.stages
    }

    /// Returns the time spent in each stage since the last call.
    pub(crate) fn take_stages_ns(&mut self) -> Vec<u64> {
        let zeros = vec![0; self.totals_ns.len()];
        std::mem::replace(&mut self.totals_ns, zeros)
    }

    /// Where and how the networks run.
    pub fn info(&self) -> SessionInfo {
        self.sessions.first().map(|session| session.info()).unwrap_or_default()
    }

    /// Whether the next run will use the same code as the last one: see
    /// [`Session::tuning_complete`].
    pub fn tuning_complete(&mut self, now_ns: u64) -> bool {
        // Ask every network: each one must see every run.
        let tuning = self
            .sessions
            .iter_mut()
            .filter_map(|session| (!session.tuning_complete(now_ns)).then_some(()));
        tuning.count() == 0
    }

    /// Kernels that one run of each network launches: see [`Session::kernels`].
    pub fn kernels(&self) -> BTreeMap<String, u64> {
        let mut all = BTreeMap::new();
        for (name, launches) in self.sessions.iter().flat_map(|session| session.kernels()) {
            *all.entry(name).or_default() += launches;
        }
        all
    }

    /// How long the device computes in a run, all networks together: see [`Session::device_ns`].
    pub(crate) async fn device_ns(&mut self, clock: &dyn Clock) -> Result<Option<u64>, Failure> {
        let inputs = &self.workload.inputs;
        let has_device = self.info().adapter.is_some();
        let Some(composition) = self.workload.composition.as_ref().filter(|_| has_device) else {
            return match self.sessions.as_mut_slice() {
                [session] => session.device_ns(inputs).await,
                _ => Ok(None),
            };
        };
        let total_ns = Cell::new(Some(0));
        let networks = self.sessions.iter_mut();
        let mut networks: Vec<Box<dyn Session + '_>> = networks
            .map(|session| Box::new(DeviceTimedSession::new(&mut **session, &total_ns)) as Box<dyn Session + '_>)
            .collect();
        // Such a run takes too long to say anything about its stages.
        let mut unused_ns = vec![0; self.stages.len()];
        let mut stopwatch = Stopwatch::start(clock, &mut unused_ns);
        composition.pipeline.run(&mut networks, inputs, &mut stopwatch).await?;
        drop(networks);
        Ok(total_ns.get())
    }

    /// Memory that the engine holds on its device, which all networks share.
    pub(crate) fn device_bytes(&self) -> Option<u64> {
        self.sessions.iter().filter_map(|session| session.device_bytes()).max()
    }
}
