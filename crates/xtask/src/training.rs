//! Training of the built-in network `digits`.

use anyhow::{Context, Result};
use xshell::{Shell, cmd};

use crate::paths::target;
use crate::setup::python_packages;
use crate::step::step;

/// Trains the built-in network `digits` anew, on the data set that scikit-learn ships.
pub(crate) fn train_digits(sh: &Shell) -> Result<()> {
    step("fetching the data set");
    let folder = target().join("digits");
    sh.create_dir(&folder)?;
    let wheel = folder.join("scikit-learn.whl");
    if !wheel.is_file() {
        // Only its data files are used, which are the same for every platform.
        let download =
            "pip download --quiet --no-deps --only-binary=:all: --python-version 3.11 --platform manylinux2014_x86_64";
        let download: Vec<&str> = download.split(' ').collect();
        let packages = python_packages("scikit-learn");
        cmd!(
            sh,
            "python3 -m {download...} --require-hashes --dest {folder} -r {packages}"
        )
        .run()?;
        let found = sh
            .read_dir(&folder)?
            .into_iter()
            .find(|path| path.extension().is_some_and(|end| end == "whl"));
        std::fs::rename(found.context("pip left no wheel")?, &wheel)?;
    }
    cmd!(sh, "python3 -m zipfile -e {wheel} {folder}").run()?;
    let data = folder.join("sklearn/datasets/data/digits.csv.gz");
    step("training");
    cmd!(
        sh,
        "cargo run --release -p train-digits -- {data} crates/models/src/networks/digits"
    )
    .run()?;
    println!("now update the accuracy in crates/models/src/catalog.rs, and the hashes and golden outputs of `digits`");
    Ok(())
}
