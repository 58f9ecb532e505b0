use tare_record::{EngineName, EnvironmentKind, RELAXED_SIMD, Record};

use crate::section::{Block, Section};

/// What the words of this report mean, of those that it uses.
pub(super) fn section<'a>(records: &[Record]) -> Option<Section<'a>> {
    let cells = || records.iter().flat_map(|record| &record.cells);
    let engines = EngineName::all().filter(|engine| cells().any(|cell| cell.engine.name == *engine));
    let mut words: Vec<String> = engines.map(|engine| engine_in_words(engine).to_owned()).collect();
    if words.is_empty() {
        return None;
    }
    let mut add = |is_used: bool, text: &str| {
        if is_used {
            words.push(text.to_owned());
        }
    };
    let is_wasm = |kind: EnvironmentKind| kind != EnvironmentKind::Native;
    add(
        cells().any(|cell| is_wasm(cell.configuration.environment)),
        "wasm: WebAssembly, the machine code of browsers. Its vector instructions (simd) take 128 bits at a time, while processors have up to 512.",
    );
    add(
        cells().any(|cell| cell.configuration.vector_level == RELAXED_SIMD),
        "relaxed SIMD: wasm's vector instructions with those that may round differently on each processor, above all one that multiplies and adds at once.",
    );
    add(
        cells().any(|cell| cell.configuration.environment == EnvironmentKind::Node),
        "Node: the same wasm outside a browser, in the JavaScript engine that Chromium has.",
    );
    add(
        records.iter().any(|record| record.plan.rules.rounds > 1),
        "round: every cell once, each in a new process or worker. Rounds show what changes from start to start.",
    );
    add(
        true,
        "95 % interval: if everything were measured again and again, 95 of 100 such intervals would hold the true value.",
    );
    Some(Section::detail(
        "words",
        "What the words mean",
        vec![Block::List(words)],
    ))
}

fn engine_in_words(engine: EngineName) -> &'static str {
    match engine {
        EngineName::Tract => "tract: runs ONNX models on the CPU; written in Rust by Sonos.",
        EngineName::BurnFlex => {
            "burn-flex: runs ONNX models on the CPU, by the CPU backend of burn, a framework in Rust."
        }
        EngineName::Ort => {
            "ort: onnxruntime by Microsoft, written in C++, on the CPU. A yardstick: it is not part of tare."
        }
        EngineName::OrtWeb => {
            "ort-web: onnxruntime-web, the same for browsers, on the CPU. A yardstick: it is not part of tare."
        }
        EngineName::OrtWebgpu => {
            "ort-webgpu: onnxruntime on the GPU, through WebGPU; onnxruntime-web in a browser. A yardstick: it is not part of tare."
        }
        EngineName::OrtCuda => {
            "ort-cuda: onnxruntime on NVIDIA's GPUs, through CUDA and cuDNN. A yardstick: it is not part of tare."
        }
        EngineName::OrtCoreml => {
            "ort-coreml: onnxruntime on Apple's GPU and Neural Engine, through Core ML. A yardstick: it is not part of tare."
        }
        EngineName::OrtDirectml => {
            "ort-directml: onnxruntime on the GPU under Windows, through DirectML. A yardstick: it is not part of tare."
        }
        EngineName::Rten => "rten: runs ONNX models on the CPU; written in Rust by Robert Knight.",
        EngineName::BurnWgpu => {
            "burn-wgpu: runs ONNX models on the GPU, by the backend of burn that goes through wgpu: Vulkan, Metal or DX12 natively, WebGPU in a browser."
        }
    }
}
