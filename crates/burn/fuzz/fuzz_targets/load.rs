//! Loads mutated ONNX files and, if that works, runs them: no panic, no hang, no allocation beyond the limit.
//!
//! `cargo xtask fuzz` prepares the seeds and runs this.

#![no_main]

use std::collections::BTreeMap;
use std::sync::Once;

use libfuzzer_sys::fuzz_target;
use tare_burn::Burn;
use tare_models::prepare;

static QUIET: Once = Once::new();

fuzz_target!(|model: &[u8]| {
    // The engine catches panics of onnx-ir and makes errors of them. The fuzzer's hook would end the
    // process before that. A panic that nobody catches still ends it.
    QUIET.call_once(|| std::panic::set_hook(Box::new(|_| {})));
    let Ok(workload) = prepare("case", model.to_vec(), &BTreeMap::new(), &[], 0) else {
        return;
    };
    pollster::block_on(async {
        let opened = Burn::flex(1).open(workload.bytes.clone(), &workload.inputs).await;
        if let Ok(mut model) = opened {
            let _ = model.run(&workload.inputs).await;
        }
    });
});
