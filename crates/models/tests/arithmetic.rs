//! Compares the parameters and multiply-accumulates of the built-in networks with the published
//! numbers. Runs only natively, because the bytes are the same in wasm.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
#![cfg(not(target_family = "wasm"))]

use std::collections::BTreeMap;

use tare_models::{CATALOG, find, multiply_accumulates, parameter_count};

#[test]
fn parameter_counts_match_the_published_numbers() {
    for entry in CATALOG {
        let bytes = entry.onnx(&BTreeMap::new());
        assert_eq!(parameter_count(&bytes).unwrap(), entry.parameters, "{}", entry.name);
    }
}

/// Multiply-accumulates of a transformer for `tokens` tokens: half of the forward cost in Kaplan et
/// al., "Scaling Laws for Neural Language Models", 2020, table 1. Every token attends to all
/// tokens, as in dense kernels.
fn transformer(layers: u64, width: u64, tokens: u64) -> u64 {
    tokens * layers * (12 * width * width + 2 * tokens * width)
}

#[test]
fn multiply_accumulates_are_within_two_percent_of_the_published_numbers() {
    for (name, published) in [
        ("null", 0),
        // torchvision's number for its ResNet-50: 4.089 G.
        ("resnet50", 4_089_000_000),
        // Table 2 of the paper.
        ("efficientdet-d0", 2_500_000_000),
        ("efficientdet-d1", 6_100_000_000),
        ("efficientdet-d2", 11_000_000_000),
        ("distilbert", transformer(6, 768, 128)),
        // The pooler adds a product of 384 x 384.
        ("minilm", transformer(6, 384, 128) + 384 * 384),
        ("gpt2", transformer(12, 768, 128) + 128 * 768 * 50_257),
        // One token after 128 others.
        ("gpt2-cached", 12 * (12 * 768 * 768 + 2 * 129 * 768) + 768 * 50_257),
    ] {
        let macs = multiply_accumulates(&find(name).unwrap().onnx(&BTreeMap::new()))
            .unwrap()
            .unwrap();
        let (found, expected) = (macs as f64, published as f64);
        assert!(
            (found - expected).abs() <= expected * 0.02,
            "{name}: {found} instead of {expected}"
        );
    }
}

#[test]
fn batch_and_tokens_are_parameters() {
    let macs = |name: &str, input: &str, shape: &[usize]| {
        let shapes = BTreeMap::from([(input.to_owned(), shape.to_vec())]);
        multiply_accumulates(&find(name).unwrap().onnx(&shapes))
            .unwrap()
            .unwrap()
    };
    assert_eq!(
        2 * macs("resnet50", "image", &[1, 3, 224, 224]),
        macs("resnet50", "image", &[2, 3, 224, 224])
    );
    assert_eq!(
        3 * macs("minilm", "input_ids", &[1, 16]),
        macs("minilm", "input_ids", &[3, 16])
    );
    assert!(macs("minilm", "input_ids", &[1, 32]) > 2 * macs("minilm", "input_ids", &[1, 16]));
}
