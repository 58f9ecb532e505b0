use std::collections::BTreeMap;

use prost::Message;
use tare_core::{NamedTensor, PostProcessing, Workload};
use tare_record::WorkloadOptions;

use crate::workload::{Choices, OWN_OPTIONS, prepare_with, with_defaults};
use crate::{Graph, WorkloadError, detection, networks, onnx};

/// Seed of all built-in weights.
const WEIGHT_SEED: u64 = 1;

/// A network that tare generates itself.
#[derive(Debug, Clone, Copy)]
pub struct CatalogEntry {
    /// Name on the command line and in plans.
    pub name: &'static str,
    /// What it is, in one line.
    pub summary: &'static str,
    /// Published number of learned parameters.
    pub parameters: u64,
    /// Where this number comes from.
    pub source: &'static str,
    /// Work on the CPU that follows the network.
    pub post_processing: Option<PostProcessing>,
    /// Meaningful inputs, used unless the user sets other shapes. Other networks get random inputs.
    example: Option<fn() -> Vec<NamedTensor>>,
    /// Whether the number of points that it takes at once can be chosen.
    has_chunks: bool,
    build: fn(&Sizes<'_>) -> Graph,
}

/// Dimensions that the user set for inputs, and other sizes.
struct Sizes<'a> {
    shapes: &'a BTreeMap<String, Vec<usize>>,
    options: &'a WorkloadOptions,
}

impl Sizes<'_> {
    /// A dimension of an input: the user's or the default, at least 1.
    fn get(&self, input: &str, axis: usize, default: usize) -> usize {
        let given = self.shapes.get(input).and_then(|shape| shape.get(axis));
        given.copied().unwrap_or(default).max(1)
    }

    /// Items per run. All networks hold them in the first dimension of their inputs.
    fn batch(&self, input: &str) -> usize {
        self.get(input, 0, self.options.batch.unwrap_or(1))
    }

    /// Batch size and number of tokens of a language model.
    fn tokens(&self, default: usize) -> [usize; 2] {
        [self.batch("input_ids"), self.get("input_ids", 1, default)]
    }
}

/// All networks that tare generates itself.
pub const CATALOG: &[CatalogEntry] = &[
    CatalogEntry {
        name: "null",
        summary: "copies its input: shows the overhead of the harness",
        parameters: 0,
        source: "by construction",
        post_processing: None,
        example: None,
        has_chunks: false,
        build: |sizes| networks::null::build(WEIGHT_SEED, sizes.batch("x")),
    },
    CatalogEntry {
        name: "tiny",
        summary: "convolutional classifier with five layer shapes, 32x32 px",
        parameters: 5_258,
        source: "by construction",
        post_processing: None,
        example: None,
        has_chunks: false,
        build: |sizes| networks::tiny::build(WEIGHT_SEED, sizes.batch("image")),
    },
    CatalogEntry {
        name: "digits",
        summary: "trained classifier of handwritten digits, 8x8 px",
        parameters: 9_930,
        source: "by construction; classifies 346 of 359 held-out digits correctly",
        post_processing: None,
        example: Some(networks::digits::example),
        has_chunks: false,
        build: |sizes| networks::digits::build(WEIGHT_SEED, sizes.batch("image")),
    },
    CatalogEntry {
        name: "resnet50",
        summary: "image classifier, 224x224 px",
        parameters: 25_557_032,
        source: "torchvision, resnet50 (He et al., 2016)",
        post_processing: None,
        example: None,
        has_chunks: false,
        build: |sizes| networks::resnet50::build(WEIGHT_SEED, sizes.batch("image")),
    },
    CatalogEntry {
        name: "distilbert",
        summary: "text encoder, 128 tokens",
        parameters: 66_362_880,
        source: "transformers, distilbert-base-uncased (Sanh et al., 2019)",
        post_processing: None,
        example: None,
        has_chunks: false,
        build: |sizes| {
            let [batch, tokens] = sizes.tokens(128);
            networks::bert::distilbert(WEIGHT_SEED, batch, tokens)
        },
    },
    CatalogEntry {
        name: "minilm",
        summary: "sentence embeddings, 128 tokens",
        parameters: 22_713_216,
        source: "sentence-transformers, all-MiniLM-L6-v2 (Wang et al., 2020)",
        post_processing: None,
        example: None,
        has_chunks: false,
        build: |sizes| {
            let [batch, tokens] = sizes.tokens(128);
            networks::bert::minilm(WEIGHT_SEED, batch, tokens)
        },
    },
    CatalogEntry {
        name: "gpt2",
        summary: "language model, 128 tokens at once",
        parameters: 124_439_808,
        source: "transformers, gpt2 (Radford et al., 2019)",
        post_processing: None,
        example: None,
        has_chunks: false,
        build: |sizes| {
            let [batch, tokens] = sizes.tokens(128);
            networks::gpt2::whole(WEIGHT_SEED, batch, tokens)
        },
    },
    CatalogEntry {
        name: "gpt2-cached",
        summary: "language model, one token after 128 cached tokens",
        parameters: 124_439_808,
        source: "transformers, gpt2 (Radford et al., 2019)",
        post_processing: None,
        example: None,
        has_chunks: false,
        build: |sizes| {
            let [batch, tokens] = sizes.tokens(1);
            let past = sizes.get("past_key_values.0.key", 2, 128);
            networks::gpt2::cached(WEIGHT_SEED, batch, tokens, past)
        },
    },
    CatalogEntry {
        name: "efficientdet-d0",
        summary: "object detector, 512x512 px",
        parameters: 3_880_067,
        source: "google/automl, efficientdet-d0 (Tan et al., 2020)",
        post_processing: Some(detection::STAGE),
        example: None,
        has_chunks: false,
        build: |sizes| networks::efficientdet::build(WEIGHT_SEED, sizes.batch("image"), networks::efficientdet::D0),
    },
    CatalogEntry {
        name: "efficientdet-d1",
        summary: "object detector, 640x640 px",
        parameters: 6_625_898,
        source: "google/automl, efficientdet-d1 (Tan et al., 2020)",
        post_processing: Some(detection::STAGE),
        example: None,
        has_chunks: false,
        build: |sizes| networks::efficientdet::build(WEIGHT_SEED, sizes.batch("image"), networks::efficientdet::D1),
    },
    CatalogEntry {
        name: "efficientdet-d2",
        summary: "object detector, 768x768 px",
        parameters: 8_097_039,
        source: "google/automl, efficientdet-d2 (Tan et al., 2020)",
        post_processing: Some(detection::STAGE),
        example: None,
        has_chunks: false,
        build: |sizes| networks::efficientdet::build(WEIGHT_SEED, sizes.batch("image"), networks::efficientdet::D2),
    },
    CatalogEntry {
        name: "unet3d",
        summary: "segmentation of a 96x96x64 volume",
        parameters: 5_601_154,
        source: "by construction (Cicek et al., 2016; Isensee et al., 2021)",
        post_processing: None,
        example: None,
        has_chunks: false,
        build: |sizes| networks::unet3d::build(WEIGHT_SEED, sizes.batch("volume")),
    },
    CatalogEntry {
        name: "shapegen-denoiser",
        summary: "one sampling step of shapegen, 128 latent tokens",
        parameters: 9_012_032,
        source: "by construction (Peebles and Xie, 2023)",
        post_processing: None,
        example: None,
        has_chunks: false,
        build: |_| networks::shapegen::denoiser(WEIGHT_SEED),
    },
    CatalogEntry {
        name: "shapegen-decoder",
        summary: "one chunk of shapegen's volume, 4096 points",
        parameters: 212_353,
        source: "by construction (Zhang et al., 2023)",
        post_processing: None,
        example: None,
        has_chunks: true,
        build: |sizes| {
            let chunk = sizes.options.chunk.unwrap_or(networks::shapegen::CHUNK);
            networks::shapegen::decoder(WEIGHT_SEED, chunk)
        },
    },
];

