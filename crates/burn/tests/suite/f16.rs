//! Arithmetic in f16.

use std::collections::BTreeMap;

use tare_burn::Burn;
use tare_core::{NamedTensor, Tensor, TensorData, Workload, compare};
use tare_models::{Graph, find, prepare};
use tare_record::{DType, Tolerance};
use tare_tract::Tract;

use crate::common::{FLOAT, INT64, cast, graph, run, scaled};

/// The largest difference from tract in f32, as a share of the largest element.
#[track_caller]
fn drift(workload: &Workload) -> f64 {
    let reference = workload.name_outputs(run(&Tract::new(1), workload).unwrap());
    let outputs = run(&Burn::flex(2).in_f16(), workload).unwrap();
    let drifts = compare(&outputs, &reference, &Tolerance::from([(DType::F32, 1.0)])).unwrap();
    drifts.iter().map(|drift| drift.max_scaled).fold(0.0, f64::max)
}

#[test]
fn networks_differ_by_what_f16_rounds() {
    for model in ["tiny", "digits", "minilm"] {
        let workload = find(model).unwrap().prepare(&BTreeMap::new(), &[], 0).unwrap();
        let drift = drift(&workload);
        assert!((1e-6..2e-2).contains(&drift), "{model}: {drift}");
    }
}

#[test]
fn tests_and_integers_become_f16_too() {
    let bytes = graph(&[3, 4], &[3, 4], |g, x| {
        let x = scaled(g, x, 8.0, 0.0);
        let whole = cast(g, "whole", &x, INT64);
        let back = cast(g, "back", &whole, FLOAT);
        let zero = g.constant("zero", &[], &[0.0]);
        let positive = g.node("positive", "Greater", &[&x, &zero], &[]);
        let powers = g.node("powers", "Exp", &[&x], &[]);
        let chosen = g.node("chosen", "Where", &[&positive, &back, &powers], &[]);
        let ones = cast(g, "ones", &positive, FLOAT);
        g.node("y", "Add", &[&chosen, &ones], &[])
    });
    let drift = drift(&prepare("case", bytes, &BTreeMap::new(), &[], 3).unwrap());
    assert!(drift < 1e-2, "{drift}");
}

#[test]
fn indices_keep_all_their_bits() {
    // f16 cannot tell 4097 from 4096.
    let values: Vec<f32> = (0..5_000u16).map(|row| f32::from(row % 7)).collect();
    let mut g = Graph::new("case", 7);
    let ids = g.input_of("ids", DType::I64, &[2]);
    let table = g.constant("table", &[5_000], &values);
    let y = g.node("y", "Gather", &[&table, &ids], &[]);
    g.output(&y, &[2]);
    let ids = NamedTensor {
        name: "ids".into(),
        tensor: Tensor::new(vec![2], TensorData::I64(vec![4_097, 4_096])).unwrap(),
    };
    let workload = prepare("case", g.into_bytes(), &BTreeMap::new(), &[ids], 0).unwrap();
    let outputs = run(&Burn::flex(1).in_f16(), &workload).unwrap();
    assert_eq!(
        outputs[0].data(),
        &TensorData::F32(vec![f32::from(4_097u16 % 7), f32::from(4_096u16 % 7)])
    );
}

#[test]
fn constants_beyond_f16_are_its_largest_and_results_overflow() {
    let bytes = graph(&[4], &[4], |g, x| {
        let far = g.constant("far", &[], &[-1e30]);
        let none = g.constant("none", &[], &[0.0]);
        let nothing = g.node("nothing", "Mul", &[x, &none], &[]);
        // As the mask of an attention: 0 times -infinity would be NaN.
        g.node("y", "Mul", &[&nothing, &far], &[])
    });
    let workload = prepare("case", bytes, &BTreeMap::new(), &[], 0).unwrap();
    let outputs = run(&Burn::flex(1).in_f16(), &workload).unwrap();
    assert!(outputs[0].to_f64().iter().all(|value| *value == 0.0), "{outputs:?}");
    let squared = graph(&[4], &[4], |g, x| {
        let x = scaled(g, x, 0.0, 300.0);
        g.node("y", "Mul", &[&x, &x], &[])
    });
    let workload = prepare("case", squared, &BTreeMap::new(), &[], 0).unwrap();
    let outputs = run(&Burn::flex(1).in_f16(), &workload).unwrap();
    let reference = workload.name_outputs(run(&Tract::new(1), &workload).unwrap());
    assert!(
        outputs[0].to_f64().iter().all(|value| value.is_infinite()),
        "{outputs:?}"
    );
    let error = compare(&outputs, &reference, &Tolerance::from([(DType::F32, 1.0)])).unwrap_err();
    assert!(error.message.contains("inf"), "{error}");
}
