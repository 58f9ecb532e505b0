//! Elements picked, replaced and mixed by their positions, on tract and on burn-flex: their outputs must agree.

use tare_models::{Attribute, Graph, Value};

use crate::common::{agree, graph};

/// Constant integers in a shape.
fn positions(g: &mut Graph, values: &[i64], shape: &[i64]) -> Value {
    let (flat, shape) = (g.integers("flat", values), g.integers("shape", shape));
    g.node("at", "Reshape", &[&flat, &shape], &[])
}

#[test]
fn elements_are_gathered_alike() {
    for axis in [0, 1, -1] {
        agree(graph(&[3, 3], &[2, 3], |g, x| {
            let at = positions(g, &[0, 1, 2, -1, 1, 0], &[2, 3]);
            g.node("y", "GatherElements", &[x, &at], &[Attribute::Int("axis", axis)])
        }));
    }
    agree(graph(&[2, 3, 4], &[2, 4], |g, x| {
        // tract panics on negative positions here.
        let at = positions(g, &[1, 2, 0, 0], &[2, 2]);
        g.node("y", "GatherND", &[x, &at], &[])
    }));
}

#[test]
fn elements_are_replaced_alike() {
    for axis in [0, 1] {
        agree(graph(&[3, 3], &[3, 3], |g, x| {
            let at = positions(g, &[0, 2, 1, 2, -1, 0], &[2, 3]);
            let updates = g.constant("updates", &[2, 3], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
            g.node(
                "y",
                "ScatterElements",
                &[x, &at, &updates],
                &[Attribute::Int("axis", axis)],
            )
        }));
    }
    agree(graph(&[4, 2], &[4, 2], |g, x| {
        let at = positions(g, &[3, 0], &[2, 1]);
        let updates = g.constant("updates", &[2, 2], &[1.0, 2.0, 3.0, 4.0]);
        g.node("y", "ScatterND", &[x, &at, &updates], &[])
    }));
}

#[test]
fn the_last_of_equal_elements_is_found_alike() {
    for operator in ["ArgMax", "ArgMin"] {
        agree(graph(&[3, 5], &[3, 1], |g, x| {
            let rounded = g.node("rounded", "Round", &[x], &[]);
            let attributes = [Attribute::Int("axis", 1), Attribute::Int("select_last_index", 1)];
            let at = g.node("found", operator, &[&rounded], &attributes);
            g.node("y", "Cast", &[&at], &[Attribute::Int("to", 1)])
        }));
    }
    agree(graph(&[3, 5], &[3, 5], |g, x| {
        let rounded = g.node("rounded", "Round", &[x], &[]);
        g.node("y", "Hardmax", &[&rounded], &[Attribute::Int("axis", 1)])
    }));
}

#[test]
fn what_is_backwards_agrees() {
    agree(graph(&[3, 5], &[3, 3], |g, x| {
        let (starts, ends) = (g.integers("starts", &[-1]), g.integers("ends", &[i64::MIN]));
        let (axes, steps) = (g.integers("axes", &[1]), g.integers("steps", &[-2]));
        g.node("y", "Slice", &[x, &starts, &ends, &axes, &steps], &[])
    }));
}

/// Resized by scales for all dimensions.
#[track_caller]
fn resized(scales: [f32; 4], output: [usize; 4], attributes: &[Attribute]) {
    agree(graph(&[1, 2, 4, 5], &output, |g, x| {
        let scales = g.constant("scales", &[4], &scales);
        g.node("y", "Resize", &[x, &Value::absent(), &scales], attributes)
    }));
}

#[test]
fn resizing_by_any_filter_agrees() {
    for coordinates in ["half_pixel", "align_corners", "asymmetric"] {
        let at = Attribute::Text("coordinate_transformation_mode", coordinates);
        for (scales, output) in [
            ([1.0, 1.0, 2.0, 2.0], [1, 2, 8, 10]),
            ([1.0, 1.0, 0.6, 0.8], [1, 2, 2, 4]),
        ] {
            // Here tract computes otherwise than onnxruntime.
            if coordinates == "align_corners" && scales[2] < 1.0 {
                continue;
            }
            for mode in ["linear", "cubic"] {
                resized(scales, output, &[Attribute::Text("mode", mode), at.clone()]);
            }
            for nearest in ["floor", "round_prefer_floor"] {
                let nearest = Attribute::Text("nearest_mode", nearest);
                resized(
                    scales,
                    output,
                    &[Attribute::Text("mode", "nearest"), nearest, at.clone()],
                );
            }
        }
    }
}

#[test]
fn sampling_a_grid_agrees() {
    for mode in ["bilinear", "nearest", "bicubic"] {
        for padding in ["zeros", "border", "reflection"] {
            for aligned in [0, 1] {
                // tract holds the position at the border, onnxruntime and PyTorch hold each neighbour.
                if (mode, padding) == ("bicubic", "border") {
                    continue;
                }
                agree(graph(&[1, 3, 4, 2], &[1, 2, 3, 4], |g, x| {
                    let image: Vec<f32> = (0..40).map(|i| (i * 7 % 11) as f32).collect();
                    let image = g.constant("image", &[1, 2, 4, 5], &image);
                    let wide = g.constant("wide", &[], &[1.6]);
                    let grid = g.node("grid", "Mul", &[x, &wide], &[]);
                    let attributes = [
                        Attribute::Text("mode", mode),
                        Attribute::Text("padding_mode", padding),
                        Attribute::Int("align_corners", aligned),
                    ];
                    g.node("y", "GridSample", &[&image, &grid], &attributes)
                }));
            }
        }
    }
}

#[test]
fn normalisation_of_neighbours_agrees() {
    agree(graph(&[2, 6, 3, 3], &[2, 6, 3, 3], |g, x| {
        let attributes = [Attribute::Int("size", 3), Attribute::Float("alpha", 0.2)];
        g.node("y", "LRN", &[x], &attributes)
    }));
    for p in [1, 2] {
        agree(graph(&[2, 3, 4], &[2, 3, 4], |g, x| {
            let attributes = [Attribute::Int("axis", 1), Attribute::Int("p", p)];
            g.node("y", "LpNormalization", &[x], &attributes)
        }));
    }
    agree(graph(&[2, 3, 4], &[2, 3, 1], |g, x| {
        let scale = g.constant("scale", &[4], &[0.5, 1.0, 1.5, 2.0]);
        let names = ["normal", "mean", "spread"];
        let all = g.node_of("norm", "LayerNormalization", &[x, &scale], &[], &names);
        g.node("both", "Add", &[&all[1], &all[2]], &[])
    }));
}
