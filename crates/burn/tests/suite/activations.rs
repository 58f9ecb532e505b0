//! Functions of one value, reductions and rearrangements on tract and on burn-flex: their outputs must agree. Operators that
//! tract lacks are tested by the ONNX backend node tests alone: `cargo xtask conformance`.

use tare_models::{Attribute, Graph, Value};

use crate::common::{agree, graph};

/// One operator on values between -1 and 1, times `scale`, plus `shift`.
#[track_caller]
fn function(operator: &str, attributes: &[Attribute], scale: f32, shift: f32) {
    agree(graph(&[2, 3, 4], &[2, 3, 4], |g, x| {
        let x = moved(g, x, scale, shift);
        g.node("y", operator, &[&x], attributes)
    }));
}

fn moved(g: &mut Graph, x: &Value, scale: f32, shift: f32) -> Value {
    let (scale, shift) = (g.constant("scale", &[], &[scale]), g.constant("shift", &[], &[shift]));
    let scaled = g.node("scaled", "Mul", &[x, &scale], &[]);
    g.node("moved", "Add", &[&scaled, &shift], &[])
}

#[test]
fn functions_of_angles_agree() {
    for operator in ["Acos", "Asin", "Atan", "Atanh", "Sinh", "Cosh", "Tan", "Asinh"] {
        function(operator, &[], 0.9, 0.0);
    }
    function("Acosh", &[], 1.0, 2.5);
    function("Round", &[], 6.0, 0.25);
}

#[test]
fn activations_agree() {
    let alpha = [Attribute::Float("alpha", 0.7)];
    function("Elu", &alpha, 4.0, 0.0);
    function("Selu", &[], 4.0, 0.0);
    // With another alpha tract 0.23.9 computes something else; the node test `celu` has one.
    function("Celu", &[], 4.0, 0.0);
    function("Softplus", &[], 90.0, 0.0);
    function("Softsign", &[], 4.0, 0.0);
    function("LogSoftmax", &[Attribute::Int("axis", 1)], 4.0, 0.0);
    agree(graph(&[2, 3, 4], &[2, 3, 4], |g, x| {
        let slope = g.constant("slope", &[3, 1], &[0.1, 0.2, 0.3]);
        g.node("y", "PRelu", &[x, &slope], &[])
    }));
}

#[test]
fn sums_of_several_agree() {
    for operator in ["Sum", "Mean"] {
        agree(graph(&[2, 3, 4], &[2, 3, 4], |g, x| {
            let row = g.constant("row", &[4], &[0.1, 0.2, 0.3, 0.4]);
            let column = g.constant("column", &[3, 1], &[1.0, 2.0, 3.0]);
            g.node("y", operator, &[x, &row, &column], &[])
        }));
    }
}

#[test]
fn more_reductions_agree() {
    for operator in [
        "ReduceMin",
        "ReduceProd",
        "ReduceSumSquare",
        "ReduceL1",
        "ReduceL2",
        "ReduceLogSum",
        "ReduceLogSumExp",
    ] {
        agree(graph(&[2, 3, 4], &[2, 1, 4], |g, x| {
            let x = moved(g, x, 1.0, 1.5);
            g.node("y", operator, &[&x], &[Attribute::Ints("axes", vec![1])])
        }));
    }
}

#[test]
fn rearrangements_agree() {
    agree(graph(&[2, 3], &[4, 9], |g, x| {
        let repeats = g.integers("repeats", &[2, 3]);
        g.node("y", "Tile", &[x, &repeats], &[])
    }));
    for mode in ["DCR", "CRD"] {
        agree(graph(&[1, 8, 2, 3], &[1, 2, 4, 6], |g, x| {
            g.node(
                "y",
                "DepthToSpace",
                &[x],
                &[Attribute::Int("blocksize", 2), Attribute::Text("mode", mode)],
            )
        }));
    }
    agree(graph(&[1, 2, 4, 6], &[1, 8, 2, 3], |g, x| {
        g.node("y", "SpaceToDepth", &[x], &[Attribute::Int("blocksize", 2)])
    }));
}

