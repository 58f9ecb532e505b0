//! Names of the files in the folder of a cell, by which processes exchange what a cell needs.

use std::io::Read;
use std::path::{Path, PathBuf};

/// The request.
pub(crate) const REQUEST: &str = "request.json";
/// The ONNX file, if it came with the request.
pub(crate) const MODEL: &str = "model.onnx";
/// Inputs that the user gave.
pub(crate) const INPUTS: &str = "inputs.tensors";
/// Outputs of the reference.
pub(crate) const REFERENCE: &str = "reference.tensors";
/// Outputs of the cell.
pub(crate) const OUTPUTS: &str = "outputs.tensors";

/// Ends this process when the one that started it is gone, whatever ended that one, and removes the folder that it left.
pub(crate) fn end_with_parent(folder: &Path) {
    let folder: PathBuf = folder.to_owned();
    std::thread::spawn(move || {
        // Nothing is ever written there: the read returns when the other end is closed.
        let _ = std::io::stdin().read(&mut [0]);
        remove(&folder);
        std::process::exit(1);
    });
}

/// Removes the folder of a cell, if nothing else is in it. Nobody is left to tell of an error.
fn remove(folder: &Path) {
    for file in [REQUEST, MODEL, INPUTS, REFERENCE, OUTPUTS] {
        let _ = std::fs::remove_file(folder.join(file));
    }
    let _ = std::fs::remove_dir(folder);
}
