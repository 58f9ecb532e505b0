use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::ValueEnum;
use tare_record::Record;

use super::args::SlowerArgs;
use crate::bench::recorder::terminal_width;
use crate::command_line::command_line;
use crate::record_file::refuse_record;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Records that `tare run`, `tare browser` or the page made
    #[arg(required = true)]
    records: Vec<PathBuf>,
    /// File for the report [default: standard output]
    #[arg(short, long)]
    output: Option<PathBuf>,
    /// Format [default: by the extension of the output file, or plain text]
    #[arg(long)]
    format: Option<ReportFormat>,
    #[command(flatten)]
    slower: SlowerArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ReportFormat {
    Html,
    Md,
    Csv,
    Json,
    /// The profiles alone, for Perfetto and Chrome
    Trace,
}

pub(crate) fn run(args: &Args) -> Result<bool> {
    let records = args.records.iter().map(|path| read(path)).collect::<Result<Vec<_>>>()?;
    let format = args.format.or_else(|| args.output.as_deref().and_then(format_of));
    let text = match format {
        Some(ReportFormat::Html) => tare_report::html(&records, &command_line()),
        Some(ReportFormat::Md) => tare_report::markdown(&records),
        Some(ReportFormat::Csv) => tare_report::csv(&records)?,
        Some(ReportFormat::Json) => tare_report::json(&records),
        Some(ReportFormat::Trace) => tare_report::trace(&records)
            .context("no cell of these records was profiled\nhint: measure with --profile")?,
        None => tare_report::terminal(&records, terminal_width()),
    };
    match &args.output {
        Some(path) => {
            refuse_record(path, "write to another file")?;
            std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
            eprintln!("report: {}", path.display());
        }
        // A terminal takes control characters of a record for orders.
        None if std::io::stdout().is_terminal() => print!("{}", tare_report::printable(&text)),
        None => print!("{text}"),
    }
    args.slower.check(&records)
}

fn format_of(path: &Path) -> Option<ReportFormat> {
    match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
        "html" | "htm" => Some(ReportFormat::Html),
        "md" => Some(ReportFormat::Md),
        "csv" => Some(ReportFormat::Csv),
        "json" => Some(ReportFormat::Json),
        _ => None,
    }
}

/// Reads a record. Every error names the file.
pub(crate) fn read(path: &Path) -> Result<Record> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read the record {}", path.display()))?;
    Record::from_json(&text).with_context(|| path.display().to_string())
}
