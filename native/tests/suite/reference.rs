//! What engines are compared with.

use tare_models::{Attribute, Graph, WeightInit};
use tare_record::{EngineName, Status, WarningKind};

use crate::common::Sandbox;

/// tract turns the step of the slice into the convolution's stride, and counts from a wrong place.
#[test]
fn an_engine_that_computes_a_model_wrongly_is_no_reference() {
    let sandbox = Sandbox::new();
    let mut graph = Graph::new("case", 1);
    let x = graph.input("x", &[1, 3, 8, 9]);
    let weights = WeightInit::Uniform {
        center: 0.0,
        spread: 1.0,
    };
    let w = graph.weight("w", &[4, 3, 3, 3], weights);
    let attributes = [
        Attribute::Ints("kernel_shape", vec![3, 3]),
        Attribute::Ints("pads", vec![1; 4]),
    ];
    let c = graph.node("convolution", "Conv", &[&x, &w], &attributes);
    let [starts, ends, axes, steps] =
        [("starts", 1), ("ends", 9), ("axes", 3), ("steps", 3)].map(|(name, value)| graph.integers(name, &[value]));
    let y = graph.node("sparse", "Slice", &[&c, &starts, &ends, &axes, &steps], &[]);
    graph.output(&y, &[1, 4, 8, 3]);
    sandbox.write("sparse.onnx", &graph.into_bytes());
    let engines = "--engine tract --engine burn-flex --engine rten";
    sandbox
        .measure("a.json", &format!("--model sparse.onnx {engines}"))
        .code(1);
    for cell in sandbox.record("a.json").cells {
        let is_tract = cell.engine.name == EngineName::Tract;
        assert_eq!(matches!(cell.status, Status::Measured), !is_tract, "{:?}", cell.status);
        let fallback = cell
            .warnings
            .iter()
            .find(|warning| warning.kind == WarningKind::Fallback);
        let message = &fallback.expect("the reference is not that of tract").message;
        assert!(
            message.contains("Slice \"sparse\" with a step, after another operator"),
            "{message}"
        );
    }
}
