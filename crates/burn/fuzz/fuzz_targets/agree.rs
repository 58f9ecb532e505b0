//! Runs valid models, which the bytes choose, on burn-flex, tract and rten: burn computes what one of the others computes. tract
//! optimizes some valid models wrongly, and rten lacks operators.
//!
//! `cargo xtask fuzz --target agree` runs this.

#![no_main]

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

use libfuzzer_sys::fuzz_target;
use tare_burn::Burn;
use tare_core::{Engine, Tensor, Untimed, Workload, compare};
use tare_fuzz::generated_model;
use tare_models::prepare;
use tare_record::{DType, Failure, Tolerance};
use tare_rten::Rten;
use tare_tract::Tract;

static QUIET: Once = Once::new();

fuzz_target!(|bytes: &[u8]| {
    // rten panics on some. The fuzzer's hook would end the process; a panic that nobody catches still does.
    QUIET.call_once(|| std::panic::set_hook(Box::new(|panic| eprintln!("{panic}"))));
    let workload = prepare("case", generated_model(bytes), &BTreeMap::new(), &[], 3).expect("the model is valid");
    let outputs = run(&Burn::flex(1), &workload).expect("burn runs it");
    let others: [&dyn Engine; 2] = [&Tract::new(1), &Rten::new(1)];
    let agrees = others.iter().any(|engine| agrees(*engine, &workload, &outputs));
    assert!(agrees, "neither tract nor rten computes the same");
});

fn agrees(engine: &dyn Engine, workload: &Workload, outputs: &[Tensor]) -> bool {
    let Ok(Ok(reference)) = catch_unwind(AssertUnwindSafe(|| run(engine, workload))) else {
        return false;
    };
    let tolerance = Tolerance::from([(DType::F32, 1e-3)]);
    let drift = compare(outputs, &workload.name_outputs(reference), &tolerance);
    drift.is_ok_and(|drift| drift.iter().all(|drift| drift.max_scaled < 1e-4))
}

fn run(engine: &dyn Engine, workload: &Workload) -> Result<Vec<Tensor>, Failure> {
    pollster::block_on(async {
        let loaded = engine.load(workload.bytes.clone(), &workload.inputs, &Untimed).await?;
        let mut session = loaded.session;
        session.run(&workload.inputs).await
    })
}
