//! Drives a browser through WebDriver and collects the record that its page makes.

use std::collections::HashSet;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use fantoccini::{Client, ClientBuilder};
use serde_json::{Map, Value, json};
use tare_record::{Cell, Record, SelfCheck, Status};
use tare_report::ended_line;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep};

use super::find::{Browser, Kind, choose};
use super::memory::ProcessMemory;
use crate::commands::args::DriverArgs;
use crate::machine::is_superuser;
use crate::progress_line::ProgressLine;
use crate::record_writer::write_record;

/// A driver that does not listen after so long does not work.
const DRIVER_START: Duration = Duration::from_secs(20);
/// A page that is not ready after so long does not work.
const PAGE_START: Duration = Duration::from_secs(60);
/// Time between two looks at the page: seldom, because each look takes time from the browser.
const POLL: Duration = Duration::from_millis(500);

/// A browser that is driven. Its driver ends with this value.
struct Opened {
    client: Client,
    driver: Option<Child>,
}

async fn open(args: &DriverArgs) -> Result<Opened> {
    let browser = choose(args.browser.as_deref());
    let (driver, address) = match &args.webdriver {
        Some(address) => (None, address.to_owned()),
        None => {
            let (driver, address) = start_driver(browser.as_ref().map_err(|error| anyhow!("{error}"))?).await?;
            (Some(driver), address)
        }
    };
    let client = ClientBuilder::new(hyper_connector())
        .capabilities(capabilities(browser.as_ref().ok(), args))
        .connect(&address)
        .await
        .with_context(|| format!("cannot open a browser through the WebDriver at {address}\nhint: driver and browser must be of the same version"))?;
    Ok(Opened { client, driver })
}

/// Opens `page` in a browser, waits until it has measured, and writes the record to `path` after every cell.
pub(crate) async fn measure(args: &DriverArgs, page: &str, path: &Path, command: &str) -> Result<Record> {
    let opened = open(args).await?;
    let outcome = tokio::select! {
        outcome = watch(&opened, page, path, command) => outcome,
        _ = tokio::signal::ctrl_c() => Err(anyhow!("interrupted; what was measured until now is in {}", path.display())),
    };
    // The browser may be gone already.
    let _ = opened.client.close().await;
    outcome
}

/// Opens `page` in a browser, waits until it has checked the browser, and returns how that came out.
pub(crate) async fn selftest(args: &DriverArgs, page: &str) -> Result<Vec<SelfCheck>> {
    let opened = open(args).await?;
    let outcome = tokio::select! {
        outcome = watch_selftest(&opened.client, page) => outcome,
        _ = tokio::signal::ctrl_c() => Err(anyhow!("interrupted")),
    };
    let _ = opened.client.close().await;
    outcome
}

async fn watch_selftest(client: &Client, page: &str) -> Result<Vec<SelfCheck>> {
    const LOOK: &str = "return [document.body?.dataset.state ?? 'loading', \
        document.getElementById('checks')?.textContent ?? '', document.getElementById('note')?.textContent ?? ''];";
    client
        .goto(page)
        .await
        .with_context(|| format!("the browser cannot open {page}"))?;
    let started = Instant::now();
    let mut running = false;
    loop {
        let looked = client
            .execute(LOOK, vec![])
            .await
            .context("the browser or its tab is gone")?;
        let (state, checks, note): (String, String, String) =
            serde_json::from_value(looked).context("the page answered nonsense")?;
        if !checks.is_empty() {
            return serde_json::from_str(&checks).context("the page's checks cannot be read");
        }
        match state.as_str() {
            "running" => running = true,
            "error" => bail!("the page failed: {note}"),
            "ready" if running => bail!("{note}"),
            _ if !running && started.elapsed() > PAGE_START => {
                bail!("the page did not begin to check after {} s", PAGE_START.as_secs())
            }
            _ => {}
        }
        sleep(POLL).await;
    }
}

fn hyper_connector() -> hyper_util::client::legacy::connect::HttpConnector {
    hyper_util::client::legacy::connect::HttpConnector::new()
}

