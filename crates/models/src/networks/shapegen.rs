//! The two networks of a latent diffusion model of 3-D shapes, with sizes of our own choice: a
//! transformer that is conditioned by adaptive layer normalization (Peebles and Xie, "Scalable
//! Diffusion Models with Transformers", 2023) and by cross-attention, and a decoder that computes
//! the occupancy of points by cross-attention to the latents (Zhang et al., "3DShape2VecSet",
//! 2023).

use super::transformer::{
    Sizes, attend, embedding_table, feed_forward, gelu, layer_norm, linear, positions, split_heads,
};
use crate::{Attribute, Graph, Value};

/// Number and width of the latent tokens.
pub(crate) const LATENTS: [usize; 2] = [128, 64];
/// Number and width of the condition's tokens, such as patches of an image.
pub(crate) const CONDITION: [usize; 2] = [64, 256];
/// Number of points that the decoder processes at once, unless the user chooses another.
pub(crate) const CHUNK: usize = 4096;

const EPSILON: f32 = 1e-6;
const LAYERS: usize = 6;
/// Number of frequencies in the embedding of the time.
const FREQUENCIES: usize = 128;
/// Number of octaves in the embedding of a point's coordinates.
const OCTAVES: usize = 6;
const DECODER_WIDTH: usize = 128;

const TRANSFORMER: Sizes = Sizes {
    batch: 1,
    tokens: LATENTS[0],
    width: CONDITION[1],
    heads: 4,
    inner: 4 * CONDITION[1],
    residual_gain: 0.5,
};

/// `latents` f32 [1, 128, 64], `time` f32 [1, 1] from 1 (noise) to 0, `condition` f32 [1, 64, 256]
/// -> `velocity` f32 [1, 128, 64]: Lipman et al., "Flow Matching for Generative Modeling", 2023.
pub(crate) fn denoiser(seed: u64) -> Graph {
    let width = TRANSFORMER.width;
    let mut graph = Graph::new("shapegen-denoiser", seed);
    let latents = graph.input("latents", &[1, LATENTS[0], LATENTS[1]]);
    let time = graph.input("time", &[1, 1]);
    let condition = graph.input("condition", &[1, CONDITION[0], CONDITION[1]]);
    let time = embedded_time(&mut graph, &time);
    let table = embedding_table(&mut graph, "position_table", LATENTS[0], width);
    let places = positions(&mut graph, &table, 0, LATENTS[0]);
    let x = linear(&mut graph, "latents_in", &latents, [LATENTS[1], width], 1.0);
    let mut x = graph.node("embedded", "Add", &[&x, &places], &[]);
    for layer in 0..LAYERS {
        x = block(&mut graph, &format!("layer{layer}"), &x, &time, &condition);
    }
    let [scale, shift] = modulation(&mut graph, "last", &time);
    let x = modulated(&mut graph, "last", &x, &scale, &shift);
    let velocity = linear(&mut graph, "velocity", &x, [width, LATENTS[1]], 1.0);
    graph.output(&velocity, &[1, LATENTS[0], LATENTS[1]]);
    graph
}

/// `points` f32 [1, chunk, 3] in -1 .. 1, `latents` f32 [1, 128, 64] -> `occupancy` f32
/// [1, chunk, 1], as logits.
pub(crate) fn decoder(seed: u64, chunk: usize) -> Graph {
    let sizes = |tokens| Sizes {
        batch: 1,
        tokens,
        width: DECODER_WIDTH,
        heads: 4,
        inner: 4 * DECODER_WIDTH,
        residual_gain: 0.5,
    };
    let wide = [DECODER_WIDTH; 2];
    let mut graph = Graph::new("shapegen-decoder", seed);
    let points = graph.input("points", &[1, chunk, 3]);
    let latents = graph.input("latents", &[1, LATENTS[0], LATENTS[1]]);
    let waves = embedded_points(&mut graph, &points);
    let x = linear(&mut graph, "points_in", &waves, [3 + 6 * OCTAVES, DECODER_WIDTH], 1.0);
    let seen = linear(&mut graph, "latents_in", &latents, [LATENTS[1], DECODER_WIDTH], 1.0);
    let seen = layer_norm(&mut graph, "latents_norm", &seen, DECODER_WIDTH, EPSILON);
    let asked = layer_norm(&mut graph, "query_norm", &x, DECODER_WIDTH, EPSILON);
    let attended = cross_attention(
        &mut graph,
        "look",
        [&asked, &seen],
        [sizes(chunk), sizes(LATENTS[0])],
        wide,
    );
    let x = graph.node("looked", "Add", &[&x, &attended], &[]);
    let normal = layer_norm(&mut graph, "inner_norm", &x, DECODER_WIDTH, EPSILON);
    let fed = feed_forward(&mut graph, "inner", &normal, &sizes(chunk), gelu);
    let x = graph.node("refined", "Add", &[&x, &fed], &[]);
    let x = layer_norm(&mut graph, "last_norm", &x, DECODER_WIDTH, EPSILON);
    let occupancy = linear(&mut graph, "occupancy", &x, [DECODER_WIDTH, 1], 1.0);
    graph.output(&occupancy, &[1, chunk, 1]);
    graph
}

