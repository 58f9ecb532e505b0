//! Carries out requests in a page that is connected to this program.

mod link;
mod opening;

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Result, bail};
use async_trait::async_trait;
use bytes::Bytes;
use clap::ValueEnum;
use tare_core::{
    Attachments, Executor, MachineReading, OnProgress, Reply, WASM_MEMORY_BYTES, check_memory_budget, fallback_warning,
    hidden_tab_warning,
};
use tare_record::{
    Cell, CellRequest, EngineName, EnvironmentKind, Event, Failure, FailureKind, InteropCost, ModelSource, PageHello,
    PageMessage, PageWatch, Record, RunnerMessage, Status, Transport, Warning,
};
use tokio::sync::mpsc::UnboundedReceiver;

use crate::browser::{ProcessMemory, Wanted};
use crate::commands::args::DriverArgs;
use crate::interrupt::is_interrupted;
use crate::machine;
use crate::remote_model::fetch_if_remote;
use crate::server::Server;
use crate::server::hub::Connection;
use crate::serving::ServerProcess;
use link::{Link, Lost, died};
use opening::{Driven, Source, load_page, open};

/// Extra time after the limit of a cell, within which the page ends it itself.
const GRACE: Duration = Duration::from_secs(30);
/// Time limit of measuring interop or watching the page.
const PAGE_LIMIT: Duration = Duration::from_secs(300);
/// A browser that cannot be started again so often is given up.
const MAX_STARTS: usize = 2;

/// What is started anew for each round.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Fresh {
    /// The worker, as for every cell.
    Worker,
    /// The page.
    Page,
    /// The whole browser.
    #[default]
    Browser,
}

/// Runs cells in workers of a page.
pub(crate) struct PageExecutor {
    server: Server,
    link: Link,
    hello: Box<PageHello>,
    fresh: Fresh,
    round: usize,
    next_id: u64,
    /// How often in a row the browser could not be started.
    failed_starts: usize,
    gone: Option<String>,
    wants_outputs: bool,
    peak_bytes: Option<u64>,
    models: BTreeMap<String, (ModelSource, Bytes)>,
}

impl PageExecutor {
    /// Opens a browser.
    pub(crate) async fn driven(wanted: Wanted, args: &DriverArgs, server: &Server, fresh: Fresh) -> Result<Self> {
        let mut source = Source::Driven(Box::new(Driven {
            wanted,
            args: args.clone(),
            session: None,
            description: String::new(),
        }));
        let (arrivals, connection, memory) = open(&mut source, server).await?;
        let mut executor = Self::new(server, source, arrivals, connection, fresh);
        executor.link.memory = memory;
        Ok(executor)
    }

    /// Takes the page that a person opened.
    pub(crate) fn invited(server: &Server, arrivals: UnboundedReceiver<Connection>, connection: Connection) -> Self {
        Self::new(server, Source::Invited, arrivals, connection, Fresh::Worker)
    }

    fn new(
        server: &Server,
        source: Source,
        arrivals: UnboundedReceiver<Connection>,
        connection: Connection,
        fresh: Fresh,
    ) -> Self {
        Self {
            server: server.clone(),
            hello: connection.hello.clone(),
            link: Link {
                source,
                arrivals,
                connection: Some(connection),
                memory: None,
                was_hidden: false,
            },
            fresh,
            round: 0,
            next_id: 1,
            failed_starts: 0,
            gone: None,
            wants_outputs: false,
            peak_bytes: None,
            models: BTreeMap::new(),
        }
    }

    /// The same executor, which also brings the outputs of every cell.
    pub(crate) fn with_outputs(mut self, wants_outputs: bool) -> Self {
        self.wants_outputs = wants_outputs;
        self
    }

    /// What the page said about itself.
    pub(crate) fn hello(&self) -> &PageHello {
        &self.hello
    }

    /// Starts anew what a new round wants to be fresh.
    async fn prepare(&mut self, round: usize) -> Result<()> {
        let is_first = self.round == 0;
        let is_new = self.round != round && !is_first;
        self.round = round;
        if is_new && self.fresh == Fresh::Browser && matches!(self.link.source, Source::Driven(_)) {
            self.close().await;
        }
        if is_new
            && self.fresh == Fresh::Page
            && let Source::Driven(driven) = &mut self.link.source
            && let Some(session) = &mut driven.session
        {
            self.link.connection = None;
            let (arrivals, connection) = load_page(session, &self.server).await?;
            (self.link.arrivals, self.link.connection) = (arrivals, Some(connection));
        }
        if self.link.connection.is_none() {
            if matches!(self.link.source, Source::Invited) {
                bail!("the browser left the run");
            }
            self.close().await;
            let (arrivals, connection, memory) = open(&mut self.link.source, &self.server).await?;
            (self.link.arrivals, self.link.connection, self.link.memory) = (arrivals, Some(connection), memory);
        }
        Ok(())
    }

