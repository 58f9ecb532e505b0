//! The registry of engines: everything that differs between engines, except for their code.
//!
//! The command line, page, runner, build and size check read this table. `CONTRIBUTING.md` explains
//! how to add a row.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::EnvironmentKind;

/// The vector level of a wasm module with relaxed SIMD, as in
/// [`crate::Configuration::vector_level`].
pub const RELAXED_SIMD: &str = "relaxed";

macro_rules! engines {
    ($($(#[$doc:meta])* $variant:ident = $name:literal { $($field:ident: $value:expr,)* $(..$other:expr)? })*) => {
        /// An engine that tare can measure.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum EngineName {
            $($(#[$doc])* #[serde(rename = $name)] $variant,)*
        }

        /// Every engine, in the order in which they are listed.
        pub const ENGINES: &[EngineSpec] = &[
            $(EngineSpec { name: EngineName::$variant, text: $name, $($field: $value,)* $(..$other)? },)*
        ];
    };
}

/// What yardsticks have in common.
const YARDSTICK: EngineSpec = EngineSpec {
    name: EngineName::Ort,
    text: "",
    label: "",
    device: DeviceKind::Gpu,
    environments: &[EnvironmentKind::Native],
    reference_rank: None,
    computes_in_f16: false,
    on_request: true,
    is_yardstick: true,
    vector_limits: &[],
    wgsl_on_request: false,
    modules: &[],
};

engines! {
    /// tract on the CPU.
    Tract = "tract" {
        label: "tract (CPU)",
        device: DeviceKind::Cpu,
        environments: &[EnvironmentKind::Native, EnvironmentKind::Node, EnvironmentKind::Browser],
        reference_rank: Some(1),
        computes_in_f16: false,
        on_request: false,
        is_yardstick: false,
        vector_limits: &["avx512", "fma", "sse2", "neon"],
        wgsl_on_request: false,
        modules: &[
            ModuleSpec::plain("tract", limits(3_000_000, 3_800_000)),
            ModuleSpec::relaxed_simd("tract-relaxed", limits(3_000_000, 3_800_000)),
            // There is no threaded module without relaxed SIMD: every module costs a build, and
            // threads are about speed.
            ModuleSpec { relaxed_simd: true, ..ModuleSpec::threads("tract-threads", limits(3_000_000, 3_800_000)) },
        ],
    }
    /// burn on the CPU, through burn-flex.
    BurnFlex = "burn-flex" {
        label: "burn-flex (CPU)",
        device: DeviceKind::Cpu,
        environments: &[EnvironmentKind::Native, EnvironmentKind::Node, EnvironmentKind::Browser],
        reference_rank: Some(2),
        computes_in_f16: true,
        on_request: false,
        is_yardstick: false,
        vector_limits: &[],
        wgsl_on_request: false,
        modules: &[
            ModuleSpec::plain("burn-flex", limits(3_000_000, 1_700_000)),
            ModuleSpec::threads("burn-flex-threads", limits(3_000_000, 1_900_000)),
        ],
    }
    /// burn on the GPU, through wgpu: Vulkan, Metal or DX12 natively, WebGPU in a browser.
    BurnWgpu = "burn-wgpu" {
        label: "burn-wgpu (GPU)",
        device: DeviceKind::Gpu,
        environments: &[EnvironmentKind::Native, EnvironmentKind::Browser],
        reference_rank: None,
        computes_in_f16: true,
        on_request: false,
        is_yardstick: false,
        vector_limits: &[],
        wgsl_on_request: true,
        modules: &[ModuleSpec::plain("burn-wgpu", limits(4_500_000, 6_000_000))],
    }
    /// onnxruntime on the CPU: a yardstick.
    Ort = "ort" {
        label: "onnxruntime (CPU)",
        device: DeviceKind::Cpu,
        ..YARDSTICK
    }
    /// onnxruntime-web on the CPU: a yardstick.
    OrtWeb = "ort-web" {
        label: "onnxruntime-web (CPU)",
        device: DeviceKind::Cpu,
        environments: &[EnvironmentKind::Browser],
        modules: &[ModuleSpec {
            library: &["ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm"],
            ..ModuleSpec::plain("ort-web", limits(4_000_000, 4_300_000))
        }],
        ..YARDSTICK
    }
    /// onnxruntime on the GPU, through WebGPU: a yardstick. In a browser it is onnxruntime-web.
    OrtWebgpu = "ort-webgpu" {
        label: "onnxruntime (WebGPU)",
        device: DeviceKind::Gpu,
        environments: &[EnvironmentKind::Native, EnvironmentKind::Browser],
        modules: &[ModuleSpec {
            library: &[
                "ort.webgpu.min.mjs",
                "ort-wasm-simd-threaded.asyncify.mjs",
                "ort-wasm-simd-threaded.asyncify.wasm",
            ],
            ..ModuleSpec::plain("ort-webgpu", limits(7_000_000, 8_000_000))
        }],
        ..YARDSTICK
    }
    /// onnxruntime on NVIDIA's GPUs, through CUDA: a yardstick.
    OrtCuda = "ort-cuda" {
        label: "onnxruntime (CUDA)",
        ..YARDSTICK
    }
    /// onnxruntime on Apple's devices, through Core ML: a yardstick.
    OrtCoreml = "ort-coreml" {
        label: "onnxruntime (Core ML)",
        ..YARDSTICK
    }
    /// onnxruntime on GPUs on Windows, through DirectML: a yardstick.
    OrtDirectml = "ort-directml" {
        label: "onnxruntime (DirectML)",
        ..YARDSTICK
    }
    /// rten on the CPU.
    Rten = "rten" {
        label: "rten (CPU)",
        device: DeviceKind::Cpu,
        environments: &[EnvironmentKind::Native, EnvironmentKind::Node, EnvironmentKind::Browser],
        reference_rank: None,
        computes_in_f16: false,
        on_request: true,
        is_yardstick: false,
        vector_limits: &[],
        wgsl_on_request: false,
        modules: &[
            ModuleSpec::plain("rten", limits(1_000_000, 1_300_000)),
            ModuleSpec::relaxed_simd("rten-relaxed", limits(1_000_000, 1_300_000)),
            ModuleSpec { relaxed_simd: true, ..ModuleSpec::threads("rten-threads", limits(1_000_000, 1_300_000)) },
        ],
    }
}

/// A row of the registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EngineSpec {
    /// Which engine.
    pub name: EngineName,
    /// Its name on the command line, in plans and in records. Its modules are built with the
    /// feature of this name in `tare-web`.
    pub text: &'static str,
    /// Its name in texts for people.
    pub label: &'static str,
    /// What it computes on.
    pub device: DeviceKind,
    /// Where it runs.
    pub environments: &'static [EnvironmentKind],
    /// Of the engines that can run a model, the one with the lowest rank computes the reference. Ranks count from 1.
    /// `None` for an engine that never does.
    pub reference_rank: Option<u8>,
    /// Whether it can be told to compute in f16, on devices that do.
    pub computes_in_f16: bool,
    /// Whether it is measured only where it is named.
    pub on_request: bool,
    /// Whether it is a yardstick: the engines of this program are compared with it.
    pub is_yardstick: bool,
    /// Vector instructions that it can be limited to natively, widest first. No processor has all
    /// of them.
    pub vector_limits: &'static [&'static str],
    /// Whether kernels in WGSL can be requested from it natively.
    pub wgsl_on_request: bool,
    /// Its wasm modules.
    pub modules: &'static [ModuleSpec],
}

impl EngineSpec {
    /// Whether it runs in an environment.
    pub fn runs_in(&self, environment: EnvironmentKind) -> bool {
        self.environments.contains(&environment)
    }

    /// Its module with or without relaxed SIMD and threads, if it ships one.
    pub fn module(&self, relaxed_simd: bool, threads: bool) -> Option<&'static ModuleSpec> {
        // There is at most one threaded module. It may need relaxed SIMD even if that is not asked
        // for.
        let fits = |module: &&ModuleSpec| {
            (module.threads || module.calls_library() && threads) == threads
                && (threads || module.relaxed_simd == relaxed_simd)
        };
        self.modules.iter().find(fits)
    }
}

