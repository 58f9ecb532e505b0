//! Sharing work among threads.

/// Fewer numbers than this take less time than starting a thread.
#[cfg(any(not(target_family = "wasm"), target_feature = "atomics"))]
const NUMBERS_OF_A_THREAD: usize = 16 * 1024;

/// Splits the numbers among threads, in whole rows, and tells each share the index of its first row. `cost` is the work for a
/// number, in elementary functions.
#[cfg(any(not(target_family = "wasm"), target_feature = "atomics"))]
pub(crate) fn on_threads(numbers: &mut [f32], width: usize, cost: usize, work: impl Fn(usize, &mut [f32]) + Sync) {
    use rayon::prelude::*;

    // Several shares for each thread, because threads are not equally fast.
    let even = numbers.len().div_ceil(4 * rayon::current_num_threads());
    let share = even.max(NUMBERS_OF_A_THREAD / cost.max(1)).next_multiple_of(width);
    if numbers.len() <= share || rayon::current_num_threads() == 1 {
        return work(0, numbers);
    }
    let shares = numbers.par_chunks_mut(share).enumerate();
    shares.for_each(|(index, numbers)| work(index * share / width, numbers));
}

/// There is one thread.
#[cfg(not(any(not(target_family = "wasm"), target_feature = "atomics")))]
pub(crate) fn on_threads(numbers: &mut [f32], _: usize, _: usize, work: impl Fn(usize, &mut [f32]) + Sync) {
    work(0, numbers);
}
