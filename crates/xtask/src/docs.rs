//! Documents that commands write.

use anyhow::{Result, bail};
use xshell::{Shell, cmd};

use crate::paths::{root, target};
use crate::setup::mdbook;
use crate::step;

/// Builds the book in `docs/` as HTML.
pub(crate) fn docs(sh: &Shell, check: bool) -> Result<()> {
    let _ = check;
    let mdbook = mdbook(sh)?;
    let book = target().join("book");
    step("building the book");
    cmd!(sh, "{mdbook} build --dest-dir {book} docs").run()?;
    println!("{}", book.join("index.html").display());
    if !root().join("docs").is_dir() {
        bail!("there is no folder docs");
    }
    Ok(())
}
