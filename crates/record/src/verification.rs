use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::TensorInfo;

/// How the outputs of all runs compare with the reference.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Verification {
    /// What the outputs were compared with.
    pub reference: String,
    /// Hash of its outputs. Cells with the same one were compared with the same elements, all of
    /// them. `None` in records of earlier builds.
    #[serde(default)]
    pub reference_sha256: Option<String>,
    /// Largest accepted difference, as a share of the reference's largest magnitude.
    pub tolerance: f64,
    /// Outputs of the last verified run.
    pub outputs: Vec<OutputInfo>,
    /// Each distinct digest of a run's outputs, with the number of timed runs that produced it.
    pub digests: Vec<DigestCount>,
}

/// One output and its distance from the reference.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OutputInfo {
    /// Name, type, shape and hash.
    pub tensor: TensorInfo,
    /// Largest distance from the reference over all runs.
    pub drift: Drift,
    /// Indices of the five largest elements of the first row of the last axis, largest first.
    pub top: Vec<usize>,
    /// Elements to compare with the outputs of another environment. `None` in records of earlier
    /// builds.
    #[serde(rename = "probe", default)]
    pub sample: Option<OutputSample>,
}

/// Some elements of an output.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OutputSample {
    /// Largest magnitude of all elements of the output.
    pub largest: f64,
    /// Up to 64 elements, evenly spaced in row-major order, starting with the first.
    pub values: Vec<f64>,
}

/// Distance of a tensor from its reference.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Drift {
    /// Largest absolute difference.
    pub max_abs: f64,
    /// Largest absolute difference as a share of the reference's largest magnitude.
    pub max_scaled: f64,
    /// Largest difference as a share of the reference's element, over the elements of at least a
    /// thousandth of the reference's largest magnitude. Smaller elements consist mostly of rounding
    /// errors.
    #[serde(default)]
    pub max_relative: f64,
    /// Element counts by distance in units in the last place (ULP): entry 0 counts equal elements,
    /// entry `k` those that are 2^(k-1) to 2^k - 1 ULP apart. If the runs of a cell gave different
    /// outputs, all of them are counted.
    #[serde(default)]
    pub ulp_counts: Vec<u64>,
    /// Cosine of the angle between the tensor and its reference: 1 for the same direction, and 1 if
    /// both are zero.
    pub cosine: f64,
    /// Whether the five largest elements of every row of the last axis have the same indices, in
    /// the same order.
    pub same_top: bool,
}

/// A digest, and how many timed runs produced it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DigestCount {
    /// Digest of all outputs of a run.
    pub sha256: String,
    /// Timed runs that produced it.
    pub runs: u64,
}
