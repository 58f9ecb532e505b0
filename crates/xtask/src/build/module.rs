//! The page's own module, after trunk has built it.

use std::path::PathBuf;

use anyhow::{Context, Result};
use xshell::Shell;

use super::profile::Profile;
use super::workers::{optimize, weigh};
use crate::paths::{dist, wasm_target};
use crate::setup::Tools;

/// The page's module.
pub(crate) const PAGE: PageModule = PageModule;

/// The module of the page itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PageModule;

impl PageModule {
    /// The built module, whose name trunk gives it by its contents.
    pub(crate) fn path(self, sh: &Shell) -> Result<PathBuf> {
        let files = sh.read_dir(dist())?;
        let is_module = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "wasm");
        files
            .into_iter()
            .find(is_module)
            .context("trunk left no module in dist")
    }

    /// The module as cargo built it, with the names of its functions.
    pub(crate) fn as_built(self, profile: Profile) -> PathBuf {
        let folder = wasm_target().join("wasm32-unknown-unknown").join(profile.name());
        folder.join("tare-page.wasm")
    }

    /// What it weighs, as JSON.
    pub(crate) fn weight(self, sh: &Shell, with_brotli: bool) -> Result<String> {
        weigh(sh, &self.path(sh)?, with_brotli)
    }

    /// Optimizes what ships.
    pub(super) fn finish(self, sh: &Shell, tools: &Tools, profile: Profile) -> Result<()> {
        if profile == Profile::Dist {
            optimize(sh, tools, &self.path(sh)?, &[])?;
        }
        Ok(())
    }
}
