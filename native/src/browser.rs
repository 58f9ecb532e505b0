//! Measuring in a real browser: serves the page on loopback and drives a browser through WebDriver.

mod driver;
mod find;
mod server;

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use tare_core::bundle;

use crate::selection::{Selection, command_line, record_path};

pub(crate) use find::find_browsers;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    selection: Selection,
    /// chromium, chrome, firefox, or the path of a browser; by default the first that is found
    #[arg(long)]
    browser: Option<String>,
    /// Address of a WebDriver that runs already, for example <http://127.0.0.1:9515>
    #[arg(long, value_name = "URL")]
    webdriver: Option<String>,
    /// Show the browser's window
    #[arg(long)]
    headed: bool,
    /// Let Chromium offer WebGPU on its bundled software adapter, for machines without a GPU
    #[arg(long)]
    software_gpu: bool,
    /// One more argument for the browser; may be repeated
    #[arg(long, value_name = "ARG", allow_hyphen_values = true)]
    browser_arg: Vec<String>,
    #[command(flatten)]
    serve: ServeArgs,
    /// Where to write the record; by default a dated file in this folder
    #[arg(short, long, value_name = "FILE.json")]
    output: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ServeArgs {
    /// Folder of the built page; by default `dist` here or beside the program
    #[arg(long, value_name = "DIR")]
    page: Option<PathBuf>,
    /// Port on loopback; by default any free one
    #[arg(long, default_value_t = 0)]
    port: u16,
}

impl ServeArgs {
    /// The folder of the built page.
    fn folder(&self) -> Result<PathBuf> {
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
    let plan = args.selection.plan()?;
    let inputs = args.selection.inputs()?;
    let bundle = (!inputs.is_empty()).then(|| bundle::encode(&inputs));
    let job = server::ServedJob::new(plan, bundle)?;
    let folder = args.serve.folder()?;
    let path = record_path(args.output.as_ref(), "browser");
    let runtime = tokio::runtime::Runtime::new().context("cannot start the server's runtime")?;
    let record = runtime.block_on(async {
        let address = server::start(&folder, args.serve.port, Some(job)).await?;
        let options = driver::Options {
            browser: args.browser.as_deref(),
            webdriver: args.webdriver.as_deref(),
            headed: args.headed,
            software_gpu: args.software_gpu,
            arguments: &args.browser_arg,
        };
        let page = format!("http://{address}/index.html?job=job.json");
        driver::measure(&options, &page, &path, &command_line()).await
    })?;
    print!("{}", tare_report::terminal(std::slice::from_ref(&record)));
    eprintln!("record: {}", path.display());
    Ok(record.all_measured())
}

pub(crate) fn serve(args: &ServeArgs) -> Result<bool> {
    let folder = args.folder()?;
    let runtime = tokio::runtime::Runtime::new().context("cannot start the server's runtime")?;
    runtime.block_on(async {
        let address = server::start(&folder, args.port, None).await?;
        println!("http://{address}/");
        tokio::signal::ctrl_c().await.context("cannot wait for Ctrl-C")
    })?;
    Ok(true)
}
