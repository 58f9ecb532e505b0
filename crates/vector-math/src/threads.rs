//! Sharing work among threads.

/// Fewer numbers than this take less time than starting a thread.
#[cfg(any(not(target_family = "wasm"), target_feature = "atomics"))]
const NUMBERS_OF_A_THREAD: usize = 16 * 1024;

/// Gives each thread a share of the numbers, in whole rows, and tells it the number of its first row.
#[cfg(any(not(target_family = "wasm"), target_feature = "atomics"))]
pub(crate) fn on_threads(numbers: &mut [f32], width: usize, work: impl Fn(usize, &mut [f32]) + Sync) {
    use rayon::prelude::*;

    let share = numbers.len().div_ceil(rayon::current_num_threads());
    if share <= NUMBERS_OF_A_THREAD {
        return work(0, numbers);
    }
    let share = share.next_multiple_of(width);
    let shares = numbers.par_chunks_mut(share).enumerate();
    shares.for_each(|(index, numbers)| work(index * share / width, numbers));
}

/// There is one thread.
#[cfg(not(any(not(target_family = "wasm"), target_feature = "atomics")))]
pub(crate) fn on_threads(numbers: &mut [f32], _: usize, work: impl Fn(usize, &mut [f32]) + Sync) {
    work(0, numbers);
}
