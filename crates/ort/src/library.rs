//! Finds and loads the library of onnxruntime.

use std::ffi::CStr;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use ort::environment::Environment;
use ort::sys::OrtApiBase;
use tare_record::{Failure, FailureKind};

/// The environment variable with the library's path.
pub const LIBRARY_VARIABLE: &str = "ORT_DYLIB_PATH";

/// A library that is loaded.
#[derive(Clone)]
pub(crate) struct Loaded {
    pub(crate) version: String,
    pub(crate) environment: Environment,
}

/// The library, which is loaded once. Whether it could be is remembered.
pub(crate) fn loaded() -> Result<Loaded, Failure> {
    static LOADED: OnceLock<Result<Loaded, Failure>> = OnceLock::new();
    LOADED.get_or_init(load).clone()
}

fn load() -> Result<Loaded, Failure> {
    let path = find().ok_or_else(|| failed("onnxruntime is not installed".into()))?;
    load_from(&path)
}

fn load_from(path: &Path) -> Result<Loaded, Failure> {
    // The crate `ort` hangs where it cannot load the library, so it is tried before.
    let version = version_of(path)
        .map_err(|error| failed(format!("onnxruntime cannot be loaded from {}: {error}", path.display())))?;
    if !is_new_enough(&version) {
        return Err(failed(format!(
            "onnxruntime {version} in {} is too old: expected 1.{} or later",
            path.display(),
            ort::MINOR_VERSION
        )));
    }
    let environment = ort::init_from(path).map_err(|error| failed(error.to_string()))?;
    // The library sends no telemetry.
    let environment = environment
        .with_name("tare")
        .with_telemetry(false)
        .build()
        .map_err(|error| failed(error.message().to_owned()))?;
    Ok(Loaded { version, environment })
}

fn failed(message: String) -> Failure {
    let hint = format!("install it (pip install onnxruntime), or set {LIBRARY_VARIABLE} to its library");
    Failure::new(FailureKind::Device, message).with_hint(hint)
}

/// Whether the crate `ort` can call this version: it needs at least version 1 and the minor version that it was made for.
fn is_new_enough(version: &str) -> bool {
    let minor = version.strip_prefix("1.").and_then(|rest| rest.split('.').next());
    minor
        .and_then(|minor| minor.parse::<u32>().ok())
        .is_some_and(|minor| minor >= ort::MINOR_VERSION)
}

/// The version that a library says it has.
///
/// # Errors
///
/// If it cannot be loaded, or is not onnxruntime.
#[allow(
    unsafe_code,
    reason = "functions of a library that is loaded at run time have no types"
)]
fn version_of(path: &Path) -> Result<String, String> {
    // SAFETY: loading runs the initializers of a library that the user installed or named for this.
    let library = unsafe { libloading::Library::new(path) }.map_err(|error| error.to_string())?;
    // SAFETY: the type is that of the function in onnxruntime_c_api.h.
    let base = unsafe { library.get::<unsafe extern "system" fn() -> *const OrtApiBase>(b"OrtGetApiBase") }
        .map_err(|error| error.to_string())?;
    // SAFETY: the function takes nothing, and returns null or a table that lives as long as the library.
    let base = unsafe { base().as_ref() }.ok_or("it has no functions")?;
    // SAFETY: the version is a text that ends with a zero, and lives as long as the library.
    let version = unsafe { CStr::from_ptr((base.GetVersionString)()) };
    Ok(version.to_string_lossy().into_owned())
}

/// The version of the library, and its path.
///
/// # Errors
///
/// If there is none, or it cannot be loaded, with what to do.
pub fn found() -> Result<(String, PathBuf), Failure> {
    Ok((loaded()?.version, find().unwrap_or_default()))
}

/// The library: the one that the environment names, or that of an installed Python package.
pub fn find() -> Option<PathBuf> {
    if let Some(path) = std::env::var_os(LIBRARY_VARIABLE).filter(|path| !path.is_empty()) {
        return Some(path.into());
    }
    python_packages().iter().find_map(|packages| in_package(packages))
}

/// The library inside a folder of Python packages.
fn in_package(packages: &Path) -> Option<PathBuf> {
    let entries = std::fs::read_dir(packages.join("onnxruntime").join("capi")).ok()?;
    let is_library = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        name.starts_with("libonnxruntime.") || name == "onnxruntime.dll"
    };
    let mut found: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(is_library).collect();
    found.sort();
    found.pop()
}

/// Folders where Python installs packages: of the active environment, of the user, and of the system.
fn python_packages() -> Vec<PathBuf> {
    let home = std::env::home_dir().unwrap_or_default();
    let of_environment = ["VIRTUAL_ENV", "CONDA_PREFIX"]
        .into_iter()
        .filter_map(std::env::var_os)
        .map(PathBuf::from);
    let prefixes = of_environment.chain([
        home.join(".local"),
        "/usr/local".into(),
        "/usr".into(),
        "/opt/homebrew".into(),
    ]);
    prefixes
        .flat_map(|prefix| {
            let windows = prefix.join("Lib");
            let mut libs: Vec<PathBuf> = std::fs::read_dir(prefix.join("lib"))
                .into_iter()
                .flatten()
                .flatten()
                .map(|entry| entry.path())
                .filter(|path| {
                    path.file_name()
                        .is_some_and(|name| name.to_string_lossy().starts_with("python3"))
                })
                .collect();
            // The newest first.
            libs.sort();
            libs.reverse();
            libs.push(windows);
            libs
        })
        .flat_map(|lib| [lib.join("site-packages"), lib.join("dist-packages")])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_versions_are_refused() {
        for (version, expected) in [
            ("1.31.1", true),
            ("1.24.0", true),
            ("1.23.2", false),
            ("0.20", false),
            ("", false),
        ] {
            assert_eq!(is_new_enough(version), expected, "{version}");
        }
    }

    #[test]
    fn what_is_no_library_is_an_error() {
        for path in ["Cargo.toml", "absent.so"] {
            let failure = load_from(Path::new(path)).err().unwrap();
            assert!(failure.message.contains(path) && failure.hint.is_some(), "{failure}");
        }
    }

    #[test]
    fn the_library_of_a_package_is_found() {
        let packages = std::env::temp_dir().join(format!("tare-ort-{}", std::process::id()));
        let folder = packages.join("onnxruntime/capi");
        std::fs::create_dir_all(&folder).unwrap();
        assert_eq!(in_package(&packages), None);
        for name in [
            "libonnxruntime.so.1.24.4",
            "libonnxruntime_providers_shared.so",
            "onnxruntime_pybind11_state.so",
        ] {
            std::fs::write(folder.join(name), "").unwrap();
        }
        assert_eq!(in_package(&packages), Some(folder.join("libonnxruntime.so.1.24.4")));
        std::fs::remove_dir_all(packages).unwrap();
    }
}
