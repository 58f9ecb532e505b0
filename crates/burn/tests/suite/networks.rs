//! The built-in networks on tract and on burn-flex, compared with the results of onnxruntime
//! (crates/models/golden/make.py).

use std::collections::BTreeMap;

use serde::Deserialize;
use tare_burn::Burn;
use tare_core::{Engine, NamedTensor, Tensor, TensorData, Untimed, Workload, compare, top_k_indices};
use tare_models::{
    CATALOG, PIPELINES, find, find_pipeline, held_out_digits, prepare, with_intermediate_outputs, with_precision,
};
use tare_record::{DType, Precision};
use tare_tract::Tract;

#[derive(Deserialize)]
struct Golden {
    outputs: Vec<GoldenOutput>,
}

/// Some elements of an output, and its Euclidean norm.
#[derive(Deserialize)]
struct GoldenOutput {
    name: String,
    shape: Vec<usize>,
    norm: f64,
    positions: Vec<usize>,
    values: Vec<f64>,
}

fn run(engine: &dyn Engine, workload: &Workload) -> Vec<NamedTensor> {
    pollster::block_on(async {
        let loaded = workload.load(engine, &Untimed).await;
        workload.name_outputs(loaded.unwrap().run(&Untimed).await.unwrap())
    })
}

#[track_caller]
fn agrees_with_onnxruntime(name: &str) {
    let path = format!("../models/golden/{name}.json");
    let golden: Golden = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let workload = match find_pipeline(name) {
        Some(entry) => entry.prepare(&BTreeMap::new(), &[], 0),
        None => find(name).unwrap().prepare(&BTreeMap::new(), &[], 0),
    };
    let workload = workload.unwrap();
    for engine in [&Tract::new(2) as &dyn Engine, &Burn::flex(2)] {
        let on = engine.info().name;
        let outputs = run(engine, &workload);
        assert_eq!(outputs.len(), golden.outputs.len(), "{name} on {on}");
        for (output, golden) in outputs.iter().zip(&golden.outputs) {
            let what = format!("{name} on {on}, {}", golden.name);
            assert_eq!(
                (&output.name, output.tensor.shape()),
                (&golden.name, golden.shape.as_slice())
            );
            let values = output.tensor.to_f64();
            let norm = values.iter().map(|value| value * value).sum::<f64>().sqrt();
            assert!(
                (norm - golden.norm).abs() <= 1e-4 * golden.norm,
                "{what}: norm {norm}, {}",
                golden.norm
            );
            let largest = golden.values.iter().fold(0.0, |most: f64, value| most.max(value.abs()));
            for (&position, expected) in golden.positions.iter().zip(&golden.values) {
                let found = values[position];
                assert!(
                    (found - expected).abs() <= 1e-4 * largest,
                    "{what}[{position}]: {found}, {expected}"
                );
            }
        }
    }
}

macro_rules! networks {
    ($($test:ident $name:literal,)*) => {
        $(#[test]
        fn $test() {
            agrees_with_onnxruntime($name);
        })*

        #[test]
        fn every_network_is_compared() {
            let pipelines = PIPELINES.iter().map(|entry| entry.name);
            let all: Vec<&str> = CATALOG.iter().map(|entry| entry.name).chain(pipelines).collect();
            assert_eq!(all, [$($name),*]);
        }
    };
}

networks! {
    null "null",
    tiny "tiny",
    digits "digits",
    resnet50 "resnet50",
    distilbert "distilbert",
    minilm "minilm",
    gpt2 "gpt2",
    gpt2_cached "gpt2-cached",
    efficientdet_d0 "efficientdet-d0",
    efficientdet_d1 "efficientdet-d1",
    efficientdet_d2 "efficientdet-d2",
    unet3d "unet3d",
    shapegen_denoiser "shapegen-denoiser",
    shapegen_decoder "shapegen-decoder",
    shapegen "shapegen",
}

