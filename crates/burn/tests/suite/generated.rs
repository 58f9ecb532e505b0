//! Models that are generated: tract and burn-flex compute the same, whatever follows what.

use std::collections::BTreeMap;

use tare_burn::Burn;
use tare_core::{Random, compare};
use tare_fuzz::generated_model;
use tare_models::prepare;
use tare_record::{DType, Tolerance};
use tare_tract::Tract;

use crate::common::run;

/// Models of a run of the tests. `cargo xtask fuzz` generates more.
const MODELS: u64 = 1_000;

#[test]
fn engines_agree_on_generated_models() {
    let number = |name: &str| std::env::var(name).ok().and_then(|value| value.parse().ok());
    let (count, seed) = (number("TARE_GENERATED_MODELS"), number("TARE_GENERATED_SEED"));
    let mut random = Random::new(seed.unwrap_or(2026), "generated");
    let count = count.unwrap_or(MODELS);
    let mut refused = 0;
    for index in 0..count {
        let bytes: Vec<u8> = (0..24).flat_map(|_| random.next_u64().to_le_bytes()).collect();
        let model = generated_model(&bytes);
        match agree(&model) {
            Ok(true) => {}
            Ok(false) => refused += 1,
            Err(what) => {
                let file = std::env::temp_dir().join(format!("generated-{index}.onnx"));
                std::fs::write(&file, &model).unwrap();
                panic!("model {index}, in {}: {what}", file.display());
            }
        }
    }
    println!("tract refused {refused} of {count}");
    assert!(refused * 20 < count, "tract refused {refused} of {count}");
}

/// Runs a model on both engines. Returns whether tract takes it: it fails to optimize some, such as a slice with steps behind an added
/// dimension. An error says why burn does not take it, or how far apart their outputs are.
fn agree(model: &[u8]) -> Result<bool, String> {
    let workload = prepare("case", model.to_vec(), &BTreeMap::new(), &[], 3).map_err(|error| error.to_string())?;
    let outputs = run(&Burn::flex(1), &workload).map_err(|failure| format!("burn: {failure}"))?;
    let Ok(reference) = run(&Tract::new(1), &workload) else {
        return Ok(false);
    };
    let tolerance = Tolerance::from([(DType::F32, 1e-3)]);
    let drift = compare(&outputs, &workload.name_outputs(reference), &tolerance).map_err(|error| error.to_string())?;
    if drift.iter().all(|drift| drift.max_scaled < 1e-4) {
        return Ok(true);
    }
    Err(format!("{drift:?}"))
}
