//! How this program was built, for the record.

use tare_record::BuildInfo;

/// Describes this program. `revision` is the git revision of its sources, empty if it was built
/// outside a repository. The binary passes it in, so that a new commit recompiles nothing else.
pub fn build_info(revision: &str) -> BuildInfo {
    BuildInfo {
        version: env!("CARGO_PKG_VERSION").into(),
        git_revision: (!revision.is_empty()).then(|| revision.to_owned()),
        build_profile: build_profile().into(),
        target: target_name(),
        target_features: target_features(),
    }
}

/// `debug` if the program was built without optimization, `optimized` otherwise.
pub(crate) fn build_profile() -> &'static str {
    if cfg!(debug_assertions) { "debug" } else { "optimized" }
}

/// Architecture and system, for example `x86_64-linux` or `wasm32-unknown`.
fn target_name() -> String {
    let os = if cfg!(target_os = "unknown") {
        "unknown"
    } else {
        std::env::consts::OS
    };
    let arch = if cfg!(target_arch = "wasm32") {
        "wasm32"
    } else {
        std::env::consts::ARCH
    };
    format!("{arch}-{os}")
}

/// Vector features that the compiler may use everywhere. Engines may detect more at run time.
fn target_features() -> Vec<String> {
    let mut features = Vec::new();
    macro_rules! list {
        ($($name:literal),*) => { $(if cfg!(target_feature = $name) { features.push($name.to_owned()); })* };
    }
    list!(
        "simd128",
        "relaxed-simd",
        "atomics",
        "sse2",
        "sse4.2",
        "avx",
        "avx2",
        "fma",
        "avx512f",
        "neon",
        "dotprod"
    );
    features
}
