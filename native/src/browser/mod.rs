//! Browsers: finds them, and opens them through WebDriver.

mod find;
mod grid;
pub(crate) mod guard;
mod memory;
mod selftest;
mod session;

use std::path::PathBuf;

use anyhow::{Context, Result};
use tare_record::SelfCheck;
use tokio::runtime::Runtime;

use crate::commands::args::{BrowserArgs, DriverArgs, ServeArgs};
use crate::{interrupt, server};

use find::{choose, software_vulkan};

pub(crate) use find::find_browsers;
pub(crate) use memory::ProcessMemory;
pub(crate) use session::{Session, Wanted};

/// The browser that the options name: an installed one, or that of a WebDriver.
pub(crate) fn wanted(browser: Option<&str>, args: &DriverArgs) -> Result<Wanted> {
    if args.webdriver.is_empty() {
        return Ok(Wanted::Installed(choose(browser)?));
    }
    let (name, version) = match browser.map(|browser| browser.split_once(':').unwrap_or((browser, ""))) {
        Some((name, version)) => (Some(name), version),
        None => (None, ""),
    };
    Ok(Wanted::Remote {
        urls: args.webdriver.clone(),
        // Chromium's name in WebDriver.
        name: name.map(|name| if name == "chromium" { "chrome" } else { name }.to_owned()),
        version: Some(version.to_owned()).filter(|version| !version.is_empty()),
    })
}

/// The Vulkan driver of the browser's software adapter, if the options ask for that adapter. With
/// this driver, native processes use the same adapter as the browser.
pub(crate) fn vulkan_driver(wanted: &[Wanted], args: &DriverArgs) -> Option<PathBuf> {
    let mut installed = wanted.iter().filter_map(|wanted| match wanted {
        Wanted::Installed(browser) => software_vulkan(browser),
        Wanted::Remote { .. } => None,
    });
    installed.next().filter(|_| args.software_gpu)
}

/// Runs the self-test, which measures `pairs` pairs of a real cell.
pub(crate) fn selftest(args: &BrowserArgs, pairs: u32) -> Result<Vec<SelfCheck>> {
    let page = args.serve.page.find()?;
    let wanted = wanted(args.browser.as_deref(), &args.driver)?;
    interrupt::listen();
    runtime()?.block_on(async {
        let server = server::start(&page, &args.serve).await?;
        let url = format!("{}/index.html?selftest={pairs}", server.origin);
        selftest::selftest(&wanted, &args.driver(), &url).await
    })
}

/// Serves the page until Ctrl-C.
pub(crate) fn serve(args: &ServeArgs) -> Result<()> {
    let page = args.page.find()?;
    interrupt::listen();
    runtime()?.block_on(async {
        let server = server::start(&page, args).await?;
        println!("{}/", server.origin);
        interrupt::interrupted().await;
        Ok(())
    })
}

/// What drives servers, browsers and processes.
pub(crate) fn runtime() -> Result<Runtime> {
    Runtime::new().context("cannot start the program's runtime")
}
