//! Whether two environments computed the same.

use tare_core::sample_distance;
use tare_record::{Cell, DType, OutputInfo, Verification};

/// How far apart the outputs of two cells are, as a share of their largest elements.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Agreement {
    /// Both compared every element with one reference. The largest distance of each from it.
    SameReference([f64; 2]),
    /// Each compared its outputs with a reference of its own, and the elements that both records hold differ by at most this.
    Samples(f64),
    /// A record holds no elements.
    Unknown,
}

/// How far apart the outputs of two cells are.
///
/// # Errors
///
/// If the outputs are others, or further apart than each may be from its reference, both added. Integers must be equal.
pub(crate) fn agreement(a: &Cell, b: &Cell) -> Result<Agreement, String> {
    let (Some(one), Some(other)) = (&a.verification, &b.verification) else {
        return Ok(Agreement::Unknown);
    };
    if one.outputs.len() != other.outputs.len() {
        let (one, other) = (one.outputs.len(), other.outputs.len());
        return Err(format!("the numbers of outputs differ: {one} and {other}"));
    }
    let allowed = one.tolerance + other.tolerance;
    let mut largest = Some(0.0_f64);
    for (one, other) in one.outputs.iter().zip(&other.outputs) {
        let found = of_output(one, other, allowed)?;
        largest = largest.zip(found).map(|(largest, found)| largest.max(found));
    }
    if one.reference_sha256.is_some() && one.reference_sha256 == other.reference_sha256 {
        let distance = |cell: &Verification| {
            let outputs = cell.outputs.iter();
            outputs.map(|output| output.drift.max_scaled).fold(0.0, f64::max)
        };
        return Ok(Agreement::SameReference([distance(one), distance(other)]));
    }
    Ok(largest.map_or(Agreement::Unknown, Agreement::Samples))
}

fn of_output(one: &OutputInfo, other: &OutputInfo, allowed: f64) -> Result<Option<f64>, String> {
    let (name, dtype) = (&one.tensor.name, one.tensor.dtype);
    if (dtype, &one.tensor.shape) != (other.tensor.dtype, &other.tensor.shape) {
        return Err(format!(
            "output {name:?} differs in type or shape: {dtype} {:?} and {} {:?}",
            one.tensor.shape, other.tensor.dtype, other.tensor.shape
        ));
    }
    let Some(found) = one.sample.as_ref().zip(other.sample.as_ref()) else {
        return Ok(None);
    };
    let allowed = match dtype {
        DType::F16 | DType::F32 | DType::F64 => allowed,
        _ => 0.0,
    };
    match sample_distance(found.0, found.1) {
        Some(distance) if distance <= allowed => Ok(Some(distance)),
        Some(distance) => Err(format!(
            "output {name:?} differs by {distance:.1e} of its largest element, at most {allowed:.0e} is allowed: \
             each agrees with the reference of its own environment, so one of the two computes something else"
        )),
        None => Err(format!(
            "the elements that the records hold of output {name:?} are others"
        )),
    }
}
