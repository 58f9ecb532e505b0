//! Carries out requests in child processes, natively or in Node.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use tare_core::{Attachments, Executor, MachineReading, OnProgress, Reply};
use tare_record::{
    Cell, CellRequest, EngineName, EnvironmentKind, Event, Failure, FailureKind, ModelSource, Phase, PhaseName, Record,
    Warning, WarningKind,
};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, ChildStderr, Command};
use tokio::task::JoinHandle;

use super::node::Node;
use crate::cell_folder::{INPUTS, OUTPUTS, REFERENCE, REQUEST};
use crate::engines::vector_limit_variable;
use crate::interrupt::{interrupted, is_interrupted};
use crate::local_model::find_model;
use crate::machine::{self, throttled_since};
use crate::memory_limit::MemoryLimit;
use crate::private_folder::private_folder;
use crate::serving::ServerProcess;

/// Extra time after the limit of a cell. A child that has not ended its cell by then hangs.
const GRACE: Duration = Duration::from_secs(10);

/// Runs cells in child processes.
pub(crate) struct ProcessExecutor {
    /// Node, if cells do not run natively.
    node: Option<Node>,
    /// Vulkan driver, if not the system's.
    vulkan_driver: Option<PathBuf>,
    adapters: Option<Vec<tare_record::Adapter>>,
}

impl ProcessExecutor {
    /// Runs cells natively.
    pub(crate) fn native(vulkan_driver: Option<PathBuf>) -> Self {
        Self {
            node: None,
            vulkan_driver,
            adapters: None,
        }
    }

    /// Runs cells in Node.
    pub(crate) fn node(node: Node) -> Self {
        Self {
            node: Some(node),
            ..Self::native(None)
        }
    }
}

#[async_trait(?Send)]
impl Executor for ProcessExecutor {
    async fn execute(
        &mut self,
        request: &CellRequest,
        attachments: &Attachments,
        on_progress: &mut OnProgress<'_>,
    ) -> Reply {
        let mut partial = None;
        match self.carry_out(request, attachments, on_progress, &mut partial).await {
            Ok(reply) => reply,
            Err(failure) => Reply::unfinished(request, failure, is_interrupted(), partial),
        }
    }

    async fn model(&mut self, name: &str) -> Result<(ModelSource, Option<Bytes>), Failure> {
        Ok((find_model(name)?, None))
    }

    fn machine_reading(&mut self) -> Option<MachineReading> {
        Some(machine::reading())
    }

    fn stopped(&self) -> Option<String> {
        is_interrupted().then(|| "the run was canceled".into())
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
            return (EngineName::all_in(EnvironmentKind::Node).collect(), None);
        }
        let adapters = self
            .adapters
            .get_or_insert_with(|| pollster::block_on(tare_burn::adapters()));
        if adapters.iter().any(|adapter| !adapter.software) {
            return (EngineName::all_in(EnvironmentKind::Native).collect(), None);
        }
        let all = EngineName::all_in(EnvironmentKind::Native);
        let (gpu, cpu): (Vec<_>, Vec<_>) = all.partition(|engine| engine.is_on_gpu());
        let names: Vec<&str> = gpu.iter().map(|engine| engine.as_str()).collect();
        let options: Vec<String> = names.iter().map(|name| format!("--engine {name}")).collect();
        let warning = Warning {
            kind: WarningKind::Fallback,
            message: format!(
                "this machine has no hardware graphics adapter, so {} was left out: request it with {}",
                names.join(", "),
                options.join(" ")
            ),
        };
        (cpu, Some(warning))
    }

    fn absence_of(&mut self, engine: EngineName) -> Option<Failure> {
        crate::engines::absence_of(engine)
    }

    async fn finish(&mut self, record: &mut Record) {
        record.warnings.extend(throttled_since(&record.machine));
    }
}

impl ProcessExecutor {
    async fn carry_out(
        &self,
        request: &CellRequest,
        attachments: &Attachments,
        on_progress: &mut OnProgress<'_>,
        partial: &mut Option<Box<Cell>>,
    ) -> Result<Reply, Failure> {
        let failed = |what: &str, error: &dyn std::fmt::Display| died(format!("{what}: {error}"));
        let server = ServerProcess::of(request, attachments, None).await?;
        let request = &CellRequest {
            server: server.as_ref().map(|server| server.url.clone()),
            ..request.clone()
        };
        let folder =
            private_folder("tare-cell-").map_err(|error| failed("cannot create a temporary folder", &error))?;
        let write = |name: &str, bytes: &[u8]| {
            std::fs::write(folder.path().join(name), bytes)
                .map_err(|error| failed("cannot write to the temporary folder", &error))
        };
        write(
            REQUEST,
            &serde_json::to_vec(request).map_err(|error| failed("cannot write the request", &error))?,
        )?;
        for (name, tensors) in [(INPUTS, &attachments.inputs), (REFERENCE, &attachments.reference)] {
            if let Some(tensors) = tensors {
                write(name, tensors)?;
            }
        }

        let mut command = match &self.node {
            Some(node) => node.command(folder.path(), request.engine)?.into(),
            None => this_program(folder.path(), request)?,
        };
        if let Some(driver) = &self.vulkan_driver {
            command.env("VK_DRIVER_FILES", driver);
        }
        // Ctrl-C reaches all processes of a group. The child is stopped by this program, which then keeps its last report.
        #[cfg(unix)]
        command.process_group(0);
        let memory_limit = MemoryLimit::of(&request.rules);
        let spawned = Instant::now();
        let mut child = command
            // Its last words name what went wrong, and not where.
            .env("RUST_BACKTRACE", "0")
            // The child ends when this program is gone, which closes its standard input.
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| failed("cannot start a process for the cell", &error))?;
        memory_limit.set(&child)?;
        let outcome = listen(&mut child, request, spawned, memory_limit, on_progress, partial).await;
        // The child has ended unless it hangs. It must not outlive its cell in either case.
        let _ = child.kill().await;
        let event = outcome?;
        let tensors = std::fs::read(folder.path().join(OUTPUTS)).unwrap_or_default();
        Ok(Reply { event, tensors })
    }
}

