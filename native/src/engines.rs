//! The engines of this program. `CONTRIBUTING.md` explains how to add one.

use tare_burn::Burn;
use tare_core::Engine;
use tare_record::{EngineName, Failure, FailureKind, Variant};
use tare_tract::Tract;

/// Creates an engine in a variant, on a number of CPU threads.
pub(crate) fn engine(name: EngineName, variant: &Variant, threads: usize) -> Box<dyn Engine> {
    match name {
        EngineName::Tract => Box::new(Tract::new(threads)),
        EngineName::BurnFlex => Box::new(Burn::flex(threads)),
        EngineName::BurnWgpu if *variant == Variant::Wgsl => Box::new(Burn::wgpu_in_wgsl()),
        EngineName::BurnWgpu => Box::new(Burn::wgpu()),
    }
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
