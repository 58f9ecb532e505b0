//! Activation functions on tract and on burn-flex.

use tare_models::Attribute;

use crate::common::{agree, function, graph};

#[test]
fn activations_agree() {
    let alpha = [Attribute::Float("alpha", 0.7)];
    function("Elu", &alpha, 4.0, 0.0);
    function("Selu", &[], 4.0, 0.0);
    // With another alpha tract 0.23.9 computes something else. The node test `celu` has one.
    function("Celu", &[], 4.0, 0.0);
    function("Softplus", &[], 90.0, 0.0);
    function("Softsign", &[], 4.0, 0.0);
    function("Relu", &[], 1.0, 0.0);
    function("HardSwish", &[], 1.0, 0.0);
    function("LeakyRelu", &[Attribute::Float("alpha", 0.1)], 1.0, 0.0);
    function(
        "HardSigmoid",
        &[Attribute::Float("alpha", 0.3), Attribute::Float("beta", 0.4)],
        1.0,
        0.0,
    );
    function("ThresholdedRelu", &[Attribute::Float("alpha", 0.2)], 1.0, 0.0);
    function(
        "Shrink",
        &[Attribute::Float("lambd", 0.4), Attribute::Float("bias", 0.1)],
        1.0,
        0.0,
    );
}

#[test]
fn a_slope_for_each_channel_agrees() {
    agree(graph(&[2, 3, 4], &[2, 3, 4], |g, x| {
        let slope = g.constant("slope", &[3, 1], &[0.1, 0.2, 0.3]);
        g.node("y", "PRelu", &[x, &slope], &[])
    }));
}
