//! The self-test of a page.

use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use fantoccini::Client;
use tare_record::SelfCheck;
use tokio::time::{Instant, sleep};

use super::session::{Session, Wanted};
use crate::commands::args::DriverArgs;
use crate::interrupt::interrupted;

/// Time limit for the page to be ready.
const PAGE_START: Duration = Duration::from_secs(60);
/// Time between two queries of the page. Each query takes time from the browser, so they are rare.
const POLL: Duration = Duration::from_millis(500);

/// Opens `page` in a browser, waits until it has run the self-test, and returns the checks.
pub(super) async fn selftest(wanted: &Wanted, args: &DriverArgs, page: &str) -> Result<Vec<SelfCheck>> {
    let session = Session::open(wanted, args).await?;
    let outcome = tokio::select! {
        outcome = watch(&session.client, page) => outcome,
        () = interrupted() => Err(anyhow!("interrupted")),
    };
    session.close().await;
    outcome
}

async fn watch(client: &Client, page: &str) -> Result<Vec<SelfCheck>> {
    const QUERY: &str = "return [document.body?.dataset.state ?? 'loading', \
        document.getElementById('checks')?.textContent ?? '', document.getElementById('note')?.textContent ?? ''];";
    client
        .goto(page)
        .await
        .with_context(|| format!("the browser cannot open {page}"))?;
    let started = Instant::now();
    let mut running = false;
    loop {
        let answer = client
            .execute(QUERY, vec![])
            .await
            .context("the browser or its tab is closed")?;
        let (state, checks, note): (String, String, String) =
            serde_json::from_value(answer).context("the page sent an unexpected answer")?;
        if !checks.is_empty() {
            return serde_json::from_str(&checks).context("cannot read the page's checks");
        }
        match state.as_str() {
            "running" => running = true,
            "error" => bail!("the page failed: {note}"),
            "ready" if running => bail!("{note}"),
            _ if !running && started.elapsed() > PAGE_START => {
                bail!("the page did not start its checks within {} s", PAGE_START.as_secs())
            }
            _ => {}
        }
        sleep(POLL).await;
    }
}
