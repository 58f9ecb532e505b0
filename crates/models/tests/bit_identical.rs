//! Checks that models and inputs have the same bytes natively and in wasm. This file runs on both.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::collections::BTreeMap;

use tare_core::Workload;
use tare_models::{CATALOG, PIPELINES};

#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// SHA-256 of each model's file and of its first input for seed 0.
const GOLDEN: &str = include_str!("bit_identical.txt");

#[test]
fn models_and_inputs_are_bit_identical_everywhere() {
    let line = |workload: Workload| {
        let model = workload.model.sha256.unwrap();
        format!("{} {model} {}", workload.model.name, workload.inputs[0].info().sha256)
    };
    let networks = CATALOG.iter().map(|entry| entry.prepare(&BTreeMap::new(), &[], 0));
    let pipelines = PIPELINES.iter().map(|entry| entry.prepare(&BTreeMap::new(), &[], 0));
    // One after the other, because together they take gigabytes.
    let found: Vec<String> = networks
        .chain(pipelines)
        .map(|workload| line(workload.unwrap()))
        .collect();
    let golden: Vec<&str> = GOLDEN.lines().collect();
    let new: Vec<&str> = found
        .iter()
        .map(String::as_str)
        .filter(|line| !golden.contains(line))
        .collect();
    assert!(
        new.is_empty(),
        "lines that are not in bit_identical.txt:\n{}",
        new.join("\n")
    );
    assert_eq!(
        found.len(),
        golden.len(),
        "bit_identical.txt has lines of models that are not there"
    );
}
