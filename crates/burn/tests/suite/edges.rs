//! Where formulas that are right for most numbers are not: results that can be seen to be right.

use tare_models::{Attribute, Graph, Value};

use crate::common::{agree, computes, graph, ints, refuses};

#[test]
fn the_logarithm_of_a_sum_of_exponentials_does_not_overflow() {
    let model = |keepdims, shape: &[usize]| {
        graph(&[2, 2], shape, |g, x| {
            let attributes = [ints("axes", &[1]), Attribute::Int("keepdims", keepdims)];
            g.node("y", "ReduceLogSumExp", &[x], &attributes)
        })
    };
    let x = [100.0, 100.0, -200.0, -200.0];
    let expected = [100.0 + 2f32.ln(), -200.0 + 2f32.ln()];
    computes(model(0, &[2]), &[2, 2], &x, &[(&[2], &expected)]);
    computes(model(1, &[2, 1]), &[2, 2], &x, &[(&[2, 1], &expected)]);
}

#[test]
fn the_worst_of_all_numbers_is_ranked_once() {
    for (largest, worst) in [(1, f32::NEG_INFINITY), (0, f32::INFINITY)] {
        let mut g = Graph::new("case", 7);
        let x = g.input("x", &[4]);
        let one = g.constant("one", &[], &[1.0]);
        // Inputs hold finite numbers only.
        let zero = g.constant("zero", &[], &[0.0]);
        let x = g.node("infinite", "Div", &[&x, &zero], &[]);
        let x = g.node("numbers", "Add", &[&x, &one], &[]);
        let k = g.integers("k", &[3]);
        let found = g.node_of(
            "found",
            "TopK",
            &[&x, &k],
            &[Attribute::Int("largest", largest)],
            &["values", "places"],
        );
        let places = g.node("places_as_floats", "Cast", &[&found[1]], &[Attribute::Int("to", 1)]);
        g.output(&places, &[3]);
        let x = [worst.signum(), worst.signum(), -worst.signum(), worst.signum()];
        computes(g.into_bytes(), &[4], &x, &[(&[3], &[2.0, 0.0, 1.0])]);
    }
}

#[test]
fn exclusive_sums_keep_small_numbers_beside_large_ones() {
    let model = |reverse| {
        graph(&[3], &[3], |g, x| {
            let axis = g.integers("axis", &[0]);
            let attributes = [Attribute::Int("exclusive", 1), Attribute::Int("reverse", reverse)];
            g.node("y", "CumSum", &[x, &axis], &attributes)
        })
    };
    computes(model(0), &[3], &[1.0, 1e8, 3.0], &[(&[3], &[0.0, 1.0, 1e8])]);
    computes(model(1), &[3], &[3.0, 1e8, 1.0], &[(&[3], &[1e8, 1.0, 0.0])]);
}

#[test]
fn sizes_are_what_32_bits_make_of_scales() {
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
fn a_mean_of_whole_numbers_is_cut_off_once() {
    let model = graph(&[2, 2], &[1, 1], |g, x| {
        let whole = g.node("whole", "Cast", &[x], &[Attribute::Int("to", 7)]);
        let mean = g.node("mean", "ReduceMean", &[&whole], &[]);
        g.node("y", "Cast", &[&mean], &[Attribute::Int("to", 1)])
    });
    computes(model, &[2, 2], &[1.0, 0.0, 2.0, 1.0], &[(&[1, 1], &[1.0])]);
}

#[test]
fn normalisation_has_an_epsilon_unless_the_model_says_another() {
    agree(graph(&[1, 2, 3], &[1, 2, 3], |g, x| {
        let [scale, shift, mean, variance] = [("scale", 1.0), ("shift", 0.5), ("mean", 0.0), ("variance", 0.0)]
            .map(|(name, value)| g.constant(name, &[2], &[value; 2]));
        g.node("y", "BatchNormalization", &[x, &scale, &shift, &mean, &variance], &[])
    }));
}

#[test]
fn statistics_of_the_batch_are_refused() {
    let mut g = Graph::new("case", 7);
    let x = g.input("x", &[1, 2, 3]);
    let statistics = ["scale", "shift", "mean", "variance"].map(|name| g.constant(name, &[2], &[1.0; 2]));
    let [scale, shift, mean, variance] = &statistics;
    let outputs = ["y", "new_mean", "new_variance"];
    let y = g.node_of(
        "normalised",
        "BatchNormalization",
        &[&x, scale, shift, mean, variance],
        &[],
        &outputs,
    );
    g.output(&y[0], &[1, 2, 3]);
    refuses(
        g.into_bytes_of_opset(9),
        &[1, 2, 3],
        "training in the operator BatchNormalization",
    );
}

#[test]
fn a_line_of_one_element_makes_a_number_a_line() {
    agree(graph(&[2, 3], &[1], |g, x| {
        let sum = g.node("sum", "ReduceSum", &[x], &[Attribute::Int("keepdims", 0)]);
        let one = g.constant("by", &[1], &[3.0]);
        g.node("y", "Mul", &[&sum, &one], &[])
    }));
}

#[test]
fn whole_numbers_are_not_added_up_as_others() {
    let model = graph(&[2], &[2], |g, x| {
        let whole = g.integers("whole", &[3, 5]);
        let axis = g.integers("axis", &[0]);
        let sums = g.node("sums", "CumSum", &[&whole, &axis], &[]);
        let two = g.integers("two", &[2]);
        let halves = g.node("halves", "Div", &[&sums, &two], &[]);
        let halves = g.node("as_floats", "Cast", &[&halves], &[Attribute::Int("to", 1)]);
        g.node("y", "Add", &[x, &halves], &[])
    });
    refuses(model, &[2], "integers in the operator CumSum");
}
