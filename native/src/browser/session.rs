//! Opens browsers through WebDriver: with a driver of its own, or at an address that is given.

use std::path::Path;
use std::sync::Once;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use fantoccini::error::NewSessionError;
use fantoccini::{Client, ClientBuilder};
use serde_json::{Map, Value, json};
use tokio::net::TcpStream;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep, timeout_at};

use super::find::{Browser, Kind};
use super::grid;
use super::guard::Guarded;
use crate::commands::args::DriverArgs;
use crate::interrupt::interrupted;
use crate::machine::is_superuser;

/// Time limit for the driver to listen.
const DRIVER_START: Duration = Duration::from_secs(20);
/// How often it is started, each time on another port.
const DRIVER_STARTS: usize = 3;
/// Time limit for a browser of this machine to start.
const BROWSER_START: Duration = Duration::from_secs(60);
/// Time limit for a browser to close.
const CLOSE: Duration = Duration::from_secs(10);
/// A Selenium Grid ends sessions that it hears nothing of for five minutes.
const KEEP_ALIVE: Duration = Duration::from_secs(60);
/// Longest wait between two attempts to open a session.
const LONGEST_WAIT: Duration = Duration::from_secs(15);

/// With fewer of these, Chromium 148 without a display offered an NVIDIA GPU's machine its software adapter, or none.
const HEADLESS_GPU: [&str; 6] = [
    "--enable-features=Vulkan",
    "--use-angle=vulkan",
    "--disable-vulkan-surface",
    "--ignore-gpu-blocklist",
    "--disable-gpu-compositing",
    "--disable-gpu-memory-buffer-video-frames",
];

/// Chromium refuses to start with it.
const NO_SANDBOX: &str =
    "as root, Chromium runs without its sandbox; measure pages and models of strangers as another user";

/// The browser that a session is opened in.
#[derive(Debug, Clone)]
pub(crate) enum Wanted {
    /// An installed one, with its driver.
    Installed(Browser),
    /// One that a WebDriver has.
    Remote {
        /// Addresses of WebDrivers, tried one after the other.
        urls: Vec<String>,
        /// Its name in WebDriver, for example `chrome`.
        name: Option<String>,
        /// Its version.
        version: Option<String>,
    },
}

/// A browser session. Dropping it ends a driver that was started for it, with its browser.
pub(crate) struct Session {
    pub(crate) client: Client,
    guard: Option<Guarded>,
    keep_alive: Option<AbortHandle>,
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Some(task) = &self.keep_alive {
            task.abort();
        }
    }
}

impl Session {
    /// Opens a browser.
    pub(crate) async fn open(wanted: &Wanted, args: &DriverArgs) -> Result<Self> {
        match wanted {
            Wanted::Installed(browser) => {
                if browser.kind == Kind::Chromium && is_superuser() {
                    static SAID: Once = Once::new();
                    SAID.call_once(|| eprintln!("{NO_SANDBOX}"));
                }
                let (guard, url) = start_driver(browser).await?;
                let capabilities = capabilities(wanted, args);
                match connect(&url, &capabilities, Instant::now() + BROWSER_START).await {
                    Ok(client) => Ok(Self {
                        client,
                        guard: Some(guard),
                        keep_alive: None,
                    }),
                    Err(error) => {
                        guard.end().await;
                        let program = browser.program.display();
                        Err(error).with_context(|| format!("cannot start {program} by its driver\nhint: install the same version of driver and browser"))
                    }
                }
            }
            Wanted::Remote { urls, .. } => {
                let client = remote(urls, &capabilities(wanted, args), args.session_limit).await?;
                Ok(Self {
                    keep_alive: Some(tokio::spawn(keep_alive(client.clone())).abort_handle()),
                    client,
                    guard: None,
                })
            }
        }
    }

    /// Process number from which driver and browser descend, if they run on this machine.
    pub(crate) fn process(&self) -> Option<u32> {
        self.guard.as_ref().and_then(Guarded::id)
    }

    /// Whether the driver has ended.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.guard.as_mut().is_some_and(Guarded::has_ended)
    }

    /// What the session says about its browser: name, version, platform.
    pub(crate) fn describe(&self) -> String {
        let capabilities = self.client.capabilities();
        let text = |key: &str| capabilities.and_then(|all| all.get(key)?.as_str()).unwrap_or("unknown");
        format!(
            "{} {} on {}",
            text("browserName"),
            text("browserVersion"),
            text("platformName")
        )
    }

    /// Closes the browser.
    pub(crate) async fn close(mut self) {
        // It may be closed already, or hang.
        let _ = tokio::time::timeout(CLOSE, self.client.clone().close()).await;
        if let Some(guard) = self.guard.take() {
            guard.end().await;
        }
    }
}

/// Asks the browser for its address now and then, while others measure.
async fn keep_alive(client: Client) {
    loop {
        sleep(KEEP_ALIVE).await;
        if client.current_url().await.is_err() {
            return;
        }
    }
}

async fn connect(url: &str, capabilities: &Map<String, Value>, deadline: Instant) -> Result<Client> {
    let mut builder = ClientBuilder::new(hyper_util::client::legacy::connect::HttpConnector::new());
    builder.capabilities(capabilities.clone());
    tokio::select! {
        connected = timeout_at(deadline, builder.connect(url)) => match connected {
            Ok(connected) => Ok(connected?),
            Err(_) => bail!("no answer in time"),
        },
        () = interrupted() => bail!("interrupted"),
    }
}

