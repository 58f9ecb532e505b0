use std::path::PathBuf;
use std::rc::Rc;

use anyhow::Result;
use tare_core::{Sink, bundle, calibrate, run_plan};
use tare_record::{Record, SCHEMA};

use crate::clock::SystemClock;
use crate::host::NativeHost;
use crate::machine;
use crate::power::{power, throttled};
use crate::selection::{Selection, command_line, record_path};
use crate::sink::FileSink;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    selection: Selection,
    /// Write inputs and outputs of every engine as .npy files into this folder
    #[arg(long, value_name = "DIR")]
    save_tensors: Option<PathBuf>,
    /// Where to write the record; by default a dated file in this folder
    #[arg(short, long, value_name = "FILE.json")]
    output: Option<PathBuf>,
}

pub(crate) fn run(args: &Args) -> Result<bool> {
    let plan = args.selection.plan()?;
    let inputs = args.selection.inputs()?;
    let machine = machine::machine();
    let mut record = Record {
        schema: SCHEMA.into(),
        tool: machine::tool(),
        created: machine::now(),
        command: command_line(),
        complete: false,
        warnings: machine::warnings(&machine),
        machine,
        clock: calibrate(&SystemClock)?,
        plan,
        cells: vec![],
    };
    let path = record_path(args.output.as_ref(), "native");
    let mut sink = FileSink::new(&path, args.save_tensors.as_ref(), &record)?;
    let inputs = (!inputs.is_empty()).then(|| Rc::new(bundle::encode(&inputs)));
    pollster::block_on(run_plan(&mut record, inputs, &mut NativeHost::new(), &mut sink));
    let before = record.machine.native.as_ref().map(|native| &native.power);
    if let Some(warning) = before.and_then(|before| throttled(before, &power())) {
        record.warnings.push(warning);
        sink.save(&record);
    }
    sink.finish()?;
    print!("{}", tare_report::terminal(std::slice::from_ref(&record)));
    eprintln!("record: {}", path.display());
    Ok(record.all_measured())
}
