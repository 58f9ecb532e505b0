//! Checks how workloads are prepared, and the errors for models, shapes and inputs that do not fit.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::collections::BTreeMap;

use proptest::prelude::*;
use tare_core::{NamedTensor, Tensor, TensorData};
use tare_models::{find, prepare, signature};
use tare_record::{Failure, FailureKind};

fn tiny() -> Vec<u8> {
    find("tiny").unwrap().onnx(&BTreeMap::new())
}

fn shapes(entries: &[(&str, &[usize])]) -> BTreeMap<String, Vec<usize>> {
    entries
        .iter()
        .map(|(name, dims)| ((*name).to_owned(), dims.to_vec()))
        .collect()
}

#[track_caller]
fn check(bytes: Vec<u8>, given_shapes: &[(&str, &[usize])], given: &[NamedTensor], kind: FailureKind, text: &str) {
    let error = prepare("net", bytes, &shapes(given_shapes), given, 0).unwrap_err();
    let failure = Failure::from(error);
    assert_eq!(failure.kind, kind, "{failure:?}");
    assert!(
        failure.message.contains(text),
        "{:?} does not contain {text:?}",
        failure.message
    );
    assert!(failure.hint.is_some_and(|hint| !hint.is_empty()), "there is no hint");
}

#[test]
fn bytes_that_are_not_a_model_are_rejected() {
    let mut cut = tiny();
    cut.truncate(cut.len() / 2);
    check(vec![], &[], &[], FailureKind::Model, "the file is empty");
    check(cut, &[], &[], FailureKind::Model, "not a complete ONNX file");
    check(
        b"version https://git-lfs.github.com/spec/v1\n".to_vec(),
        &[],
        &[],
        FailureKind::Model,
        "not a",
    );
    check(
        b"<!doctype html><html></html>".to_vec(),
        &[],
        &[],
        FailureKind::Model,
        "not a",
    );
}

#[test]
fn shapes_and_inputs_that_do_not_fit_are_rejected() {
    let tensor = |shape: &[usize], data| Tensor::new(shape.to_vec(), data).unwrap();
    let floats = |name: &str, shape: &[usize]| {
        let count = shape.iter().product();
        NamedTensor {
            name: name.into(),
            tensor: tensor(shape, TensorData::F32(vec![0.0; count])),
        }
    };
    check(
        tiny(),
        &[("imgae", &[1, 3, 32, 32])],
        &[],
        FailureKind::Input,
        "has no input \"imgae\": expected one of image f32 [1, 3, 32, 32]",
    );
    check(
        tiny(),
        &[],
        &[floats("x", &[1])],
        FailureKind::Input,
        "has no input \"x\"",
    );
    check(
        tiny(),
        &[("image", &[2, 3, 32, 32])],
        &[],
        FailureKind::Input,
        "found shape [2, 3, 32, 32]",
    );
    check(
        tiny(),
        &[("image", &[3, 32, 32])],
        &[],
        FailureKind::Input,
        "found shape [3, 32, 32]",
    );
    check(
        tiny(),
        &[],
        &[floats("image", &[1, 3, 16, 16])],
        FailureKind::Input,
        "found shape [1, 3, 16, 16]",
    );
    let integers = NamedTensor {
        name: "image".into(),
        tensor: tensor(&[1], TensorData::I64(vec![0])),
    };
    check(
        tiny(),
        &[],
        &[integers],
        FailureKind::Input,
        "found elements of type i64",
    );
}

#[test]
fn a_given_input_is_used_unchanged() {
    let count = 3 * 32 * 32;
    let given = Tensor::new(
        vec![1, 3, 32, 32],
        TensorData::F32((0..count).map(|i| i as f32).collect()),
    )
    .unwrap();
    let named = NamedTensor {
        name: "image".into(),
        tensor: given.clone(),
    };
    let workload = prepare("tiny", tiny(), &BTreeMap::new(), &[named], 0).unwrap();
    assert_eq!(workload.inputs[0].tensor, given);
}

#[test]
fn the_batch_of_a_built_in_model_follows_the_shape() {
    let given = shapes(&[("image", &[4, 3, 224, 224])]);
    let bytes = find("resnet50").unwrap().onnx(&given);
    let workload = prepare("resnet50", bytes, &given, &[], 0).unwrap();
    assert_eq!(workload.inputs[0].tensor.shape(), [4, 3, 224, 224]);
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = signature(&bytes);
    }

    #[test]
    fn no_mutation_of_a_model_makes_it_panic(position in 0usize..10_000, value in any::<u8>(), cut in 0usize..10_000) {
        let mut bytes = tiny();
        let length = bytes.len();
        bytes[position % length] = value;
        bytes.truncate(length - cut % length);
        let _ = prepare("mutated", bytes, &BTreeMap::new(), &[], 0);
    }
}

#[test]
fn every_computed_value_can_be_an_output() {
    let entry = find("tiny").unwrap();
    let bytes = entry.onnx(&BTreeMap::new());
    let (with_outputs, values) = tare_models::with_intermediate_outputs(&bytes).unwrap();
    let names: Vec<&str> = values.iter().map(|value| value.name.as_str()).collect();
    assert_eq!(names.first(), Some(&"stem.conv"));
    assert_eq!(names.last(), Some(&"logits"));
    assert_eq!(values[1].operator, "Relu");
    let workload = prepare("tiny", with_outputs, &BTreeMap::new(), &[], 0).unwrap();
    assert_eq!(workload.outputs.len(), names.len());
    assert_eq!(workload.outputs[0], "logits", "the model's own outputs come first");
    assert!(tare_models::with_intermediate_outputs(&bytes[..100]).is_err());
}

#[test]
fn the_models_plan_has_all_built_in_models() {
    let plan = tare_core::plan::built_in("models", tare_core::plan::PlanSetting { cores: 1, quick: false }).unwrap();
    let mut planned: Vec<&str> = plan.cells.iter().map(|cell| cell.model.as_str()).collect();
    let mut known: Vec<&str> = tare_models::CATALOG.iter().map(|entry| entry.name).collect();
    known.extend(tare_models::PIPELINES.iter().map(|pipeline| pipeline.name));
    planned.sort_unstable();
    known.sort_unstable();
    assert_eq!(planned, known);
}