impl EngineName {
    /// Whether it computes on a graphics adapter.
    pub fn is_on_gpu(self) -> bool {
        self.spec().device == DeviceKind::Gpu
    }
}

/// The kind of device that an engine computes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceKind {
    /// The processor, on one or more threads.
    Cpu,
    /// A graphics adapter.
    Gpu,
}

/// A wasm module of an engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ModuleSpec {
    /// Name of its files.
    pub name: &'static str,
    /// Whether it is compiled for relaxed SIMD.
    pub relaxed_simd: bool,
    /// Whether workers can share its memory, so that it runs on several threads.
    pub threads: bool,
    /// Files of npm's package onnxruntime-web that it calls: a script, and a module that starts threads of its own.
    pub library: &'static [&'static str],
    /// How large it may be.
    pub limits: SizeLimits,
}

impl ModuleSpec {
    const fn plain(name: &'static str, limits: SizeLimits) -> Self {
        Self {
            name,
            relaxed_simd: false,
            threads: false,
            library: &[],
            limits,
        }
    }

    /// Whether the engine is a library of others.
    pub fn calls_library(&self) -> bool {
        !self.library.is_empty()
    }

    const fn relaxed_simd(name: &'static str, limits: SizeLimits) -> Self {
        Self {
            relaxed_simd: true,
            ..Self::plain(name, limits)
        }
    }

