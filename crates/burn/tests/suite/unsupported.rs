//! Errors for what is not supported.

use std::collections::BTreeMap;

use tare_burn::Burn;
use tare_core::Engine;
use tare_models::prepare;
use tare_record::FailureKind;
use tare_tract::Tract;

use crate::common::{graph, run};

#[test]
fn an_unsupported_operator_is_refused_by_name() {
    let bytes = graph(&[2, 3], &[2, 3], |g, x| g.node("the_node", "NonZero", &[x], &[]));
    let workload = prepare("case", bytes, &BTreeMap::new(), &[], 0).unwrap();
    let error = run(&Burn::flex(1), &workload).unwrap_err();
    assert_eq!(error.kind, FailureKind::Unsupported);
    assert!(
        error.message.contains("the operator NonZero") && error.message.contains("the_node"),
        "{}",
        error.message
    );
    assert!(error.hint.is_some());
}

#[test]
fn an_operator_that_does_not_exist_is_refused() {
    let bytes = graph(&[2, 3], &[2, 3], |g, x| g.node("y", "Frobnicate", &[x], &[]));
    let workload = prepare("case", bytes, &BTreeMap::new(), &[], 0).unwrap();
    for engine in [&Burn::flex(1) as &dyn Engine, &Tract::new(1)] {
        let error = run(engine, &workload).unwrap_err();
        assert_eq!(error.kind, FailureKind::Unsupported);
        assert!(error.message.contains("Frobnicate"), "{}", error.message);
    }
}
