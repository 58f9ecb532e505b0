//! A browser that a test operates as a person does.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use fantoccini::{Client, ClientBuilder};
use serde_json::{Value, json};

use super::processes::mark;
use super::{Sandbox, page};

/// A program that is killed at the end of the test.
pub(crate) struct Running(pub(crate) Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Serves the built page. Returns the server and the page's address.
pub(crate) fn serve_page(sandbox: &Sandbox) -> (Running, String) {
    let mut serve = sandbox.command("serve");
    let serve = serve.args(["--page", &page()]).stdout(Stdio::piped());
    let mut server = Running(serve.spawn().unwrap());
    let mut address = String::new();
    BufReader::new(server.0.stdout.take().unwrap())
        .read_line(&mut address)
        .unwrap();
    (server, address.trim().to_owned())
}

/// A port that is free now.
pub(crate) fn free_port() -> u16 {
    let free = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    free.local_addr().unwrap().port()
}

/// Opens Chromium, which saves downloads in the sandbox and accepts any certificate.
pub(crate) async fn open_browser(sandbox: &Sandbox) -> (Client, Running) {
    open_chromium(Command::new("chromedriver"), sandbox, &[]).await
}

/// The same with WebGPU on a graphics adapter that computes on the CPU. Its processes belong to the sandbox.
pub(crate) async fn open_browser_with_webgpu(sandbox: &Sandbox) -> (Client, Running) {
    let switches = [
        "--enable-unsafe-webgpu",
        "--use-webgpu-adapter=swiftshader",
        "--enable-unsafe-swiftshader",
    ];
    let mut driver = Command::new("chromedriver");
    mark(&mut driver, sandbox);
    open_chromium(driver, sandbox, &switches).await
}

async fn open_chromium(driver: Command, sandbox: &Sandbox, switches: &[&str]) -> (Client, Running) {
    let switches = [&["--headless", "--no-sandbox", "--window-size=1100,1400"], switches].concat();
    let options = json!({
        "args": switches,
        "prefs": { "download.default_directory": sandbox.path("") },
    });
    open(driver, "goog:chromeOptions", options).await
}

/// Opens Firefox in the same way, if `cargo xtask test` could install it.
pub(crate) async fn open_firefox(sandbox: &Sandbox) -> Option<(Client, Running)> {
    let Some(driver) = std::env::var_os("TARE_GECKODRIVER") else {
        eprintln!("skipped: TARE_GECKODRIVER is not set: run `cargo xtask test`, or set it to a geckodriver");
        return None;
    };
    let prefs = json!({
        "browser.download.folderList": 2,
        "browser.download.dir": sandbox.path(""),
        "browser.download.useDownloadDir": true,
    });
    let options = json!({ "args": ["-headless", "-width=1100", "-height=1400"], "prefs": prefs });
    Some(open(Command::new(driver), "moz:firefoxOptions", options).await)
}

async fn open(mut driver: Command, name: &str, options: Value) -> (Client, Running) {
    let port = free_port();
    driver.arg(format!("--port={port}")).stdout(Stdio::null());
    let driver = Running(driver.spawn().unwrap());
    wait_until("the driver listens", async || {
        std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
    })
    .await;
    let capabilities = [
        (name.to_owned(), options),
        ("acceptInsecureCerts".to_owned(), json!(true)),
    ];
    let client = ClientBuilder::new(hyper_util::client::legacy::connect::HttpConnector::new())
        .capabilities(capabilities.into_iter().collect())
        .connect(&format!("http://127.0.0.1:{port}"))
        .await
        .unwrap();
    (client, driver)
}

/// Whether a browser has saved a file: it reserves the name with an empty one.
pub(crate) fn is_saved(file: &Path) -> bool {
    file.metadata().is_ok_and(|metadata| metadata.len() > 0)
}

/// Waits until a condition holds. The limit ends a test that hangs; a run of several cells takes a minute on a busy machine.
pub(crate) async fn wait_until(what: &str, condition: impl AsyncFn() -> bool) {
    let start = Instant::now();
    while !condition().await {
        assert!(start.elapsed() < Duration::from_secs(300), "waited for 300 s: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
