//! The same bytes natively and in wasm: this file runs on both.

use std::collections::BTreeMap;

use tare_core::sha256_hex;
use tare_models::{CATALOG, parameter_count, prepare};

#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// SHA-256 of each model's file and of its inputs for seed 0.
const GOLDEN: [(&str, &str, &str); 3] = [
    ("null", "MODEL", "INPUT"),
    ("tiny", "MODEL", "INPUT"),
    ("resnet50", "MODEL", "INPUT"),
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
