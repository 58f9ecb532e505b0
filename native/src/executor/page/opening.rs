//! Opens the page in a browser.

use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::timeout;

use crate::browser::{ProcessMemory, Session, Wanted};
use crate::commands::args::DriverArgs;
use crate::interrupt::interrupted;
use crate::server::Server;
use crate::server::hub::Connection;

/// Time limit for a page to connect after its browser opened it.
const PAGE_START: Duration = Duration::from_secs(60);
/// Time limit for a page to say why it does not connect.
const LAST_NOTE: Duration = Duration::from_millis(500);

/// Who opens the page.
pub(super) enum Source {
    /// A browser that this program opens.
    Driven(Box<Driven>),
    /// A browser that a person opened.
    Invited,
}

pub(super) struct Driven {
    pub(super) wanted: Wanted,
    pub(super) args: DriverArgs,
    pub(super) session: Option<Session>,
    /// What the session says about its browser.
    pub(super) description: String,
}

pub(super) type Opened = (UnboundedReceiver<Connection>, Connection, Option<ProcessMemory>);

/// Opens the browser and its page.
pub(super) async fn open(source: &mut Source, server: &Server) -> Result<Opened> {
    let Source::Driven(driven) = source else {
        bail!("the browser left the run");
    };
    let mut opened = Session::open(&driven.wanted, &driven.args).await?;
    driven.description = opened.describe();
    match load_page(&mut opened, server).await {
        Ok((arrivals, connection)) => {
            let memory = opened.process().map(ProcessMemory::below);
            driven.session = Some(opened);
            Ok((arrivals, connection, memory))
        }
        Err(error) => {
            opened.close().await;
            Err(error)
        }
    }
}

/// Opens the page in a browser, and waits until it is connected.
pub(super) async fn load_page(
    session: &mut Session,
    server: &Server,
) -> Result<(UnboundedReceiver<Connection>, Connection)> {
    let (token, mut arrivals) = server.hub.expect();
    let link = server.link(&token);
    let client = &session.client;
    let load = async {
        client
            .goto(&link)
            .await
            .with_context(|| format!("the browser cannot open {}", server.origin))?;
        arrivals.recv().await.context("the server ended")
    };
    let loaded = tokio::select! {
        loaded = timeout(PAGE_START, load) => loaded,
        () = interrupted() => bail!("interrupted"),
    };
    match loaded {
        Ok(connection) => Ok((arrivals, connection?)),
        Err(_) => {
            const NOTE: &str = "return document.getElementById('progress-text')?.textContent ?? ''";
            let note = timeout(LAST_NOTE, client.execute(NOTE, vec![])).await;
            let note = note
                .ok()
                .and_then(Result::ok)
                .and_then(|note| note.as_str().map(str::to_owned));
            Err(anyhow!(
                "the page did not connect within {} s; it says {:?}\nhint: run `tare serve`, open the page by hand and look at the browser's console",
                PAGE_START.as_secs(),
                note.unwrap_or_default()
            ))
        }
    }
}
