//! Generates code for two of our networks with burn-onnx.

use std::collections::BTreeMap;
use std::path::Path;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // cargo always sets OUT_DIR for build scripts.
    let out = std::env::var("OUT_DIR").unwrap_or_default();
    let mut generator = burn_onnx::ModelGen::new();
    for model in ["resnet50", "minilm"] {
        let file = Path::new(&out).join(format!("{model}.onnx"));
        let entry = tare_models::find(model).unwrap_or_else(|| panic!("there is no built-in {model}"));
        std::fs::write(&file, entry.onnx(&BTreeMap::new())).unwrap_or_else(|error| panic!("{file:?}: {error}"));
        generator.input(&file.to_string_lossy());
    }
    generator.out_dir("generated").run_from_script();
}
