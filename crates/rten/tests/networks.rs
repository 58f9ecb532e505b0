//! rten computes the same on any number of threads, and refuses what it cannot run.

#![allow(clippy::unwrap_used, reason = "a test that unwraps has its proof in passing")]

use std::collections::BTreeMap;

use tare_core::{Clock, Engine, Tensor, TensorData};
use tare_models::find;
use tare_record::{Failure, FailureKind};
use tare_rten::Rten;

/// Nothing here is timed.
struct NoClock;

impl Clock for NoClock {
    fn source(&self) -> &'static str {
        "none"
    }

    fn now_ns(&self) -> u64 {
        0
    }

    fn sleep<'a>(&'a self, _: u64) -> std::pin::Pin<Box<dyn Future<Output = ()> + 'a>> {
        Box::pin(async {})
    }
}

fn outputs(model: &str, threads: usize) -> Result<Vec<Tensor>, Failure> {
    let workload = find(model).unwrap().prepare(&BTreeMap::new(), &[], 1).unwrap();
    let loaded = pollster::block_on(Rten::new(threads).load(workload.bytes, &workload.inputs, &NoClock))?;
    let mut session = loaded.session;
    assert_eq!(session.info().threads, threads);
    let outputs = pollster::block_on(session.run(&workload.inputs))?;
    assert_eq!(pollster::block_on(session.run(&workload.inputs))?, outputs);
    Ok(outputs)
}

#[test]
fn a_copy_is_the_input() {
    let workload = find("null").unwrap().prepare(&BTreeMap::new(), &[], 1).unwrap();
    assert_eq!(outputs("null", 1).unwrap(), [workload.inputs[0].tensor.clone()]);
}

#[test]
fn a_network_has_the_same_outputs_on_any_number_of_threads() {
    let values = |outputs: &[Tensor]| match outputs[0].data() {
        TensorData::F32(values) => values.clone(),
        other => panic!("{other:?}"),
    };
    let [one, two] = [1, 2].map(|threads| values(&outputs("tiny", threads).unwrap()));
    for (a, b) in one.iter().zip(&two) {
        assert!((a - b).abs() <= 1e-4 * a.abs().max(1.0), "{a} and {b}");
    }
}

#[test]
fn what_is_no_model_is_refused() {
    for bytes in [&b""[..], b"not a model"] {
        let loaded = pollster::block_on(Rten::new(1).load(bytes.to_vec().into(), &[], &NoClock));
        let failure = loaded.map(|_| ()).unwrap_err();
        assert_eq!(failure.kind, FailureKind::Model, "{failure}");
    }
}
