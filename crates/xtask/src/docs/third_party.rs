//! THIRD-PARTY.md: what is in the native binary and the page, and under which license.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::{Value, json};
use xshell::{Shell, cmd};

use super::license_texts::license_texts;
use super::written::Written;
use crate::paths::root;

const HEAD: &str = "# Third-party software

What is in the native binary for Linux, and in the page and its workers: made by `cargo xtask docs` from Cargo.lock. Each crate's license is as its author states it;
`THIRD-PARTY-LICENSES.txt`, which ships with the program and the page, has the texts. `cargo xtask audit` checks that all licenses are on the list in [deny.toml](deny.toml). The page's yardsticks call onnxruntime-web (MIT),
which ships with it and contains other packages: `tare.cdx.json` lists them.

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
    manifest_path: PathBuf,
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

/// All crates of others that ship, by name and version.
fn shipped(sh: &Shell) -> Result<Vec<Package>> {
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
    let mut metadata: Metadata = serde_json::from_str(&text)?;
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
    let seen: BTreeSet<String> = seen.into_iter().map(str::to_owned).collect();
    metadata
        .packages
        .retain(|package| package.source.is_some() && seen.contains(&package.id));
    metadata
        .packages
        .sort_by(|a, b| (&a.name, &a.version).cmp(&(&b.name, &b.version)));
    Ok(metadata.packages)
}

/// The list of all crates that ship.
pub(super) fn third_party(sh: &Shell) -> Result<Written> {
    let mut text = String::from(HEAD) + "| crate | version | license |\n| --- | --- | --- |\n";
    for package in shipped(sh)? {
        let license = package.license.as_deref().unwrap_or("see its repository");
        let name = match &package.repository {
            Some(url) => format!("[{}]({url})", package.name),
            None => package.name.clone(),
        };
        text += &format!("| {name} | {} | {license} |\n", package.version);
    }
    Ok(("THIRD-PARTY.md".into(), text))
}

/// The crates that ship, and onnxruntime-web, as a software bill of materials, in JSON of CycloneDX 1.6 (<https://cyclonedx.org/docs/1.6/json/>).
pub(crate) fn bill_of_materials(sh: &Shell) -> Result<String> {
    let lock: toml::Table = sh.read_file(root().join("Cargo.lock"))?.parse()?;
    let locked = lock.get("package").and_then(toml::Value::as_array);
    let locked = locked.context("Cargo.lock lists no packages")?;
    let checksum = |package: &Package| {
        let is_it = |entry: &&toml::Value| {
            let is = |key: &str, value: &str| entry.get(key).and_then(toml::Value::as_str) == Some(value);
            is("name", &package.name) && is("version", &package.version)
        };
        locked.iter().find(is_it)?.get("checksum")?.as_str()
    };
    let crates = shipped(sh)?;
    let mut components: Vec<Value> = crates
        .iter()
        .map(|package| {
            let address = format!("pkg:cargo/{}@{}", package.name, package.version);
            let mut component = component(&package.name, &package.version, &address);
            if let Some(license) = &package.license {
                // SPDX has no slash.
                component["licenses"] = json!([{ "expression": license.replace('/', " OR ") }]);
            }
            if let Some(sha256) = checksum(package) {
                component["hashes"] = json!([{ "alg": "SHA-256", "content": sha256 }]);
            }
            component
        })
        .collect();
    // Workers call it, and it ships with them.
    let npm = serde_json::from_str(&sh.read_file(root().join("web/package-lock.json"))?)?;
    components.extend(bundled(&npm, "onnxruntime-web")?);
    let bill = json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": { "component": component("tare", env!("CARGO_PKG_VERSION"), concat!("pkg:cargo/tare@", env!("CARGO_PKG_VERSION"))) },
        "components": components,
    });
    Ok(serde_json::to_string_pretty(&bill)? + "\n")
}

/// An npm package, and those that it contains.
fn bundled(lock: &Value, package: &str) -> Result<Vec<Value>> {
    let mut names = vec![package];
    let mut components = vec![];
    let mut next = 0;
    while let Some(&name) = names.get(next) {
        let entry = &lock["packages"][format!("node_modules/{name}")];
        let version = entry["version"].as_str();
        let version = version.with_context(|| format!("npm's lock file has no {name}"))?;
        // A scope's sign has a meaning in such an address.
        let address = format!("pkg:npm/{}@{version}", name.replace('@', "%40"));
        let mut component = component(name, version, &address);
        component["licenses"] = json!([{ "expression": entry["license"] }]);
        components.push(component);
        for dependency in entry["dependencies"].as_object().into_iter().flat_map(|all| all.keys()) {
            // Types are for compilers.
            if !dependency.starts_with("@types/") && !names.contains(&dependency.as_str()) {
                names.push(dependency);
            }
        }
        next += 1;
    }
    Ok(components)
}

fn component(name: &str, version: &str, address: &str) -> Value {
    let kind = if name == "tare" { "application" } else { "library" };
    json!({ "type": kind, "bom-ref": address, "name": name, "version": version, "purl": address })
}

/// Writes what is in the program and the page, and under which licenses, into a folder that ships.
pub(crate) fn ship(sh: &Shell, folder: &Path) -> Result<()> {
    sh.copy_file(root().join("THIRD-PARTY.md"), folder)?;
    sh.write_file(folder.join("tare.cdx.json"), bill_of_materials(sh)?)?;
    let crates = shipped(sh)?;
    let sources = crates.iter().flat_map(|package| {
        let name = format!("{} {}", package.name, package.version);
        Some((name, package.manifest_path.parent()?))
    });
    sh.write_file(folder.join("THIRD-PARTY-LICENSES.txt"), license_texts(sources)?)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bill_of_materials_names_what_ships() {
        let sh = Shell::new().unwrap();
        sh.change_dir(root());
        let bill: Value = serde_json::from_str(&bill_of_materials(&sh).unwrap()).unwrap();
        let components = bill["components"].as_array().unwrap();
        for name in [
            "burn-flex",
            "tract-core",
            "wasm-bindgen",
            "onnxruntime-web",
            "protobufjs",
        ] {
            let component = components.iter().find(|component| component["name"] == name).unwrap();
            assert!(component["purl"].as_str().unwrap().contains(name), "{component}");
            assert!(component["licenses"][0]["expression"].is_string(), "{component}");
        }
        let tract = components
            .iter()
            .find(|component| component["name"] == "tract-core")
            .unwrap();
        assert_eq!(tract["hashes"][0]["content"].as_str().unwrap().len(), 64);
        // What only builds or tests need does not ship.
        assert!(!components.iter().any(|component| component["name"] == "proptest"));
        let references: BTreeSet<&str> = components
            .iter()
            .flat_map(|component| component["bom-ref"].as_str())
            .collect();
        assert_eq!(references.len(), components.len());
    }
}
