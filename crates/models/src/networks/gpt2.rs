//! GPT-2 small (Radford et al., "Language Models are Unsupervised Multitask Learners", 2019), with
//! the output layer tied to the embeddings: 124,439,808 parameters.

use tare_record::DType;

use super::transformer::{
    Sizes, attend, embedding_table, feed_forward, gelu_tanh, layer_norm, linear, positions, split_heads,
};
use crate::{Attribute, Graph, Value};

const VOCABULARY: usize = 50_257;
const POSITIONS: usize = 1024;
const LAYERS: usize = 12;
const EPSILON: f32 = 1e-5;

/// Keys and values of earlier tokens.
enum Past {
    /// The network has no cache.
    None,
    /// The cache holds this many tokens.
    Tokens(usize),
}

/// `input_ids` i64 [batch, tokens] -> `logits` f32 [batch, tokens, 50257].
pub(crate) fn whole(seed: u64, batch: usize, tokens: usize) -> Graph {
    build(seed, batch, tokens, &Past::None)
}

/// One step of generation, with the same weights: `input_ids` i64 [batch, tokens], and for each
/// layer `past_key_values.N.key` and `.value` f32 [batch, 12, past, 64] -> `logits` f32
/// [batch, tokens, 50257], and for each layer `present.N.key` and `.value` f32
/// [batch, 12, past + tokens, 64].
pub(crate) fn cached(seed: u64, batch: usize, tokens: usize, past: usize) -> Graph {
    build(seed, batch, tokens, &Past::Tokens(past))
}

fn build(seed: u64, batch: usize, tokens: usize, past: &Past) -> Graph {
    let sizes = Sizes {
        batch,
        tokens,
        width: 768,
        heads: 12,
        inner: 3072,
        // Like GPT-2: 1 / sqrt of the number of additions to the residual stream.
        residual_gain: 1.0 / (2.0 * LAYERS as f32).sqrt(),
    };
    let earlier = match past {
        Past::None => 0,
        Past::Tokens(count) => *count,
    };
    let mut graph = Graph::new("gpt2", seed);
    let ids = graph.input_of("input_ids", DType::I64, &[batch, tokens]);
    let words = embedding_table(&mut graph, "wte", VOCABULARY, sizes.width);
    let table = embedding_table(&mut graph, "wpe", POSITIONS, sizes.width);
    let word = graph.node("word", "Gather", &[&words, &ids], &[Attribute::Int("axis", 0)]);
    let positions = positions(&mut graph, &table, earlier, tokens);
    let mut x = graph.node("embedded", "Add", &[&word, &positions], &[]);
    let mask = causal_mask(&mut graph, tokens, earlier);
    let mut presents = Vec::new();
    for layer in 0..LAYERS {
        let name = format!("h{layer}");
        let normal = layer_norm(&mut graph, &format!("{name}.ln_1"), &x, sizes.width, EPSILON);
        let [query, key, value] = projections(&mut graph, &name, &normal, &sizes, past, layer, &mut presents);
        let context = attend(
            &mut graph,
            &format!("{name}.attention"),
            [&query, &key, &value],
            Some(&mask),
            &sizes,
        );
        let gain = sizes.residual_gain;
        let out = linear(&mut graph, &format!("{name}.c_proj"), &context, [sizes.width; 2], gain);
        x = graph.node(&format!("{name}.attended"), "Add", &[&x, &out], &[]);
        let normal = layer_norm(&mut graph, &format!("{name}.ln_2"), &x, sizes.width, EPSILON);
        let fed = feed_forward(&mut graph, &format!("{name}.mlp"), &normal, &sizes, gelu_tanh);
        x = graph.node(&format!("{name}.sum"), "Add", &[&x, &fed], &[]);
    }
    let normal = layer_norm(&mut graph, "ln_f", &x, sizes.width, EPSILON);
    // Gemm reads the embeddings transposed, without a second copy.
    let flat = graph.integers("flat_shape", &[-1, sizes.width as i64]);
    let flat = graph.node("flat", "Reshape", &[&normal, &flat], &[]);
    let scores = graph.node("scores", "Gemm", &[&flat, &words], &[Attribute::Int("transB", 1)]);
    let shape = graph.integers("logits_shape", &[batch, tokens, VOCABULARY].map(|dim| dim as i64));
    let logits = graph.node("logits", "Reshape", &[&scores, &shape], &[]);
    graph.output(&logits, &[batch, tokens, VOCABULARY]);
    for present in presents {
        graph.output(&present, &[batch, sizes.heads, earlier + tokens, sizes.head_width()]);
    }
    graph
}

/// Query [batch, heads, tokens, head width], key [batch, heads, head width, seen] and value
/// [batch, heads, seen, head width]. Key and value include the cached tokens.
fn projections(
    graph: &mut Graph,
    name: &str,
    x: &Value,
    sizes: &Sizes,
    past: &Past,
    layer: usize,
    presents: &mut Vec<Value>,
) -> [Value; 3] {
    let all = linear(graph, &format!("{name}.c_attn"), x, [sizes.width, 3 * sizes.width], 1.0);
    let part = |graph: &mut Graph, part: &str, number: usize| {
        let slice = slice(
            graph,
            &format!("{name}.{part}"),
            &all,
            number * sizes.width,
            sizes.width,
        );
        split_heads(graph, &format!("{name}.{part}"), &slice, sizes, [1, 3])
    };
    let query = part(graph, "query", 0);
    let mut kept = |graph: &mut Graph, of: &str, number: usize| {
        let new = part(graph, of, number);
        let Past::Tokens(count) = past else { return new };
        let shape = [sizes.batch, sizes.heads, *count, sizes.head_width()];
        let old = graph.input(&format!("past_key_values.{layer}.{of}"), &shape);
        let both = graph.node(
            &format!("present.{layer}.{of}"),
            "Concat",
            &[&old, &new],
            &[Attribute::Int("axis", 2)],
        );
        presents.push(both.clone());
        both
    };
    let (key, value) = (kept(graph, "key", 1), kept(graph, "value", 2));
    let order = Attribute::Ints("perm", vec![0, 1, 3, 2]);
    let key = graph.node(&format!("{name}.key.turned"), "Transpose", &[&key], &[order]);
    [query, key, value]
}

/// Slice of `count` elements of the last dimension, starting at `from`.
fn slice(graph: &mut Graph, name: &str, x: &Value, from: usize, count: usize) -> Value {
    let mut bound = |part: &str, value: usize| graph.integers(&format!("{name}.{part}"), &[value as i64]);
    let (start, end, axis) = (bound("from", from), bound("to", from + count), bound("axis", 2));
    graph.node(name, "Slice", &[x, &start, &end, &axis], &[])
}

/// [tokens, earlier + tokens]: 0 where a token may attend, and -10,000 for tokens in its future.
/// f16 can represent -10,000.
fn causal_mask(graph: &mut Graph, tokens: usize, earlier: usize) -> Value {
    let seen = earlier + tokens;
    let elements: Vec<f32> = (0..tokens)
        .flat_map(|row| (0..seen).map(move |column| if column <= earlier + row { 0.0 } else { -10_000.0 }))
        .collect();
    graph.constant("mask", &[tokens, seen], &elements)
}
