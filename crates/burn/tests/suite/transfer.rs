//! Types of inputs and outputs.

use std::collections::BTreeMap;

use tare_burn::Burn;
use tare_core::{Tensor, TensorData};
use tare_models::{Attribute, Graph, WeightInit, prepare};
use tare_record::{DType, FailureKind};

use crate::common::run;

#[test]
fn an_integer_beyond_32_bits_is_refused() {
    let mut g = Graph::new("case", 7);
    let ids = g.input_of("ids", DType::I64, &[1]);
    let table = g.weight("table", &[4, 5], WeightInit::LeCun { fan_in: 5 });
    let y = g.node("y", "Gather", &[&table, &ids], &[Attribute::Int("axis", 0)]);
    g.output(&y, &[1, 5]);
    let mut workload = prepare("case", g.into_bytes(), &BTreeMap::new(), &[], 0).unwrap();
    workload.inputs[0].tensor = Tensor::new(vec![1], TensorData::I64(vec![1 << 40])).unwrap();
    let error = run(&Burn::flex(1), &workload).unwrap_err();
    assert_eq!(error.kind, FailureKind::Input);
    assert!(
        error.message.contains("\"ids\" holds 1099511627776"),
        "{}",
        error.message
    );
}

#[test]
fn integer_outputs_have_the_type_that_the_model_declares() {
    for (to, dtype) in [(7, DType::I64), (6, DType::I32)] {
        let mut g = Graph::new("case", 7);
        let ids = g.input_of("ids", DType::I64, &[2, 3]);
        let axes = g.integers("axes", &[1]);
        let wide = g.node("wide", "Unsqueeze", &[&ids, &axes], &[]);
        let y = g.node("y", "Cast", &[&wide], &[Attribute::Int("to", to)]);
        g.output_of(&y, dtype, &[2, 1, 3]);
        let workload = prepare("case", g.into_bytes(), &BTreeMap::new(), &[], 3).unwrap();
        let expected = run(&tare_tract::Tract::new(1), &workload).unwrap();
        assert_eq!(run(&Burn::flex(1), &workload).unwrap(), expected);
        assert_eq!(expected[0].dtype(), dtype);
    }
}