    /// Closes the browser, if this program opened it.
    pub(crate) async fn close(&mut self) {
        self.link.connection = None;
        self.note_memory();
        self.link.memory = None;
        if let Source::Driven(driven) = &mut self.link.source
            && let Some(session) = driven.session.take()
        {
            session.close().await;
        }
    }

    fn note_memory(&mut self) {
        self.peak_bytes = self
            .peak_bytes
            .max(self.link.memory.as_ref().and_then(ProcessMemory::peak_bytes));
    }

    /// The failure for a request that was not carried out. A browser of this program is closed, to be
    /// started again for the next request.
    async fn lose(&mut self, lost: Lost) -> Failure {
        match lost {
            Lost::Interrupted => Failure::new(FailureKind::Died, "the run was interrupted"),
            Lost::Left => {
                self.gone = Some("the browser left the run".into());
                Failure::new(FailureKind::Lost, "the browser left the run")
            }
            Lost::Died(why) => {
                self.close().await;
                if matches!(self.link.source, Source::Invited) {
                    self.gone = Some("the browser left the run".into());
                }
                Failure::new(FailureKind::Lost, format!("the browser was lost: {why}"))
            }
        }
    }

    /// Gets ready for a round.
    async fn ready(&mut self, round: usize) -> Result<(), Failure> {
        match self.prepare(round).await {
            Ok(()) => {
                self.failed_starts = 0;
                Ok(())
            }
            Err(error) => {
                self.close().await;
                self.failed_starts += 1;
                if self.failed_starts >= MAX_STARTS {
                    self.gone = Some("the browser could not be started again".into());
                }
                Err(Failure::new(FailureKind::Lost, format!("{error:#}")))
            }
        }
    }

    /// The server that the page sends the requests of a cell to, if it does.
    async fn server_of(
        &self,
        request: &CellRequest,
        attachments: &Attachments,
    ) -> Result<Option<ServerProcess>, Failure> {
        if request.sent_over().is_some_and(Transport::needs_server) && !self.server.is_on_loopback() {
            return Err(Failure::new(
                FailureKind::Unsupported,
                "the server of a model answers on loopback, which a page on another machine does not reach",
            )
            .with_hint("measure without --listen, or with the transport post-message"));
        }
        ServerProcess::of(request, attachments, Some(&self.server.origin)).await
    }

    fn id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    fn url(&self, bytes: Option<&Bytes>) -> Option<String> {
        bytes.map(|bytes| self.server.hub.attach(bytes))
    }
}

/// A worker that reached its time limit before it said anything: the browser does not start workers
/// any more.
fn never_began(reply: Reply) -> Result<Reply, Lost> {
    match &reply.event {
        Event::Done { cell } => match &cell.status {
            Status::TimedOut(failure) => Err(died(&failure.message)),
            _ => Ok(reply),
        },
        _ => Ok(reply),
    }
}

#[async_trait(?Send)]
impl Executor for PageExecutor {
    async fn execute(
        &mut self,
        request: &CellRequest,
        attachments: &Attachments,
        on_progress: &mut OnProgress<'_>,
    ) -> Reply {
        if let Err(failure) = self.ready(request.round).await {
            return Reply::unfinished(request, failure, is_interrupted(), None);
        }
        let server = match self.server_of(request, attachments).await {
            Ok(server) => server,
            Err(failure) => return Reply::unfinished(request, failure, is_interrupted(), None),
        };
        let id = self.id();
        let message = RunnerMessage::Execute {
            id,
            request: Box::new(CellRequest {
                server: server.as_ref().map(|server| server.url.clone()),
                ..request.clone()
            }),
            model: self.url(attachments.model.as_ref()),
            inputs: self.url(attachments.inputs.as_ref()),
            reference: self.url(attachments.reference.as_ref()),
            wants_outputs: self.wants_outputs,
        };
        let mut partial: Option<Box<Cell>> = None;
        let mut has_begun = false;
        let limit = Duration::from_secs(request.rules.cell_limit_s) + GRACE;
        let reply = self.link.talk(message, limit, |message, tensors| match message {
            PageMessage::Event { id: of, event, .. } if of == id => match event {
                Event::Progress { progress, cell } => {
                    on_progress(&progress, &cell);
                    has_begun = true;
                    partial = Some(cell);
                    None
                }
                event => Some(Reply { event, tensors }),
            },
            _ => None,
        });
        let outcome = match reply.await {
            Ok(reply) if !has_begun => never_began(reply),
            outcome => outcome,
        };
        match outcome {
            Ok(reply) => reply,
            Err(lost) => {
                let failure = self.lose(lost).await;
                Reply::unfinished(request, failure, self.stopped().is_some(), partial)
            }
        }
    }

