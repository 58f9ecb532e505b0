//! One run: a plan, measured in one environment or in several that take turns.

pub(crate) mod environment;
pub(crate) mod folder;
mod invitation;
pub(crate) mod recorder;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use futures_util::StreamExt;
use tare_core::{Lane, NamedTensor, References, calibrate, run_plan, tensor_codec};
use tare_record::{BuildInfo, ClockInfo, EngineName, EnvironmentKind, Machine, Plan, Record};

use crate::browser;
use crate::command_line::command_line;
use crate::commands::args::{DriverArgs, ServeArgs};
use crate::executor::{Fresh, Node, PageExecutor, ProcessExecutor};
use crate::interrupt::{self, is_interrupted};
use crate::machine::{self, SystemClock};
use crate::page::Page;
use crate::server::{self, Server};
use environment::{Environment, Named, vulkan_driver};
use folder::RunFolder;
use recorder::Recorder;

/// What a run measures, where, and where it keeps the results.
pub(crate) struct Run<'a> {
    pub(crate) plan: Plan,
    /// Inputs given by the user.
    pub(crate) inputs: &'a [NamedTensor],
    pub(crate) environments: Vec<Named>,
    pub(crate) output: Output<'a>,
    /// Folder for inputs and outputs of every engine, if requested.
    pub(crate) tensors: Option<&'a PathBuf>,
    /// The page, if an environment needs it.
    pub(crate) page: Option<Page>,
    pub(crate) serve: ServeArgs,
    pub(crate) driver: DriverArgs,
    pub(crate) fresh: Fresh,
    /// How many sessions of a WebDriver measure at once, apart from the other environments. `None` if
    /// they take turns with them.
    pub(crate) parallel: Option<usize>,
    /// Whether progress is not printed.
    pub(crate) quiet: bool,
}

/// Where the records go.
pub(crate) enum Output<'a> {
    /// The only record, to a file.
    File(&'a Path),
    /// All records, to a folder.
    Folder(&'a RunFolder),
}

/// What a run measured, and whether it measured all that was asked for.
pub(crate) struct Measured {
    pub(crate) records: Vec<Record>,
    pub(crate) all: bool,
}

impl Run<'_> {
    /// Measures. An environment that cannot be used is left out if there are others.
    pub(crate) fn measure(self) -> Result<Measured> {
        interrupt::listen();
        browser::runtime()?.block_on(self.run())
    }

    async fn run(self) -> Result<Measured> {
        let vulkan_driver = vulkan_driver(&self.environments, &self.driver);
        let server = match &self.page {
            Some(page) if self.environments.iter().any(Named::has_page) => {
                Some(server::start(page, &self.serve).await?)
            }
            _ => None,
        };
        let recorder = Recorder::new(self.tensors, self.quiet)?;
        let context = Setting {
            run: &self,
            id: match &self.output {
                Output::File(_) => server::token::token()[..16].to_owned(),
                Output::Folder(folder) => folder.run.clone(),
            },
            vulkan_driver: vulkan_driver.clone(),
            server,
            recorder: recorder.clone(),
        };
        let is_apart = |named: &&Named| self.parallel.is_some() && named.is_remote();
        let (apart, in_turn): (Vec<&Named>, Vec<&Named>) = self.environments.iter().partition(is_apart);
        let (mut lanes, mut failed) = (vec![], 0);
        for named in in_turn {
            match context.lane(named).await {
                Ok(lane) => lanes.push(lane),
                Err(error) if self.environments.len() > 1 && !is_interrupted() => {
                    failed += 1;
                    eprintln!("{} is left out: {error:#}", named.name);
                }
                Err(error) => {
                    // Browsers that are open already are closed in order.
                    for lane in &mut lanes {
                        let Lane { record, executor, .. } = lane;
                        executor.finish(record).await;
                    }
                    return Err(error);
                }
            }
        }
        if lanes.is_empty() && apart.is_empty() {
            bail!("no environment can be used");
        }
        let clock = calibrate(&SystemClock)?;
        let inputs = (!self.inputs.is_empty()).then(|| Bytes::from(tensor_codec::encode(self.inputs)));
        let mut native = ProcessExecutor::native(vulkan_driver);
        let mut observer = recorder.clone();
        let references = References::compute(&self.plan, &clock, inputs, &mut native, &mut observer).await;
        run_plan(&mut lanes, &references, &SystemClock, &mut observer).await;
        let sessions = futures_util::stream::iter(apart).map(|named| context.apart(named, &references));
        let sessions: Vec<Option<Record>> = sessions.buffered(self.parallel.unwrap_or(1)).collect().await;
        let is_written = recorder.finish();
        failed += sessions.iter().filter(|record| record.is_none()).count();
        let mut records: Vec<Record> = lanes.into_iter().map(|lane| lane.record).collect();
        records.extend(sessions.into_iter().flatten());
        Ok(Measured {
            all: is_written && failed == 0 && records.iter().all(Record::all_measured),
            records,
        })
    }
}

