//! EfficientDet (Tan, Pang and Le, "EfficientDet: Scalable and Efficient Object Detection", 2020,
//! table 1) as published by google/automl. D0, D1 and D2 have 3,880,067, 6,625,898 and 8,097,039
//! parameters.

use super::efficientnet::{
    Map, Scaling, after_linear, after_swish, biased, by_channel, norm, small_bias, swish, window,
};
use crate::{Attribute, Graph, Value, WeightInit};

const CLASSES: usize = 90;

/// Anchors at every position: three scales of three shapes.
const ANCHORS: usize = 9;

/// Convolutions of each head, without the last.
const HEAD_DEPTH: usize = 3;

/// A member of the family.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Member {
    name: &'static str,
    /// Height and width of the image.
    size: usize,
    backbone: Scaling,
    /// Channels of the feature pyramid.
    width: usize,
    /// Layers of the feature pyramid.
    layers: usize,
}

pub(crate) const D0: Member = Member {
    name: "efficientdet-d0",
    size: 512,
    backbone: Scaling { width: 10, depth: 10 },
    width: 64,
    layers: 3,
};

pub(crate) const D1: Member = Member {
    name: "efficientdet-d1",
    size: 640,
    backbone: Scaling { width: 10, depth: 11 },
    width: 88,
    layers: 4,
};

pub(crate) const D2: Member = Member {
    name: "efficientdet-d2",
    size: 768,
    backbone: Scaling { width: 11, depth: 12 },
    width: 112,
    layers: 5,
};

/// `image` f32 [batch, 3, size, size] (NCHW) -> `class_logits` f32 [batch, anchors, 90] and `boxes`
/// f32 [batch, anchors, 4], as distances from the anchor (y, x, log height, log width). The anchors
/// of the finest map come first, row by row.
pub(crate) fn build(seed: u64, batch: usize, member: Member) -> Graph {
    let Member {
        name,
        size,
        backbone,
        width,
        layers,
    } = member;
    let mut graph = Graph::new(name, seed);
    let image = graph.input("image", &[batch, 3, size, size]);
    let features = super::efficientnet::build(&mut graph, backbone, &image, size);
    let mut pyramid = Pyramid {
        graph: &mut graph,
        batch,
        width,
    };
    let mut maps = pyramid.first(&features);
    for layer in 1..layers {
        let [p3, p4, p5, p6, p7] = maps;
        maps = pyramid.layer(&format!("pyramid{}", layer + 1), [&p3, &p4, &p5, &p6, &p7], [&p4, &p5]);
    }
    let anchors = maps.iter().map(|map| map.size * map.size * ANCHORS).sum();
    for (head, wide, output, bias) in [
        // Lin et al., "Focal Loss for Dense Object Detection", 2017, section 4.1: a bias for which
        // each class has a probability of 1 %.
        ("classes", CLASSES, "class_logits", -4.595),
        ("regression", 4, "boxes", 0.0),
    ] {
        let last = WeightInit::Uniform {
            center: bias,
            spread: 0.1,
        };
        let rows = self::head(&mut graph, head, &maps, [batch, wide], last);
        let rows: Vec<&Value> = rows.iter().collect();
        let all = graph.node(output, "Concat", &rows, &[Attribute::Int("axis", 1)]);
        graph.output(&all, &[batch, anchors, wide]);
    }
    graph
}

/// The bidirectional feature pyramid: maps of strides 8 to 128, all with the same number of
/// channels.
struct Pyramid<'a> {
    graph: &'a mut Graph,
    batch: usize,
    width: usize,
}

