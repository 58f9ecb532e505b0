//! Measures in a real browser: serves the page on loopback and drives the browser through
//! WebDriver.

mod driver;
mod find;
mod memory;
mod server;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tare_core::{NamedTensor, tensor_codec};
use tare_record::{Plan, Record, SelfCheck};
use tokio::runtime::Runtime;

use crate::commands::args::{BrowserArgs, DriverArgs, ServeArgs};
use crate::record_path::command_line;

pub(crate) use find::find_browsers;

/// The Vulkan driver of the browser's software adapter, if the options ask for that adapter. With
/// this driver, native processes use the same adapter as the browser.
pub(crate) fn software_vulkan(args: &DriverArgs) -> Option<PathBuf> {
    let requested = args.software_gpu.then_some(args.browser.as_deref());
    find::software_vulkan(&find::choose(requested?).ok()?)
}

/// Measures a plan and keeps the record at `path` up to date.
pub(crate) fn measure(args: &BrowserArgs, plan: Plan, inputs: &[NamedTensor], path: &Path) -> Result<Record> {
    let inputs = (!inputs.is_empty()).then(|| tensor_codec::encode(inputs));
    let job = server::ServedJob::new(plan, inputs)?;
    let page = args.serve.page.find()?;
    runtime()?.block_on(async {
        let address = server::start(&page, &args.serve, Some(job)).await?;
        let url = format!("http://{address}/index.html?job=job.json");
        driver::measure(&args.driver, &url, path, &command_line()).await
    })
}

/// Runs the self-test, which measures `pairs` pairs of a real cell.
pub(crate) fn selftest(args: &BrowserArgs, pairs: u32) -> Result<Vec<SelfCheck>> {
    let page = args.serve.page.find()?;
    runtime()?.block_on(async {
        let address = server::start(&page, &args.serve, None).await?;
        let url = format!("http://{address}/index.html?selftest={pairs}");
        driver::selftest(&args.driver, &url).await
    })
}

/// Serves the page until Ctrl-C.
pub(crate) fn serve(args: &ServeArgs) -> Result<()> {
    let page = args.page.find()?;
    runtime()?.block_on(async {
        let address = server::start(&page, args, None).await?;
        println!("http://{address}/");
        tokio::signal::ctrl_c().await.context("cannot wait for Ctrl-C")
    })
}

fn runtime() -> Result<Runtime> {
    Runtime::new().context("cannot start the server's runtime")
}