#[test]
fn choices_agree() {
    let alpha = [Attribute::Float("alpha", 0.2)];
    function("ThresholdedRelu", &alpha, 1.0, 0.0);
    function(
        "Shrink",
        &[Attribute::Float("lambd", 0.4), Attribute::Float("bias", 0.1)],
        1.0,
        0.0,
    );
    for upper in [0, 1] {
        agree(graph(&[2, 3, 4], &[2, 3, 4], |g, x| {
            let k = g.integers("k", &[1]);
            let shape = g.integers("shape", &[]);
            let k = g.node("offset", "Reshape", &[&k, &shape], &[]);
            g.node("y", "Trilu", &[x, &k], &[Attribute::Int("upper", upper)])
        }));
    }
    for (exclusive, reverse) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
        agree(graph(&[2, 3, 4], &[2, 3, 4], |g, x| {
            let axis = g.integers("axis", &[1]);
            let shape = g.integers("shape", &[]);
            let axis = g.node("along", "Reshape", &[&axis, &shape], &[]);
            let attributes = [
                Attribute::Int("exclusive", exclusive),
                Attribute::Int("reverse", reverse),
            ];
            g.node("y", "CumSum", &[x, &axis], &attributes)
        }));
    }
    for operator in ["ArgMax", "ArgMin"] {
        agree(graph(&[2, 3, 4], &[2, 4], |g, x| {
            let attributes = [Attribute::Int("axis", 1), Attribute::Int("keepdims", 0)];
            let at = g.node("at", operator, &[x], &attributes);
            g.node("y", "Cast", &[&at], &[Attribute::Int("to", 1)])
        }));
    }
    agree(graph(&[2, 3, 4, 5], &[2, 3, 1, 1], |g, x| {
        g.node("y", "GlobalMaxPool", &[x], &[])
    }));
}

#[test]
fn truth_values_agree() {
    for operator in ["Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual"] {
        // Equal elements and different ones.
        agree(graph(&[2, 4], &[2, 4], |g, x| {
            let rounded = g.node("rounded", "Round", &[x], &[]);
            let bound = g.constant("bound", &[4], &[0.0, 1.0, -1.0, 0.0]);
            let truth = g.node("truth", operator, &[&rounded, &bound], &[]);
            g.node("y", "Where", &[&truth, x, &bound], &[])
        }));
    }
    for operator in ["And", "Or", "Xor"] {
        agree(graph(&[2, 4], &[2, 4], |g, x| {
            let (low, high) = (g.constant("low", &[], &[-0.3]), g.constant("high", &[], &[0.3]));
            let (above, below) = (
                g.node("above", "Greater", &[x, &low], &[]),
                g.node("below", "Less", &[x, &high], &[]),
            );
            let both = g.node("both", operator, &[&above, &below], &[]);
            let neither = g.node("neither", "Not", &[&both], &[]);
            g.node("y", "Cast", &[&neither], &[Attribute::Int("to", 1)])
        }));
    }
}

#[test]
fn the_largest_of_several_agrees() {
    for operator in ["Max", "Min"] {
        agree(graph(&[2, 3, 4], &[2, 3, 4], |g, x| {
            let row = g.constant("row", &[4], &[0.1, -0.2, 0.3, -0.4]);
            let negated = g.node("negated", "Neg", &[x], &[]);
            let larger = g.node("larger", operator, &[x, &row], &[]);
            g.node("y", operator, &[&larger, &negated], &[])
        }));
        // A constant of more dimensions than the other operand.
        agree(graph(&[2, 3, 4], &[1, 2, 3, 4], |g, x| {
            let bound = g.constant("bound", &[1, 1, 1, 1], &[0.25]);
            g.node("y", operator, &[x, &bound], &[])
        }));
    }
}

#[test]
fn matrix_products_with_factors_agree() {
    agree(graph(&[3, 2], &[2, 4], |g, x| {
        let weight = g.constant(
            "weight",
            &[4, 3],
            &[0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2],
        );
        let bias = g.constant("bias", &[1, 4], &[1.0, 2.0, 3.0, 4.0]);
        let attributes = [
            Attribute::Int("transA", 1),
            Attribute::Int("transB", 1),
            Attribute::Float("alpha", 0.5),
            Attribute::Float("beta", 0.25),
        ];
        g.node("y", "Gemm", &[x, &weight, &bias], &attributes)
    }));
}

#[test]
fn normalisation_over_several_dimensions_agrees() {
    for axis in [1, 2, -1, -2] {
        agree(graph(&[2, 3, 4], &[2, 3, 4], |g, x| {
            let shape: &[usize] = if axis == 1 || axis == -2 { &[3, 4] } else { &[4] };
            let elements: Vec<f32> = (0..shape.iter().product::<usize>())
                .map(|i| 0.5 + i as f32 / 10.0)
                .collect();
            let scale = g.constant("scale", shape, &elements);
            g.node("y", "LayerNormalization", &[x, &scale], &[Attribute::Int("axis", axis)])
        }));
    }
}
