//! Parts that transformers share (Vaswani et al., "Attention Is All You Need", 2017). Activations
//! are [batch, tokens, width].

use crate::{Attribute, Graph, Value, WeightInit};

/// Sizes of a stack of layers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sizes {
    pub(super) batch: usize,
    /// Number of input tokens.
    pub(super) tokens: usize,
    pub(super) width: usize,
    pub(super) heads: usize,
    /// Width inside the feed-forward part.
    pub(super) inner: usize,
    /// Factor on the weights of the branches that are added to the residual stream. It keeps the
    /// values from growing with every layer.
    pub(super) residual_gain: f32,
}

impl Sizes {
    pub(super) fn head_width(&self) -> usize {
        self.width / self.heads
    }
}

/// `x` [.., wide_in] -> [.., wide_out], with bias.
pub(super) fn linear(graph: &mut Graph, name: &str, x: &Value, wide: [usize; 2], gain: f32) -> Value {
    // Uniform with variance gain^2 / fan-in, after LeCun et al., 1998.
    let spread = gain * (3.0 / wide[0] as f32).sqrt();
    let weight = graph.weight(
        &format!("{name}.weight"),
        &wide,
        WeightInit::Uniform { center: 0.0, spread },
    );
    let bias = WeightInit::Uniform {
        center: 0.0,
        spread: 0.02,
    };
    let bias = graph.weight(&format!("{name}.bias"), &wide[1..], bias);
    let product = graph.node(&format!("{name}.product"), "MatMul", &[x, &weight], &[]);
    graph.node(name, "Add", &[&product, &bias], &[])
}

/// Layer normalization over the last dimension (Ba et al., 2016).
pub(super) fn layer_norm(graph: &mut Graph, name: &str, x: &Value, width: usize, epsilon: f32) -> Value {
    let mut weight = |part: &str, center| {
        graph.weight(
            &format!("{name}.{part}"),
            &[width],
            WeightInit::Uniform { center, spread: 0.1 },
        )
    };
    let (scale, shift) = (weight("scale", 1.0), weight("shift", 0.0));
    graph.node(
        name,
        "LayerNormalization",
        &[x, &scale, &shift],
        &[Attribute::Int("axis", -1), Attribute::Float("epsilon", epsilon)],
    )
}

/// Rows of an embedding table, with a standard deviation of 0.02 like in BERT and GPT-2.
pub(super) fn embedding_table(graph: &mut Graph, name: &str, rows: usize, width: usize) -> Value {
    let spread = 0.02 * 3f32.sqrt();
    graph.weight(name, &[rows, width], WeightInit::Uniform { center: 0.0, spread })
}

/// The rows `from .. from + count` of a table of positions, [count, width].
pub(super) fn positions(graph: &mut Graph, table: &Value, from: usize, count: usize) -> Value {
    let numbers: Vec<i64> = (from..from + count).map(|position| position as i64).collect();
    let numbers = graph.integers("position_ids", &numbers);
    graph.node("positions", "Gather", &[table, &numbers], &[Attribute::Int("axis", 0)])
}

/// [batch, tokens, width] -> [batch, heads, tokens, head width] if `last` is [1, 3], and with the
/// last two dimensions swapped if it is [3, 1].
pub(super) fn split_heads(graph: &mut Graph, name: &str, x: &Value, sizes: &Sizes, last: [i64; 2]) -> Value {
    let shape = [sizes.batch, sizes.tokens, sizes.heads, sizes.head_width()].map(|dim| dim as i64);
    let shape = graph.integers(&format!("{name}.heads_shape"), &shape);
    let heads = graph.node(&format!("{name}.by_head"), "Reshape", &[x, &shape], &[]);
    let order = Attribute::Ints("perm", vec![0, 2, last[0], last[1]]);
    graph.node(&format!("{name}.heads"), "Transpose", &[&heads], &[order])
}

