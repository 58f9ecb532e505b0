//! Largest accepted difference from the reference, as a share of the reference's largest magnitude, by element type of the
//! output. Integers must be equal. A `[[cell]]` of a plan can override it: `tolerance = { f32 = 1e-4 }`.
//!
//! Rust and not TOML, because every page and worker holds it, and a parser of TOML is a twentieth of a page.

use tare_record::{DType, Precision, Tolerance};

/// A network sums thousands of products per element in an order that each engine chooses, and each step in f32 rounds by
/// 6e-8. Differences seen between tract, burn and onnxruntime stay below 1e-4. Ten times this is still far less than the
/// error of a wrong kernel. f16 rounds by 5e-4 per step.
const DEFAULT: [(DType, f64); 2] = [(DType::F32, 1e-3), (DType::F16, 2e-2)];

/// What is accepted of f32 outputs of some models instead.
fn of_model(model: &str) -> Option<f64> {
    match model {
        // It copies its input.
        "null" => Some(0.0),
        // It has only a few layers.
        "tiny" => Some(1e-4),
        // Seen: 6e-6 (tract and burn-flex, natively and in Chromium).
        "resnet50" => Some(1e-4),
        _ => None,
    }
}

/// What is accepted of f32 outputs in some number formats instead.
fn of_precision(precision: Precision) -> Option<f64> {
    match precision {
        // Rounding to one of 255 steps turns a difference in the last digit of an input into a whole step, and every
        // product does it again.
        Precision::Int8Dynamic => Some(5e-2),
        // Every step rounds by 5e-4, and sums of thousands of products do so again and again.
        Precision::F16 => Some(5e-2),
        Precision::F16Weights | Precision::Int8Weights => None,
    }
}

/// The tolerance for a model. `given` overrides the entry for the precision, which overrides that for the model, which
/// overrides the default.
pub fn tolerance_of(model: &str, precision: Option<Precision>, given: &Tolerance) -> Tolerance {
    let mut tolerance = Tolerance::from(DEFAULT);
    let of_f32 = [of_model(model), precision.and_then(of_precision)];
    tolerance.extend(of_f32.into_iter().flatten().map(|share| (DType::F32, share)));
    tolerance.extend(given);
    tolerance
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn given_tolerances_override_the_model_and_the_default() {
        let given = |share| Tolerance::from([(DType::F32, share)]);
        for (model, tolerance, expected) in [
            ("net.onnx", Tolerance::new(), 1e-3),
            ("null", Tolerance::new(), 0.0),
            ("resnet50", Tolerance::new(), 1e-4),
            ("resnet50", given(0.5), 0.5),
            ("net.onnx", given(0.5), 0.5),
        ] {
            let found = tolerance_of(model, None, &tolerance);
            assert_eq!(found[&DType::F32], expected, "{model}");
            assert_eq!(found[&DType::F16], 2e-2, "{model}");
            assert_eq!(found.get(&DType::I64), None, "integers must be equal");
        }
        let in_int8 = |given: &Tolerance| tolerance_of("resnet50", Some(Precision::Int8Dynamic), given)[&DType::F32];
        assert_eq!((in_int8(&Tolerance::new()), in_int8(&given(0.5))), (5e-2, 0.5));
        let stored = tolerance_of("resnet50", Some(Precision::Int8Weights), &Tolerance::new());
        assert_eq!(
            stored[&DType::F32],
            1e-4,
            "weights alone change nothing about the arithmetic"
        );
    }
}
