use tare_record::{Cell, CellRequest, EngineName, Status, Warning, WarningKind};

use super::build_info::build_profile;
use super::clock::MIN_STEPS_PER_SAMPLE;

/// The warning for a machine that runs on battery.
pub fn battery_warning() -> Warning {
    Warning {
        kind: WarningKind::Power,
        message: "the machine runs on battery and may save energy: plug it in and repeat".into(),
    }
}

/// The warning for a browser in which an engine on the CPU stands in for WebGPU.
pub fn fallback_warning(engine: EngineName, reason: &str) -> Warning {
    Warning {
        kind: WarningKind::Fallback,
        message: format!("{engine} on the CPU was used instead of WebGPU: {reason}"),
    }
}

/// The warning for a tab that was hidden during a run.
pub fn hidden_tab_warning() -> Warning {
    Warning {
        kind: WarningKind::HiddenTab,
        message: "the tab was hidden, and browsers slow down hidden tabs: keep it in front and repeat".into(),
    }
}

/// The warnings of a cell that has just ended.
pub(crate) fn warnings(cell: &Cell, request: &CellRequest) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let mut warn = |kind, message| warnings.push(Warning { kind, message });
    if let Some(adapter) = cell.adapter.as_ref().filter(|adapter| adapter.software) {
        warn(
            WarningKind::SoftwareAdapter,
            format!(
                "{} computes on the CPU: these are not the durations of a GPU",
                adapter.name
            ),
        );
    }
    if build_profile() == "debug" {
        warn(
            WarningKind::DebugBuild,
            "built without optimization: build with --release to measure".into(),
        );
    }
    if cell.status != Status::Measured {
        return warnings;
    }
    let granularity_ns = request.clock.granularity_ns;
    if let Some(shortest) = cell
        .samples_ns
        .iter()
        .min()
        .filter(|&&ns| ns < granularity_ns * MIN_STEPS_PER_SAMPLE)
    {
        warn(
            WarningKind::CoarseClock,
            format!("one step of the clock ({granularity_ns} ns) is more than 1 % of a sample ({shortest} ns)"),
        );
    }
    let (found, wanted) = (cell.samples_ns.len(), request.rules.min_samples);
    if found < wanted {
        warn(WarningKind::FewSamples, format!("{found} samples instead of {wanted}"));
    }
    warnings
}