    const fn threads(name: &'static str, limits: SizeLimits) -> Self {
        Self {
            threads: true,
            ..Self::plain(name, limits)
        }
    }
}

/// The largest size of a wasm module that the tests accept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SizeLimits {
    /// For a module of a release, compressed with brotli at its best level: what a visitor
    /// downloads.
    pub dist_brotli_bytes: u64,
    /// For a module of an everyday build, compressed with gzip at its best level: what every test
    /// run checks.
    pub release_gzip_bytes: u64,
}

const fn limits(dist_brotli_bytes: u64, release_gzip_bytes: u64) -> SizeLimits {
    SizeLimits {
        dist_brotli_bytes,
        release_gzip_bytes,
    }
}

impl EngineName {
    /// Its row in the registry.
    pub fn spec(self) -> &'static EngineSpec {
        // The macro generates the variants and the table in the same order.
        &ENGINES[self as usize]
    }

    /// The name used on the command line, in plans and in records.
    pub fn as_str(self) -> &'static str {
        self.spec().text
    }

    /// Every engine, in the order in which they are listed.
    pub fn all() -> impl Iterator<Item = EngineName> {
        ENGINES.iter().map(|spec| spec.name)
    }

    /// The engines that are measured in an environment unless some are named.
    pub fn all_in(environment: EnvironmentKind) -> impl Iterator<Item = EngineName> {
        Self::all().filter(move |engine| engine.spec().runs_in(environment) && !engine.spec().on_request)
    }

    /// The engines that may compute a reference, the preferred one first.
    pub fn references() -> Vec<EngineName> {
        let ranks = 1..=u8::MAX;
        let of_rank = |rank| ENGINES.iter().find(|spec| spec.reference_rank == Some(rank));
        ranks.map_while(of_rank).map(|spec| spec.name).collect()
    }
}

/// A plain string, so that a new engine does not change the schema.
impl JsonSchema for EngineName {
    fn schema_name() -> Cow<'static, str> {
        "EngineName".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "Name of an engine in tare's registry, for example `tract`."
        })
    }
}

impl std::fmt::Display for EngineName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for EngineName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known: Vec<&str> = ENGINES.iter().map(|spec| spec.text).collect();
        Self::all()
            .find(|engine| engine.as_str() == text)
            .ok_or_else(|| format!("unknown engine {text:?}: expected one of {}", known.join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_engine_is_found_by_its_name() {
        for spec in ENGINES {
            assert_eq!(spec.name.spec(), spec);
            assert_eq!(spec.text.parse(), Ok(spec.name));
            assert_eq!(serde_json::to_value(spec.name).unwrap(), spec.text);
        }
        let error = "openvino".parse::<EngineName>().unwrap_err();
        assert!(
            error.starts_with("unknown engine \"openvino\": expected one of tract, "),
            "{error}"
        );
    }

    #[test]
    fn every_engine_that_runs_in_browsers_has_a_plain_module_with_its_name() {
        for spec in ENGINES.iter().filter(|spec| spec.runs_in(EnvironmentKind::Browser)) {
            assert_eq!(spec.module(false, false).unwrap().name, spec.text);
        }
        let names: Vec<&str> = ENGINES
            .iter()
            .flat_map(|spec| spec.modules)
            .map(|module| module.name)
            .collect();
        let distinct: std::collections::BTreeSet<_> = names.iter().collect();
        assert_eq!(names.len(), distinct.len(), "{names:?}");
    }

    #[test]
    fn the_engine_with_the_lowest_rank_computes_the_reference() {
        assert_eq!(EngineName::references(), [EngineName::Tract, EngineName::BurnFlex]);
    }
}