/// [1, 1] -> [1, width]: sinusoids of 1000 times the time, with periods up to 10,000 (Ho et al.,
/// "Denoising Diffusion Probabilistic Models", 2020), followed by two layers.
fn embedded_time(graph: &mut Graph, time: &Value) -> Value {
    // 10,000 to the power of -1/128. Its powers are computed by multiplication, because `powf` may
    // differ between platforms.
    const RATIO: f64 = 0.930_572_040_929_699;
    let frequencies = std::iter::successors(Some(1000.0), |frequency| Some(frequency * RATIO));
    #[allow(clippy::cast_possible_truncation, reason = "rounded to the nearest f32")]
    let frequencies: Vec<f32> = frequencies
        .take(FREQUENCIES)
        .map(|frequency: f64| frequency as f32)
        .collect();
    let frequencies = graph.constant("time.frequencies", &[1, FREQUENCIES], &frequencies);
    let angles = graph.node("time.angles", "MatMul", &[time, &frequencies], &[]);
    let sine = graph.node("time.sine", "Sin", &[&angles], &[]);
    let cosine = graph.node("time.cosine", "Cos", &[&angles], &[]);
    let waves = graph.node("time.waves", "Concat", &[&sine, &cosine], &[Attribute::Int("axis", 1)]);
    let width = TRANSFORMER.width;
    let hidden = linear(graph, "time.up", &waves, [2 * FREQUENCIES, width], 1.4);
    let active = silu(graph, "time.up", &hidden);
    let embedded = linear(graph, "time.down", &active, [width; 2], 1.4);
    silu(graph, "time", &embedded)
}

/// [1, points, 3] -> [1, points, 39]: the coordinates with their sines and cosines at half periods
/// of 1 to 1/32 (Mildenhall et al., "NeRF", 2020, equation 4).
fn embedded_points(graph: &mut Graph, points: &Value) -> Value {
    let mut octaves = vec![0.0; 3 * 3 * OCTAVES];
    for axis in 0..3 {
        let mut frequency = std::f32::consts::PI;
        for octave in 0..OCTAVES {
            octaves[axis * 3 * OCTAVES + axis * OCTAVES + octave] = frequency;
            frequency *= 2.0;
        }
    }
    let octaves = graph.constant("points.octaves", &[3, 3 * OCTAVES], &octaves);
    let angles = graph.node("points.angles", "MatMul", &[points, &octaves], &[]);
    let sine = graph.node("points.sine", "Sin", &[&angles], &[]);
    let cosine = graph.node("points.cosine", "Cos", &[&angles], &[]);
    graph.node(
        "points.waves",
        "Concat",
        &[points, &sine, &cosine],
        &[Attribute::Int("axis", 2)],
    )
}