/// Finds a network by its name.
pub fn find(name: &str) -> Option<&'static CatalogEntry> {
    CATALOG.iter().find(|entry| entry.name == name)
}

impl CatalogEntry {
    /// Generates the ONNX file. `shapes` may set the batch size and the number of tokens by the
    /// shapes of the inputs.
    pub fn onnx(&self, shapes: &BTreeMap<String, Vec<usize>>) -> Vec<u8> {
        self.sized_onnx(shapes, &WorkloadOptions::default())
    }

    /// Like [`Self::onnx`], with other sizes.
    pub(crate) fn sized_onnx(&self, shapes: &BTreeMap<String, Vec<usize>>, options: &WorkloadOptions) -> Vec<u8> {
        (self.build)(&Sizes { shapes, options }).into_bytes()
    }

    /// Prepares the model with its inputs: those in `given` as they are, and the others drawn from
    /// `seed`.
    ///
    /// # Errors
    ///
    /// If the shapes or inputs do not fit the model.
    pub fn prepare(
        &self,
        shapes: &BTreeMap<String, Vec<usize>>,
        given: &[NamedTensor],
        seed: u64,
    ) -> Result<Workload, WorkloadError> {
        self.prepare_with(&Choices {
            shapes,
            options: OWN_OPTIONS,
            given,
            seed,
        })
    }

    /// Like [`Self::prepare`], with sizes.
    pub(crate) fn prepare_with(&self, choices: &Choices<'_>) -> Result<Workload, WorkloadError> {
        let missing = |size| WorkloadError::Size {
            model: self.name.into(),
            size,
        };
        if choices.options.steps.is_some() {
            return Err(missing("steps"));
        }
        if choices.options.chunk.is_some() && !self.has_chunks {
            return Err(missing("chunks"));
        }
        let examples = self
            .example
            .filter(|_| choices.shapes.is_empty() && choices.options.batch.is_none())
            .map_or_else(Vec::new, |example| example());
        let given = with_defaults(choices.given, examples);
        let bytes = self.sized_onnx(choices.shapes, choices.options);
        let choices = Choices {
            given: &given,
            ..*choices
        };
        let mut workload = prepare_with(self.name, bytes, &choices)?;
        workload.post_processing = self.post_processing;
        Ok(workload)
    }
}

/// Number of learned parameters in an ONNX file: the elements of its floating-point weights,
/// without the running statistics of batch normalization, which training tracks but does not learn.
///
/// # Errors
///
/// If the bytes are not an ONNX file.
pub fn parameter_count(bytes: &[u8]) -> Result<u64, prost::DecodeError> {
    let model = onnx::Model::decode(bytes)?;
    let graph = model.graph.unwrap_or_default();
    let tracked: Vec<&String> = graph
        .node
        .iter()
        .filter(|node| node.op_type == "BatchNormalization")
        .flat_map(|node| node.input.iter().skip(3))
        .collect();
    Ok(graph
        .initializer
        .iter()
        .filter(|weight| matches!(weight.data_type, 1 | 10 | 11) && !tracked.contains(&&weight.name))
        .map(|weight| {
            weight
                .dims
                .iter()
                .map(|&dim| u64::try_from(dim).unwrap_or(0))
                .product::<u64>()
        })
        .sum())
}
