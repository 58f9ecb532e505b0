//! Where everything is.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// Top folder of the repository.
pub(crate) fn root() -> PathBuf {
    // Asked at run time: clones that share a target folder also share the compiled program.
    let manifest = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| "crates/xtask".into());
    // Two levels above this crate's manifest.
    Path::new(&manifest)
        .ancestors()
        .nth(2)
        .map_or_else(|| ".".into(), Path::to_path_buf)
}

/// Tells a child of trunk where native results are: trunk itself runs with the folder for wasm.
pub(crate) const TARGET_VARIABLE: &str = "TARE_TARGET_DIR";

/// Folder of native build results: cargo's own.
pub(crate) fn target() -> PathBuf {
    let folder = std::env::var_os(TARGET_VARIABLE).or_else(|| std::env::var_os("CARGO_TARGET_DIR"));
    folder.map_or_else(|| root().join("target"), PathBuf::from)
}

/// Folder of build results for wasm. Apart from native ones, so that both can be built at once: cargo locks a folder.
pub(crate) fn wasm_target() -> PathBuf {
    target().join("wasm")
}

/// Folder of the built page.
pub(crate) fn dist() -> PathBuf {
    root().join("dist")
}

/// Folder of tools, which outlives clones.
pub(crate) fn tools() -> Result<PathBuf> {
    Ok(user_cache()?.join("tare").join("tools"))
}

/// Folder where trunk looks for tools before it downloads them.
pub(crate) fn trunk_cache() -> Result<PathBuf> {
    let folder = if cfg!(target_os = "macos") {
        user_cache()?.join("dev.trunkrs.trunk")
    } else if cfg!(windows) {
        user_cache()?.join("trunkrs").join("trunk").join("cache")
    } else {
        user_cache()?.join("trunk")
    };
    Ok(folder)
}

/// Folder for a user's caches.
fn user_cache() -> Result<PathBuf> {
    let known = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let home = known("HOME").or_else(|| known("USERPROFILE"));
    let folder = if cfg!(windows) {
        known("LOCALAPPDATA")
    } else if cfg!(target_os = "macos") {
        home.map(|home| home.join("Library").join("Caches"))
    } else {
        known("XDG_CACHE_HOME").or_else(|| home.map(|home| home.join(".cache")))
    };
    folder.context("this system names no folder for caches\nhint: set HOME")
}
