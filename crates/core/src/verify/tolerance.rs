//! Accepted differences from the reference, by model.

use std::collections::BTreeMap;

use serde::Deserialize;
use tare_record::{Precision, Tolerance};

/// The built-in table.
const TABLE: &str = include_str!("../../tolerances.toml");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    default: Tolerance,
    model: BTreeMap<String, Tolerance>,
    precision: BTreeMap<String, Tolerance>,
}

/// The tolerance for a model. `given` overrides the table's entry for the precision, which overrides that for the model,
/// which overrides the table's default.
pub fn tolerance_of(model: &str, precision: Option<Precision>, given: &Tolerance) -> Tolerance {
    // The file is part of the program, and a test reads it.
    let Ok(table) = toml::from_str::<Table>(TABLE) else {
        unreachable!("tolerances.toml is valid")
    };
    let mut tolerance = table.default;
    tolerance.extend(table.model.get(model).into_iter().flatten());
    let of_precision = precision.and_then(|precision| table.precision.get(precision.as_str()));
    tolerance.extend(of_precision.into_iter().flatten());
    tolerance.extend(given);
    tolerance
}

#[cfg(test)]
mod tests {
    use tare_record::DType;

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