impl Pyramid<'_> {
    /// The first layer. It also projects the backbone's maps to the pyramid's number of channels,
    /// separately for each use of a map.
    fn first(&mut self, [c3, c4, c5]: &[Map; 3]) -> [Map; 5] {
        let p3 = self.narrowed("pyramid1.p3", c3);
        let p4 = self.narrowed("pyramid1.p4", c4);
        let p5 = self.narrowed("pyramid1.p5", c5);
        let p6 = self.narrowed("pyramid1.p6", c5);
        let p6 = self.halved("pyramid1.p6", &p6);
        let p7 = self.halved("pyramid1.p7", &p6);
        let p4_again = self.narrowed("pyramid1.p4.again", c4);
        let p5_again = self.narrowed("pyramid1.p5.again", c5);
        self.layer("pyramid1", [&p3, &p4, &p5, &p6, &p7], [&p4_again, &p5_again])
    }

    /// A layer: from coarse to fine, then from fine to coarse. `again` holds the maps of strides 16
    /// and 32 for the way from fine to coarse.
    fn layer(&mut self, name: &str, maps: [&Map; 5], again: [&Map; 2]) -> [Map; 5] {
        let [p3, p4, p5, p6, p7] = maps;
        let mut down = |part: &str, fine: &Map, coarse: &Map| {
            let doubled = self.doubled(&format!("{name}.{part}"), coarse);
            self.fused(&format!("{name}.{part}"), &[fine, &doubled])
        };
        let down6 = down("down6", p6, p7);
        let down5 = down("down5", p5, &down6);
        let down4 = down("down4", p4, &down5);
        let out3 = down("out3", p3, &down4);
        let mut up = |part: &str, straight: &[&Map], fine: &Map| {
            let halved = self.halved(&format!("{name}.{part}"), fine);
            self.fused(&format!("{name}.{part}"), &[straight, &[&halved]].concat())
        };
        let out4 = up("out4", &[again[0], &down4], &out3);
        let out5 = up("out5", &[again[1], &down5], &out4);
        let out6 = up("out6", &[p6, &down6], &out5);
        let out7 = up("out7", &[p7], &out6);
        [out3, out4, out5, out6, out7]
    }

    fn narrowed(&mut self, name: &str, x: &Map) -> Map {
        let y = biased(self.graph, name, x, self.width, after_linear(x.channels));
        norm(self.graph, name, &y, 1.0)
    }

    fn halved(&mut self, name: &str, x: &Map) -> Map {
        let value = self
            .graph
            .node(&format!("{name}.halved"), "MaxPool", &[&x.value], &window(3, 2));
        Map {
            value,
            size: x.size / 2,
            ..x.clone()
        }
    }

    fn doubled(&mut self, name: &str, x: &Map) -> Map {
        let size = 2 * x.size;
        let wanted = [self.batch, x.channels, size, size].map(|dim| dim as i64);
        let sizes = self.graph.integers(&format!("{name}.sizes"), &wanted);
        let absent = Value::absent();
        let value = self.graph.node(
            &format!("{name}.doubled"),
            "Resize",
            &[&x.value, &absent, &absent, &sizes],
            &[
                Attribute::Text("mode", "nearest"),
                Attribute::Text("coordinate_transformation_mode", "asymmetric"),
                Attribute::Text("nearest_mode", "floor"),
            ],
        );
        Map {
            value,
            size,
            ..x.clone()
        }
    }

    /// A weighted mean, swish and a separable convolution. The weights of the mean are stored after
    /// their normalization, because exporters fold it.
    fn fused(&mut self, name: &str, maps: &[&Map]) -> Map {
        let share = 1.0 / maps.len() as f32;
        let fill = WeightInit::Uniform {
            center: share,
            spread: share / 4.0,
        };
        let mut sum: Option<Value> = None;
        for (number, map) in maps.iter().enumerate() {
            let weight = self.graph.weight(&format!("{name}.fusion{number}"), &[1], fill);
            let part = self
                .graph
                .node(&format!("{name}.part{number}"), "Mul", &[&map.value, &weight], &[]);
            sum = Some(match sum {
                None => part,
                Some(sum) => self
                    .graph
                    .node(&format!("{name}.sum{number}"), "Add", &[&sum, &part], &[]),
            });
        }
        let Some(value) = sum else {
            unreachable!("there is always a map to fuse")
        };
        let x = Map {
            value,
            ..maps[0].clone()
        };
        let x = swish(self.graph, name, &x);
        let weights = Separable::new(self.graph, name, [self.width, self.width]);
        let y = weights.apply(self.graph, name, &x);
        norm(self.graph, name, &y, 1.3)
    }
}

/// Weights of a separable convolution: depthwise, then pointwise.
struct Separable {
    depthwise: Value,
    pointwise: Value,
    bias: Value,
    channels: usize,
}

impl Separable {
    fn new(graph: &mut Graph, name: &str, channels: [usize; 2]) -> Self {
        let bias = small_bias(graph, name, channels[1]);
        Self::with_bias(graph, name, channels, bias)
    }

    fn with_bias(graph: &mut Graph, name: &str, [wide_in, wide_out]: [usize; 2], bias: Value) -> Self {
        let depthwise = graph.weight(&format!("{name}.depthwise.weight"), &[wide_in, 1, 3, 3], after_swish(9));
        let fill = after_linear(wide_in);
        let pointwise = graph.weight(&format!("{name}.pointwise.weight"), &[wide_out, wide_in, 1, 1], fill);
        Self {
            depthwise,
            pointwise,
            bias,
            channels: wide_out,
        }
    }

    fn apply(&self, graph: &mut Graph, name: &str, x: &Map) -> Map {
        let y = by_channel(graph, &format!("{name}.depthwise"), x, &self.depthwise, 3, 1);
        let value = graph.node(
            &format!("{name}.pointwise.conv"),
            "Conv",
            &[&y, &self.pointwise, &self.bias],
            &window(1, 1),
        );
        Map {
            value,
            channels: self.channels,
            size: x.size,
        }
    }
}

/// Predictions of every map, as [batch, anchors, wide]. All maps share the convolutions, but each
/// map has its own normalization.
fn head(
    graph: &mut Graph,
    name: &str,
    maps: &[Map; 5],
    [batch, wide]: [usize; 2],
    last_bias: WeightInit,
) -> Vec<Value> {
    let width = maps[0].channels;
    let layers: Vec<Separable> = (0..HEAD_DEPTH)
        .map(|layer| Separable::new(graph, &format!("{name}.{layer}"), [width, width]))
        .collect();
    let bias = graph.weight(&format!("{name}.last.bias"), &[ANCHORS * wide], last_bias);
    let last = Separable::with_bias(graph, &format!("{name}.last"), [width, ANCHORS * wide], bias);
    let shape = graph.integers(&format!("{name}.rows"), &[batch as i64, -1, wide as i64]);
    maps.iter()
        .enumerate()
        .map(|(level, map)| {
            let mut x = map.clone();
            for (number, layer) in layers.iter().enumerate() {
                let name = format!("{name}.{number}.p{}", level + 3);
                x = layer.apply(graph, &name, &x);
                x = norm(graph, &name, &x, 1.1);
                x = swish(graph, &name, &x);
            }
            let name = format!("{name}.last.p{}", level + 3);
            let y = last.apply(graph, &name, &x);
            let y = graph.node(
                &format!("{name}.positions"),
                "Transpose",
                &[&y.value],
                &[Attribute::Ints("perm", vec![0, 2, 3, 1])],
            );
            graph.node(&format!("{name}.anchors"), "Reshape", &[&y, &shape], &[])
        })
        .collect()
}
