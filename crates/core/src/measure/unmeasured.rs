//! Cells that hold no measurements yet.

use std::collections::BTreeMap;

use tare_record::{
    Cell, CellRequest, Configuration, EngineInfo, Failure, LoadPattern, Memory, ModelInfo, Status, Variant,
};

use crate::{NamedTensor, Workload};

/// The cell of a request that failed before anything was measured.
pub fn failed_cell(request: &CellRequest, failure: Failure) -> Cell {
    let mut cell = unmeasured(
        request,
        ModelInfo {
            name: request.model.display_name().to_owned(),
            sha256: None,
            size_bytes: None,
        },
        EngineInfo {
            name: request.engine,
            version: "unknown".into(),
            settings: Default::default(),
        },
    );
    cell.status = Status::Failed(failure);
    cell
}

fn unmeasured(request: &CellRequest, model: ModelInfo, engine: EngineInfo) -> Cell {
    Cell {
        model,
        inputs: vec![],
        engine,
        configuration: Configuration {
            environment: request.environment,
            browser: None,
            threads: request.threads,
            vector_level: "unknown".into(),
            vector_limit: request.vector_limit().map(str::to_owned),
            graphics_api: None,
            shader_language: None,
            wgsl_asked: request.variant == Variant::Wgsl,
        },
        options: request.options.clone(),
        load: LoadPattern {
            batch: request.options.batch.unwrap_or(1),
            requests: request.load,
            transport: request.transport,
        },
        adapter: None,
        kernels: BTreeMap::new(),
        phases: vec![],
        module: None,
        runs_per_sample: 1,
        samples_ns: vec![],
        rounds: vec![],
        load_rounds: vec![],
        device_runs_ns: vec![],
        stages: vec![],
        post_processing: None,
        verification: None,
        accuracy: None,
        profile: None,
        memory: Memory::default(),
        calibration: None,
        browser: None,
        status: Status::Cancelled,
        warnings: vec![],
    }
}

/// The cell of a workload that is about to be measured.
pub(crate) fn outlined_cell(request: &CellRequest, workload: &Workload, engine: EngineInfo) -> Cell {
    let mut cell = unmeasured(request, workload.model.clone(), engine);
    cell.inputs = workload.inputs.iter().map(NamedTensor::info).collect();
    // By convention, the first dimension of a model's first input is the batch size.
    let first_dimension = || workload.inputs.first()?.tensor.shape().first().copied();
    cell.load.batch = request.options.batch.or_else(first_dimension).unwrap_or(1);
    cell
}
