//! The CPU, for burn-flex.

use burn_dispatch::DispatchDevice;
use tare_core::SessionInfo;

use super::opened::OpenedDevice;

/// Opens the CPU. `threads` is what [`use_threads`] returned.
pub(super) fn open(threads: usize) -> OpenedDevice {
    let info = SessionInfo {
        threads,
        vector_level: vector_level(),
        ..SessionInfo::default()
    };
    OpenedDevice::cpu(DispatchDevice::Flex(Default::default()), info)
}

/// Sets the number of burn-flex's threads for the whole process and returns how many there are. In
/// wasm with shared memory, JavaScript has started the threads before.
pub(crate) fn use_threads(threads: usize) -> usize {
    #[cfg(all(target_family = "wasm", not(target_feature = "atomics")))]
    {
        let _ = threads;
        1
    }
    #[cfg(any(not(target_family = "wasm"), target_feature = "atomics"))]
    {
        // Fails if the pool exists already. Then its size counts.
        let _ = rayon::ThreadPoolBuilder::new()
            .num_threads(threads.max(1))
            .build_global();
        rayon::current_num_threads()
    }
}

/// The widest vector instructions that burn-flex's products use on this machine. Elementary functions may use wider ones.
fn vector_level() -> String {
    #[cfg(target_arch = "x86_64")]
    let level = if std::is_x86_feature_detected!("avx2") && std::is_x86_feature_detected!("fma") {
        "fma"
    } else {
        "sse2"
    };
    #[cfg(target_arch = "aarch64")]
    let level = "neon";
    #[cfg(target_arch = "wasm32")]
    let level = if cfg!(target_feature = "simd128") {
        "simd"
    } else {
        "none"
    };
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "wasm32")))]
    let level = "unknown";
    level.to_owned()
}
