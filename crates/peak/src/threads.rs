//! The threads that kernels run on.

/// A number of threads.
pub(crate) struct Threads {
    count: usize,
    /// `None` for the calling thread alone, and in wasm, where JavaScript has started the threads of the global pool.
    pool: Option<rayon::ThreadPool>,
}

impl Threads {
    /// `None` if they cannot be started.
    pub(crate) fn new(count: usize) -> Option<Self> {
        let alone = Some(Self { count: 1, pool: None });
        if count <= 1 || cfg!(all(target_family = "wasm", not(target_feature = "atomics"))) {
            return alone;
        }
        if cfg!(target_family = "wasm") {
            let count = rayon::current_num_threads();
            return Some(Self { count, pool: None });
        }
        let pool = rayon::ThreadPoolBuilder::new().num_threads(count).build().ok()?;
        Some(Self {
            count,
            pool: Some(pool),
        })
    }

    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// Calls `work` on every thread with its number, and waits for all of them.
    pub(crate) fn on_each(&self, work: impl Fn(usize) + Sync) {
        let call = |context: rayon::BroadcastContext<'_>| work(context.index());
        match &self.pool {
            Some(pool) => drop(pool.broadcast(call)),
            None if self.count == 1 => work(0),
            None => drop(rayon::broadcast(call)),
        }
    }
}
