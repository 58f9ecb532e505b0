//! The library of onnxruntime computes the same as other engines. Skipped where it is not installed.

#![allow(clippy::unwrap_used, reason = "a test that unwraps has its proof in passing")]

use std::collections::BTreeMap;

use tare_core::{Clock, Engine, Tensor, TensorData};
use tare_models::find;
use tare_ort::{Ort, Provider};
use tare_record::{FailureKind, PhaseName};

/// Nothing here is timed.
struct NoClock;

impl Clock for NoClock {
    fn source(&self) -> &'static str {
        "none"
    }

    fn now_ns(&self) -> u64 {
        0
    }

    fn sleep<'a>(&'a self, _: u64) -> std::pin::Pin<Box<dyn Future<Output = ()> + 'a>> {
        Box::pin(async {})
    }
}

fn outputs(model: &str, threads: usize) -> Option<Vec<Tensor>> {
    if tare_ort::find().is_none() {
        eprintln!("skipped: onnxruntime is not installed: run `cargo xtask test`, or set ORT_DYLIB_PATH");
        return None;
    }
    let workload = find(model).unwrap().prepare(&BTreeMap::new(), &[], 1).unwrap();
    let engine = Ort::on_cpu(threads);
    assert_ne!(engine.info().version, "not found");
    let loaded = pollster::block_on(engine.load(workload.bytes, &workload.inputs, &NoClock)).unwrap();
    assert_eq!(loaded.phases.len(), 1);
    assert_eq!(loaded.phases[0].name, PhaseName::Optimize);
    let mut session = loaded.session;
    assert_eq!(session.info().threads, threads);
    let outputs = pollster::block_on(session.run(&workload.inputs)).unwrap();
    let again = pollster::block_on(session.run(&workload.inputs)).unwrap();
    assert_eq!(outputs, again);
    Some(outputs)
}

#[test]
fn a_copy_is_the_input() {
    let Some(outputs) = outputs("null", 1) else { return };
    let workload = find("null").unwrap().prepare(&BTreeMap::new(), &[], 1).unwrap();
    assert_eq!(outputs, [workload.inputs[0].tensor.clone()]);
}

#[test]
fn a_network_has_the_same_outputs_on_any_number_of_threads() {
    let Some(one) = outputs("tiny", 1) else { return };
    let two = outputs("tiny", 2).unwrap();
    let values = |outputs: &[Tensor]| match outputs[0].data() {
        TensorData::F32(values) => values.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(one[0].shape(), [1, 10]);
    for (a, b) in values(&one).iter().zip(values(&two)) {
        assert!((a - b).abs() < 1e-5, "{a} and {b}");
    }
}

#[test]
fn every_product_is_in_the_profile() {
    if tare_ort::find().is_none() {
        return;
    }
    let workload = find("tiny").unwrap().prepare(&BTreeMap::new(), &[], 1).unwrap();
    let loaded = pollster::block_on(Ort::on_cpu(1).load(workload.bytes, &workload.inputs, &NoClock)).unwrap();
    let mut session = loaded.session;
    let outputs = pollster::block_on(session.run(&workload.inputs)).unwrap();
    let profiled = pollster::block_on(session.profiled_run(&workload.inputs, &NoClock))
        .unwrap()
        .unwrap();
    assert_eq!(profiled.outputs, outputs);
    let of = |node: &tare_core::NodeRun| node.multiply_accumulates;
    // As many as tract and burn report, and as an independent count over the graph (crates/burn/tests/suite/profile.rs).
    assert_eq!(profiled.nodes.iter().map(of).sum::<u64>(), 1_290_400);
    assert!(
        profiled
            .nodes
            .iter()
            .all(|node| node.bytes > 0 && !node.operator.is_empty()),
        "{:?}",
        profiled.nodes
    );
}

#[test]
fn what_is_no_model_is_an_error() {
    if tare_ort::find().is_none() {
        return;
    }
    let loaded = pollster::block_on(Ort::on_cpu(1).load(b"no model".as_slice().into(), &[], &NoClock));
    let failure = loaded.err().unwrap();
    assert_eq!(failure.kind, FailureKind::Unsupported);
    assert!(
        failure
            .message
            .starts_with("onnxruntime failed while loading the model"),
        "{failure}"
    );
}

#[test]
fn a_device_that_the_library_was_built_without_is_an_error() {
    if tare_ort::find().is_none() {
        return;
    }
    assert_eq!(tare_ort::absence_of(Provider::Cpu), None);
    // The package `onnxruntime` has none of them here.
    for (provider, hint) in [
        (Provider::Cuda, "pip install \"onnxruntime-gpu[cuda,cudnn]\""),
        (
            Provider::DirectMl,
            if cfg!(windows) {
                "onnxruntime-directml"
            } else {
                "needs Windows"
            },
        ),
        (Provider::WebGpu, "pip install onnxruntime-webgpu"),
    ] {
        let workload = find("tiny").unwrap().prepare(&BTreeMap::new(), &[], 1).unwrap();
        let engine = Ort::on_gpu(provider, || None);
        assert_eq!(Provider::of(engine.info().name), Some(provider));
        let loaded = pollster::block_on(engine.load(workload.bytes, &workload.inputs, &NoClock));
        let failure = loaded.err().unwrap();
        assert_eq!(failure.kind, FailureKind::Device);
        assert!(failure.message.contains("has no "), "{failure}");
        assert!(failure.hint.as_deref().unwrap().contains(hint), "{failure}");
    }
}
