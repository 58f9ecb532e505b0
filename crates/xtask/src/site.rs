//! The page as a folder for any web server.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use sha2::{Digest, Sha256};
use xshell::Shell;

use crate::build::{self, Profile, copy_folder};
use crate::docs::ship_licenses;
use crate::paths::{dist, target};
use crate::setup::Tools;

/// How the page names the folder of its workers.
const WORKERS: &str = "data-workers=\"workers\"";

/// Builds the page, and copies it for web servers.
pub(crate) fn site(sh: &Shell) -> Result<()> {
    let tools = Tools::prepare(sh)?;
    build::page(sh, &tools, Profile::Dist)?;
    println!("{}", of_page(sh)?.display());
    Ok(())
}

/// Copies the built page.
pub(crate) fn of_page(sh: &Shell) -> Result<PathBuf> {
    let site = target().join("site");
    sh.remove_path(&site)?;
    copy(sh, &dist(), &site)?;
    ship_licenses(sh, &site)?;
    Ok(site)
}

/// Copies a page. Its workers get a folder whose name changes with their contents, so that caches may keep them for ever.
fn copy(sh: &Shell, page: &Path, site: &Path) -> Result<()> {
    copy_folder(sh, page, site)?;
    let workers = site.join("workers");
    let mut hash = Sha256::new();
    add(sh, &workers, &mut hash)?;
    let name = format!("workers-{}", &hex(&hash.finalize())[..16]);
    std::fs::rename(&workers, site.join(&name))?;
    let index = site.join("index.html");
    let html = sh.read_file(&index)?;
    if html.matches(WORKERS).count() != 1 {
        bail!("the page has no {WORKERS}");
    }
    // The copy may be a link to the file.
    sh.remove_path(&index)?;
    sh.write_file(&index, html.replace(WORKERS, &format!("data-workers=\"{name}\"")))?;
    Ok(())
}

/// Adds names and contents of all files in a folder.
fn add(sh: &Shell, folder: &Path, hash: &mut Sha256) -> Result<()> {
    let mut paths = sh.read_dir(folder)?;
    paths.sort();
    for path in paths {
        hash.update(path.file_name().unwrap_or_default().as_encoded_bytes());
        if path.is_dir() {
            add(sh, &path, hash)?;
        } else {
            hash.update(sh.read_binary_file(&path)?);
        }
    }
    Ok(())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workers_are_named_by_their_contents() {
        let folder = tempfile::tempdir().unwrap();
        let sh = Shell::new().unwrap();
        let page = folder.path().join("page");
        let names = ["first", "again", "changed"].map(|site| {
            let worker = if site == "changed" { "2" } else { "1" };
            sh.write_file(page.join("workers/snippets/a.js"), worker).unwrap();
            sh.write_file(page.join("index.html"), format!("<body {WORKERS}>"))
                .unwrap();
            let site = folder.path().join(site);
            copy(&sh, &page, &site).unwrap();
            let index = sh.read_file(site.join("index.html")).unwrap();
            let name = index.split('"').nth(1).unwrap().to_owned();
            assert_eq!(sh.read_file(site.join(&name).join("snippets/a.js")).unwrap(), worker);
            name
        });
        assert!(
            names[0].starts_with("workers-") && names[0] == names[1] && names[1] != names[2],
            "{names:?}"
        );
        // The page itself is as it was.
        assert!(sh.read_file(page.join("index.html")).unwrap().contains(WORKERS));
        sh.write_file(page.join("index.html"), "<body>").unwrap();
        assert!(copy(&sh, &page, &folder.path().join("other")).is_err());
    }
}
