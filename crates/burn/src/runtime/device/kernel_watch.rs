//! Which kernels a run launches: until they stay the same, burn is still tuning.

use std::collections::BTreeMap;

/// Watches kernel launches while an engine settles, and not afterwards: a timed run pays nothing.
pub(crate) struct KernelWatch {
    #[cfg(feature = "wgpu")]
    watching: Option<watching::Watching>,
    /// How often each kernel was launched by the last run that was watched.
    launches: BTreeMap<String, u64>,
}

/// So many runs in a row with the same kernels count as settled.
#[cfg(feature = "wgpu")]
const SAME_RUNS: usize = 2;

/// And for so long. Natively burn tunes before it goes on. In a browser it goes on with kernels that were not chosen
/// until the adapter has answered all trials, and then changes to the chosen ones.
#[cfg(feature = "wgpu")]
const SAME_NS: u64 = if cfg!(target_family = "wasm") { 1_000_000_000 } else { 0 };

impl KernelWatch {
    /// `tunes` is whether the device chooses kernels by trying them.
    pub(crate) fn new(tunes: bool) -> Self {
        #[cfg(not(feature = "wgpu"))]
        let _ = tunes;
        Self {
            #[cfg(feature = "wgpu")]
            watching: tunes.then(watching::Watching::new),
            launches: BTreeMap::new(),
        }
    }

    pub(crate) fn begin_run(&mut self) {
        #[cfg(feature = "wgpu")]
        if let Some(watching) = &mut self.watching {
            watching.begin_run();
        }
    }

    pub(crate) fn end_run(&mut self) {
        #[cfg(feature = "wgpu")]
        if let Some(watching) = &mut self.watching {
            watching.end_run();
        }
    }

    /// Whether the kernels of the last runs were the same for long enough; stops watching once they were.
    pub(crate) fn tuning_complete(&mut self, now_ns: u64) -> bool {
        #[cfg(not(feature = "wgpu"))]
        let _ = now_ns;
        #[cfg(feature = "wgpu")]
        if let Some(watching) = &mut self.watching {
            let settled_ns = watching.same_since_ns(now_ns) + SAME_NS;
            if watching.same_runs() < SAME_RUNS || now_ns < settled_ns {
                return false;
            }
            for kernel in watching.last_run() {
                *self.launches.entry((*kernel).to_owned()).or_default() += 1;
            }
            self.watching = None;
        }
        true
    }

    /// How often a run launches each kernel, once they were the same for long enough.
    pub(crate) fn launches(&self) -> BTreeMap<String, u64> {
        self.launches.clone()
    }
}

#[cfg(feature = "wgpu")]
mod watching {
    use std::sync::{Arc, Mutex, PoisonError};

    use cubecl::logging::{LaunchObservation, LaunchObserver};

    /// Names of the kernels that were launched, in order.
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
        /// When a run first had the kernels that all later ones had.
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

        pub(crate) fn begin_run(&mut self) {
            // Launches between runs are samples that tuning takes: the kernels are not chosen yet.
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

        /// When the kernels became those of the last run, as far as this was asked.
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
