//! ONNX files until an engine gets them: their inputs, and the conversion of their weights.

use std::collections::BTreeMap;

use tare_models::{prepare, signature, with_precision};
use tare_record::Precision;

use crate::generated_model::generated_model;
use crate::target::Target;

pub(crate) const TARGET: Target = Target {
    name: "model",
    run,
    seeds: || {
        let file = |name| tare_models::find(name).map(|model| model.onnx(&BTreeMap::new()));
        ["null", "tiny", "digits"].into_iter().filter_map(file).collect()
    },
    words: &[
        "Conv",
        "MatMul",
        "Gemm",
        "ConstantOfShape",
        "Reshape",
        "Loop",
        "ai.onnx",
        "\x08\x07",
        "\x12\x00",
        "\u{ff}\u{ff}\u{ff}\u{ff}\u{f}",
    ],
    longest: 60_000,
    runs_of_test: 5_000,
};

fn run(bytes: &[u8]) {
    look_at(bytes);
    look_at(&generated_model(bytes));
}

fn look_at(bytes: &[u8]) {
    let _ = signature(bytes);
    let _ = prepare("case", bytes.to_vec(), &BTreeMap::new(), &[], 0);
    for precision in Precision::ALL {
        if let Ok(converted) = with_precision(bytes, precision) {
            signature(&converted).expect("what was converted is a model");
        }
    }
}
