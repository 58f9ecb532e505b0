#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use super::*;
use crate::onnx::{GraphProto, OperatorSet};

/// A matrix product with a weight of 16x16.
fn model(values: &[f32], version: i64) -> Vec<u8> {
    let raw = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    let graph = GraphProto {
        node: vec![node("MatMul", vec!["x".into(), "w".into()], "y", integer("ignored", 0))],
        initializer: vec![tensor("w", vec![16, 16], F32, raw)],
        input: ["x", "w"]
            .map(|name| ValueInfo {
                name: name.into(),
                r#type: None,
            })
            .into(),
        ..GraphProto::default()
    };
    let model = Model {
        graph: Some(graph),
        opset_import: vec![OperatorSet {
            domain: String::new(),
            version,
        }],
        ..Model::default()
    };
    model.encode_to_vec()
}

fn converted(values: &[f32], precision: Precision) -> GraphProto {
    let bytes = with_precision(&model(values, 17), precision).unwrap();
    Model::decode(bytes.as_slice()).unwrap().graph.unwrap()
}

fn ramp(index: usize) -> f32 {
    index as f32 - 128.0
}

#[test]
fn weights_are_replaced_by_nodes_that_restore_them() {
    let values: Vec<f32> = (0..256).map(ramp).collect();
    for (precision, operator, stored_bytes) in [
        (Precision::F16Weights, "Cast", 512),
        (Precision::Int8Weights, "DequantizeLinear", 256 + 64),
    ] {
        let graph = converted(&values, precision);
        let names: Vec<&str> = graph.node.iter().map(|node| node.op_type.as_str()).collect();
        assert_eq!(names, [operator, "MatMul"]);
        assert_eq!(graph.node[0].output, ["w"]);
        let bytes: usize = graph.initializer.iter().map(|weight| weight.raw_data.len()).sum();
        assert_eq!(bytes, stored_bytes);
        let inputs: Vec<&str> = graph.input.iter().map(|input| input.name.as_str()).collect();
        assert_eq!(inputs, ["x"], "a weight is no input");
    }
}

#[test]
fn int8_weights_are_within_half_a_step_of_their_channel() {
    // Columns are output channels of a matrix product; each has another size, and one is zero.
    let value = |index: usize| {
        if index % 16 == 3 {
            0.0
        } else {
            ramp(index) * (index % 16) as f32
        }
    };
    let values: Vec<f32> = (0..256).map(value).collect();
    let graph = converted(&values, Precision::Int8Weights);
    let scales: Vec<f32> = graph.initializer[1]
        .raw_data
        .as_chunks::<4>()
        .0
        .iter()
        .map(|c| f32::from_le_bytes(*c))
        .collect();
    assert_eq!(scales.len(), 16);
    for (index, (&stored, value)) in graph.initializer[0].raw_data.iter().zip(&values).enumerate() {
        let restored = f32::from(i8::from_le_bytes([stored])) * scales[index % 16];
        assert!(
            (restored - value).abs() <= scales[index % 16] * 0.5001,
            "{index}: {restored} for {value}"
        );
    }
}

#[test]
fn traps_of_f16() {
    // Whole numbers beyond 2048 are not all exact, and tiny ones become denormal or zero.
    let mut values = vec![0.0; 256];
    values[..4].copy_from_slice(&[2049.0, 65504.0, 6e-8, 1e-9]);
    let stored = &converted(&values, Precision::F16Weights).initializer[0].raw_data;
    let at = |index: usize| f16::from_le_bytes([stored[2 * index], stored[2 * index + 1]]).to_f32();
    assert_eq!((at(0), at(1), at(3)), (2048.0, 65504.0, 0.0));
    assert!((at(2) - 6e-8).abs() < 1e-9, "denormals are kept");
    // An overflow would become infinite: the weight stays, and nothing is left to convert.
    values[5] = 65520.0;
    assert_eq!(
        with_precision(&model(&values, 17), Precision::F16Weights),
        Err(PrecisionError::NoWeights(Precision::F16Weights))
    );
}

#[test]
fn what_cannot_be_converted_is_named() {
    let values: Vec<f32> = (0..256).map(ramp).collect();
    let error = with_precision(&model(&values, 11), Precision::Int8Weights).unwrap_err();
    assert!(error.to_string().contains("version 13 or later, found 11"), "{error}");
    let error = with_precision(b"\xff\xff", Precision::F16Weights).unwrap_err();
    assert!(matches!(error, PrecisionError::Decode(..)), "{error}");
    let error = with_precision(&[], Precision::F16Weights).unwrap_err();
    assert!(matches!(error, PrecisionError::NoWeights(_)), "{error}");
}

#[test]
fn products_are_computed_in_int8() {
    let values: Vec<f32> = (0..256).map(ramp).collect();
    let graph = converted(&values, Precision::Int8Dynamic);
    let operators: Vec<&str> = graph.node.iter().map(|node| node.op_type.as_str()).collect();
    assert_eq!(
        operators,
        ["DynamicQuantizeLinear", "MatMulInteger", "Cast", "Mul", "Mul"]
    );
    assert_eq!(graph.node[4].output, ["y"], "the result keeps its name");
    let sizes: Vec<usize> = graph.initializer.iter().map(|weight| weight.raw_data.len()).collect();
    assert_eq!(sizes, [256, 64]);
    // Integers of a weight that is not 16x16 in the file's order.
    let transposed: Vec<f32> = (0..512).map(|index| index as f32).collect();
    let raw = transposed.iter().flat_map(|value| value.to_le_bytes()).collect();
    let gemm = Node {
        input: ["x", "w", "b"].map(String::from).into(),
        ..node("Gemm", vec![], "y", integer("transB", 1))
    };
    let graph = GraphProto {
        node: vec![gemm],
        initializer: vec![tensor("w", vec![16, 32], F32, raw)],
        ..GraphProto::default()
    };
    let model = Model {
        graph: Some(graph),
        opset_import: vec![OperatorSet {
            domain: String::new(),
            version: 17,
        }],
        ..Model::default()
    };
    let bytes = with_precision(&model.encode_to_vec(), Precision::Int8Dynamic).unwrap();
    let graph = Model::decode(bytes.as_slice()).unwrap().graph.unwrap();
    assert_eq!(graph.initializer[0].dims, [32, 16], "stored as [inputs, outputs]");
    // Row 0 of the file is output 0: its largest value, 31, is the last input.
    assert_eq!(graph.initializer[0].raw_data[31 * 16], 127);
    assert_eq!(graph.node.last().unwrap().op_type, "Add");
}
