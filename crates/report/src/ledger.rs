//! What is paid once, before results come at the steady rate.

use tare_record::{Cell, ModuleSize, PhaseName, Record};

use crate::format;
use crate::series::Series;
use crate::text::rung;

pub(crate) const TITLE: &str = "Before the steady state";
pub(crate) const CAPTION: &str = "Steps that are paid once, in their order, in the first process or worker. Measuring itself is no step: warm-up and samples are left out. \
    The module is the code that a browser downloads: how many bytes it has, compressed as servers send it, and how soon a browser that was here before has it. Downloads are those of a first visit, over loopback. Models are read from disk natively and made or kept in memory in a browser, so their download is not in it. The last column says after how many inferences what was paid is less than a tenth of the whole time: sooner where each takes longer.";

/// Fixed costs below this share of the whole time are small.
const SMALL_SHARE: f64 = 0.1;

/// Steps that a user pays for too.
const STEPS: [PhaseName; 12] = [
    PhaseName::Spawn,
    PhaseName::Download,
    PhaseName::Compile,
    PhaseName::Instantiate,
    PhaseName::Threads,
    PhaseName::Model,
    PhaseName::Device,
    PhaseName::Parse,
    PhaseName::Optimise,
    PhaseName::Upload,
    PhaseName::FirstRun,
    PhaseName::Tuning,
];

/// Steps that any cell of the records took.
fn seen(records: &[Record]) -> Vec<PhaseName> {
    let cells = || records.iter().flat_map(|record| &record.cells);
    STEPS
        .into_iter()
        .filter(|name| cells().any(|cell| length_ns(cell, *name).is_some()))
        .collect()
}

fn length_ns(cell: &Cell, name: PhaseName) -> Option<f64> {
    let phase = cell.phases.iter().find(|phase| phase.name == name)?;
    Some(phase.duration_ns as f64)
}

/// Headings of [`rows`].
pub(crate) fn headings(records: &[Record]) -> Vec<&'static str> {
    let steps = seen(records).into_iter().map(heading);
    let module = has_modules(records).then_some("module");
    ["model", "engine", "where"]
        .into_iter()
        .chain(module)
        .chain(steps)
        .chain(["together", "small after"])
        .collect()
}

/// What a step is called where its purpose is not said beside it.
fn heading(step: PhaseName) -> &'static str {
    match step {
        PhaseName::Spawn => "start of the process",
        PhaseName::Download => "download of the module",
        PhaseName::Threads => "start of threads",
        PhaseName::Model => "reading the model",
        PhaseName::Device => "opening the device",
        other => other.as_str(),
    }
}

fn has_modules(records: &[Record]) -> bool {
    let mut cells = records.iter().flat_map(|record| &record.cells);
    cells.any(|cell| cell.module.is_some())
}

fn weight(module: ModuleSize) -> String {
    let compressed = [("gzip", module.gzip_bytes), ("brotli", module.brotli_bytes)];
    let compressed = compressed
        .into_iter()
        .filter_map(|(how, bytes)| Some(format!(", {how} {}", format::bytes(bytes?))));
    let again = module
        .cached_ns
        .map(|ns| format!(", from the cache in {}", format::duration(ns as f64)));
    format::bytes(module.raw_bytes) + &compressed.collect::<String>() + &again.unwrap_or_default()
}

/// Model, engine, where, what is downloaded for it, the length of every step, of all together, and the number of inferences after which
/// they are small.
pub(crate) fn rows(records: &[Record]) -> Vec<Vec<String>> {
    let (steps, has_modules) = (seen(records), has_modules(records));
    let told = |ns: Option<f64>| ns.map_or_else(|| "-".into(), format::duration);
    records
        .iter()
        .flat_map(|record| record.cells.iter().map(|cell| (cell, &record.clock)))
        .filter(|(cell, _)| steps.iter().any(|name| length_ns(cell, *name).is_some()))
        .map(|(cell, clock)| {
            let lengths: Vec<Option<f64>> = steps.iter().map(|name| length_ns(cell, *name)).collect();
            let together: f64 = lengths.iter().flatten().sum();
            let steady = Series::new(cell, clock).median().map(|median| median.value);
            let mut row = vec![cell.model.name.clone(), cell.engine.name.to_string(), rung(cell)];
            if has_modules {
                row.push(cell.module.map_or_else(|| "-".into(), weight));
            }
            row.extend(lengths.into_iter().map(told));
            row.push(format::duration(together));
            row.push(steady.map_or_else(
                || "-".into(),
                |steady| inferences_until_small(together, steady).to_string(),
            ));
            row
        })
        .collect()
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
    fn modules_are_weighed_as_they_are_sent() {
        let module = |gzip_bytes, brotli_bytes| ModuleSize {
            raw_bytes: 15_300_000,
            gzip_bytes,
            brotli_bytes,
            cached_ns: None,
        };
        for (module, expected) in [
            (module(None, None), "15.3 MB"),
            (module(Some(4_200_000), None), "15.3 MB, gzip 4.20 MB"),
            (
                module(Some(4_200_000), Some(3_000_000)),
                "15.3 MB, gzip 4.20 MB, brotli 3.00 MB",
            ),
        ] {
            assert_eq!(weight(module), expected);
        }
        let known = ModuleSize {
            cached_ns: Some(12_300_000),
            ..module(None, None)
        };
        assert_eq!(weight(known), "15.3 MB, from the cache in 12.3 ms");
    }

    #[test]
    fn fixed_costs_become_small() {
        for (fixed, steady, expected) in [(0.0, 1.0, 0), (1.0, 9.0, 1), (1.0, 8.0, 2), (100.0, 1.0, 900)] {
            assert_eq!(inferences_until_small(fixed, steady), expected);
            let share = |count: u64| fixed / (fixed + count as f64 * steady);
            assert!(fixed == 0.0 || share(expected) <= 0.1 + 1e-12 && share(expected - 1) > 0.1);
        }
    }
}
