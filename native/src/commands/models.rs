use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail};
use tare_models::{
    CATALOG, KNOWN_MODELS, PIPELINES, built_in_names, find, find_pipeline, multiply_accumulates, parameter_count,
};

use crate::record_file::refuse_record;

/// Prints the built-in models. Parameters are counted in the generated files.
pub(crate) fn list() -> Result<bool> {
    println!(
        "{:<18} {:>11}  {:>9}  {:>9}  {:<58} source of the parameter count",
        "name", "parameters", "MACs", "size", "description"
    );
    for entry in CATALOG {
        let bytes = entry.onnx(&BTreeMap::new());
        let parameters = parameter_count(&bytes)?;
        let macs = multiply_accumulates(&bytes)?;
        println!(
            "{:<18} {parameters:>11}  {:>9}  {:>9}  {:<58} {}",
            entry.name,
            macs.map_or_else(|| "-".into(), tare_report::count),
            tare_report::bytes(bytes.len() as u64),
            entry.summary,
            entry.source
        );
    }
    println!("\nseveral networks that run as one model, with work on the CPU between them:");
    for entry in &PIPELINES {
        println!("{:<20} {}: {}", entry.name, entry.summary, entry.networks.join(", "));
    }
    println!("\ntrained models, fetched from their publishers on first use:");
    for model in &KNOWN_MODELS {
        println!(
            "{:<20} {:<40} {:<10} {}",
            model.name, model.summary, model.license, model.url
        );
    }
    Ok(true)
}

pub(crate) fn export(name: &str, output: &Path) -> Result<bool> {
    let Some(entry) = find(name) else {
        if let Some(pipeline) = find_pipeline(name) {
            bail!(
                "{name:?} consists of several networks\nhint: export one of them: {}",
                pipeline.networks.join(", ")
            );
        }
        let known: Vec<&str> = built_in_names().collect();
        bail!(
            "there is no built-in model {name:?}: expected one of {}",
            known.join(", ")
        );
    };
    let bytes = entry.onnx(&BTreeMap::new());
    refuse_record(output, "write to another file")?;
    std::fs::write(output, &bytes).with_context(|| format!("cannot write {}", output.display()))?;
    eprintln!(
        "{}: {} bytes, SHA-256 {}",
        output.display(),
        bytes.len(),
        tare_core::sha256_hex(&bytes)
    );
    Ok(true)
}