/// Scaled dot-product attention: `query` [batch, heads, tokens, head width], `key`
/// [batch, heads, head width, seen] and `value` [batch, heads, seen, head width] ->
/// [batch, tokens, width]. A `mask` is added to the scores and broadcasts to
/// [batch, heads, tokens, seen].
pub(super) fn attend(
    graph: &mut Graph,
    name: &str,
    [query, key, value]: [&Value; 3],
    mask: Option<&Value>,
    sizes: &Sizes,
) -> Value {
    let raw = graph.node(&format!("{name}.raw_scores"), "MatMul", &[query, key], &[]);
    let scale = 1.0 / (sizes.head_width() as f32).sqrt();
    let scale = graph.constant(&format!("{name}.scale"), &[], &[scale]);
    let scaled = graph.node(&format!("{name}.scores"), "Mul", &[&raw, &scale], &[]);
    let masked = match mask {
        Some(mask) => graph.node(&format!("{name}.masked"), "Add", &[&scaled, mask], &[]),
        None => scaled,
    };
    let shares = graph.node(
        &format!("{name}.shares"),
        "Softmax",
        &[&masked],
        &[Attribute::Int("axis", -1)],
    );
    let context = graph.node(&format!("{name}.by_head"), "MatMul", &[&shares, value], &[]);
    let order = Attribute::Ints("perm", vec![0, 2, 1, 3]);
    let context = graph.node(&format!("{name}.by_token"), "Transpose", &[&context], &[order]);
    let shape = [sizes.batch, sizes.tokens, sizes.width].map(|dim| dim as i64);
    let shape = graph.integers(&format!("{name}.joined_shape"), &shape);
    graph.node(&format!("{name}.joined"), "Reshape", &[&context, &shape], &[])
}

/// Linear, activation, linear.
pub(super) fn feed_forward(graph: &mut Graph, name: &str, x: &Value, sizes: &Sizes, activation: Activation) -> Value {
    let hidden = linear(graph, &format!("{name}.up"), x, [sizes.width, sizes.inner], 1.0);
    let active = activation(graph, &format!("{name}.active"), &hidden);
    let gain = sizes.residual_gain * 1.4;
    linear(
        graph,
        &format!("{name}.down"),
        &active,
        [sizes.inner, sizes.width],
        gain,
    )
}

/// Adds an activation to a graph.
pub(super) type Activation = fn(&mut Graph, &str, &Value) -> Value;

/// x / 2 * (1 + erf(x / sqrt 2)) (Hendrycks and Gimpel, "Gaussian Error Linear Units", 2016), as
/// PyTorch exports it.
pub(super) fn gelu(graph: &mut Graph, name: &str, x: &Value) -> Value {
    let mut scalar = |part: &str, value| graph.constant(&format!("{name}.{part}"), &[], &[value]);
    let (root, one, half) = (
        scalar("root", std::f32::consts::SQRT_2),
        scalar("one", 1.0),
        scalar("half", 0.5),
    );
    let scaled = graph.node(&format!("{name}.scaled"), "Div", &[x, &root], &[]);
    let erf = graph.node(&format!("{name}.erf"), "Erf", &[&scaled], &[]);
    let sum = graph.node(&format!("{name}.sum"), "Add", &[&erf, &one], &[]);
    let twice = graph.node(&format!("{name}.twice"), "Mul", &[x, &sum], &[]);
    graph.node(name, "Mul", &[&twice, &half], &[])
}

/// Like [`gelu`], but with tanh instead of erf, as in GPT-2 (ibid., section 2).
pub(super) fn gelu_tanh(graph: &mut Graph, name: &str, x: &Value) -> Value {
    let mut scalar = |part: &str, value| graph.constant(&format!("{name}.{part}"), &[], &[value]);
    let (cubic, root, one, half) = (
        scalar("cubic", 0.044_715),
        scalar("root", 0.797_884_6),
        scalar("one", 1.0),
        scalar("half", 0.5),
    );
    let square = graph.node(&format!("{name}.square"), "Mul", &[x, x], &[]);
    let cube = graph.node(&format!("{name}.cube"), "Mul", &[&square, x], &[]);
    let part = graph.node(&format!("{name}.part"), "Mul", &[&cube, &cubic], &[]);
    let inner = graph.node(&format!("{name}.inner"), "Add", &[x, &part], &[]);
    let scaled = graph.node(&format!("{name}.scaled"), "Mul", &[&inner, &root], &[]);
    let tanh = graph.node(&format!("{name}.tanh"), "Tanh", &[&scaled], &[]);
    let sum = graph.node(&format!("{name}.sum"), "Add", &[&tanh, &one], &[]);
    let twice = graph.node(&format!("{name}.twice"), "Mul", &[x, &sum], &[]);
    graph.node(name, "Mul", &[&twice, &half], &[])
}
