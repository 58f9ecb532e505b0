//! Why one rung of a ladder takes another time than the one before it.

use tare_record::{Cell, EnvironmentKind};

use crate::ladder::Rung;

/// 128-bit vectors without fused multiply-add, which is what wasm's simd128 has too.
const AS_NARROW_AS_WASM: &str = "sse2";

/// What browsers take kernels in.
const WGSL: &str = "wgsl";

/// Causes that rungs differ by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// Number of CPU threads.
    Threads,
    /// Width of vectors, fused multiply-add, and how good the kernels for them are.
    Vectors,
    /// Compiled to wasm instead of machine code, with vectors of the same width.
    Wasm,
    /// The same, with narrower vectors: no rung separates the two.
    WasmAndVectors,
    /// The same module in a browser instead of in Node.
    Browser,
    /// Multiply-add in one step, where wasm lets the processor round as it does.
    RelaxedSimd,
    /// Workers that share the memory of a wasm module.
    BrowserThreads,
    /// Both: no rung separates them.
    RelaxedSimdAndThreads,
    /// From native to a browser, with vectors of the same width.
    WasmAndBrowser,
    /// From native to a browser: no rung separates what is in between.
    All,
    /// From native on several threads to wasm on one.
    Everything,
    /// Kernels in WGSL for wgpu's own compiler instead of the platform's language.
    ShaderCompiler,
    /// The browser's WebGPU instead of wgpu natively, with kernels in one language.
    WebGpu,
    /// Both: no rung separates them.
    ShaderCompilerAndWebGpu,
}

impl Cause {
    /// What a share of the gap is called.
    pub fn as_str(self) -> &'static str {
        match self {
            Cause::Threads => "fewer threads",
            Cause::Vectors => "vector instructions and the kernels for them",
            Cause::Wasm => "wasm instead of machine code, and the kernels for it",
            Cause::WasmAndVectors => "wasm and narrower vectors (not separated)",
            Cause::Browser => "the browser instead of Node",
            Cause::RelaxedSimd => "relaxed SIMD",
            Cause::BrowserThreads => "the browser's threads",
            Cause::RelaxedSimdAndThreads => "relaxed SIMD and the browser's threads (not separated)",
            Cause::WasmAndBrowser => "wasm, the kernels for it and the browser",
            Cause::Everything => "threads and all that follows (not separated)",
            Cause::All => "wasm, narrower vectors and the browser (not separated)",
            Cause::ShaderCompiler => "the shader compiler",
            Cause::WebGpu => "the browser and its WebGPU",
            Cause::ShaderCompilerAndWebGpu => "the shader compiler and the browser (not separated)",
        }
    }
}

/// Why a rung differs from the one before it, and what that is here.
pub(crate) fn cause(before: Rung<'_>, after: Rung<'_>) -> (Cause, String) {
    if before.cell.adapter.is_some() {
        return on_adapter(before.cell, after.cell);
    }
    let (below, above) = (&before.cell.rung, &after.cell.rung);
    let levels = format!("{} to {}", below.vector_level, above.vector_level);
    let threads = format!("{} to {}", below.threads, above.threads);
    let narrow = below.vector_level == AS_NARROW_AS_WASM;
    let (same_level, same_threads) = (below.vector_level == above.vector_level, below.threads == above.threads);
    // What tract multiplies matrices with tells what its vector instructions are good for.
    let levels = match (main_kernel(before.cell), main_kernel(after.cell)) {
        (Some(one), Some(other)) if one != other => format!("{levels}, {one} to {other}"),
        _ => levels,
    };
    match (below.environment, above.environment) {
        (EnvironmentKind::Native, EnvironmentKind::Node | EnvironmentKind::Browser) if !same_threads => {
            (Cause::Everything, format!("threads {threads}, {levels}"))
        }
        (EnvironmentKind::Native, EnvironmentKind::Native) if !same_threads => (Cause::Threads, threads),
        (EnvironmentKind::Native, EnvironmentKind::Node) => (
            if narrow { Cause::Wasm } else { Cause::WasmAndVectors },
            format!("{levels}, V8 {} in Node", after.v8.unwrap_or("of unknown version")),
        ),
        (EnvironmentKind::Native, EnvironmentKind::Browser) => {
            (if narrow { Cause::WasmAndBrowser } else { Cause::All }, levels)
        }
        (EnvironmentKind::Browser, EnvironmentKind::Browser) => match (same_level, same_threads) {
            (true, _) => (Cause::BrowserThreads, threads),
            (false, true) => (Cause::RelaxedSimd, levels),
            (false, false) => (Cause::RelaxedSimdAndThreads, format!("{levels}, threads {threads}")),
        },
        (EnvironmentKind::Node, EnvironmentKind::Browser) => (Cause::Browser, "with the V8 that it brings".into()),
        _ => (Cause::Vectors, levels),
    }
}

/// The kernel that most matrix products use.
fn main_kernel(cell: &Cell) -> Option<&str> {
    let kernels = cell.kernels.iter();
    let (name, _) = kernels.max_by_key(|(_, uses)| **uses)?;
    Some(name)
}

fn on_adapter(before: &Cell, after: &Cell) -> (Cause, String) {
    let language = |cell: &Cell| cell.rung.shader_language.clone().unwrap_or_else(|| "unknown".into());
    let api = |cell: &Cell| cell.rung.graphics_api.clone().unwrap_or_else(|| "unknown".into());
    let languages = format!("{} to {}", language(before), language(after));
    let kernels = kernels(before, after);
    match after.rung.environment {
        EnvironmentKind::Native => (Cause::ShaderCompiler, format!("{languages}, {kernels}")),
        _ => {
            let apis = format!("{} to {}", api(before), api(after));
            if before.rung.shader_language.as_deref() == Some(WGSL) {
                (Cause::WebGpu, format!("{apis}, {kernels}"))
            } else {
                (
                    Cause::ShaderCompilerAndWebGpu,
                    format!("{languages}, {apis}, {kernels}"),
                )
            }
        }
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
        "{} launches of kernels to {}, {} of them the same",
        launches(before),
        launches(after),
        shared.sum::<u64>()
    )
}
