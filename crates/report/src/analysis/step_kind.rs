//! Why a rung of a ladder takes longer or shorter than the one before.

use tare_record::{Cell, EnvironmentKind};

use super::rung::Rung;

/// The vector level natively that is as wide as wasm's `simd128`: 128 bits, no fused multiply-add.
const AS_NARROW_AS_WASM: &str = "sse2";

/// The language that browsers take kernels in.
const WGSL: &str = "wgsl";

/// What two neighboring rungs differ by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepKind {
    /// Fewer CPU threads.
    Threads,
    /// Narrower vectors, no fused multiply-add, and the quality of the kernels for them.
    Vectors,
    /// Wasm instead of machine code, with vectors of the same width.
    Wasm,
    /// Wasm instead of machine code, with narrower vectors.
    WasmAndVectors,
    /// The same module in a browser instead of in Node.
    Browser,
    /// Wasm's relaxed SIMD: fused multiply-add where the processor has it.
    RelaxedSimd,
    /// Workers that share the memory of a wasm module.
    BrowserThreads,
    /// Relaxed SIMD and threads in one step.
    RelaxedSimdAndThreads,
    /// From native to a browser, with vectors of the same width.
    WasmAndBrowser,
    /// From native to a browser, with narrower vectors.
    WasmVectorsAndBrowser,
    /// From native on several threads to wasm on one.
    AllAtOnce,
    /// Kernels in WGSL for wgpu's compiler instead of the platform's language.
    ShaderCompiler,
    /// The browser's WebGPU instead of native wgpu, with kernels in one language.
    WebGpu,
    /// Shader compiler and WebGPU in one step.
    ShaderCompilerAndWebGpu,
}

impl StepKind {
    /// Its name in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            StepKind::Threads => "fewer threads",
            StepKind::Vectors => "narrower vectors and the kernels for them",
            StepKind::Wasm => "wasm and its kernels",
            StepKind::WasmAndVectors => "wasm and narrower vectors (not separated)",
            StepKind::Browser => "the browser instead of Node",
            StepKind::RelaxedSimd => "relaxed SIMD",
            StepKind::BrowserThreads => "threads in the browser",
            StepKind::RelaxedSimdAndThreads => "relaxed SIMD and threads in the browser (not separated)",
            StepKind::WasmAndBrowser => "wasm, its kernels and the browser",
            StepKind::WasmVectorsAndBrowser => "wasm, narrower vectors and the browser (not separated)",
            StepKind::AllAtOnce => "threads, vectors, wasm and the browser (not separated)",
            StepKind::ShaderCompiler => "the shader compiler",
            StepKind::WebGpu => "the browser's WebGPU",
            StepKind::ShaderCompilerAndWebGpu => "the shader compiler and the browser (not separated)",
        }
    }
}

/// What a rung differs by from the one before, and the details of that.
pub(super) fn step_kind(before: Rung<'_>, after: Rung<'_>) -> (StepKind, String) {
    if before.cell.adapter.is_some() {
        return on_adapter(before.cell, after.cell);
    }
    let (below, above) = (&before.cell.configuration, &after.cell.configuration);
    let levels = format!("{} to {}", below.vector_level, above.vector_level);
    let threads = format!("{} to {}", below.threads, above.threads);
    let narrow = below.vector_level == AS_NARROW_AS_WASM;
    let (same_level, same_threads) = (below.vector_level == above.vector_level, below.threads == above.threads);
    // The kernel of matrix products shows what the vector instructions are used for.
    let levels = match (main_kernel(before.cell), main_kernel(after.cell)) {
        (Some(one), Some(other)) if one != other => format!("{levels}, {one} to {other}"),
        _ => levels,
    };
    match (below.environment, above.environment) {
        (EnvironmentKind::Native, EnvironmentKind::Node | EnvironmentKind::Browser) if !same_threads => {
            (StepKind::AllAtOnce, format!("threads {threads}, {levels}"))
        }
        (EnvironmentKind::Native, EnvironmentKind::Native) if !same_threads => (StepKind::Threads, threads),
        (EnvironmentKind::Native, EnvironmentKind::Node) => (
            if narrow {
                StepKind::Wasm
            } else {
                StepKind::WasmAndVectors
            },
            format!("{levels}, V8 {} in Node", after.v8.unwrap_or("of unknown version")),
        ),
        (EnvironmentKind::Native, EnvironmentKind::Browser) if narrow => (StepKind::WasmAndBrowser, levels),
        (EnvironmentKind::Native, EnvironmentKind::Browser) => (StepKind::WasmVectorsAndBrowser, levels),
        (EnvironmentKind::Browser, EnvironmentKind::Browser) => match (same_level, same_threads) {
            (true, _) => (StepKind::BrowserThreads, threads),
            (false, true) => (StepKind::RelaxedSimd, levels),
            (false, false) => (StepKind::RelaxedSimdAndThreads, format!("{levels}, threads {threads}")),
        },
        (EnvironmentKind::Node, EnvironmentKind::Browser) => (StepKind::Browser, "with its own V8".into()),
        _ => (StepKind::Vectors, levels),
    }
}

/// The kernel that most matrix products use.
fn main_kernel(cell: &Cell) -> Option<&str> {
    let kernels = cell.kernels.iter();
    let (name, _) = kernels.max_by_key(|(_, uses)| **uses)?;
    Some(name)
}

fn on_adapter(before: &Cell, after: &Cell) -> (StepKind, String) {
    let known = |text: &Option<String>| text.clone().unwrap_or_else(|| "unknown".into());
    let (below, above) = (&before.configuration, &after.configuration);
    let languages = format!("{} to {}", known(&below.shader_language), known(&above.shader_language));
    let kernels = kernels(before, after);
    if above.environment == EnvironmentKind::Native {
        return (StepKind::ShaderCompiler, format!("{languages}, {kernels}"));
    }
    let apis = format!("{} to {}", known(&below.graphics_api), known(&above.graphics_api));
    if below.shader_language.as_deref() == Some(WGSL) {
        (StepKind::WebGpu, format!("{apis}, {kernels}"))
    } else {
        let detail = format!("{languages}, {apis}, {kernels}");
        (StepKind::ShaderCompilerAndWebGpu, detail)
    }
}

/// Whether tuning chose the same kernels.
fn kernels(before: &Cell, after: &Cell) -> String {
    if before.kernels == after.kernels {
        return "the same kernels".into();
    }
    let launches = |cell: &Cell| cell.kernels.values().sum::<u64>();
    let shared = before
        .kernels
        .iter()
        .map(|(name, &launches)| launches.min(after.kernels.get(name).copied().unwrap_or(0)));
    format!(
        "{} kernel launches to {}, {} of them the same",
        launches(before),
        launches(after),
        shared.sum::<u64>()
    )
}
