//! THIRD-PARTY.md: what is in the native binary and the page, and under which license.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use serde::Deserialize;
use xshell::{Shell, cmd};

use super::written::Written;

const HEAD: &str = "# Third-party software

What is in the native binary for Linux, and in the page and its workers: made by `cargo xtask docs` from Cargo.lock. Each crate's license is as its author states it;
its text is in the crate. `cargo xtask audit` checks that all licenses are on the list in [deny.toml](deny.toml).

The built-in network `digits` was trained on the Optical Recognition of Handwritten Digits data set by E. Alpaydin and C. Kaynak (UCI Machine Learning
Repository, CC BY 4.0), as scikit-learn ships it; `crates/models/src/networks/digits/test.csv` is a part of it.

";

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    resolve: Resolve,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
    version: String,
    license: Option<String>,
    repository: Option<String>,
    source: Option<String>,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    pkg: String,
    dep_kinds: Vec<DependencyKind>,
}

#[derive(Deserialize)]
struct DependencyKind {
    kind: Option<String>,
}

/// The list of all crates that ship.
pub(super) fn third_party(sh: &Shell) -> Result<Written> {
    // The same on every machine: what ships for Linux and for browsers.
    let platforms = [
        "--filter-platform",
        "x86_64-unknown-linux-gnu",
        "--filter-platform",
        "wasm32-unknown-unknown",
    ];
    let text = cmd!(
        sh,
        "cargo metadata --format-version 1 --locked --all-features {platforms...}"
    )
    .quiet()
    .ignore_stderr()
    .read()?;
    let metadata: Metadata = serde_json::from_str(&text)?;
    let packages: BTreeMap<&str, &Package> = metadata
        .packages
        .iter()
        .map(|package| (package.id.as_str(), package))
        .collect();
    let nodes: BTreeMap<&str, &Node> = metadata
        .resolve
        .nodes
        .iter()
        .map(|node| (node.id.as_str(), node))
        .collect();
    let id_of = |name: &str| {
        let package = metadata.packages.iter().find(|package| package.name == name);
        package
            .map(|package| package.id.as_str())
            .context("a package of our own is missing")
    };
    let mut open = vec![id_of("tare")?, id_of("tare-web")?];
    let mut seen: BTreeSet<&str> = open.iter().copied().collect();
    while let Some(id) = open.pop() {
        for dependency in nodes.get(id).into_iter().flat_map(|node| &node.deps) {
            // What only builds and tests need does not ship.
            let ships = dependency.dep_kinds.iter().any(|kind| kind.kind.is_none());
            if ships && seen.insert(&dependency.pkg) {
                open.push(&dependency.pkg);
            }
        }
    }
    let mut rows: Vec<&Package> = seen
        .iter()
        .filter_map(|id| packages.get(id).copied())
        .filter(|package| package.source.is_some())
        .collect();
    rows.sort_by_key(|package| (&package.name, &package.version));
    let mut text = String::from(HEAD) + "| crate | version | license |\n| --- | --- | --- |\n";
    for package in rows {
        let license = package.license.as_deref().unwrap_or("see its repository");
        let name = match &package.repository {
            Some(url) => format!("[{}]({url})", package.name),
            None => package.name.clone(),
        };
        text += &format!("| {name} | {} | {license} |\n", package.version);
    }
    Ok(("THIRD-PARTY.md".into(), text))
}
