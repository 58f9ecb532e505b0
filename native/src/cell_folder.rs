//! Names of the files in the folder of a cell, by which processes exchange what a cell needs.

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
