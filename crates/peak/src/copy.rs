//! Copies between buffers that are larger than caches.

use std::sync::Mutex;

use crate::threads::Threads;

/// Size of each of the two buffers. Some processors have larger caches, but no wasm module has memory for more.
const BUFFER_BYTES: usize = if cfg!(target_family = "wasm") {
    32 << 20
} else {
    128 << 20
};

/// Two buffers, in parts for each thread.
pub(crate) struct Buffers {
    /// Source and target of each thread.
    parts: Vec<Mutex<(Vec<u64>, Vec<u64>)>>,
}

impl Buffers {
    /// Buffers for `threads` threads. Their memory is written, so that the system has really given it.
    pub(crate) fn new(threads: usize) -> Self {
        let length = BUFFER_BYTES / size_of::<u64>() / threads;
        let part = |number| Mutex::new((vec![number as u64 + 1; length], vec![u64::MAX; length]));
        Self {
            parts: (0..threads).map(part).collect(),
        }
    }

    /// Bytes that a copy reads and writes.
    pub(crate) fn moved_bytes(&self) -> u64 {
        2 * (BUFFER_BYTES / size_of::<u64>() / self.parts.len() * size_of::<u64>() * self.parts.len()) as u64
    }

    /// Copies all parts, each on its thread.
    pub(crate) fn copy(&mut self, threads: &Threads) {
        let parts = &self.parts;
        threads.on_each(|number| {
            // Nobody else locks the part of a thread, so it is neither taken nor poisoned.
            if let Some(part) = parts.get(number)
                && let Ok(mut part) = part.lock()
            {
                let (source, target) = &mut *part;
                target.copy_from_slice(std::hint::black_box(source));
                std::hint::black_box(&mut *target);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_is_copied() {
        let threads = Threads::new(2).unwrap();
        let mut buffers = Buffers::new(threads.count());
        buffers.copy(&threads);
        for (number, part) in buffers.parts.iter().enumerate() {
            let part = part.lock().unwrap();
            assert!(part.1.iter().all(|&value| value == number as u64 + 1));
        }
        assert_eq!(buffers.moved_bytes(), 2 * BUFFER_BYTES as u64);
    }
}
