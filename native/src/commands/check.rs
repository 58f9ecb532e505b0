use std::path::PathBuf;

use anyhow::{Context, Result};
use tare_record::{Record, inconsistencies};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Records that a run of tare or the page made
    #[arg(required = true)]
    records: Vec<PathBuf>,
}

/// Says of each file whether it is a record that does not contradict itself. Returns whether all are.
pub(crate) fn run(args: &Args) -> Result<bool> {
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
