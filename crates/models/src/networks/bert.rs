//! Encoders like BERT (Devlin et al., 2019): the smaller DistilBERT (Sanh et al., 2019) and MiniLM
//! (Wang et al., 2020).

use tare_record::DType;

use super::transformer::{
    Sizes, attend, embedding_table, feed_forward, gelu, layer_norm, linear, positions, split_heads,
};
use crate::{Attribute, Graph, Value};

const VOCABULARY: usize = 30_522;
const POSITIONS: usize = 512;
const EPSILON: f32 = 1e-12;

/// DistilBERT-base, 66,362,880 parameters: `input_ids` and `attention_mask` i64 [batch, tokens] ->
/// `last_hidden_state` f32 [batch, tokens, 768].
pub(crate) fn distilbert(seed: u64, batch: usize, tokens: usize) -> Graph {
    let sizes = Sizes {
        batch,
        tokens,
        width: 768,
        heads: 12,
        inner: 3072,
        residual_gain: 1.0,
    };
    let mut graph = Graph::new("distilbert", seed);
    let ids = graph.input_of("input_ids", DType::I64, &[batch, tokens]);
    let mask = graph.input_of("attention_mask", DType::I64, &[batch, tokens]);
    let hidden = encoder(&mut graph, &ids, &mask, None, &sizes);
    let hidden = graph.node("last_hidden_state", "Identity", &[&hidden], &[]);
    graph.output(&hidden, &[batch, tokens, sizes.width]);
    graph
}

/// all-MiniLM-L6-v2, 22,713,216 parameters with its pooler: `input_ids`, `attention_mask` and
/// `token_type_ids` i64 [batch, tokens] -> `sentence_embedding` f32 [batch, 384] of length 1, and
/// `pooler_output` f32 [batch, 384].
pub(crate) fn minilm(seed: u64, batch: usize, tokens: usize) -> Graph {
    let sizes = Sizes {
        batch,
        tokens,
        width: 384,
        heads: 12,
        inner: 1536,
        residual_gain: 1.0,
    };
    let mut graph = Graph::new("minilm", seed);
    let ids = graph.input_of("input_ids", DType::I64, &[batch, tokens]);
    let mask = graph.input_of("attention_mask", DType::I64, &[batch, tokens]);
    let types = graph.input_of("token_type_ids", DType::I64, &[batch, tokens]);
    let hidden = encoder(&mut graph, &ids, &mask, Some(&types), &sizes);
    let embedding = mean_of_tokens(&mut graph, &hidden, &mask);
    graph.output(&embedding, &[batch, sizes.width]);

    let first = graph.integers("first_token", &[0]);
    let first = graph.node(
        "pooler.first",
        "Gather",
        &[&hidden, &first],
        &[Attribute::Int("axis", 1)],
    );
    let flat = graph.node("pooler.flat", "Flatten", &[&first], &[Attribute::Int("axis", 1)]);
    let pooled = linear(&mut graph, "pooler", &flat, [sizes.width; 2], 1.0);
    let pooled = graph.node("pooler_output", "Tanh", &[&pooled], &[]);
    graph.output(&pooled, &[batch, sizes.width]);
    graph
}

/// Six layers with post-layer normalization.
fn encoder(graph: &mut Graph, ids: &Value, mask: &Value, types: Option<&Value>, sizes: &Sizes) -> Value {
    let mask = additive_mask(graph, mask);
    let mut x = embeddings(graph, ids, types, sizes);
    for layer in 0..6 {
        let name = format!("layer{layer}");
        let mut project = |part: &str, gain| linear(graph, &format!("{name}.{part}"), &x, [sizes.width; 2], gain);
        let (query, key, value) = (project("query", 1.0), project("key", 1.0), project("value", 1.0));
        let query = split_heads(graph, &format!("{name}.query"), &query, sizes, [1, 3]);
        let key = split_heads(graph, &format!("{name}.key"), &key, sizes, [3, 1]);
        let value = split_heads(graph, &format!("{name}.value"), &value, sizes, [1, 3]);
        let context = attend(
            graph,
            &format!("{name}.attention"),
            [&query, &key, &value],
            Some(&mask),
            sizes,
        );
        let out = linear(
            graph,
            &format!("{name}.out"),
            &context,
            [sizes.width; 2],
            sizes.residual_gain,
        );
        let sum = graph.node(&format!("{name}.attended"), "Add", &[&x, &out], &[]);
        let attended = layer_norm(graph, &format!("{name}.attention_norm"), &sum, sizes.width, EPSILON);
        let fed = feed_forward(graph, &name, &attended, sizes, gelu);
        let sum = graph.node(&format!("{name}.sum"), "Add", &[&attended, &fed], &[]);
        x = layer_norm(graph, &format!("{name}.norm"), &sum, sizes.width, EPSILON);
    }
    x
}

