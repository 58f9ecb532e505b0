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
    let count = std::env::var("TARE_GENERATED_MODELS")
        .ok()
        .and_then(|count| count.parse().ok());
    let seed = std::env::var("TARE_GENERATED_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok());
    let mut random = Random::new(seed.unwrap_or(2026), "generated");
    for index in 0..count.unwrap_or(MODELS) {
        let bytes: Vec<u8> = (0..24).flat_map(|_| random.next_u64().to_le_bytes()).collect();
        let model = generated_model(&bytes);
        let workload = prepare("case", model.clone(), &BTreeMap::new(), &[], 3).unwrap();
        let differ = |what: &str| {
            let file = std::env::temp_dir().join(format!("tare-generated-{index}.onnx"));
            std::fs::write(&file, &model).unwrap();
            panic!("model {index}, in {}: {what}", file.display());
        };
        let reference = match run(&Tract::new(1), &workload) {
            Ok(outputs) => workload.name_outputs(outputs),
            Err(failure) => differ(&format!("tract: {failure}")),
        };
        let outputs = match run(&Burn::flex(1), &workload) {
            Ok(outputs) => outputs,
            Err(failure) => differ(&format!("burn: {failure}")),
        };
        let drift = compare(&outputs, &reference, &Tolerance::from([(DType::F32, 1e-3)]));
        match drift {
            Ok(drift) if drift.iter().all(|drift| drift.max_scaled < 1e-4) => {}
            other => differ(&format!("{other:?}")),
        }
    }
}
