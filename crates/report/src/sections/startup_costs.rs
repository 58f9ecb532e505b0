use tare_core::stats::Estimate;
use tare_record::{Cell, PhaseName, Record};

use crate::analysis::series::KnownSeries;
use crate::figure::{AxisOf, Figure, FigureKind, Parts, PartsRow};
use crate::section::{Block, Section, Table, Value};
use tare_findings::{format, labels};

/// Startup costs below this share of the whole time are small.
const SMALL_SHARE: f64 = 0.1;

/// Phases that a user pays for once, with their columns.
const PHASES: [(PhaseName, &str, &str); 12] = [
    (PhaseName::Spawn, "spawn", "process start"),
    (PhaseName::Download, "download", "module download"),
    (PhaseName::Compile, "compile", "compile"),
    (PhaseName::Instantiate, "instantiate", "instantiate"),
    (PhaseName::Threads, "threads", "thread start"),
    (PhaseName::Model, "read_model", "read model"),
    (PhaseName::Device, "device", "open device"),
    (PhaseName::Parse, "parse", "parse"),
    (PhaseName::Optimize, "optimize", "optimize"),
    (PhaseName::Upload, "upload", "upload"),
    (PhaseName::FirstRun, "first_run", "first run"),
    (PhaseName::Tuning, "tuning", "tuning"),
];

/// What readers tell apart in the picture, with the phases of each.
const STEPS: [(&str, &[PhaseName]); 6] = [
    ("start", &[PhaseName::Spawn, PhaseName::Instantiate, PhaseName::Threads]),
    ("module", &[PhaseName::Download, PhaseName::Compile]),
    ("model", &[PhaseName::Model, PhaseName::Parse, PhaseName::Optimize]),
    ("device", &[PhaseName::Device, PhaseName::Upload]),
    ("first run", &[PhaseName::FirstRun]),
    ("tuning", &[PhaseName::Tuning]),
];

/// What is paid once, before results come at the steady rate.
pub(super) fn section<'a, 'r>(records: &'r [Record], known: &KnownSeries<'r>) -> Option<Section<'a>> {
    let cells = || records.iter().flat_map(|record| &record.cells);
    let phases: Vec<_> = PHASES
        .into_iter()
        .filter(|(name, ..)| cells().any(|cell| duration_ns(cell, *name).is_some()))
        .collect();
    let has_modules = cells().any(|cell| cell.module.is_some());

    let mut columns = vec![("model", "model"), ("engine", "engine"), ("configuration", "where")];
    if has_modules {
        columns.extend([
            ("module", "module"),
            ("module_gzip", "gzip"),
            ("module_brotli", "brotli"),
            ("module_cached", "from cache"),
        ]);
    }
    columns.extend(phases.iter().map(|&(_, id, heading)| (id, heading)));
    columns.extend([("total", "total"), ("small_after", "small after")]);
    let mut table = Table::new(
        "Phases that are paid once, in order, in the first process or worker. Warm-up and sampling are part of measuring and left out. Module: the code that \
         the browser downloads, its size as compiled and as servers send it, and how long a returning visitor's browser takes to load it from its cache. \
         Downloads are first visits over loopback. Native programs read the model from disk; browsers generate it or have it in memory, so its download is \
         not included. Last column: after this many inferences the total is less than a tenth of the whole time.",
        &columns,
    );
    let mut rows = Vec::new();
    for record in records {
        for cell in &record.cells {
            if phases.iter().any(|(name, ..)| duration_ns(cell, *name).is_some()) {
                let steady = known.of(cell, &record.clock).median();
                table.push(row(cell, steady, &phases, has_modules));
                rows.push(parts_row(cell, steady));
            }
        }
    }
    let table = table.block()?;
    let figure = Figure {
        alternative: "Startup costs by step; the table below has every phase.".into(),
        caption: "What is paid once, in order: starting process, page or worker; the module of the engine; the model; the device; the first run; tuning.".into(),
        kind: FigureKind::Parts(Parts {
            names: STEPS.iter().map(|(name, _)| (*name).to_owned()).collect(),
            of: AxisOf::Duration,
            rows,
        }),
    };
    Some(Section::detail(
        "startup-costs",
        "Startup costs",
        vec![Block::Figure(figure), table],
    ))
}

fn parts_row(cell: &Cell, steady: Option<Estimate>) -> PartsRow {
    let of = |names: &[PhaseName]| names.iter().filter_map(|name| duration_ns(cell, *name)).sum();
    let parts: Vec<f64> = STEPS.iter().map(|(_, names)| of(names)).collect();
    let total: f64 = parts.iter().sum();
    let note = steady.map_or_else(String::new, |steady| {
        format!(
            "startup is under 10 % of the whole after {} runs",
            format::count(inferences_until_small(total, steady.value))
        )
    });
    PartsRow {
        label: format!("{}, {}", labels::work(cell), labels::configuration(cell)),
        note,
        parts,
    }
}

fn duration_ns(cell: &Cell, name: PhaseName) -> Option<f64> {
    let phase = cell.phases.iter().find(|phase| phase.name == name)?;
    Some(phase.duration_ns as f64)
}

fn row(cell: &Cell, steady: Option<Estimate>, phases: &[(PhaseName, &str, &str)], has_modules: bool) -> Vec<Value> {
    let mut values = vec![
        Value::Text(labels::workload(cell)),
        Value::text(cell.engine.name.as_str()),
        Value::Text(labels::configuration(cell)),
    ];
    if has_modules {
        let module = cell.module;
        values.extend([
            Value::or_missing(module, |module| Value::Bytes(module.raw_bytes)),
            Value::or_missing(module.and_then(|module| module.gzip_bytes), Value::Bytes),
            Value::or_missing(module.and_then(|module| module.brotli_bytes), Value::Bytes),
            Value::or_missing(module.and_then(|module| module.cached_ns), |ns| {
                Value::Duration(ns as f64)
            }),
        ]);
    }
    let durations: Vec<Option<f64>> = phases.iter().map(|(name, ..)| duration_ns(cell, *name)).collect();
    let total_ns: f64 = durations.iter().flatten().sum();
    values.extend(durations.into_iter().map(|ns| Value::or_missing(ns, Value::Duration)));
    values.extend([
        Value::Duration(total_ns),
        Value::or_missing(steady, |steady| {
            Value::Count(inferences_until_small(total_ns, steady.value))
        }),
    ]);
    values
}

/// The number n of inferences of `steady_ns` each for which `fixed_ns / (fixed_ns + n steady_ns)` is at most a tenth.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "saturates where the ratio is no number of inferences"
)]
fn inferences_until_small(fixed_ns: f64, steady_ns: f64) -> u64 {
    (fixed_ns / steady_ns * (1.0 - SMALL_SHARE) / SMALL_SHARE).ceil() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fixed_costs_become_small() {
        for (fixed, steady, expected) in [(0.0, 1.0, 0), (1.0, 9.0, 1), (1.0, 8.0, 2), (100.0, 1.0, 900)] {
            assert_eq!(inferences_until_small(fixed, steady), expected);
            let share = |count: u64| fixed / (fixed + count as f64 * steady);
            assert!(fixed == 0.0 || share(expected) <= 0.1 + 1e-12 && share(expected - 1) > 0.1);
        }
    }
}
