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

/// Time limit for the driver to listen.
const DRIVER_START: Duration = Duration::from_secs(20);
/// Time limit for the page to be ready.
const PAGE_START: Duration = Duration::from_secs(60);
/// Time between two queries of the page. Each query takes time from the browser, so they are rare.
const POLL: Duration = Duration::from_millis(500);

/// With fewer of these, Chromium 148 without a display offered an NVIDIA GPU's machine its software adapter, or none.
const HEADLESS_GPU: [&str; 6] = [
    "--enable-features=Vulkan",
    "--use-angle=vulkan",
    "--disable-vulkan-surface",
    "--ignore-gpu-blocklist",
    "--disable-gpu-compositing",
    "--disable-gpu-memory-buffer-video-frames",
];

/// A browser session. Dropping it stops the driver.
struct Opened {
    client: Client,
    driver: Option<Child>,
}

async fn open(args: &DriverArgs) -> Result<Opened> {
    let browser = choose(args.browser.as_deref());
    let (driver, url) = match &args.webdriver {
        Some(url) => (None, url.to_owned()),
        None => {
            let (driver, url) = start_driver(browser.as_ref().map_err(|error| anyhow!("{error}"))?).await?;
            (Some(driver), url)
        }
    };
    let client = ClientBuilder::new(hyper_connector())
        .capabilities(capabilities(browser.as_ref().ok(), args))
        .connect(&url)
        .await
        .with_context(|| format!("cannot open a browser through the WebDriver at {url}\nhint: install the same version of driver and browser"))?;
    Ok(Opened { client, driver })
}

/// Opens `page` in a browser, waits until it has measured, and writes the record to `path` after
/// every cell.
pub(crate) async fn measure(args: &DriverArgs, page: &str, path: &Path, command: &str) -> Result<Record> {
    let opened = open(args).await?;
    let outcome = tokio::select! {
        outcome = watch(&opened, page, path, command) => outcome,
        _ = tokio::signal::ctrl_c() => Err(anyhow!("interrupted; the measurements so far are in {}", path.display())),
    };
    // The browser may already be closed.
    let _ = opened.client.close().await;
    outcome
}

/// Opens `page` in a browser, waits until it has run the self-test, and returns the checks.
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

fn hyper_connector() -> hyper_util::client::legacy::connect::HttpConnector {
    hyper_util::client::legacy::connect::HttpConnector::new()
}

/// Starts the browser's driver on a free port. Returns the process, which is killed when dropped,
/// and its URL.
async fn start_driver(browser: &Browser) -> Result<(Child, String)> {
    let name = browser.kind.driver();
    let Some(program) = &browser.driver else {
        bail!(
            "found no {name} for {}\nhint: install it (Debian: apt-get install chromium-driver; Firefox: cargo install geckodriver), or pass the URL of a running one with --webdriver",
            browser.program.display()
        );
    };
    // Find a free port by binding one. It is released here, and the driver binds it a moment later.
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
        if let Some(status) = child.try_wait().context("cannot query the state of the driver")? {
            bail!("{} exited immediately ({status})", program.display());
        }
        if Instant::now() > deadline {
            bail!(
                "{} did not start to listen within {} s",
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
            // Disable background work, which would take time or use the network.
            arguments.extend(
                [
                    "--no-first-run",
                    "--disable-background-networking",
                    "--disable-component-update",
                    "--disable-sync",
                    "--disable-quic",
                    "--enable-unsafe-webgpu",
                    // The adapter's own name: with it, both sides can be seen to use the same one.
                    "--enable-webgpu-developer-features",
                    // Measure memory when the page asks for it and not some seconds later.
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
            if args.headless_gpu {
                arguments.extend(HEADLESS_GPU.map(String::from));
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

/// Script that returns the page's state, its record unless the record has the given length, and its
/// progress.
const QUERY: &str = "const record = document.getElementById('record')?.textContent ?? ''; \
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
    // Printed lines. They identify cells, because the final record may have another order.
    let mut printed = HashSet::new();
    let mut progress_line = ProgressLine::default();
    let mut known_length = 0;
    let mut last = None;
    loop {
        let answer = client
            .execute(QUERY, vec![json!(known_length)])
            .await
            .context("the browser or its tab is closed")?;
        let (state, text, progress): (String, String, String) =
            serde_json::from_value(answer).context("the page sent an unexpected answer")?;
        if let Some(memory) = &mut memory {
            memory.sample();
        }
        if !text.is_empty() {
            let mut record = Record::from_json(&text).context("cannot read the page's record")?;
            record.command = command.to_owned();
            if let Some(browser) = &mut record.machine.browser {
                browser.processes_peak_bytes = memory.as_ref().and_then(ProcessMemory::peak_bytes);
            }
            progress_line.clear();
            let rounds = record.plan.rules.rounds;
            let has_ended =
                |cell: &&Cell| record.complete || cell.status != Status::Measured || cell.rounds.len() >= rounds;
            for line in record.cells.iter().filter(has_ended).map(ended_line) {
                if printed.insert(line.clone()) {
                    eprintln!("{line}");
                }
            }
            write_record(path, &record)?;
            // JavaScript measures strings in UTF-16 code units.
            known_length = text.encode_utf16().count();
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
                    "the page was not ready after {} s\nhint: run `tare serve`, open the page by hand and look at the browser's console",
                    PAGE_START.as_secs()
                )
            }
            _ => progress_line.show(&progress),
        }
        sleep(POLL).await;
    }
}
