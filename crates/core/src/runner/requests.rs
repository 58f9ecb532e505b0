//! Turns the cells of a plan into requests.

use tare_record::{
    CellPlan, CellRequest, ClockInfo, DeviceKind, EngineName, EnvironmentKind, ModelSource, Plan, Variant,
};

use super::rounds::rules_of_one;
use crate::tolerance_of;

/// The request of a cell on one thread in the engine's default configuration.
pub(super) fn cell_request(
    plan: &Plan,
    clock: &ClockInfo,
    cell_plan: &CellPlan,
    engine: EngineName,
    environment: EnvironmentKind,
) -> CellRequest {
    let model = ModelSource::BuiltIn {
        name: cell_plan.model.clone(),
    };
    CellRequest {
        shapes: cell_plan.shapes.clone(),
        options: cell_plan.options.clone(),
        load: cell_plan.load,
        transport: cell_plan.transport,
        seed: plan.seed,
        rules: rules_of_one(&plan.rules),
        tolerance: tolerance_of(&cell_plan.model, cell_plan.options.precision, &cell_plan.tolerance),
        ..CellRequest::new(engine, environment, model, clock.clone())
    }
}

/// All requests for one `[[cell]]` of a plan.
pub(super) fn requests(
    plan: &Plan,
    clock: &ClockInfo,
    cell_plan: &CellPlan,
    engines: &[EngineName],
    environment: EnvironmentKind,
) -> Vec<CellRequest> {
    let mut requests = Vec::new();
    for &engine in engines {
        let plain = cell_request(plan, clock, cell_plan, engine, environment);
        let spec = engine.spec();
        // Measure once: a GPU engine does not compute on CPU threads, and modules in Node have a
        // single thread.
        let counts = match (spec.device, environment) {
            (DeviceKind::Gpu, _) | (_, EnvironmentKind::Node) => &[1],
            _ => cell_plan.threads.as_slice(),
        };
        requests.extend(counts.iter().map(|&threads| CellRequest {
            threads,
            ..plain.clone()
        }));
        requests.extend(variants(cell_plan, engine, environment).map(|variant| CellRequest {
            threads: match variant {
                Variant::VectorLimit(_) => counts.iter().copied().min().unwrap_or(1),
                _ => 1,
            },
            variant,
            ..plain.clone()
        }));
    }
    requests
}

/// The variants that a `[[cell]]` asks for in addition to the default configuration, if the engine
/// has them.
fn variants(
    cell_plan: &CellPlan,
    engine: EngineName,
    environment: EnvironmentKind,
) -> impl Iterator<Item = Variant> + use<'_> {
    let spec = engine.spec();
    let native = environment == EnvironmentKind::Native;
    let browser = environment == EnvironmentKind::Browser;
    let limits = cell_plan.vector_limits.iter().cloned().map(Variant::VectorLimit);
    let wgsl = cell_plan.wgsl && native && spec.wgsl_on_request;
    let relaxed_simd = cell_plan.relaxed_simd && browser && spec.module(true, false).is_some();
    limits
        .filter(move |_| native && !spec.vector_limits.is_empty())
        .chain(wgsl.then_some(Variant::Wgsl))
        .chain(relaxed_simd.then_some(Variant::RelaxedSimd))
}
