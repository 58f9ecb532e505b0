//! Sizes and loads of the command line, which replace those of a plan.

use tare_record::{Load, Plan, Precision, Transport};

use super::plan_error::PlanError;
use super::plan_file::{CellFile, F32, NO_TRANSPORT, Threads};

/// Sizes and loads that replace those of a plan. Empty lists replace nothing.
#[derive(Debug, Clone, Default)]
pub struct PlanAxes {
    /// Items per run.
    pub batch: Vec<usize>,
    /// Name of the open dimension that holds them.
    pub batch_dim: Option<String>,
    /// Sampling steps.
    pub steps: Vec<usize>,
    /// Points per call of a decoder.
    pub chunk: Vec<usize>,
    /// How weights are stored, as in a plan.
    pub precision: Vec<String>,
    /// Clients of a closed load.
    pub clients: Vec<usize>,
    /// Open loads, as in a plan.
    pub arrivals: Vec<String>,
    /// Dynamic batching, as in a plan.
    pub batching: Vec<String>,
    /// How requests reach the model, as in a plan.
    pub transport: Vec<String>,
    /// Sessions of a server or of workers.
    pub sessions: Vec<usize>,
    /// Runs of a session that are under way at the same time.
    pub submissions: Vec<usize>,
}

/// Replaces sizes and loads of every cell: each combination becomes a cell.
///
/// # Errors
///
/// If a value is not valid, or there are too many combinations.
pub fn replace_axes(plan: &mut Plan, axes: &PlanAxes) -> Result<(), PlanError> {
    let given = |list: &Vec<usize>| (!list.is_empty()).then(|| list.clone());
    let texts = |list: &Vec<String>| (!list.is_empty()).then(|| list.clone());
    let mut cells = Vec::new();
    for cell in &plan.cells {
        let options = &cell.options;
        let own = |value: Option<usize>| value.map(|value| vec![value]);
        let precision = |own: Option<Precision>| own.map_or(F32, Precision::as_str).to_owned();
        let transport = |own: Option<Transport>| own.map_or(NO_TRANSPORT, Transport::as_str).to_owned();
        let file = CellFile {
            engines: Some(cell.engines.clone()),
            shapes: Some(cell.shapes.clone()),
            batch: given(&axes.batch).or(own(options.batch)),
            batch_dim: axes.batch_dim.clone().or_else(|| options.batch_dim.clone()),
            steps: given(&axes.steps).or(own(options.steps)),
            chunk: given(&axes.chunk).or(own(options.chunk)),
            precision: texts(&axes.precision).or_else(|| Some(vec![precision(options.precision)])),
            clients: given(&axes.clients),
            arrivals: texts(&axes.arrivals),
            batching: texts(&axes.batching),
            transport: texts(&axes.transport).or_else(|| Some(vec![transport(cell.transport)])),
            sessions: given(&axes.sessions),
            submissions: given(&axes.submissions),
            threads: Some(Threads::Numbers(cell.threads.clone())),
            vector_limits: Some(cell.vector_limits.clone()),
            relaxed_simd: Some(cell.relaxed_simd),
            wgsl: Some(cell.wgsl),
            tolerance: Some(cell.tolerance.clone()),
            ..CellFile::default()
        };
        let first = cells.len();
        file.expand(&cell.model, 1, &mut cells)
            .map_err(|message| PlanError::Value {
                plan: plan.name.clone(),
                message: format!("{}: {message}", cell.model),
            })?;
        if axes.clients.is_empty() && axes.arrivals.is_empty() {
            for replaced in &mut cells[first..] {
                // Sessions need a transport, and submissions need none.
                let is_sent = replaced.transport.is_some();
                replaced.load = cell.load.map(|load| Load {
                    sessions: load.sessions.filter(|_| is_sent),
                    submissions: load.submissions.filter(|_| !is_sent),
                    ..load
                });
            }
        }
    }
    // Cells that differed only in what was replaced are one now.
    plan.cells.clear();
    for cell in cells {
        if !plan.cells.contains(&cell) {
            plan.cells.push(cell);
        }
    }
    Ok(())
}
