//! Which kernels a run launches. While they change from run to run, burn is still tuning.

use std::collections::BTreeMap;

/// Watches kernel launches until tuning is complete, and not afterwards: a timed run pays nothing.
pub(crate) struct KernelWatch {
    #[cfg(feature = "wgpu")]
    watching: Option<watching::Watching>,
    /// How often the last watched run launched each kernel.
    launches: BTreeMap<String, u64>,
}

/// Tuning is complete once this many runs in a row have launched the same kernels, and
/// `STABLE_NS` has passed since.
#[cfg(feature = "wgpu")]
const STABLE_RUNS: usize = 2;

/// How long the kernels must stay the same, in nanoseconds. Natively burn waits for its trials
/// before it goes on. In a browser it goes on with default kernels until the adapter has answered
/// all trials, and then changes to the fastest ones.
#[cfg(feature = "wgpu")]
const STABLE_NS: u64 = if cfg!(target_family = "wasm") { 1_000_000_000 } else { 0 };

impl KernelWatch {
    /// `tunes` says whether the device chooses kernels by trying them.
    pub(crate) fn new(tunes: bool) -> Self {
        #[cfg(not(feature = "wgpu"))]
        let _ = tunes;
        Self {
            #[cfg(feature = "wgpu")]
            watching: tunes.then(watching::Watching::new),
            launches: BTreeMap::new(),
        }
    }

    /// Call before a run.
    pub(crate) fn begin_run(&mut self) {
        #[cfg(feature = "wgpu")]
        if let Some(watching) = &mut self.watching {
            watching.begin_run();
        }
    }

    /// Call after a run.
    pub(crate) fn end_run(&mut self) {
        #[cfg(feature = "wgpu")]
        if let Some(watching) = &mut self.watching {
            watching.end_run();
        }
    }

    /// Whether the last runs launched the same kernels for long enough. Stops watching once they
    /// did.
    pub(crate) fn tuning_complete(&mut self, now_ns: u64) -> bool {
        #[cfg(not(feature = "wgpu"))]
        let _ = now_ns;
        #[cfg(feature = "wgpu")]
        if let Some(watching) = &mut self.watching {
            let complete_ns = watching.same_since_ns(now_ns) + STABLE_NS;
            if watching.same_runs() < STABLE_RUNS || now_ns < complete_ns {
                return false;
            }
            for kernel in watching.last_run() {
                *self.launches.entry((*kernel).to_owned()).or_default() += 1;
            }
            self.watching = None;
        }
        true
    }

    /// How often a run launches each kernel. Empty until tuning is complete.
    pub(crate) fn launches(&self) -> BTreeMap<String, u64> {
        self.launches.clone()
    }
}

#[cfg(feature = "wgpu")]
mod watching {
    use std::sync::{Arc, Mutex, PoisonError};

    use cubecl::logging::{LaunchObservation, LaunchObserver};

    /// Names of the launched kernels, in order.
    #[derive(Default)]
    struct Launches(Mutex<Vec<&'static str>>);

    impl LaunchObserver for Launches {
        fn launched(&self, kernel: &'static str) {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).push(kernel);
        }
    }

    pub(crate) struct Watching {
        launches: Arc<Launches>,
        last: Vec<&'static str>,
        same: usize,
        /// When the first run with the kernels of the last one ended.
        same_since_ns: Option<u64>,
        _observation: LaunchObservation,
    }

    impl Watching {
        pub(crate) fn new() -> Self {
            let launches = Arc::new(Launches::default());
            let _observation = LaunchObservation::new(launches.clone());
            Self {
                launches,
                last: vec![],
                same: 0,
                same_since_ns: None,
                _observation,
            }
        }

        fn take(&self) -> Vec<&'static str> {
            std::mem::take(&mut self.launches.0.lock().unwrap_or_else(PoisonError::into_inner))
        }

        /// Call before a run.
        pub(crate) fn begin_run(&mut self) {
            // Launches between runs are trials: the kernels are not chosen yet.
            if !self.take().is_empty() {
                self.changed();
            }
        }

        pub(crate) fn end_run(&mut self) {
            let launched = self.take();
            if launched == self.last {
                self.same += 1;
            } else {
                self.changed();
            }
            self.last = launched;
        }

        fn changed(&mut self) {
            self.same = 0;
            self.same_since_ns = None;
        }

        /// When the kernels of the last run were first seen, as far as this method was called.
        pub(crate) fn same_since_ns(&mut self, now_ns: u64) -> u64 {
            *self.same_since_ns.get_or_insert(now_ns)
        }

        pub(crate) fn last_run(&self) -> &[&'static str] {
            &self.last
        }

        pub(crate) fn same_runs(&self) -> usize {
            self.same
        }
    }
}
