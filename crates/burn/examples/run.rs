//! Loads an ONNX file and runs it on the CPU and, if there is a graphics adapter, on the GPU:
//!
//! `cargo run --release -p tare-burn --example run -- FILE.onnx`
//!
//! The inputs are random. A dimension without a fixed size is an error that names it.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use tare_burn::Burn;
use tare_core::Engine;

fn main() -> Result<()> {
    let Some(path) = std::env::args().nth(1) else {
        bail!("usage: run FILE.onnx");
    };
    let bytes = std::fs::read(&path).with_context(|| format!("cannot read {path}"))?;
    // Names, types and shapes of the inputs come from the file. Pass shapes and tensors of your own here.
    let workload = tare_models::prepare(&path, bytes, &BTreeMap::new(), &[], 0)?;
    for engine in [Burn::flex(4), Burn::wgpu()] {
        let name = engine.info().name;
        match pollster::block_on(run(&engine, &workload)) {
            Ok(outputs) => println!("{name}: {outputs}"),
            Err(error) => println!("{name}: {error}"),
        }
    }
    Ok(())
}

async fn run(engine: &Burn, workload: &tare_core::Workload) -> Result<String> {
    // `bytes` are shared, not copied. `inputs` give names, types and shapes.
    let mut model = engine.open(workload.bytes.clone(), &workload.inputs).await?;
    let outputs = workload.name_outputs(model.run(&workload.inputs).await?);
    let text = outputs
        .iter()
        .map(|output| format!("{} {:?}", output.name, output.tensor.shape()));
    Ok(text.collect::<Vec<_>>().join(", "))
}