/// Starts the browser's driver on a free port; it ends with the value that is returned.
async fn start_driver(browser: &Browser) -> Result<(Child, String)> {
    let name = browser.kind.driver();
    let Some(program) = &browser.driver else {
        bail!(
            "found no {name} for {}\nhint: install it (Debian: apt-get install chromium-driver; Firefox: cargo install geckodriver), or name a running one with --webdriver",
            browser.program.display()
        );
    };
    // Bound and let go: the driver takes it a moment later.
    let port = std::net::TcpListener::bind(("127.0.0.1", 0))
        .and_then(|free| free.local_addr())
        .context("no free port")?
        .port();
    let mut child = Command::new(program)
        .arg(format!("--port={port}"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("cannot start {}", program.display()))?;
    let deadline = Instant::now() + DRIVER_START;
    while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
        if let Some(status) = child.try_wait().context("cannot ask for the driver's state")? {
            bail!("{} ended at once ({status})", program.display());
        }
        if Instant::now() > deadline {
            bail!(
                "{} does not listen after {} s",
                program.display(),
                DRIVER_START.as_secs()
            );
        }
        sleep(Duration::from_millis(50)).await;
    }
    Ok((child, format!("http://127.0.0.1:{port}")))
}

fn capabilities(browser: Option<&Browser>, args: &DriverArgs) -> Map<String, Value> {
    let mut arguments: Vec<String> = Vec::new();
    let key = match browser.map_or(Kind::Chromium, |browser| browser.kind) {
        Kind::Chromium => {
            // Nothing in the background that would take time or ask the network.
            arguments.extend(
                [
                    "--no-first-run",
                    "--disable-background-networking",
                    "--disable-component-update",
                    "--disable-sync",
                    "--disable-quic",
                    "--enable-unsafe-webgpu",
                    // Memory is counted when the page asks, not some seconds later.
                    "--enable-blink-features=ForceEagerMeasureMemory",
                ]
                .map(String::from),
            );
            if !args.headed {
                arguments.push("--headless".into());
            }
            if is_superuser() {
                arguments.push("--no-sandbox".into());
            }
            if args.software_gpu {
                arguments.extend(["--use-webgpu-adapter=swiftshader", "--enable-unsafe-swiftshader"].map(String::from));
            }
            "goog:chromeOptions"
        }
        Kind::Firefox => {
            if !args.headed {
                arguments.push("-headless".into());
            }
            "moz:firefoxOptions"
        }
    };
    arguments.extend(args.browser_arg.iter().cloned());
    let mut inner = json!({ "args": arguments });
    if let Some(browser) = browser {
        inner["binary"] = json!(browser.program);
    }
    Map::from_iter([(key.to_owned(), inner)])
}

/// What the page says of itself: its state, its record if that grew beyond the given length, and its progress.
const LOOK: &str = "const record = document.getElementById('record')?.textContent ?? ''; \
    return [document.body?.dataset.state ?? 'loading', record.length === arguments[0] ? '' : record, \
    document.getElementById('progress-text')?.textContent ?? ''];";

async fn watch(opened: &Opened, page: &str, path: &Path, command: &str) -> Result<Record> {
    let client = &opened.client;
    let mut memory = opened.driver.as_ref().and_then(Child::id).map(ProcessMemory::below);
    client
        .goto(page)
        .await
        .with_context(|| format!("the browser cannot open {page}"))?;
    let started = Instant::now();
    // By their lines, because the last record has them in another order.
    let mut told = HashSet::new();
    let mut progress_line = ProgressLine::default();
    let mut known = 0;
    let mut last = None;
    loop {
        let looked = client
            .execute(LOOK, vec![json!(known)])
            .await
            .context("the browser or its tab is gone")?;
        let (state, text, progress): (String, String, String) =
            serde_json::from_value(looked).context("the page answered nonsense")?;
        if let Some(memory) = &mut memory {
            memory.look();
        }
        if !text.is_empty() {
            let mut record = Record::from_json(&text).context("the page made a record that cannot be read")?;
            record.command = command.to_owned();
            if let Some(browser) = &mut record.machine.browser {
                browser.processes_peak_bytes = memory.as_ref().and_then(ProcessMemory::peak_bytes);
            }
            progress_line.clear();
            let rounds = record.plan.rules.rounds;
            let has_ended =
                |cell: &&Cell| record.complete || cell.status != Status::Measured || cell.rounds.len() >= rounds;
            for line in record.cells.iter().filter(has_ended).map(ended_line) {
                if told.insert(line.clone()) {
                    eprintln!("{line}");
                }
            }
            write_record(path, &record)?;
            // In UTF-16 units, as JavaScript counts.
            known = text.encode_utf16().count();
            last = Some(record);
        }
        if state == "done"
            && let Some(record) = last
        {
            return Ok(record);
        }
        match state.as_str() {
            "error" => bail!("the page failed: {progress}"),
            "loading" if started.elapsed() > PAGE_START => {
                bail!(
                    "the page was not ready after {} s\nhint: open {page} by hand and look at the browser's console",
                    PAGE_START.as_secs()
                )
            }
            _ => progress_line.show(&progress),
        }
        sleep(POLL).await;
    }
}
