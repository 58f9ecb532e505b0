//! Running one case on tract and on burn-flex.

use std::collections::BTreeMap;

use tare_burn::Burn;
use tare_core::{Engine, NamedTensor, Tensor, TensorData, Untimed, Workload, compare};
use tare_models::{Attribute, Graph, Value, WeightInit, prepare};
use tare_record::{DType, Failure, FailureKind, Tolerance};
use tare_tract::Tract;

/// Types of ONNX's Cast.
pub(crate) const FLOAT: i64 = 1;
pub(crate) const INT32: i64 = 6;
pub(crate) const INT64: i64 = 7;

/// Weights between -0.5 and 0.5.
pub(crate) const HALF: WeightInit = WeightInit::Uniform {
    center: 0.0,
    spread: 0.5,
};

/// Loads a workload and runs it.
pub(crate) fn run(engine: &dyn Engine, workload: &Workload) -> Result<Vec<Tensor>, Failure> {
    pollster::block_on(async {
        let mut session = engine
            .load(workload.bytes.clone(), &workload.inputs, &Untimed)
            .await?
            .session;
        let outputs = session.run(&workload.inputs).await?;
        // A second run must give the same.
        assert_eq!(session.run(&workload.inputs).await?, outputs);
        Ok(outputs)
    })
}

/// tract and burn-flex compute the same.
#[track_caller]
pub(crate) fn agree(bytes: Vec<u8>) {
    let workload = prepare("case", bytes, &BTreeMap::new(), &[], 3).unwrap();
    let reference = workload.name_outputs(run(&Tract::new(1), &workload).unwrap());
    let outputs = run(&Burn::flex(2), &workload).unwrap();
    let drift = compare(&outputs, &reference, &Tolerance::from([(DType::F32, 1e-3)])).unwrap();
    assert!(drift.iter().all(|drift| drift.max_scaled < 1e-5), "{drift:?}");
}

/// The model with values for its input `x`.
fn fed(bytes: Vec<u8>, shape: &[usize], x: &[f32]) -> Workload {
    let tensor = Tensor::new(shape.to_vec(), TensorData::F32(x.to_vec())).unwrap();
    let given = [NamedTensor {
        name: "x".into(),
        tensor,
    }];
    prepare("case", bytes, &BTreeMap::new(), &given, 3).unwrap()
}

/// burn-flex computes exactly these outputs.
#[track_caller]
pub(crate) fn computes(bytes: Vec<u8>, shape: &[usize], x: &[f32], expected: &[(&[usize], &[f32])]) {
    let outputs = run(&Burn::flex(1), &fed(bytes, shape, x)).unwrap();
    let found: Vec<(&[usize], &TensorData)> = outputs.iter().map(|output| (output.shape(), output.data())).collect();
    let expected: Vec<(&[usize], TensorData)> = expected
        .iter()
        .map(|(shape, values)| (*shape, TensorData::F32(values.to_vec())))
        .collect();
    let expected: Vec<(&[usize], &TensorData)> = expected.iter().map(|(shape, data)| (*shape, data)).collect();
    assert_eq!(found, expected);
}

/// burn-flex refuses the model with this reason.
#[track_caller]
pub(crate) fn refuses(bytes: Vec<u8>, shape: &[usize], reason: &str) {
    let x = vec![1.0; shape.iter().product()];
    let error = run(&Burn::flex(1), &fed(bytes, shape, &x)).unwrap_err();
    assert_eq!(error.kind, FailureKind::Unsupported);
    assert!(error.message.contains(reason), "{error}");
}

/// A graph with one input of this shape, and the output that `build` adds.
pub(crate) fn graph(shape: &[usize], output: &[usize], build: impl FnOnce(&mut Graph, &Value) -> Value) -> Vec<u8> {
    let mut graph = Graph::new("case", 7);
    let x = graph.input("x", shape);
    let y = build(&mut graph, &x);
    graph.output(&y, output);
    graph.into_bytes()
}

pub(crate) fn ints(name: &'static str, values: &[i64]) -> Attribute {
    Attribute::Ints(name, values.to_vec())
}

/// One operator on values between -1 and 1, times `scale`, plus `shift`.
#[track_caller]
pub(crate) fn function(operator: &str, attributes: &[Attribute], scale: f32, shift: f32) {
    agree(graph(&[2, 3, 4], &[2, 3, 4], |g, x| {
        let x = scaled(g, x, scale, shift);
        g.node("y", operator, &[&x], attributes)
    }));
}

/// x times `scale` plus `shift`.
pub(crate) fn scaled(g: &mut Graph, x: &Value, scale: f32, shift: f32) -> Value {
    let (scale, shift) = (g.constant("scale", &[], &[scale]), g.constant("shift", &[], &[shift]));
    let scaled = g.node("scaled", "Mul", &[x, &scale], &[]);
    g.node("shifted", "Add", &[&scaled, &shift], &[])
}

/// `build` changes integers between -8 and 8.
#[track_caller]
pub(crate) fn on_integers(dtype: i64, build: impl FnOnce(&mut Graph, &Value) -> Value) {
    agree(graph(&[3, 4], &[3, 4], |g, x| {
        let eight = g.constant("eight", &[], &[8.0]);
        let wide = g.node("wide", "Mul", &[x, &eight], &[]);
        let whole = g.node("whole", "Cast", &[&wide], &[Attribute::Int("to", dtype)]);
        let made = build(g, &whole);
        g.node("y", "Cast", &[&made], &[Attribute::Int("to", FLOAT)])
    }));
}

pub(crate) fn cast(g: &mut Graph, name: &str, x: &Value, to: i64) -> Value {
    g.node(name, "Cast", &[x], &[Attribute::Int("to", to)])
}

/// Constant integers in a shape.
pub(crate) fn reshaped_integers(g: &mut Graph, values: &[i64], shape: &[i64]) -> Value {
    let (flat, shape) = (g.integers("flat", values), g.integers("shape", shape));
    g.node("at", "Reshape", &[&flat, &shape], &[])
}

/// A convolution with a weight of this shape and a bias.
pub(crate) fn conv(g: &mut Graph, x: &Value, weight: &[usize], attributes: &[Attribute]) -> Value {
    let w = g.weight(
        "w",
        weight,
        WeightInit::LeCun {
            fan_in: weight[1..].iter().product(),
        },
    );
    let b = g.weight(
        "b",
        &weight[..1],
        WeightInit::Uniform {
            center: 0.1,
            spread: 0.5,
        },
    );
    g.node("y", "Conv", &[x, &w, &b], attributes)
}

/// One operator with a weight, and a bias for `bias` channels.
#[track_caller]
pub(crate) fn convolved(operator: &str, shapes: [&[usize]; 3], bias: usize, attributes: &[Attribute]) {
    let [shape, weight, output] = shapes;
    agree(graph(shape, output, |g, x| {
        let weight = g.weight("weight", weight, HALF);
        let bias = g.weight("bias", &[bias], HALF);
        g.node("y", operator, &[x, &weight, &bias], attributes)
    }));
}