fn embeddings(graph: &mut Graph, ids: &Value, types: Option<&Value>, sizes: &Sizes) -> Value {
    let words = embedding_table(graph, "embeddings.words", VOCABULARY, sizes.width);
    let mut sum = graph.node(
        "embeddings.word",
        "Gather",
        &[&words, ids],
        &[Attribute::Int("axis", 0)],
    );
    if let Some(types) = types {
        let table = embedding_table(graph, "embeddings.types", 2, sizes.width);
        let of_type = graph.node(
            "embeddings.type",
            "Gather",
            &[&table, types],
            &[Attribute::Int("axis", 0)],
        );
        sum = graph.node("embeddings.typed", "Add", &[&sum, &of_type], &[]);
    }
    let table = embedding_table(graph, "embeddings.positions", POSITIONS, sizes.width);
    let positions = positions(graph, &table, 0, sizes.tokens);
    let sum = graph.node("embeddings.sum", "Add", &[&sum, &positions], &[]);
    layer_norm(graph, "embeddings.norm", &sum, sizes.width, EPSILON)
}

/// [batch, tokens] of 1 and 0 -> [batch, 1, 1, tokens] of 0 and -10,000, which is added to the
/// scores. f16 can represent -10,000.
fn additive_mask(graph: &mut Graph, mask: &Value) -> Value {
    let kept = graph.node("mask.kept", "Cast", &[mask], &[Attribute::Int("to", 1)]);
    let axes = graph.integers("mask.axes", &[1, 2]);
    let kept = graph.node("mask.by_score", "Unsqueeze", &[&kept, &axes], &[]);
    let one = graph.constant("mask.one", &[], &[1.0]);
    let hidden = graph.node("mask.hidden", "Sub", &[&one, &kept], &[]);
    let far = graph.constant("mask.far", &[], &[-10_000.0]);
    graph.node("mask", "Mul", &[&hidden, &far], &[])
}

/// Mean over the tokens that the mask keeps, normalized to length 1 (Reimers and Gurevych,
/// "Sentence-BERT", 2019).
fn mean_of_tokens(graph: &mut Graph, hidden: &Value, mask: &Value) -> Value {
    let kept = graph.node("mean.kept", "Cast", &[mask], &[Attribute::Int("to", 1)]);
    let axis = graph.integers("mean.axis", &[2]);
    let kept = graph.node("mean.weights", "Unsqueeze", &[&kept, &axis], &[]);
    let weighted = graph.node("mean.weighted", "Mul", &[hidden, &kept], &[]);
    let over = graph.integers("mean.tokens", &[1]);
    let keep = [Attribute::Int("keepdims", 0)];
    let sum = graph.node("mean.sum", "ReduceSum", &[&weighted, &over], &keep);
    let count = graph.node("mean.count", "ReduceSum", &[&kept, &over], &keep);
    let least = graph.constant("mean.least", &[], &[1e-9]);
    let count = graph.node("mean.count_or_least", "Max", &[&count, &least], &[]);
    let mean = graph.node("mean", "Div", &[&sum, &count], &[]);
    let square = graph.node("length.squares", "Mul", &[&mean, &mean], &[]);
    let over = graph.integers("length.axis", &[1]);
    let total = graph.node(
        "length.total",
        "ReduceSum",
        &[&square, &over],
        &[Attribute::Int("keepdims", 1)],
    );
    let length = graph.node("length", "Sqrt", &[&total], &[]);
    graph.node("sentence_embedding", "Div", &[&mean, &length], &[])
}
