//! NVIDIA's libraries, and its first GPU, which onnxruntime uses.

use std::collections::BTreeMap;
use std::ffi::{CStr, c_char, c_int};
use std::mem::ManuallyDrop;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use libloading::{Library, Symbol};
use tare_record::Adapter;

use crate::library;

/// The driver's library.
const DRIVER: &str = if cfg!(windows) { "nvcuda.dll" } else { "libcuda.so.1" };

/// What the provider links to, in the order in which they need each other. Versions follow the names.
const NEEDED: [&str; 6] = [
    "libcudart.so",
    "libcublasLt.so",
    "libcublas.so",
    "libcurand.so",
    "libcufft.so",
    "libcudnn.so",
];

/// The longest name of a GPU.
const NAME_BYTES: usize = 256;

/// Loads NVIDIA's libraries where pip installs them on Linux, next to onnxruntime's package: the provider does not look there. Those
/// of the system serve otherwise, and elsewhere.
pub(crate) fn preload() {
    if !cfg!(target_os = "linux") {
        return;
    }
    // PACKAGES/onnxruntime/capi/libonnxruntime.so
    let path = library::find();
    let Some(packages) = path.as_deref().and_then(|path| path.ancestors().nth(3)) else {
        return;
    };
    for library in libraries_in(packages) {
        // What cannot be loaded is missed, and named, by the provider.
        let _ = ort::util::preload_dylib(library);
    }
}

/// The needed libraries in Python packages, in their order.
fn libraries_in(packages: &Path) -> Vec<PathBuf> {
    let folders = std::fs::read_dir(packages.join("nvidia"))
        .into_iter()
        .flatten()
        .flatten();
    let files: Vec<PathBuf> = folders
        .filter_map(|folder| std::fs::read_dir(folder.path().join("lib")).ok())
        .flat_map(|files| files.flatten().map(|file| file.path()))
        .collect();
    let is_named = |path: &&PathBuf, name: &str| {
        let file_name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        file_name.starts_with(&format!("{name}."))
    };
    NEEDED
        .iter()
        .filter_map(|name| files.iter().find(|path| is_named(path, name)).cloned())
        .collect()
}

/// The first GPU, as the driver describes it. `None` without a driver or a GPU. The driver is asked once.
pub(crate) fn adapter() -> Option<Adapter> {
    static FOUND: OnceLock<Option<Adapter>> = OnceLock::new();
    FOUND.get_or_init(ask_driver).clone()
}

#[allow(
    unsafe_code,
    reason = "functions of a library that is loaded at run time have no types"
)]
fn ask_driver() -> Option<Adapter> {
    // SAFETY: loading the driver's library runs its initializers, as onnxruntime does.
    let driver = unsafe { Library::new(DRIVER) }.ok()?;
    // Once it has started, it may have threads of its own, so it stays.
    let driver = ManuallyDrop::new(driver);
    // SAFETY: the types are those of the functions in cuda.h.
    let (init, get, get_name, get_version) = unsafe {
        let init: Symbol<'_, unsafe extern "system" fn(u32) -> c_int> = driver.get(b"cuInit").ok()?;
        let get: Symbol<'_, unsafe extern "system" fn(*mut c_int, c_int) -> c_int> = driver.get(b"cuDeviceGet").ok()?;
        let get_name: Symbol<'_, unsafe extern "system" fn(*mut c_char, c_int, c_int) -> c_int> =
            driver.get(b"cuDeviceGetName").ok()?;
        let get_version: Symbol<'_, unsafe extern "system" fn(*mut c_int) -> c_int> =
            driver.get(b"cuDriverGetVersion").ok()?;
        (init, get, get_name, get_version)
    };
    let (mut device, mut version) = (0, 0);
    let mut name = [0u8; NAME_BYTES];
    let room = c_int::try_from(name.len() - 1).ok()?;
    // SAFETY: the pointers lead to variables of the right types. The name's room is one byte shorter than it is, so that a zero ends it.
    let failed = unsafe {
        init(0) != 0
            || get(&mut device, 0) != 0
            || get_name(name.as_mut_ptr().cast(), room, device) != 0
            || get_version(&mut version) != 0
    };
    if failed {
        return None;
    }
    let name = CStr::from_bytes_until_nul(&name).ok()?.to_string_lossy().into_owned();
    Some(Adapter {
        name,
        graphics_api: "cuda".into(),
        // cuda.h: 1,000 times the major version, and 10 times the minor one.
        driver: format!("CUDA {}.{}", version / 1000, version % 1000 / 10),
        software: false,
        features: vec![],
        limits: BTreeMap::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_are_found_in_their_order() {
        let packages = tempfile::tempdir().unwrap();
        assert_eq!(libraries_in(packages.path()), [] as [PathBuf; 0]);
        let files = [
            "nvidia/cudnn/lib/libcudnn_ops.so.9",
            "nvidia/cudnn/lib/libcudnn.so.9",
            "nvidia/cu13/lib/libcublas.so.13",
            "nvidia/cu13/lib/libcublasLt.so.13",
        ]
        .map(|name| packages.path().join(name));
        for file in &files {
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, "").unwrap();
        }
        let [_, cudnn, cublas, cublas_lt] = files;
        assert_eq!(libraries_in(packages.path()), [cublas_lt, cublas, cudnn]);
    }
}
