//! Which kernels a run launches: until they stay the same, burn is still tuning.

/// Watches kernel launches while an engine settles, and not afterwards: a timed run pays nothing.
pub(crate) struct KernelWatch {
    #[cfg(feature = "wgpu")]
    watching: Option<watching::Watching>,
}

/// So many runs in a row with the same kernels count as settled. In a browser burn tunes while runs go on with
/// kernels that were not chosen, and changes to the chosen ones some runs later.
#[cfg(feature = "wgpu")]
const SAME_RUNS: usize = if cfg!(target_family = "wasm") { 4 } else { 2 };

impl KernelWatch {
    /// `tunes` is whether the device chooses kernels by trying them.
    pub(crate) fn new(tunes: bool) -> Self {
        #[cfg(not(feature = "wgpu"))]
        let _ = tunes;
        Self {
            #[cfg(feature = "wgpu")]
            watching: tunes.then(watching::Watching::new),
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

    /// Whether the kernels of the last runs were the same; stops watching once they were.
    pub(crate) fn settled(&mut self) -> bool {
        #[cfg(feature = "wgpu")]
        if let Some(watching) = &self.watching {
            if watching.same_runs() < SAME_RUNS {
                return false;
            }
            self.watching = None;
        }
        true
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

    pub(super) struct Watching {
        launches: Arc<Launches>,
        last: Vec<&'static str>,
        same: usize,
        _observation: LaunchObservation,
    }

    impl Watching {
        pub(super) fn new() -> Self {
            let launches = Arc::new(Launches::default());
            let _observation = LaunchObservation::new(launches.clone());
            Self {
                launches,
                last: vec![],
                same: 0,
                _observation,
            }
        }

        fn take(&self) -> Vec<&'static str> {
            std::mem::take(&mut self.launches.0.lock().unwrap_or_else(PoisonError::into_inner))
        }

        pub(super) fn begin_run(&mut self) {
            // Launches between runs are samples that tuning takes: the kernels are not chosen yet.
            if !self.take().is_empty() {
                self.same = 0;
            }
        }

        pub(super) fn end_run(&mut self) {
            let launched = self.take();
            self.same = if launched == self.last { self.same + 1 } else { 0 };
            self.last = launched;
        }

        pub(super) fn same_runs(&self) -> usize {
            self.same
        }
    }
}
