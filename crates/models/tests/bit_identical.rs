//! The same bytes natively and in wasm: this file runs on both.

#![allow(clippy::unwrap_used, reason = "a test that unwraps has its proof in passing")]

use std::collections::BTreeMap;

use tare_core::sha256_hex;
use tare_models::{CATALOG, parameter_count, prepare};

#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// SHA-256 of each model's file and of its inputs for seed 0.
const GOLDEN: [(&str, &str, &str); 3] = [
    (
        "null",
        "0985264881f82cbb103313f321d3d3961db525ac3f26d551d3ed00aa9c68d970",
        "8c0769015cf78da37f2db3d37e9f906d43da714c93c6b33217bfd489e4d01121",
    ),
    (
        "tiny",
        "b9f3eeb7613ce6007eafa012d0f2cfca25dce36224d384f5bbe61e91ab15877c",
        "42abf5491ad3c001fb922e1d735d8745d2b4f14d47969d38c4f24689bf938746",
    ),
    (
        "resnet50",
        "52db8f0976c57f977f481e7fcce180d584e4b4e23398cd8ca44d22c747d6bdef",
        "44453ad6db542a7b1ede96042ffd3cfeb77d1225c431f1639616d1181cf1745f",
    ),
];

#[test]
fn models_and_inputs_are_bit_identical_everywhere() {
    assert_eq!(CATALOG.map(|entry| entry.name), GOLDEN.map(|(name, ..)| name));
    for (entry, (name, model, input)) in CATALOG.iter().zip(GOLDEN) {
        let bytes = entry.onnx(&BTreeMap::new());
        assert_eq!(sha256_hex(&bytes), model, "model {name}");
        let workload = prepare(name, bytes, &BTreeMap::new(), &[], 0).unwrap();
        assert_eq!(workload.inputs[0].facts().sha256, input, "input of {name}");
    }
}

#[test]
fn parameters_equal_the_published_numbers() {
    for entry in &CATALOG {
        assert_eq!(
            parameter_count(&entry.onnx(&BTreeMap::new())).unwrap(),
            entry.parameters,
            "{}",
            entry.name
        );
    }
}
