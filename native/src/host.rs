//! Carries out requests in child processes: natively, or in Node.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use tare_core::{Attachments, Host, Reply, Watch};
use tare_record::{
    Cell, CellRequest, EngineName, EnvironmentKind, Event, Failure, FailureKind, ModelSource, Phase, PhaseName,
    Warning, WarningKind,
};

use crate::cell::{INPUTS, REFERENCE, REQUEST, TENSORS};
use crate::download::from_web;
use crate::node::Node;

/// A child that has not ended its cell so long after the cell's limit hangs.
const GRACE: Duration = Duration::from_secs(10);

/// Time between two looks at whether Ctrl-C was pressed.
const WATCH_INTERRUPT: Duration = Duration::from_millis(200);

/// Set by Ctrl-C.
static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// Runs cells in child processes.
pub(crate) struct ChildHost {
    /// Where cells run, if not natively.
    node: Option<Node>,
    /// Driver for graphics, if not the system's.
    vulkan_driver: Option<PathBuf>,
    adapters: Option<Vec<tare_record::Adapter>>,
}

impl ChildHost {
    /// A host that stops after the running cell at Ctrl-C, and keeps what was measured.
    pub(crate) fn native(vulkan_driver: Option<PathBuf>) -> Self {
        // Only a second handler would fail: the first does the same.
        let _ = ctrlc::set_handler(|| INTERRUPTED.store(true, Ordering::Relaxed));
        Self {
            node: None,
            vulkan_driver,
            adapters: None,
        }
    }

    /// The same in Node.
    pub(crate) fn node(node: Node) -> Self {
        Self {
            node: Some(node),
            ..Self::native(None)
        }
    }
}

#[async_trait(?Send)]
impl Host for ChildHost {
    async fn execute(&mut self, request: &CellRequest, attachments: &Attachments, watch: &mut Watch<'_>) -> Reply {
        let mut partial = None;
        match self.carry_out(request, attachments, watch, &mut partial) {
            Ok(reply) => reply,
            Err(failure) => Reply::unfinished(request, failure, self.cancelled(), partial),
        }
    }

    async fn model(&mut self, name: &str) -> Result<(ModelSource, Option<Rc<Vec<u8>>>), Failure> {
        Ok((find_model(name)?, None))
    }

    fn cancelled(&self) -> bool {
        INTERRUPTED.load(Ordering::Relaxed)
    }

    fn environment(&self) -> EnvironmentKind {
        if self.node.is_some() {
            EnvironmentKind::Node
        } else {
            EnvironmentKind::Native
        }
    }

    fn default_engines(&mut self) -> (Vec<EngineName>, Option<Warning>) {
        if self.node.is_some() {
            return (crate::node::ENGINES.to_vec(), None);
        }
        let adapters = self
            .adapters
            .get_or_insert_with(|| pollster::block_on(tare_burn::adapters()));
        if adapters.iter().any(|adapter| !adapter.software) {
            return (EngineName::ALL.to_vec(), None);
        }
        let message = "this machine has no hardware graphics adapter, so burn-wgpu was left out: ask for it with --engine burn-wgpu";
        let warning = Warning {
            kind: WarningKind::Fallback,
            message: message.into(),
        };
        (vec![EngineName::Tract, EngineName::BurnFlex], Some(warning))
    }
}

impl ChildHost {
    fn carry_out(
        &self,
        request: &CellRequest,
        attachments: &Attachments,
        watch: &mut Watch<'_>,
        partial: &mut Option<Box<Cell>>,
    ) -> Result<Reply, Failure> {
        let broken = |what: &str, error: &dyn std::fmt::Display| died(format!("{what}: {error}"));
        let folder = tempfile::tempdir().map_err(|error| broken("cannot make a temporary folder", &error))?;
        let write = |name: &str, bytes: &[u8]| {
            std::fs::write(folder.path().join(name), bytes)
                .map_err(|error| broken("cannot write to the temporary folder", &error))
        };
        write(
            REQUEST,
            &serde_json::to_vec(request).map_err(|error| broken("cannot write the request", &error))?,
        )?;
        for (name, bundle) in [(INPUTS, &attachments.inputs), (REFERENCE, &attachments.reference)] {
            if let Some(bundle) = bundle {
                write(name, bundle)?;
            }
        }

        let mut command = match &self.node {
            Some(node) => node.command(folder.path(), request.engine)?,
            None => this_program(folder.path(), request.vector_limit.as_deref())?,
        };
        if let Some(driver) = &self.vulkan_driver {
            command.env("VK_DRIVER_FILES", driver);
        }
        let spawned = Instant::now();
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| broken("cannot start a process for the cell", &error))?;
        let outcome = listen(&mut child, request, spawned, watch, partial);
        // Gone already unless it hangs; either way it must not outlive its cell.
        let _ = child.kill();
        let _ = child.wait();
        let event = outcome?;
        let tensors = std::fs::read(folder.path().join(TENSORS)).unwrap_or_default();
        Ok(Reply { event, tensors })
    }
}

