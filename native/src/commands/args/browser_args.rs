//! Which browser to drive, and which page it opens.

use std::net::IpAddr;
use std::path::PathBuf;

use anyhow::{Result, bail};

use crate::page::Page;

/// The page of the clone that this program was built from. Empty in a program that holds its page.
const OF_CLONE: &str = env!("TARE_PAGE_OF_CLONE");

/// A browser, and the page that it opens.
#[derive(Debug, clap::Args)]
pub(crate) struct BrowserArgs {
    /// Browser: chromium, chrome, firefox, or its path [default: the first one found]
    #[arg(long)]
    pub(crate) browser: Option<String>,
    #[command(flatten)]
    pub(crate) driver: DriverArgs,
    #[command(flatten)]
    pub(crate) serve: ServeArgs,
}

/// How browsers are driven.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct DriverArgs {
    /// URL of a running WebDriver or Selenium Grid, for example <http://127.0.0.1:9515>; repeatable
    #[arg(long, value_name = "URL")]
    pub(crate) webdriver: Vec<String>,
    /// Time limit for a WebDriver to open a session, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    pub(crate) session_limit: u64,
    /// Show the browser's window
    #[arg(long)]
    pub(crate) headed: bool,
    /// Run WebGPU on Chromium's bundled software adapter, for machines without a GPU
    #[arg(long)]
    pub(crate) software_gpu: bool,
    /// Run WebGPU on this machine's GPU although there is no display (Chromium on Linux)
    #[arg(long, conflicts_with_all = ["software_gpu", "headed"])]
    pub(crate) headless_gpu: bool,
    /// Extra argument for the browser; repeatable
    #[arg(long, value_name = "ARG", allow_hyphen_values = true)]
    pub(crate) browser_arg: Vec<String>,
    /// Whether the page has a certificate that was made for the run.
    #[arg(skip)]
    pub(crate) accepts_any_certificate: bool,
}

impl BrowserArgs {
    /// How the browser is driven, for the page of these options.
    pub(crate) fn driver(&self) -> DriverArgs {
        self.driver.for_page(&self.serve)
    }
}

impl DriverArgs {
    /// How browsers are driven that open a page with these options.
    pub(crate) fn for_page(&self, serve: &ServeArgs) -> Self {
        Self {
            accepts_any_certificate: serve.listen.is_some(),
            ..self.clone()
        }
    }
}

#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct PageArgs {
    /// Folder of the built page [default: the page in this program, or else dist next to it or in the clone that it was built from]
    #[arg(long, value_name = "DIR")]
    page: Option<PathBuf>,
}

#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct ServeArgs {
    #[command(flatten)]
    pub(crate) page: PageArgs,
    /// Address of this machine at which other machines reach it: serves the page over TLS, with a
    /// certificate for this run [default: loopback, without TLS]
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) listen: Option<IpAddr>,
    /// Port [default: any free one]
    #[arg(long, default_value_t = 0, hide_default_value = true)]
    pub(crate) port: u16,
    /// Serve without cross-origin isolation, as most hosts do: a coarse clock and no threads
    #[arg(long)]
    pub(crate) not_isolated: bool,
}

impl PageArgs {
    /// Finds the built page.
    pub(crate) fn find(&self) -> Result<Page> {
        if self.page.is_none()
            && let Some(page) = Page::in_program()
        {
            return Ok(page);
        }
        let next_to_program = std::env::current_exe()
            .ok()
            .and_then(|program| Some(program.parent()?.join("dist")));
        // Not one of the current folder, which may be a stranger's: Node would run what is in it.
        let candidates: Vec<PathBuf> = match &self.page {
            Some(page) => vec![page.clone()],
            None => next_to_program.into_iter().chain([PathBuf::from(OF_CLONE)]).collect(),
        };
        match candidates.iter().find(|folder| folder.join("index.html").is_file()) {
            Some(folder) => Ok(Page::Folder(folder.clone())),
            None => {
                let searched: Vec<String> = candidates.iter().map(|folder| folder.display().to_string()).collect();
                bail!(
                    "found no built page (index.html) in {}\nhint: build it with `cargo xtask build`, or pass its folder with --page",
                    searched.join(" or ")
                )
            }
        }
    }
}
