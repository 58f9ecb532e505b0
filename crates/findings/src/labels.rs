//! Names of what the report shows, for people.

use tare_record::{Cell, EnvironmentKind, InteropOperation, LoadPattern, Machine, Situation, WarningKind};

/// A number of threads in words.
pub fn threads(count: usize) -> String {
    format!("{count} thread{}", if count == 1 { "" } else { "s" })
}

/// How requests follow each other.
pub fn load(load: &LoadPattern) -> String {
    let parts = [
        Some(format!("batch {}", load.batch)),
        load.requests.map(|requests| requests.to_string()),
        load.transport.map(|transport| format!("over {transport}")),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// The environment of a record: the browser by its name where it is known.
pub fn environment(machine: &Machine) -> String {
    let browser = machine.browser.as_ref().and_then(|browser| browser.name.clone());
    browser.unwrap_or_else(|| machine.kind.to_string())
}

/// Where and how a cell ran, in a few words.
pub fn configuration(cell: &Cell) -> String {
    let configuration = &cell.configuration;
    let how = match (&configuration.graphics_api, &cell.adapter) {
        (Some(api), Some(adapter)) => match configuration.shader_language.as_deref() {
            Some(language) if language != "wgsl" || configuration.wgsl_asked => {
                format!("{api} in {language}, {}", adapter.name)
            }
            _ => format!("{api}, {}", adapter.name),
        },
        (Some(api), None) => api.clone(),
        (None, _) if ["unknown", "gpu"].contains(&configuration.vector_level.as_str()) => String::new(),
        (None, _) => format!("{}, {}", threads(configuration.threads), configuration.vector_level),
    };
    let environment = configuration.environment.to_string();
    let place = configuration.browser.as_ref().unwrap_or(&environment);
    if how.is_empty() {
        place.clone()
    } else {
        format!("{place}, {how}")
    }
}

/// Model of a cell, with what tells it from other cells of the model: batch, steps, chunk and load.
pub fn workload(cell: &Cell) -> String {
    workload_with(
        cell,
        (cell.load.batch > 1).then(|| format!("batch {}", cell.load.batch)),
    )
}

/// The same without the batch size.
pub fn workload_in_any_batch(cell: &Cell) -> String {
    workload_with(cell, None)
}

fn workload_with(cell: &Cell, batch: Option<String>) -> String {
    let parts = [
        Some(cell.model.name.clone()),
        batch,
        cell.options.steps.map(|steps| format!("{steps} steps")),
        cell.options.chunk.map(|chunk| format!("chunks of {chunk}")),
        cell.options.precision.map(|precision| precision.to_string()),
        cell.load.requests.map(|requests| requests.to_string()),
        cell.load.transport.map(|transport| format!("over {transport}")),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// Workload and engine of a cell.
pub fn work(cell: &Cell) -> String {
    format!("{} on {}", workload(cell), cell.engine.name)
}

/// Where a cell outside native processes ran, in a sentence.
pub fn place(cell: &Cell) -> &str {
    let configuration = &cell.configuration;
    match (configuration.environment, &configuration.browser) {
        (EnvironmentKind::Node, _) => "Node",
        (EnvironmentKind::Browser, Some(name)) => name,
        (EnvironmentKind::Browser, None) => "the browser",
        (EnvironmentKind::Native, _) => "native",
    }
}

/// The same as part of an anchor.
pub fn place_id(cell: &Cell) -> String {
    let configuration = &cell.configuration;
    match &configuration.browser {
        Some(name) => name.to_lowercase().replace(|c: char| !c.is_ascii_alphanumeric(), "-"),
        None => configuration.environment.to_string(),
    }
}

/// What an interop operation does.
pub fn operation(operation: InteropOperation) -> &'static str {
    match operation {
        InteropOperation::JsToWasm => "call from JavaScript to wasm",
        InteropOperation::PostCopied => "message to a worker and back, bytes copied",
        InteropOperation::PostTransferred => "message to a worker and back, bytes transferred",
        InteropOperation::PostShared => "message to a worker and back, bytes shared",
        InteropOperation::WebgpuDispatch => "WebGPU dispatch of an empty shader",
        InteropOperation::WebgpuUpload => "WebGPU upload",
        InteropOperation::WebgpuReadBack => "WebGPU read-back",
    }
}

/// Where a model ran while the page was watched.
pub fn situation(situation: Situation) -> &'static str {
    match situation {
        Situation::Idle => "nothing runs",
        Situation::Worker => "in a worker",
        Situation::MainThread => "on the main thread",
    }
}

/// What a warning is about, in a few words.
pub fn warning(kind: WarningKind) -> &'static str {
    match kind {
        WarningKind::SoftwareAdapter => "a graphics adapter that computes on the CPU",
        WarningKind::DebugBuild => "a build without optimization",
        WarningKind::NotIsolated => "a page without cross-origin isolation",
        WarningKind::Fallback => "fallbacks",
        WarningKind::LoadedMachine => "a busy machine",
        WarningKind::HiddenTab => "a hidden tab",
        WarningKind::CoarseClock => "a coarse clock",
        WarningKind::FewSamples => "few samples",
        WarningKind::FewRounds => "few rounds",
        WarningKind::LostRound => "lost rounds",
        WarningKind::NotSteady => "unsteady runs",
        WarningKind::Trend => "runs that drifted",
        WarningKind::Outliers => "many outliers",
        WarningKind::ChangedSpeed => "a machine that changed its speed",
        WarningKind::NoProfile => "runs that could not be profiled",
        WarningKind::NoAgreement => "outputs that were not compared with f32",
        WarningKind::Power => "saving energy or heat",
    }
}
