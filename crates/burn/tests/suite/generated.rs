//! Models that are generated: burn-flex computes what another engine computes, whatever follows what.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use tare_burn::Burn;
use tare_core::{Engine, Random, Tensor, Workload, compare};
use tare_fuzz::generated_model;
use tare_models::prepare;
use tare_record::{DType, Failure, FailureKind, Tolerance};
use tare_rten::Rten;
use tare_tract::Tract;

use crate::common::run;

/// Models of a run of the tests. `cargo xtask fuzz` generates more.
const MODELS: u64 = 1_000;

#[test]
fn engines_agree_on_generated_models() {
    let number = |name: &str| std::env::var(name).ok().and_then(|value| value.parse().ok());
    let (count, seed) = (number("TARE_GENERATED_MODELS"), number("TARE_GENERATED_SEED"));
    let count = count.unwrap_or(MODELS);
    let mut random = Random::new(seed.unwrap_or(2026), "generated");
    let mut others = [0; 2];
    for index in 0..count {
        let bytes: Vec<u8> = (0..24).flat_map(|_| random.next_u64().to_le_bytes()).collect();
        let model = generated_model(&bytes);
        let workload = prepare("case", model.clone(), &BTreeMap::new(), &[], 3).unwrap();
        let outputs = run(&Burn::flex(1), &workload);
        let differ = |engine: &dyn Engine| differ(engine, &workload, outputs.as_ref()).err();
        // tract optimizes some valid models wrongly, and rten lacks operators: one of both has to agree.
        let failures = [differ(&Tract::new(1)), differ(&Rten::new(1))];
        for (count, failure) in others.iter_mut().zip(&failures) {
            *count += u64::from(failure.is_some());
        }
        let wrong = match failures {
            [Some(tract), Some(rten)] => format!("next to tract: {tract}; next to rten: {rten}"),
            // What tract computes wrongly must not be a reference.
            [Some(tract), None]
                if tract.kind == FailureKind::Output && Tract::new(1).refuse_reference(&workload.bytes).is_ok() =>
            {
                format!("tract is wrong and would be the reference: {tract}")
            }
            _ => continue,
        };
        let file = std::env::temp_dir().join(format!("generated-{index}.onnx"));
        std::fs::write(&file, &model).unwrap();
        panic!("model {index}, in {}: {wrong}", file.display());
    }
    println!(
        "of {count} models, {} differ on tract or are refused, and {} on rten",
        others[0], others[1]
    );
    assert!(others.iter().all(|differ| differ * 10 < count), "{others:?} of {count}");
}

/// Fails if an engine's outputs are not those of burn.
fn differ(engine: &dyn Engine, workload: &Workload, outputs: Result<&Vec<Tensor>, &Failure>) -> Result<(), Failure> {
    // rten panics on some.
    let reference = catch_unwind(AssertUnwindSafe(|| run(engine, workload)));
    let reference = reference.map_err(|_| Failure::new(FailureKind::Died, "it panicked"))??;
    let outputs = outputs.map_err(Clone::clone)?;
    let tolerance = Tolerance::from([(DType::F32, 1e-4)]);
    compare(outputs, &workload.name_outputs(reference), &tolerance).map(drop)
}