/// What all environments of a run share.
struct Setting<'a> {
    run: &'a Run<'a>,
    /// Identifies the run.
    id: String,
    vulkan_driver: Option<PathBuf>,
    server: Option<Server>,
    recorder: Recorder,
}

impl Setting<'_> {
    /// Measures in one session, while others do. `None` if it could not be opened.
    async fn apart(&self, named: &Named, references: &References) -> Option<Record> {
        match self.lane(named).await {
            Ok(lane) => {
                let mut lanes = [lane];
                run_plan(&mut lanes, references, &SystemClock, &mut self.recorder.clone()).await;
                let [lane] = lanes;
                Some(lane.record)
            }
            Err(error) => {
                self.recorder.say(&format!("{} is left out: {error:#}", named.name));
                None
            }
        }
    }

    /// Gets an environment ready, and starts its record or goes on with it.
    async fn lane(&self, named: &Named) -> Result<Lane<'static>> {
        let name = &named.name;
        let lane = match &named.environment {
            Environment::Native => {
                let clock = calibrate(&SystemClock)?;
                let record = self.record(machine::build_info(), machine::machine(), clock, self.run.plan.clone());
                self.ready(
                    name,
                    record,
                    Box::new(ProcessExecutor::native(self.vulkan_driver.clone())),
                )
            }
            Environment::Node => {
                let page = self.run.page.as_ref().context("Node needs the workers of the page")?;
                let node = Node::find(page)?;
                // This module computes nothing: it describes how all of them were built.
                let module = node.module_info(EngineName::references()[0])?;
                let machine = Machine {
                    kind: EnvironmentKind::Node,
                    node: Some(node.info.clone()),
                    ..machine::machine()
                };
                let plan = self.runnable_in_node();
                let record = self.record(module.build, machine, module.clock, plan);
                self.ready(name, record, Box::new(ProcessExecutor::node(node)))
            }
            Environment::Browser(wanted) => {
                let server = self.server.as_ref().context("a browser needs the page")?;
                let driver = self.run.driver.for_page(&self.run.serve);
                let executor = PageExecutor::driven(wanted.clone(), &driver, server, self.run.fresh).await?;
                self.in_page(name, executor)
            }
            Environment::Invited => {
                let server = self.server.as_ref().context("a browser needs the page")?;
                let (arrivals, connection) = invitation::wait(server, name).await?;
                self.in_page(name, PageExecutor::invited(server, arrivals, connection))
            }
        };
        lane.with_context(|| format!("cannot measure in {name}"))
    }

    fn in_page(&self, name: &str, executor: PageExecutor) -> Result<Lane<'static>> {
        let executor = executor.with_outputs(self.run.tensors.is_some());
        let hello = executor.hello();
        let mut record = self.record(
            hello.build.clone(),
            hello.machine.clone(),
            hello.clock.clone(),
            self.run.plan.clone(),
        );
        record.warnings.clone_from(&hello.warnings);
        self.ready(name, record, Box::new(executor))
    }

    /// A record that is about to be measured.
    fn record(&self, build: BuildInfo, machine: Machine, clock: ClockInfo, plan: Plan) -> Record {
        let mut record = Record::new(build, machine::now(), command_line(), machine, clock, plan);
        record.run = Some(self.id.clone());
        record.warnings = machine::warnings(&record.machine);
        record
    }

    fn ready(&self, name: &str, record: Record, executor: Box<dyn tare_core::Executor>) -> Result<Lane<'static>> {
        let (path, record) = match &self.run.output {
            Output::File(path) => (path.to_path_buf(), record),
            Output::Folder(folder) => {
                let earlier = folder.earlier(name, &record)?;
                (folder.record(name), earlier.unwrap_or(record))
            }
        };
        self.recorder.add(name, &path, &record)?;
        Ok(Lane {
            name: name.to_owned(),
            record,
            executor,
        })
    }

    /// The plan for Node, without engines that do not run there if others remain.
    fn runnable_in_node(&self) -> Plan {
        let mut plan = self.run.plan.clone();
        let runs = |engine: &EngineName| engine.spec().runs_in(EnvironmentKind::Node);
        for cell in &mut plan.cells {
            if cell.engines.iter().any(runs) {
                for engine in cell.engines.extract_if(.., |engine| !runs(engine)) {
                    self.recorder.say(&format!(
                        "{}: {engine} does not run in Node and is left out",
                        cell.model
                    ));
                }
            }
        }
        plan
    }
}
