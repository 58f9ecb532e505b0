//! The child process of `tare run`. It measures one cell, so that a crash, a hang or a lost
//! graphics device ends only this cell.

use std::io::Write;
use std::path::Path;
use std::sync::Mutex;

use anyhow::{Context, Result};
use tare_core::{Clock, Control, Engine, Observer, serve_request, tensor_codec};
use tare_record::{Cell, CellRequest, Event, Memory, PhaseName, Progress, Status};

use crate::cell_folder::{INPUTS, OUTPUTS, REFERENCE, REQUEST, end_with_parent};
use crate::engines::engine_of;
use crate::local_model::model_bytes;
use crate::machine::{self, SystemClock};
use crate::serving::RemoteEngine;

/// The first error that a library logged. Log messages are the only way in which burn reports
/// shader errors.
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

struct Reporter {
    /// Whether the model is in the memory of this process.
    has_model: bool,
}

impl Observer for Reporter {
    fn progress(&mut self, progress: &Progress, cell: &Cell) -> Control {
        send(&Event::Progress {
            progress: progress.clone(),
            cell: Box::new(cell.clone()),
        });
        Control::Continue
    }

    fn memory(&self) -> Memory {
        Memory {
            resident_peak_bytes: machine::resident_peak_bytes().filter(|_| self.has_model),
            ..Memory::default()
        }
    }
}

/// Writes an event as a line to standard output.
fn send(event: &Event) {
    let line = serde_json::to_string(event).unwrap_or_default();
    let mut out = std::io::stdout().lock();
    if writeln!(out, "{line}").and_then(|()| out.flush()).is_err() {
        // The parent is gone, so this process is about to be ended.
        loop {
            std::thread::park();
        }
    }
}

/// Carries out the request in `folder`.
pub(crate) fn run(folder: &Path) -> Result<bool> {
    end_with_parent(folder);
    send(&Event::Ready { phases: vec![] });
    // Cannot fail, because no other logger is set.
    let _ = log::set_logger(&ErrorLog);
    log::set_max_level(log::LevelFilter::Error);

    let read = |name: &str| std::fs::read(folder.join(name)).with_context(|| format!("cannot read {name}"));
    let request: CellRequest = serde_json::from_slice(&read(REQUEST)?)?;
    let inputs = if folder.join(INPUTS).exists() {
        tensor_codec::decode(&read(INPUTS)?)?
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
    let (model, shapes) = (request.model.clone(), request.shapes.clone());
    let workload = tare_models::workload(&request, &inputs, move || model_bytes(&model, &shapes));
    let earlier = vec![clock.phase_since(start_ns, PhaseName::Model)];
    let engine = match request.sent_over().zip(request.server.as_deref()) {
        Some((transport, server)) => {
            RemoteEngine::connect(transport, server).map(|engine| Box::new(engine) as Box<dyn Engine>)
        }
        None => engine_of(&request),
    };
    let mut reporter = Reporter {
        has_model: request.sent_over().is_none(),
    };
    let mut reply = pollster::block_on(serve_request(
        &request,
        workload,
        engine.as_deref().map_err(Clone::clone),
        &reference,
        earlier,
        &clock,
        &mut reporter,
    ));
    if let Event::Done { cell } = &mut reply.event {
        add_log(&mut cell.status);
    }
    std::fs::write(folder.join(OUTPUTS), &reply.tensors).context("cannot write the outputs")?;
    send(&reply.event);
    // Skip destructors: a graphics driver that crashes while it unloads must not spoil a finished
    // cell.
    std::process::exit(0);
}

fn add_log(status: &mut Status) {
    let logged = LOGGED.lock().ok().and_then(|mut logged| logged.take());
    if let (Status::Failed(failure) | Status::TimedOut(failure), Some(logged)) = (status, logged) {
        failure.add_log(&logged);
    }
}
