//! Measuring in a real browser: serves the page on loopback and drives a browser through WebDriver.

mod driver;
mod find;
mod memory;
mod server;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use tare_core::{NamedTensor, bundle};
use tare_record::{Plan, Record, SelfCheck};
use tokio::runtime::Runtime;

use crate::selection::{Selection, command_line, record_path};
use crate::sink::tell;

pub(crate) use find::find_browsers;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    selection: Selection,
    #[command(flatten)]
    browser: InBrowser,
    /// Where to write the record; by default a dated file in this folder
    #[arg(short, long, value_name = "FILE.json")]
    output: Option<PathBuf>,
}

/// A browser, and the page that it opens.
#[derive(Debug, clap::Args)]
pub(crate) struct InBrowser {
    #[command(flatten)]
    browser: BrowserArgs,
    #[command(flatten)]
    serve: ServeArgs,
}

/// Which browser to drive, and how.
#[derive(Debug, clap::Args)]
pub(crate) struct BrowserArgs {
    /// chromium, chrome, firefox, or the path of a browser; by default the first that is found
    #[arg(long)]
    pub(crate) browser: Option<String>,
    /// Address of a WebDriver that runs already, for example <http://127.0.0.1:9515>
    #[arg(long, value_name = "URL")]
    pub(crate) webdriver: Option<String>,
    /// Show the browser's window
    #[arg(long)]
    pub(crate) headed: bool,
    /// Let Chromium offer WebGPU on its bundled software adapter, for machines without a GPU
    #[arg(long)]
    pub(crate) software_gpu: bool,
    /// One more argument for the browser; may be repeated
    #[arg(long, value_name = "ARG", allow_hyphen_values = true)]
    pub(crate) browser_arg: Vec<String>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct PageArgs {
    /// Folder of the built page; by default `dist` here or beside the program
    #[arg(long, value_name = "DIR")]
    page: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ServeArgs {
    #[command(flatten)]
    page: PageArgs,
    /// Port on loopback; by default any free one
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Serve without the headers that isolate the page: a coarse clock and no threads, as on most hosts
    #[arg(long)]
    not_isolated: bool,
}

impl PageArgs {
    /// The folder of the built page.
    pub(crate) fn folder(&self) -> Result<PathBuf> {
        let beside = std::env::current_exe()
            .ok()
            .and_then(|program| Some(program.parent()?.join("dist")));
        let candidates = match &self.page {
            Some(page) => vec![page.clone()],
            None => std::iter::once(PathBuf::from("dist")).chain(beside).collect(),
        };
        match candidates.iter().find(|folder| folder.join("index.html").is_file()) {
            Some(folder) => Ok(folder.clone()),
            None => {
                let looked: Vec<String> = candidates.iter().map(|folder| folder.display().to_string()).collect();
                bail!(
                    "found no built page (index.html) in {}\nhint: build it with `cargo xtask build`, or name its folder with --page",
                    looked.join(" or ")
                )
            }
        }
    }
}

pub(crate) fn run(args: &Args) -> Result<bool> {
    let plan = args.selection.plan_or("quick")?;
    let path = record_path(args.output.as_ref(), "browser");
    let record = args.browser.measure(plan, &args.selection.inputs()?, &path)?;
    tell(&record, &path);
    Ok(record.all_measured())
}

impl InBrowser {
    /// The folder of the built page.
    pub(crate) fn page_folder(&self) -> Result<PathBuf> {
        self.serve.page.folder()
    }

    /// The Vulkan driver that the browser computes with, if it was asked to compute on the CPU and brings one: natively the same adapter.
    pub(crate) fn software_vulkan(&self) -> Option<PathBuf> {
        let asked = self.browser.software_gpu.then_some(self.browser.browser.as_deref());
        find::software_vulkan(&find::choose(asked?).ok()?)
    }

    /// Measures a plan, and keeps the record at `path` as it grows.
    pub(crate) fn measure(&self, plan: Plan, inputs: &[NamedTensor], path: &Path) -> Result<Record> {
        let bundle = (!inputs.is_empty()).then(|| bundle::encode(inputs));
        let job = server::ServedJob::new(plan, bundle)?;
        let folder = self.page_folder()?;
        runtime()?.block_on(async {
            let address = server::start(&folder, &self.serve, Some(job)).await?;
            let page = format!("http://{address}/index.html?job=job.json");
            driver::measure(&self.browser, &page, path, &command_line()).await
        })
    }

    /// Checks known truths; a real cell is measured twice as often as `pairs` says.
    pub(crate) fn selftest(&self, pairs: u32) -> Result<Vec<SelfCheck>> {
        let folder = self.page_folder()?;
        runtime()?.block_on(async {
            let address = server::start(&folder, &self.serve, None).await?;
            let page = format!("http://{address}/index.html?selftest={pairs}");
            driver::selftest(&self.browser, &page).await
        })
    }
}

fn runtime() -> Result<Runtime> {
    Runtime::new().context("cannot start the server's runtime")
}

pub(crate) fn serve(args: &ServeArgs) -> Result<bool> {
    let folder = args.page.folder()?;
    runtime()?.block_on(async {
        let address = server::start(&folder, args, None).await?;
        println!("http://{address}/");
        tokio::signal::ctrl_c().await.context("cannot wait for Ctrl-C")
    })?;
    Ok(true)
}
