//! Resizing on tract and on burn-flex.

use tare_models::{Attribute, Graph, Value};

use crate::common::{agree, computes, graph};

#[test]
fn resizing_to_sizes_agrees() {
    let resized = |sizes: [usize; 4], attributes: [Attribute; 3]| {
        graph(&[2, 3, 4, 6], &sizes, |g, x| {
            let sizes = g.integers("sizes", &sizes.map(|size| i64::try_from(size).unwrap()));
            let absent = Value::absent();
            g.node("y", "Resize", &[x, &absent, &absent, &sizes], &attributes)
        })
    };
    let by = |mode, coordinates, rounding| {
        [
            Attribute::Text("mode", mode),
            Attribute::Text("coordinate_transformation_mode", coordinates),
            Attribute::Text("nearest_mode", rounding),
        ]
    };
    for (sizes, attributes) in [
        ([2, 3, 8, 18], by("nearest", "asymmetric", "floor")),
        ([2, 3, 3, 9], by("nearest", "asymmetric", "floor")),
        ([2, 3, 8, 12], by("nearest", "half_pixel", "round_prefer_floor")),
        ([2, 3, 7, 9], by("linear", "half_pixel", "floor")),
        ([2, 3, 3, 4], by("linear", "pytorch_half_pixel", "floor")),
        ([2, 3, 7, 9], by("linear", "align_corners", "floor")),
    ] {
        agree(resized(sizes, attributes));
    }
    let by_scales = graph(&[1, 2, 3, 4], &[1, 2, 6, 12], |g, x| {
        let scales = g.constant("scales", &[4], &[1.0, 1.0, 2.0, 3.0]);
        g.node(
            "y",
            "Resize",
            &[x, &Value::absent(), &scales],
            &by("nearest", "asymmetric", "floor"),
        )
    });
    agree(by_scales);
    for (sizes, attributes) in [
        ([2, 3, 5, 9], by("nearest", "half_pixel", "floor")),
        ([2, 3, 8, 12], by("cubic", "half_pixel", "floor")),
        ([4, 3, 4, 6], by("nearest", "asymmetric", "floor")),
    ] {
        agree(resized(sizes, attributes));
    }
}

/// Resizes all dimensions by scales.
#[track_caller]
fn resized(scales: [f32; 4], output: [usize; 4], attributes: &[Attribute]) {
    agree(graph(&[1, 2, 4, 5], &output, |g, x| {
        let scales = g.constant("scales", &[4], &scales);
        g.node("y", "Resize", &[x, &Value::absent(), &scales], attributes)
    }));
}

#[test]
fn resizing_by_scales_agrees() {
    for coordinates in ["half_pixel", "align_corners", "asymmetric"] {
        let at = Attribute::Text("coordinate_transformation_mode", coordinates);
        for (scales, output) in [
            ([1.0, 1.0, 2.0, 2.0], [1, 2, 8, 10]),
            ([1.0, 1.0, 0.6, 0.8], [1, 2, 2, 4]),
        ] {
            // tract computes something else than onnxruntime here.
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
fn sizes_are_computed_from_scales_in_32_bits() {
    let model = graph(&[1, 1, 1, 10], &[1, 1, 1, 7], |g, x| {
        let scales = g.constant("scales", &[4], &[1.0, 1.0, 1.0, 0.7]);
        let attributes = [
            Attribute::Text("mode", "nearest"),
            Attribute::Text("coordinate_transformation_mode", "asymmetric"),
            Attribute::Text("nearest_mode", "floor"),
        ];
        g.node("y", "Resize", &[x, &Value::absent(), &scales], &attributes)
    });
    let x: Vec<f32> = (0..10u8).map(f32::from).collect();
    let expected = [0.0, 1.0, 2.0, 4.0, 5.0, 7.0, 8.0];
    computes(model, &[1, 1, 1, 10], &x, &[(&[1, 1, 1, 7], &expected)]);
}

#[test]
fn before_opset_11_the_nearest_position_depends_on_the_scale() {
    let resized = |to: usize, scale: f32| {
        let mut g = Graph::new("case", 7);
        let x = g.input("x", &[1, 1, 1, 4]);
        let scales = g.constant("scales", &[4], &[1.0, 1.0, 1.0, scale]);
        let y = g.node("y", "Resize", &[&x, &scales], &[Attribute::Text("mode", "nearest")]);
        g.output(&y, &[1, 1, 1, to]);
        g.into_bytes_of_opset(10)
    };
    let x = [1.0, 2.0, 3.0, 4.0];
    let repeated = [1.0, 1.0, 1.0, 2.0, 2.0, 2.0, 3.0, 3.0, 3.0, 4.0, 4.0, 4.0];
    computes(resized(12, 3.0), &[1, 1, 1, 4], &x, &[(&[1, 1, 1, 12], &repeated)]);
    computes(
        resized(3, 0.75),
        &[1, 1, 1, 4],
        &x,
        &[(&[1, 1, 1, 3], &[1.0, 3.0, 4.0])],
    );
}
