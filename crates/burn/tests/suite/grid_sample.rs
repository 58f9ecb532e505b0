//! Sampling at computed positions, on tract and on burn-flex.

use tare_models::Attribute;

use crate::common::{agree, graph};

#[test]
fn sampling_a_grid_agrees() {
    for mode in ["bilinear", "nearest", "bicubic"] {
        for padding in ["zeros", "border", "reflection"] {
            for aligned in [0, 1] {
                // tract clamps the position to the border, onnxruntime and PyTorch clamp each
                // neighbor.
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
