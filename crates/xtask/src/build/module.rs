//! The page's own module, after trunk has built it.

use std::path::PathBuf;

use anyhow::{Context, Result};
use wasmparser::{Parser, Payload};
use xshell::Shell;

use super::policy::with_policy;
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
        let folder = wasm_target().join("wasm32-unknown-unknown").join(profile.of_page());
        folder.join("tare-page.wasm")
    }

    /// What it weighs, as JSON.
    pub(crate) fn weight(self, sh: &Shell, with_brotli: bool) -> Result<String> {
        weigh(sh, &[self.path(sh)?], with_brotli)
    }

    /// Optimizes what ships, takes the names of functions out of others, as wasm-bindgen does for workers, and gives the page its policy: trunk
    /// does none of it.
    pub(super) fn finish(self, sh: &Shell, tools: &Tools, profile: Profile) -> Result<()> {
        let module = self.path(sh)?;
        match profile {
            Profile::Dist => optimize(sh, tools, &module, &[])?,
            Profile::Release => sh.write_file(&module, without_names(&sh.read_binary_file(&module)?)?)?,
        }
        // Last, because it names the scripts by their hashes.
        let index = dist().join("index.html");
        Ok(sh.write_file(&index, with_policy(&sh.read_file(&index)?)?)?)
    }
}

/// The module without its section of names.
fn without_names(module: &[u8]) -> Result<Vec<u8>> {
    let (mut kept, mut start) = (Vec::with_capacity(module.len()), 0);
    for payload in Parser::new(0).parse_all(module) {
        let payload = payload?;
        let end = match (&payload, payload.as_section()) {
            (Payload::Version { range, .. }, _) => range.end,
            (_, Some((_, range))) => range.end,
            _ => continue,
        };
        let is_names = matches!(&payload, Payload::CustomSection(section) if section.name() == "name");
        if !is_names {
            kept.extend_from_slice(&module[start..end]);
        }
        start = end;
    }
    Ok(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_are_taken_out() {
        let header = b"\0asm\x01\0\0\0";
        let types = [1, 4, 1, 0x60, 0, 0];
        let names = [0, 5, 4, b'n', b'a', b'm', b'e'];
        let producers = [0, 3, 2, b'p', b'r'];
        let module = [&header[..], &types, &names, &producers].concat();
        let expected = [&header[..], &types, &producers].concat();
        assert_eq!(without_names(&module).unwrap(), expected);
    }
}
