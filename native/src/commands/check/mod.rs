mod baseline;

use std::path::PathBuf;

use anyhow::{Context, Result};
use tare_record::{Record, inconsistencies};

use baseline::CheckFormat;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Records that a run of tare or the page made
    #[arg(required = true)]
    records: Vec<PathBuf>,
    /// An earlier record of the same plan on the same machine, or a folder of such records: is any cell slower?; repeatable
    #[arg(long, value_name = "RECORD")]
    baseline: Vec<PathBuf>,
    /// By how many percent a cell may become slower
    #[arg(long, value_name = "PERCENT", default_value_t = 0.0, value_parser = percent, requires = "baseline")]
    tolerance: f64,
    /// How the comparison is shown
    #[arg(long, value_enum, default_value = "text", requires = "baseline")]
    format: CheckFormat,
}

fn percent(text: &str) -> Result<f64, String> {
    let percent = text.parse().ok().filter(|percent| (0.0..=1_000.0).contains(percent));
    percent.ok_or_else(|| format!("expected a number of percent from 0 to 1000, found {text:?}"))
}

/// Says of each file whether it is a record that does not contradict itself, or how the records compare with earlier ones. Returns whether
/// all is well.
pub(crate) fn run(args: &Args) -> Result<bool> {
    if args.baseline.is_empty() {
        check_each(args)
    } else {
        baseline::run(&args.records, &args.baseline, args.tolerance, args.format)
    }
}

fn check_each(args: &Args) -> Result<bool> {
    let mut all = true;
    for path in &args.records {
        let name = tare_report::printable(&path.display().to_string());
        match read(path) {
            Ok(record) => {
                let found = inconsistencies(&record);
                for line in &found {
                    println!("{name}: {}", tare_report::printable(line));
                }
                if found.is_empty() {
                    println!("{name}: ok, {}", contents(&record));
                }
                all &= found.is_empty();
            }
            Err(error) => {
                println!("{name}: {}", tare_report::printable(&format!("{error:#}")));
                all = false;
            }
        }
    }
    Ok(all)
}

fn read(path: &PathBuf) -> Result<Record> {
    let text = std::fs::read_to_string(path).context("cannot be read")?;
    Ok(Record::from_json_unchecked(&text)?)
}

/// What a record holds, in a few words.
fn contents(record: &Record) -> String {
    let counted = |count: usize, one: &str| match count {
        1 => format!("1 {one}"),
        _ => format!("{count} {one}s"),
    };
    let samples = record.cells.iter().map(|cell| cell.samples_ns.len()).sum();
    let end = if record.complete {
        ""
    } else {
        ", of a run that did not end"
    };
    format!(
        "{} with {}{end}",
        counted(record.cells.len(), "cell"),
        counted(samples, "sample")
    )
}