    async fn model(&mut self, name: &str) -> Result<(ModelSource, Option<Bytes>), Failure> {
        if tare_models::is_built_in(name) {
            return Ok((ModelSource::BuiltIn { name: name.into() }, None));
        }
        if let Some((source, bytes)) = self.models.get(name) {
            return Ok((source.clone(), Some(bytes.clone())));
        }
        let path = match fetch_if_remote(name) {
            Some(fetched) => fetched?,
            None => name.into(),
        };
        let size = std::fs::metadata(&path)
            .map_err(|_| tare_models::not_found(name))?
            .len();
        check_memory_budget(name, size, WASM_MEMORY_BYTES)?;
        let bytes = Bytes::from(std::fs::read(&path).map_err(|_| tare_models::not_found(name))?);
        let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let source = ModelSource::Attached { name: file };
        self.models.insert(name.to_owned(), (source.clone(), bytes.clone()));
        Ok((source, Some(bytes)))
    }

    fn machine_reading(&mut self) -> Option<MachineReading> {
        // A WebDriver that was given may drive a browser elsewhere.
        let is_here = matches!(&self.link.source, Source::Driven(driven) if driven.args.webdriver.is_empty());
        is_here.then(machine::reading)
    }

    fn stopped(&self) -> Option<String> {
        if is_interrupted() {
            return Some("the run was canceled".into());
        }
        self.gone.clone()
    }

    fn environment(&self) -> EnvironmentKind {
        EnvironmentKind::Browser
    }

    fn default_engines(&mut self) -> (Vec<EngineName>, Option<Warning>) {
        let engine = self.hello.default_engine;
        let reason = self.hello.fallback.as_deref();
        (vec![engine], reason.map(|reason| fallback_warning(engine, reason)))
    }

    async fn measure_interop(&mut self) -> Result<Vec<InteropCost>, String> {
        self.ready(self.round).await.map_err(|failure| failure.message)?;
        let id = self.id();
        let costs = self.link.talk(
            RunnerMessage::MeasureInterop { id },
            PAGE_LIMIT,
            |message, _| match message {
                PageMessage::Interop { id: of, costs } if of == id => Some(costs),
                _ => None,
            },
        );
        match costs.await {
            Ok(costs) => costs,
            Err(lost) => Err(self.lose(lost).await.message),
        }
    }

    async fn watch_page(&mut self, request: &CellRequest, attachments: &Attachments) -> Result<Vec<PageWatch>, String> {
        self.ready(self.round).await.map_err(|failure| failure.message)?;
        let id = self.id();
        let message = RunnerMessage::WatchPage {
            id,
            request: Box::new(request.clone()),
            model: self.url(attachments.model.as_ref()),
        };
        let watches = self.link.talk(message, PAGE_LIMIT, |message, _| match message {
            PageMessage::Watched { id: of, watches } if of == id => Some(watches),
            _ => None,
        });
        match watches.await {
            Ok(watches) => watches,
            Err(lost) => Err(self.lose(lost).await.message),
        }
    }

    async fn finish(&mut self, record: &mut Record) {
        self.link
            .say_goodbye("The run is over. You can close this page: the report is where the run was started.")
            .await;
        self.close().await;
        if let Some(browser) = &mut record.machine.browser {
            browser.processes_peak_bytes = browser.processes_peak_bytes.max(self.peak_bytes);
            if let Source::Driven(driven) = &self.link.source {
                browser.session = Some(driven.description.clone());
            }
            browser.visible &= !self.link.was_hidden;
        }
        if self.link.was_hidden && !record.warnings.contains(&hidden_tab_warning()) {
            record.warnings.push(hidden_tab_warning());
        }
    }
}
