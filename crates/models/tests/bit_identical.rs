//! The same bytes natively and in wasm: this file runs on both.

#![allow(clippy::unwrap_used, reason = "a test that unwraps has its proof in passing")]

use std::collections::BTreeMap;

use tare_core::sha256_hex;
use tare_models::{CATALOG, prepare};

#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// SHA-256 of each model's file and of its first input for seed 0.
const GOLDEN: &str = include_str!("bit_identical.txt");

#[test]
fn models_and_inputs_are_bit_identical_everywhere() {
    let found: Vec<String> = CATALOG
        .iter()
        .map(|entry| {
            let bytes = entry.onnx(&BTreeMap::new());
            let model = sha256_hex(&bytes);
            let workload = prepare(entry.name, bytes, &BTreeMap::new(), &[], 0).unwrap();
            format!("{} {model} {}", entry.name, workload.inputs[0].facts().sha256)
        })
        .collect();
    assert_eq!(found.join("\n"), GOLDEN.trim());
}
