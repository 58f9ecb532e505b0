//! The engines of this program. `CONTRIBUTING.md` explains how to add one.

use tare_burn::Burn;
use tare_core::Engine;
use tare_ort::{Ort, Provider};
use tare_record::{CellRequest, EngineName, Failure, FailureKind, Variant};
use tare_rten::Rten;
use tare_tract::Tract;

/// Creates the engine of a request.
///
/// # Errors
///
/// If it runs in browsers only.
pub(crate) fn engine_of(request: &CellRequest) -> Result<Box<dyn Engine>, Failure> {
    let burn = match (request.engine, &request.variant) {
        (EngineName::Tract, _) => return Ok(Box::new(Tract::new(request.threads))),
        (EngineName::Ort, _) => return Ok(Box::new(Ort::on_cpu(request.threads))),
        (EngineName::OrtCuda, _) => return Ok(Box::new(Ort::on_gpu(Provider::Cuda, preferred_adapter))),
        (EngineName::OrtCoreml, _) => return Ok(Box::new(Ort::on_gpu(Provider::CoreMl, preferred_adapter))),
        (EngineName::OrtDirectml, _) => return Ok(Box::new(Ort::on_gpu(Provider::DirectMl, preferred_adapter))),
        (EngineName::OrtWebgpu, _) => return Ok(Box::new(Ort::on_gpu(Provider::WebGpu, preferred_adapter))),
        (EngineName::Rten, _) => return Ok(Box::new(Rten::new(request.threads))),
        (EngineName::OrtWeb, _) => {
            let message = format!("{} runs in browsers only", request.engine);
            return Err(Failure::new(FailureKind::Device, message).with_hint(format!(
                "measure it with `tare browser`, or {} instead",
                EngineName::Ort
            )));
        }
        (EngineName::BurnFlex, _) => Burn::flex(request.threads),
        (EngineName::BurnWgpu, Variant::Wgsl) => Burn::wgpu_in_wgsl(),
        (EngineName::BurnWgpu, _) => Burn::wgpu(),
    };
    Ok(Box::new(if request.in_f16() { burn.in_f16() } else { burn }))
}

/// The environment variable that limits an engine to narrower vector instructions, and its value.
///
/// # Errors
///
/// If these instructions are not narrower than the processor's widest, or the engine cannot be
/// limited.
pub(crate) fn vector_limit_variable(engine: EngineName, name: &str) -> Result<(&'static str, String), Failure> {
    let limits = match engine {
        EngineName::Tract => tare_tract::vector_limits(),
        _ => vec![],
    };
    let Some(limit) = limits.iter().find(|limit| limit.name == name) else {
        let narrower: Vec<&str> = limits.iter().map(|limit| limit.name).collect();
        return Err(Failure::new(
            FailureKind::Device,
            format!(
                "{engine} cannot be limited to {name} on this processor, which has {}: expected one of {narrower:?}",
                tare_tract::vector_level()
            ),
        ));
    };
    // Instructions that the user disabled stay disabled.
    let disabled_by_user = std::env::var(tare_tract::ISA_VARIABLE).into_iter();
    let all: Vec<String> = disabled_by_user.chain([limit.isa_variable.clone()]).collect();
    Ok((tare_tract::ISA_VARIABLE, all.join(",")))
}

/// Why an engine cannot be measured on this machine, where it has to be installed.
pub(crate) fn absence_of(engine: EngineName) -> Option<Failure> {
    Provider::of(engine).and_then(tare_ort::absence_of)
}

/// The fastest GPU, as wgpu chooses.
fn preferred_adapter() -> Option<tare_record::Adapter> {
    pollster::block_on(tare_burn::preferred_adapter())
}

/// Whether this machine has a GPU that burn-wgpu can use.
pub(crate) fn has_gpu() -> bool {
    pollster::block_on(tare_burn::adapters())
        .iter()
        .any(|adapter| !adapter.software)
}