/// Self-attention of the latents, cross-attention to the condition, and a feed-forward part. The
/// time modulates the first and the last.
fn block(graph: &mut Graph, name: &str, x: &Value, time: &Value, condition: &Value) -> Value {
    let width = TRANSFORMER.width;
    let [scale, shift, gate, inner_scale, inner_shift, inner_gate] = modulation(graph, name, time);

    let normal = modulated(graph, &format!("{name}.self"), x, &scale, &shift);
    let attended = cross_attention(
        graph,
        &format!("{name}.self"),
        [&normal, &normal],
        [TRANSFORMER; 2],
        [width; 2],
    );
    let gated = graph.node(&format!("{name}.self.gated"), "Mul", &[&attended, &gate], &[]);
    let x = graph.node(&format!("{name}.self.sum"), "Add", &[x, &gated], &[]);

    let normal = layer_norm(graph, &format!("{name}.cross_norm"), &x, width, EPSILON);
    let other = Sizes {
        tokens: CONDITION[0],
        ..TRANSFORMER
    };
    let attended = cross_attention(
        graph,
        &format!("{name}.cross"),
        [&normal, condition],
        [TRANSFORMER, other],
        [width, CONDITION[1]],
    );
    let x = graph.node(&format!("{name}.cross.sum"), "Add", &[&x, &attended], &[]);

    let normal = modulated(graph, &format!("{name}.inner"), &x, &inner_scale, &inner_shift);
    let fed = feed_forward(graph, &format!("{name}.inner"), &normal, &TRANSFORMER, gelu);
    let gated = graph.node(&format!("{name}.inner.gated"), "Mul", &[&fed, &inner_gate], &[]);
    graph.node(&format!("{name}.inner.sum"), "Add", &[&x, &gated], &[])
}

/// Attention from `asking` [1, tokens, width] to `seen` [1, tokens, width].
fn cross_attention(
    graph: &mut Graph,
    name: &str,
    [asking, seen]: [&Value; 2],
    [ask_sizes, seen_sizes]: [Sizes; 2],
    wide: [usize; 2],
) -> Value {
    let width = wide[0];
    let query = linear(graph, &format!("{name}.query"), asking, [width; 2], 1.0);
    let key = linear(graph, &format!("{name}.key"), seen, [wide[1], width], 1.0);
    let value = linear(graph, &format!("{name}.value"), seen, [wide[1], width], 1.0);
    let query = split_heads(graph, &format!("{name}.query"), &query, &ask_sizes, [1, 3]);
    let key = split_heads(graph, &format!("{name}.key"), &key, &seen_sizes, [3, 1]);
    let value = split_heads(graph, &format!("{name}.value"), &value, &seen_sizes, [1, 3]);
    let context = attend(
        graph,
        &format!("{name}.attention"),
        [&query, &key, &value],
        None,
        &ask_sizes,
    );
    linear(
        graph,
        &format!("{name}.out"),
        &context,
        [width; 2],
        ask_sizes.residual_gain,
    )
}

/// `N` vectors [1, width] computed from the time.
fn modulation<const N: usize>(graph: &mut Graph, name: &str, time: &Value) -> [Value; N] {
    let width = TRANSFORMER.width;
    let all = linear(graph, &format!("{name}.modulation"), time, [width, N * width], 0.7);
    std::array::from_fn(|part| {
        let mut bound = |what: &str, number: usize| {
            let number = i64::try_from(number).unwrap_or(i64::MAX);
            graph.integers(&format!("{name}.modulation{part}.{what}"), &[number])
        };
        let (start, end, axis) = (
            bound("start", part * width),
            bound("end", (part + 1) * width),
            bound("axis", 1),
        );
        graph.node(
            &format!("{name}.modulation{part}"),
            "Slice",
            &[&all, &start, &end, &axis],
            &[],
        )
    })
}

/// Layer normalization without parameters, then times 1 + scale, plus shift.
fn modulated(graph: &mut Graph, name: &str, x: &Value, scale: &Value, shift: &Value) -> Value {
    let width = TRANSFORMER.width;
    let ones = graph.constant(&format!("{name}.ones"), &[width], &vec![1.0; width]);
    let normal = graph.node(
        &format!("{name}.plain_norm"),
        "LayerNormalization",
        &[x, &ones],
        &[Attribute::Int("axis", -1), Attribute::Float("epsilon", EPSILON)],
    );
    let one = graph.constant(&format!("{name}.one"), &[], &[1.0]);
    let factor = graph.node(&format!("{name}.factor"), "Add", &[scale, &one], &[]);
    let scaled = graph.node(&format!("{name}.scaled"), "Mul", &[&normal, &factor], &[]);
    graph.node(&format!("{name}.modulated"), "Add", &[&scaled, shift], &[])
}

/// x * sigmoid(x) (Elfwing et al., "Sigmoid-Weighted Linear Units", 2018).
fn silu(graph: &mut Graph, name: &str, x: &Value) -> Value {
    let gate = graph.node(&format!("{name}.sigmoid"), "Sigmoid", &[x], &[]);
    graph.node(&format!("{name}.silu"), "Mul", &[x, &gate], &[])
}
