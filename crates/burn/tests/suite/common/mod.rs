//! The same case on tract and on burn-flex.

use std::collections::BTreeMap;

use tare_burn::Burn;
use tare_core::{Engine, NamedTensor, Tensor, TensorData, Untimed, Workload, compare};
use tare_models::{Attribute, Graph, Value, prepare};
use tare_record::{DType, Failure, Tolerance};
use tare_tract::Tract;

pub(crate) fn run(engine: &dyn Engine, workload: &Workload) -> Result<Vec<Tensor>, Failure> {
    pollster::block_on(async {
        let mut session = engine
            .load(workload.bytes.clone(), &workload.inputs, &Untimed)
            .await?
            .session;
        let outputs = session.run(&workload.inputs).await?;
        // A second run must give the same: nothing may be used up.
        assert_eq!(session.run(&workload.inputs).await?, outputs);
        Ok(outputs)
    })
}

#[track_caller]
pub(crate) fn agree(bytes: Vec<u8>) {
    let workload = prepare("case", bytes, &BTreeMap::new(), &[], 3).unwrap();
    let reference = workload.name_outputs(run(&Tract::new(1), &workload).unwrap());
    let outputs = run(&Burn::flex(2), &workload).unwrap();
    let drift = compare(&outputs, &reference, &Tolerance::from([(DType::F32, 1e-3)])).unwrap();
    assert!(drift.iter().all(|drift| drift.max_scaled < 1e-5), "{drift:?}");
}

/// The model with its input `x` fed.
fn fed(bytes: Vec<u8>, shape: &[usize], x: &[f32]) -> Workload {
    let tensor = Tensor::new(shape.to_vec(), TensorData::F32(x.to_vec())).unwrap();
    let given = [NamedTensor {
        name: "x".into(),
        tensor,
    }];
    prepare("case", bytes, &BTreeMap::new(), &given, 3).unwrap()
}

/// burn-flex computes these outputs, exactly.
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

/// burn-flex refuses the model, and says why.
#[track_caller]
pub(crate) fn refuses(bytes: Vec<u8>, shape: &[usize], reason: &str) {
    let x = vec![1.0; shape.iter().product()];
    let error = run(&Burn::flex(1), &fed(bytes, shape, &x)).unwrap_err();
    assert!(error.message.contains(reason), "{error}");
}

/// A graph of one input of the given shape, whose output is what `build` makes of it.
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
