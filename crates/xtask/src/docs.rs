//! Documents that a command writes: results from committed records, the list of dependencies, and
//! the book.

mod license_texts;
mod performance;
mod results;
mod third_party;
mod written;

use anyhow::{Context, Result, bail};
use xshell::{Shell, cmd};

use crate::paths::{root, target};
use crate::reliability;
use crate::setup::mdbook;
use crate::step::step;
pub(crate) use performance::FOLDER_SUFFIX;
pub(crate) use third_party::ship as ship_licenses;
use written::Written;

/// Writes the documents and builds the book as HTML. With `check` nothing is written, and a
/// document that is out of date is an error.
pub(crate) fn docs(sh: &Shell, check: bool) -> Result<()> {
    if check {
        check_written(sh)?;
    } else {
        for (path, text) in written(sh)? {
            sh.write_file(root().join(path), text)?;
        }
    }
    let mdbook = mdbook(sh)?;
    let book = target().join("book");
    step("building the book");
    cmd!(sh, "{mdbook} build --dest-dir {book} docs").run()?;
    println!("{}", book.join("index.html").display());
    Ok(())
}

/// Fails if a written document is not what the command writes today.
pub(crate) fn check_written(sh: &Shell) -> Result<()> {
    let mut outdated = Vec::new();
    for (path, text) in written(sh)? {
        if std::fs::read_to_string(root().join(&path)).ok().as_deref() != Some(&text) {
            outdated.push(path.display().to_string());
        }
    }
    if !outdated.is_empty() {
        bail!("out of date: {}\nhint: run `cargo xtask docs`", outdated.join(", "));
    }
    Ok(())
}

fn written(sh: &Shell) -> Result<Vec<Written>> {
    let mut written = results::results(sh).context("cannot write the results")?;
    let read = |folder: &std::path::Path| results::read(sh, folder);
    written.push(performance::performance(sh, read).context("cannot write the tables of performance")?);
    written.extend(reliability::document(sh).context("cannot write the tables of reliability")?);
    written.push(third_party::third_party(sh).context("cannot list the dependencies")?);
    Ok(written)
}