/// The model of that name: a built-in one before one of the web before a file.
pub(crate) fn find_model(name: &str) -> Result<ModelSource, Failure> {
    if tare_models::is_built_in(name) {
        return Ok(ModelSource::BuiltIn { name: name.into() });
    }
    if let Some(fetched) = from_web(name) {
        let path = fetched?.to_string_lossy().into_owned();
        return Ok(ModelSource::File { path });
    }
    if Path::new(name).is_file() {
        return Ok(ModelSource::File { path: name.into() });
    }
    Err(tare_models::not_found(name))
}

/// The other end of this program.
fn this_program(folder: &Path, vector_limit: Option<&str>) -> Result<Command, Failure> {
    let program = std::env::current_exe().map_err(|error| died(format!("cannot find this program: {error}")))?;
    let mut command = Command::new(program);
    command.arg("cell").arg(folder);
    if let Some(name) = vector_limit {
        let limits = tare_tract::vector_limits();
        let Some(limit) = limits.iter().find(|limit| limit.name == name) else {
            let narrower: Vec<&str> = limits.iter().map(|limit| limit.name).collect();
            return Err(Failure {
                kind: FailureKind::Device,
                message: format!(
                    "tract cannot be limited to {name} here: this processor has {}, and what is narrower is {narrower:?}",
                    tare_tract::vector_level()
                ),
                hint: None,
            });
        };
        // What the user leaves out stays left out.
        let asked = std::env::var(tare_tract::ISA_VARIABLE).into_iter();
        let all: Vec<String> = asked.chain([limit.isa_variable.clone()]).collect();
        command.env(tare_tract::ISA_VARIABLE, all.join(","));
    }
    Ok(command)
}

fn listen(
    child: &mut Child,
    request: &CellRequest,
    spawned: Instant,
    watch: &mut Watch<'_>,
    partial: &mut Option<Box<Cell>>,
) -> Result<Event, Failure> {
    let (Some(stdout), Some(mut stderr)) = (child.stdout.take(), child.stderr.take()) else {
        return Err(died("the process for the cell has no output".into()));
    };
    let (send, events) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            if send.send(line).is_err() {
                break;
            }
        }
    });
    let errors = std::thread::spawn(move || {
        let mut text = Vec::new();
        // What was read until an error is what there is to say.
        let _ = stderr.read_to_end(&mut text);
        String::from_utf8_lossy(&text).into_owned()
    });

    let deadline = spawned + Duration::from_secs(request.rules.cell_limit_s) + GRACE;
    let mut spawn_ns = 0;
    let mut doing = String::from("start");
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        match events.recv_timeout(left.min(WATCH_INTERRUPT)) {
            Err(RecvTimeoutError::Timeout) if INTERRUPTED.load(Ordering::Relaxed) => {
                return Err(died("it was interrupted".into()));
            }
            Err(RecvTimeoutError::Timeout) if !left.is_zero() => {}
            Ok(line) => match serde_json::from_str(&line) {
                Ok(Event::Ready { phases }) => {
                    let ready_ns = u64::try_from(spawned.elapsed().as_nanos()).unwrap_or(u64::MAX);
                    let told_ns: u64 = phases.iter().map(|phase| phase.duration_ns).sum();
                    spawn_ns = ready_ns.saturating_sub(told_ns);
                }
                Ok(Event::Died { message }) => {
                    return Err(died(format!("the process died before its cell was done: {message}")));
                }
                Ok(Event::Progress { progress, mut cell }) => {
                    cell.phases.insert(
                        0,
                        Phase {
                            name: PhaseName::Spawn,
                            duration_ns: spawn_ns,
                        },
                    );
                    watch(&progress, &cell);
                    doing = progress.phase;
                    *partial = Some(cell);
                }
                Ok(Event::Done { mut cell }) => {
                    if !cell.phases.is_empty() {
                        cell.phases.insert(
                            0,
                            Phase {
                                name: PhaseName::Spawn,
                                duration_ns: spawn_ns,
                            },
                        );
                    }
                    return Ok(Event::Done { cell });
                }
                Ok(event) => return Ok(event),
                // A library that prints to standard output is no reason to lose a cell.
                Err(_) => {}
            },
            Err(RecvTimeoutError::Timeout) => {
                return Err(Failure {
                    kind: FailureKind::TimeLimit,
                    message: format!(
                        "the process did not end its cell within the limit of {} s and was stopped during {doing}",
                        request.rules.cell_limit_s
                    ),
                    hint: Some("raise cell_limit_s in the plan or by --cell-limit, or take a smaller model".into()),
                });
            }
            Err(RecvTimeoutError::Disconnected) => {
                let how = child
                    .wait()
                    .map_or_else(|error| error.to_string(), |status| status.to_string());
                let text = errors.join().unwrap_or_default();
                let last = text
                    .lines()
                    .rev()
                    .find(|line| !line.trim().is_empty() && !line.contains("RUST_BACKTRACE"));
                let said = last.map_or_else(String::new, |line| format!(", and said last: {}", line.trim()));
                return Err(died(format!("the process died ({how}) before its cell was done{said}")));
            }
        }
    }
}

fn died(message: String) -> Failure {
    Failure {
        kind: FailureKind::Died,
        message,
        hint: None,
    }
}