/// Opens a session at one of the addresses, and tries again while that may help.
async fn remote(urls: &[String], capabilities: &Map<String, Value>, limit_s: u64) -> Result<Client> {
    let deadline = Instant::now() + Duration::from_secs(limit_s);
    let mut wait = Duration::from_secs(1);
    loop {
        let mut errors = Vec::new();
        for url in urls {
            match connect(url, capabilities, deadline).await {
                Ok(client) => return Ok(client),
                Err(error) => {
                    let grid = grid::describe(url).await;
                    if is_final(&error, !grid.is_empty()) {
                        return Err(error)
                            .with_context(|| format!("the WebDriver at {url} opens no such session{grid}"));
                    }
                    errors.push(format!("{url}: {error:#}{grid}"));
                }
            }
        }
        if Instant::now() + wait >= deadline {
            bail!(
                "no WebDriver opened a session within {limit_s} s: {}\nhint: is the address right, has a node the browser, and is one free? --session-limit sets how long to wait",
                errors.join("; ")
            );
        }
        eprintln!("{}; trying again in {} s", errors.join("; "), wait.as_secs());
        tokio::select! {
            () = sleep(wait) => {}
            () = interrupted() => bail!("interrupted"),
        }
        wait = (2 * wait).min(LONGEST_WAIT);
    }
}

/// Whether another attempt would fail in the same way. A grid may have a free node later.
fn is_final(error: &anyhow::Error, is_grid: bool) -> bool {
    match error.downcast_ref::<NewSessionError>() {
        Some(NewSessionError::BadWebdriverUrl(_)) => true,
        Some(NewSessionError::SessionNotCreated(_)) => !is_grid,
        Some(_) => false,
        None => error.to_string() == "interrupted",
    }
}

/// Starts the browser's driver on a free port. Returns its guard and its URL.
async fn start_driver(browser: &Browser) -> Result<(Guarded, String)> {
    let name = browser.kind.driver();
    let Some(program) = &browser.driver else {
        bail!(
            "found no {name} for {}\nhint: install it (Debian: apt-get install chromium-driver; Firefox: cargo install geckodriver), or pass the URL of a running one with --webdriver",
            browser.program.display()
        );
    };
    for _ in 0..DRIVER_STARTS {
        if let Some(started) = driver_on_free_port(program, browser.kind).await? {
            return Ok(started);
        }
    }
    bail!("{} exited immediately", program.display())
}

/// Starts a driver once. `None` if it ends at once, as when another program takes its port first.
async fn driver_on_free_port(program: &Path, kind: Kind) -> Result<Option<(Guarded, String)>> {
    // Find a free port by binding one. It is released here, and the driver binds it a moment later.
    let port = std::net::TcpListener::bind(("127.0.0.1", 0))
        .and_then(|free| free.local_addr())
        .context("no free port")?
        .port();
    let mut arguments = vec![format!("--port={port}")];
    if kind == Kind::Firefox {
        // Two drivers would otherwise ask for the same one.
        arguments.push("--websocket-port=0".into());
    }
    let mut guard = Guarded::start(program, &arguments)?;
    let deadline = Instant::now() + DRIVER_START;
    while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
        if guard.has_ended() {
            return Ok(None);
        }
        if Instant::now() > deadline {
            guard.end().await;
            return Err(anyhow!(
                "{} did not start to listen within {} s",
                program.display(),
                DRIVER_START.as_secs()
            ));
        }
        sleep(Duration::from_millis(20)).await;
    }
    Ok(Some((guard, format!("http://127.0.0.1:{port}"))))
}

fn capabilities(wanted: &Wanted, args: &DriverArgs) -> Map<String, Value> {
    let mut all = Map::new();
    let kind = match wanted {
        Wanted::Installed(browser) => browser.kind,
        Wanted::Remote { name, version, .. } => {
            for (key, value) in [("browserName", name), ("browserVersion", version)] {
                if let Some(value) = value {
                    all.insert(key.into(), json!(value));
                }
            }
            Kind::of(name.as_deref().unwrap_or_default())
        }
    };
    if args.accepts_any_certificate {
        all.insert("acceptInsecureCerts".into(), json!(true));
    }
    let mut arguments: Vec<String> = Vec::new();
    let key = match kind {
        Kind::Chromium => {
            arguments.extend(chromium_arguments(args, matches!(wanted, Wanted::Installed(_))));
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
    if let Wanted::Installed(browser) = wanted {
        inner["binary"] = json!(browser.program);
    }
    all.insert(key.to_owned(), inner);
    all
}

fn chromium_arguments(args: &DriverArgs, is_here: bool) -> Vec<String> {
    // Disable background work, which would take time or use the network.
    let mut arguments = vec![
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
    ];
    if !args.headed {
        arguments.push("--headless");
    }
    if is_here && is_superuser() {
        arguments.push("--no-sandbox");
    }
    if args.software_gpu {
        arguments.extend(["--use-webgpu-adapter=swiftshader", "--enable-unsafe-swiftshader"]);
    }
    if args.headless_gpu {
        arguments.extend(HEADLESS_GPU);
    }
    arguments.into_iter().map(String::from).collect()
}