/// Checks every value of every network. Activations that vanish, explode or become subnormal would
/// make the times of an engine untypical and f16 wrong.
#[test]
fn activations_keep_a_sane_spread_at_every_layer() {
    for entry in CATALOG.iter().filter(|entry| entry.name != "null") {
        // Fewer tokens show the same, and take much less memory.
        let tokens = BTreeMap::from([("input_ids".to_owned(), vec![1, 16])]);
        let shapes = if entry.name.starts_with("gpt2") {
            &tokens
        } else {
            &BTreeMap::new()
        };
        let (exposed, _) = with_intermediate_outputs(&entry.onnx(shapes)).unwrap();
        let workload = prepare(entry.name, exposed, shapes, &[], 0).unwrap();
        for value in run(&Tract::new(2), &workload) {
            let TensorData::F32(elements) = value.tensor.data() else {
                continue;
            };
            let what = format!("{} of {}", value.name, entry.name);
            let count = elements.len() as f64;
            let mean = elements.iter().map(|&x| f64::from(x)).sum::<f64>() / count;
            let spread = (elements.iter().map(|&x| (f64::from(x) - mean).powi(2)).sum::<f64>() / count).sqrt();
            assert!(
                elements.iter().all(|x| x.is_finite() && x.abs() < 65_504.0),
                "{what} leaves the range of f16"
            );
            assert!(!elements.iter().any(|x| x.is_subnormal()), "{what} is subnormal");
            assert!(count < 2.0 || spread > 1e-4, "{what} is constant: spread {spread:e}");
        }
    }
}

/// Converted weights are read by both engines, and change little.
#[test]
fn weights_in_fewer_bits_give_nearly_the_same() {
    for precision in Precision::ALL {
        for name in ["digits", "tiny", "minilm"] {
            if (name, precision) == ("tiny", Precision::Int8Dynamic) {
                // It has no product with a large weight.
                continue;
            }
            let whole = find(name).unwrap().prepare(&BTreeMap::new(), &[], 0).unwrap();
            let bytes = with_precision(&whole.bytes, precision).unwrap();
            let converted = prepare(name, bytes, &BTreeMap::new(), &whole.inputs, 0).unwrap();
            let [original, by_tract] = [&whole, &converted].map(|workload| run(&Tract::new(2), workload));
            let by_burn = if precision == Precision::Int8Dynamic {
                // onnx-ir gets the rank of the zero point wrong, so the executor refuses it by name.
                let refused = pollster::block_on(converted.load(&Burn::flex(2), &Untimed))
                    .err()
                    .unwrap();
                assert!(refused.message.contains("MatMulInteger"), "{refused}");
                by_tract.clone()
            } else {
                run(&Burn::flex(2), &converted)
            };
            for (other, share) in [(&by_burn, 1e-3), (&original, 0.1)] {
                let others: Vec<Tensor> = other.iter().map(|output| output.tensor.clone()).collect();
                let drifts = compare(&others, &by_tract, &[(DType::F32, share)].into());
                assert!(drifts.is_ok(), "{name} in {precision}: {drifts:?}");
            }
        }
    }
}

/// Engines reach the accuracy that the catalog states for the trained network.
#[test]
fn the_trained_network_recognizes_digits_that_it_was_not_trained_on() {
    let (images, labels) = held_out_digits();
    let count = labels.len();
    let images = Tensor::new(vec![count, 1, 8, 8], TensorData::F32(images)).unwrap();
    let shapes = BTreeMap::from([("image".to_owned(), images.shape().to_vec())]);
    let given = NamedTensor {
        name: "image".into(),
        tensor: images,
    };
    let entry = find("digits").unwrap();
    let workload = entry.prepare(&shapes, &[given], 0).unwrap();
    for engine in [&Tract::new(2) as &dyn Engine, &Burn::flex(2)] {
        let outputs = run(engine, &workload);
        let logits = outputs[0].tensor.to_f64();
        let found = logits
            .chunks(10)
            .map(|row| (0..10).max_by(|&a, &b| row[a].total_cmp(&row[b])).unwrap());
        let right = found.zip(&labels).filter(|(found, label)| found == *label).count();
        assert!(
            entry.source.contains(&format!("{right} of {count}")),
            "{right} of {count}"
        );
    }
    // The example that is run by default.
    let example = entry.prepare(&BTreeMap::new(), &[], 0).unwrap();
    let answer = run(&Tract::new(1), &example)[0].tensor.to_f64();
    assert_eq!(top_k_indices(&answer)[0], labels[0]);
}