/// The command that runs this program as a child process.
fn this_program(folder: &Path, request: &CellRequest) -> Result<Command, Failure> {
    let program = std::env::current_exe().map_err(|error| died(format!("cannot find this program: {error}")))?;
    let mut command = Command::new(program);
    command.arg("child").arg(folder);
    if let Some(limit) = request.vector_limit() {
        let (variable, value) = vector_limit_variable(request.engine, limit)?;
        command.env(variable, value);
    }
    Ok(command)
}

async fn listen(
    child: &mut Child,
    request: &CellRequest,
    spawned: Instant,
    memory_limit: MemoryLimit,
    on_progress: &mut OnProgress<'_>,
    partial: &mut Option<Box<Cell>>,
) -> Result<Event, Failure> {
    let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else {
        return Err(died("the process for the cell has no output".into()));
    };
    let errors = tokio::spawn(read_all(stderr));
    let mut lines = BufReader::new(stdout).lines();
    let deadline = spawned + Duration::from_secs(request.rules.cell_limit_s) + GRACE;
    let mut spawn_ns = 0;
    let mut doing = String::from("start");
    loop {
        let line = tokio::select! {
            line = lines.next_line() => line,
            () = interrupted() => return Err(died("the run was interrupted".into())),
            () = tokio::time::sleep_until(deadline.into()) => {
                return Err(Failure::new(
                    FailureKind::TimeLimit,
                    format!(
                        "the process exceeded the limit of {} s and was stopped during {doing}",
                        request.rules.cell_limit_s
                    ),
                )
                .with_hint("raise `cell_limit_s` in the plan or pass --cell-limit, or choose a smaller model"));
            }
        };
        let Ok(Some(line)) = line else {
            return Err(last_words(child, errors, memory_limit).await);
        };
        match serde_json::from_str(&line) {
            Ok(Event::Ready { phases }) => {
                let ready_ns = u64::try_from(spawned.elapsed().as_nanos()).unwrap_or(u64::MAX);
                let reported_ns: u64 = phases.iter().map(|phase| phase.duration_ns).sum();
                spawn_ns = ready_ns.saturating_sub(reported_ns);
            }
            Ok(Event::Died { message }) => {
                return Err(died(format!("the process died before it finished its cell: {message}")));
            }
            Ok(Event::Progress { progress, mut cell }) => {
                cell.phases.insert(0, spawn_phase(spawn_ns));
                on_progress(&progress, &cell);
                doing = progress.phase;
                *partial = Some(cell);
            }
            Ok(Event::Done { mut cell }) => {
                if !cell.phases.is_empty() {
                    cell.phases.insert(0, spawn_phase(spawn_ns));
                }
                return Ok(Event::Done { cell });
            }
            Ok(event) => return Ok(event),
            // Ignore other lines: a library may print to standard output.
            Err(_) => {}
        }
    }
}

fn spawn_phase(duration_ns: u64) -> Phase {
    Phase {
        name: PhaseName::Spawn,
        duration_ns,
    }
}

async fn read_all(mut stderr: ChildStderr) -> String {
    let mut text = Vec::new();
    // After an error, what was read so far is used.
    let _ = stderr.read_to_end(&mut text).await;
    String::from_utf8_lossy(&text).into_owned()
}

/// Why a child closed its output without a reply.
async fn last_words(child: &mut Child, errors: JoinHandle<String>, memory_limit: MemoryLimit) -> Failure {
    let how = child
        .wait()
        .await
        .map_or_else(|error| error.to_string(), |status| status.to_string());
    let text = errors.await.unwrap_or_default();
    if let Some(failure) = memory_limit.failure(&text) {
        return failure;
    }
    let last = text
        .lines()
        .rev()
        .find(|line| !line.trim().is_empty() && !line.contains("RUST_BACKTRACE"));
    let last_words = last.map_or_else(String::new, |line| format!("; its last output was: {}", line.trim()));
    died(format!(
        "the process died ({how}) before it finished its cell{last_words}"
    ))
}

fn died(message: String) -> Failure {
    Failure::new(FailureKind::Died, message)
}
