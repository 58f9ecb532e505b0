//! The other end of `tare run`: measures one cell in a process of its own, so that a crash, a hang or a poisoned
//! graphics device ends that cell alone.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::sync::Mutex;

use anyhow::{Context, Result};
use tare_burn::Burn;
use tare_core::{Clock, Control, Engine, Observer, Timed, answer, bundle};
use tare_record::{
    Cell, CellRequest, EngineName, Event, Failure, FailureKind, Memory, ModelSource, Phase, PhaseName, Progress, Status,
};
use tare_tract::Tract;

use crate::clock::SystemClock;
use crate::machine;

/// Names of the files in a cell's folder.
pub(crate) const REQUEST: &str = "request.json";
pub(crate) const INPUTS: &str = "inputs.bundle";
pub(crate) const REFERENCE: &str = "reference.bundle";
pub(crate) const TENSORS: &str = "tensors.bundle";

/// The last error that a library logged: burn reports shader errors in no other way.
static LOGGED: Mutex<Option<String>> = Mutex::new(None);

struct ErrorLog;

impl log::Log for ErrorLog {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.level() <= log::Level::Error
    }

    fn log(&self, record: &log::Record<'_>) {
        if self.enabled(record.metadata()) {
            eprintln!("{}: {}", record.target(), record.args());
            if let Ok(mut logged) = LOGGED.lock() {
                logged.get_or_insert_with(|| format!("{}: {}", record.target(), record.args()));
            }
        }
    }

    fn flush(&self) {}
}

struct Reporter;

impl Observer for Reporter {
    fn progress(&mut self, progress: &Progress, cell: &Cell) -> Control {
        say(&Event::Progress {
            progress: progress.clone(),
            cell: Box::new(cell.clone()),
        });
        Control::Continue
    }

    fn memory(&self) -> Memory {
        Memory {
            resident_peak_bytes: machine::resident_peak_bytes(),
            ..Memory::default()
        }
    }
}

/// One event per line on standard output. If the parent is gone, so is the reason to go on.
fn say(event: &Event) {
    let line = serde_json::to_string(event).unwrap_or_default();
    let mut out = std::io::stdout().lock();
    if writeln!(out, "{line}").and_then(|()| out.flush()).is_err() {
        std::process::exit(1);
    }
}

/// Carries out the request in `folder`.
pub(crate) fn run(folder: &Path) -> Result<bool> {
    say(&Event::Ready { phases: vec![] });
    // A second logger in one process is an error that cannot happen here.
    let _ = log::set_logger(&ErrorLog);
    log::set_max_level(log::LevelFilter::Error);

    let read = |name: &str| std::fs::read(folder.join(name)).with_context(|| format!("cannot read {name}"));
    let request: CellRequest = serde_json::from_slice(&read(REQUEST)?)?;
    let inputs = if folder.join(INPUTS).exists() {
        bundle::decode(&read(INPUTS)?)?
    } else {
        vec![]
    };
    let reference = if folder.join(REFERENCE).exists() {
        read(REFERENCE)?
    } else {
        vec![]
    };

    let clock = SystemClock;
    let start_ns = clock.now_ns();
    let workload = tare_models::workload(&request, &inputs, || model_bytes(&request.model, &request.shapes));
    let model = Timed::since(start_ns, PhaseName::Model, &clock);
    let earlier = vec![Phase {
        name: model.name,
        duration_ns: model.duration_ns,
    }];
    let engine: Box<dyn Engine> = match request.wgsl {
        true => Box::new(Burn::wgpu_in_wgsl()),
        false => engine(request.engine, request.threads),
    };
    let mut reporter = Reporter;
    let mut reply = pollster::block_on(answer(
        &request,
        workload,
        Ok(&*engine),
        &reference,
        earlier,
        &clock,
        &mut reporter,
    ));
    if let Event::Done { cell } = &mut reply.event {
        add_log(&mut cell.status);
    }
    std::fs::write(folder.join(TENSORS), &reply.tensors).context("cannot write the outputs")?;
    say(&reply.event);
    // Not through destructors: a graphics driver that crashes while it is unloaded must not spoil a finished cell.
    std::process::exit(0);
}

fn add_log(status: &mut Status) {
    let logged = LOGGED.lock().ok().and_then(|mut logged| logged.take());
    if let (Status::Failed(failure) | Status::TimedOut(failure), Some(logged)) = (status, logged) {
        failure.message += &format!("; the engine logged: {logged}");
    }
}

/// The engine of that name.
pub(crate) fn engine(name: EngineName, threads: usize) -> Box<dyn Engine> {
    match name {
        EngineName::Tract => Box::new(Tract::new(threads)),
        EngineName::BurnFlex => Box::new(Burn::flex(threads)),
        EngineName::BurnWgpu => Box::new(Burn::wgpu()),
    }
}

/// The ONNX file of a network that is built in or a file.
pub(crate) fn model_bytes(model: &ModelSource, shapes: &BTreeMap<String, Vec<usize>>) -> Result<Vec<u8>, Failure> {
    let missing = |message: String, hint: &str| Failure {
        kind: FailureKind::Model,
        message,
        hint: Some(hint.into()),
    };
    match model {
        ModelSource::BuiltIn { name } => match tare_models::find(name) {
            Some(entry) => Ok(entry.onnx(shapes)),
            None => Err(missing(
                format!("there is no network {name:?}"),
                "a model of several networks has no file of its own: name one of them, see `tare models list`",
            )),
        },
        ModelSource::File { path } => std::fs::read(path)
            .map_err(|error| missing(format!("cannot read the model {path:?}: {error}"), "check the path")),
        ModelSource::Attached { name } => Err(missing(
            format!("the bytes of {name:?} did not arrive"),
            "this is a defect of tare",
        )),
    }
}
