//! No two files of a crate import each other in a circle.
//!
//! Read as text: comments, strings and tests are cut out, then the paths of `use` declarations and other paths that start with `crate`,
//! `super` or `self` are followed to the file that defines the name, through re-exports.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Result, bail};
use xshell::Shell;

use crate::paths::root;

/// A module by its path from the root of its crate.
type Module = Vec<String>;

/// Files that import each other by design, with the reason.
const ALLOWED: [(&str, &str); 0] = [];

/// Fails if files of any crate import each other in a circle.
pub(super) fn check(sh: &Shell) -> Result<()> {
    let mut circles = Vec::new();
    let mut crates = sh.read_dir(root().join("crates"))?;
    crates.extend([root().join("native"), root().join("web")]);
    for folder in crates {
        let source = folder.join("src");
        if source.is_dir() {
            let files = modules(sh, &source)?;
            let allowed = |circle: &Vec<Module>| ALLOWED.iter().any(|(name, _)| name_of(circle) == *name);
            let found = find_circles(&imports(&files))
                .into_iter()
                .filter(|circle| !allowed(circle));
            circles.extend(found.map(|circle| format!("{}: {}", folder.display(), name_of(&circle))));
        }
    }
    if !circles.is_empty() {
        bail!(
            "files import each other in circles:\n{}\nhint: move what both need into a file below them",
            circles.join("\n")
        );
    }
    Ok(())
}

fn name_of(circle: &[Module]) -> String {
    let names: Vec<String> = circle.iter().map(|module| module.join("::")).collect();
    names.join(" -> ")
}

/// The text of every module of a crate, without comments, strings and tests.
fn modules(sh: &Shell, source: &Path) -> Result<BTreeMap<Module, String>> {
    let mut modules = BTreeMap::new();
    let mut folders = vec![source.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for path in sh.read_dir(&folder)? {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs")
                && path.file_stem().is_some_and(|name| name != "tests")
            {
                modules.insert(module_of(source, &path), code(&sh.read_file(&path)?));
            }
        }
    }
    Ok(modules)
}

fn module_of(source: &Path, file: &Path) -> Module {
    let relative = file.strip_prefix(source).unwrap_or(file).with_extension("");
    let mut parts: Module = relative
        .components()
        .map(|part| part.as_os_str().to_string_lossy().into_owned())
        .collect();
    let is_root = |name: &str| ["mod", "lib", "main"].contains(&name);
    parts.pop_if(|last| is_root(last));
    parts
}

/// Source without comments, strings, and what follows `#[cfg(test)]` in the end.
fn code(text: &str) -> String {
    let text = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if rest.starts_with("//") {
            rest = &rest[rest.find('\n').unwrap_or(rest.len())..];
        } else if c == '"' {
            let mut escaped = false;
            let end = rest[1..].find(|c| {
                let ends = c == '"' && !escaped;
                escaped = c == '\\' && !escaped;
                ends
            });
            rest = end.map_or("", |end| &rest[end + 2..]);
        } else {
            code.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
    code
}

/// Which modules each module takes names from.
fn imports(files: &BTreeMap<Module, String>) -> BTreeMap<Module, BTreeSet<Module>> {
    let uses: BTreeMap<&Module, Vec<Use>> = files.iter().map(|(module, code)| (module, use_paths(code))).collect();
    // What a module hands on: the last part of each path of its `use` declarations.
    let names = |module: &Module, name: &str| {
        uses.get(module)?
            .iter()
            .find(|taken| taken.name == name)
            .and_then(|taken| absolute(&taken.path, module, files))
    };
    let mut imports = BTreeMap::new();
    for (module, code) in files {
        let mut taken = BTreeSet::new();
        let paths = uses[module].iter().map(|taken| taken.path.clone());
        for path in paths.chain(inline_paths(code)) {
            let Some(mut path) = absolute(&path, module, files) else {
                continue;
            };
            // Through re-exports, each of which leads further down.
            for _ in 0..8 {
                let (owner, name) = split(&path, files);
                match name.and_then(|name| names(&owner, name)).filter(|next| *next != path) {
                    Some(next) => path = next,
                    None => break,
                }
            }
            let (owner, _) = split(&path, files);
            if owner != *module {
                taken.insert(owner);
            }
        }
        imports.insert(module.clone(), taken);
    }
    imports
}

/// The longest part of a path that is a file, and the name after it.
fn split<'a>(path: &'a [String], files: &BTreeMap<Module, String>) -> (Module, Option<&'a str>) {
    let length = (0..=path.len())
        .rev()
        .find(|&length| files.contains_key(&path[..length]))
        .unwrap_or(0);
    (path[..length].to_vec(), path.get(length).map(String::as_str))
}

/// A path from the root of the crate; `None` if it leads to another crate.
fn absolute(path: &[String], module: &Module, files: &BTreeMap<Module, String>) -> Option<Vec<String>> {
    let (first, rest) = path.split_first()?;
    let mut base = match first.as_str() {
        "crate" => vec![],
        "self" => module.clone(),
        "super" => module[..module.len().checked_sub(1)?].to_vec(),
        name => {
            // A child of this module.
            let child = [module.as_slice(), &[name.to_owned()]].concat();
            return files.contains_key(&child).then(|| [module.as_slice(), path].concat());
        }
    };
    let mut rest = rest;
    while let Some(("super", others)) = rest.split_first().map(|(first, others)| (first.as_str(), others)) {
        base.pop()?;
        rest = others;
    }
    base.extend_from_slice(rest);
    Some(base)
}

/// One name that a `use` declaration brings in.
struct Use {
    path: Vec<String>,
    /// The last part of the path, or what `as` says.
    name: String,
}

/// The names of `use` declarations, braces taken apart.
fn use_paths(code: &str) -> Vec<Use> {
    let mut paths = Vec::new();
    let mut rest = code;
    while let Some(start) = rest.find("use ") {
        let is_word = rest[..start]
            .chars()
            .next_back()
            .is_none_or(|c| c.is_whitespace() || c == ')');
        let body = &rest[start + 4..];
        let end = body.find(';').unwrap_or(body.len());
        if is_word {
            expand(&body[..end], &[], &mut paths);
        }
        rest = &body[end..];
    }
    paths
}

fn expand(tree: &str, prefix: &[String], paths: &mut Vec<Use>) {
    let tree = tree.trim();
    match tree.find('{') {
        Some(brace) => {
            let prefix = [prefix, &parts(&tree[..brace])].concat();
            let inner = tree[brace + 1..].trim_end().trim_end_matches('}');
            let (mut depth, mut start) = (0, 0);
            for (position, c) in inner.char_indices() {
                match c {
                    '{' => depth += 1,
                    '}' => depth -= 1,
                    ',' if depth == 0 => {
                        expand(&inner[start..position], &prefix, paths);
                        start = position + 1;
                    }
                    _ => {}
                }
            }
            expand(&inner[start..], &prefix, paths);
        }
        None if tree.is_empty() => {}
        None => {
            let path = [prefix, &parts(tree)].concat();
            let alias = tree.split_once(" as ").map(|(_, alias)| alias.trim().to_owned());
            let name = alias.or_else(|| path.last().cloned()).unwrap_or_default();
            paths.push(Use { path, name });
        }
    }
}

fn parts(path: &str) -> Vec<String> {
    let path = path.split(" as ").next().unwrap_or_default();
    path.split("::")
        .map(str::trim)
        .filter(|part| !part.is_empty() && *part != "self" && *part != "*" || path.trim_start().starts_with("self"))
        .map(str::to_owned)
        .collect()
}

/// Paths outside `use` declarations.
fn inline_paths(code: &str) -> Vec<Vec<String>> {
    let mut paths = Vec::new();
    for start in ["crate::", "super::", "self::"] {
        for (position, _) in code.match_indices(start) {
            let path = code[position..].split(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':'));
            // One part alone is the beginning of braces, which `use_paths` takes apart.
            paths.extend(path.take(1).map(parts).filter(|parts| parts.len() > 1));
        }
    }
    paths
}

/// Groups of modules that reach each other, each from its first in the alphabet.
fn find_circles(imports: &BTreeMap<Module, BTreeSet<Module>>) -> Vec<Vec<Module>> {
    let reach = |from: &Module| {
        let (mut seen, mut open) = (BTreeSet::new(), vec![from.clone()]);
        while let Some(module) = open.pop() {
            for next in imports.get(&module).into_iter().flatten() {
                if seen.insert(next.clone()) {
                    open.push(next.clone());
                }
            }
        }
        seen
    };
    let reached: BTreeMap<&Module, BTreeSet<Module>> = imports.keys().map(|module| (module, reach(module))).collect();
    let mut circles = BTreeSet::new();
    for (module, others) in &reached {
        if others.contains(*module) {
            let circle: Vec<Module> = others
                .iter()
                .filter(|other| reached.get(other).is_some_and(|reached| reached.contains(*module)))
                .cloned()
                .collect();
            circles.insert(circle);
        }
    }
    circles.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn circles(files: &[(&str, &str)]) -> Vec<String> {
        let source = PathBuf::from("src");
        let files = files
            .iter()
            .map(|(name, text)| (module_of(&source, &source.join(name)), code(text)));
        find_circles(&imports(&files.collect()))
            .iter()
            .map(|circle| name_of(circle))
            .collect()
    }

    #[test]
    fn circles_are_found() {
        for (files, expected) in [
            (vec![("a.rs", "use crate::b::B;"), ("b.rs", "struct B;")], vec![]),
            (
                vec![("a.rs", "use crate::b::{B, C};"), ("b.rs", "fn f() { crate::a::g() }")],
                vec!["a -> b"],
            ),
            (
                vec![
                    ("a.rs", "// use crate::b::B;\nlet s = \"crate::b\";"),
                    ("b.rs", "use super::a;"),
                ],
                vec![],
            ),
            // Through a re-export of the root, under another name.
            (
                vec![
                    ("lib.rs", "pub use b::inner as B;"),
                    ("a.rs", "use crate::{B};"),
                    ("b.rs", "use crate::a::A;"),
                ],
                vec!["a -> b"],
            ),
            (
                vec![
                    ("lib.rs", "pub use b::B;"),
                    ("a.rs", "use crate::B;"),
                    ("b.rs", "use crate::a::A;"),
                ],
                vec!["a -> b"],
            ),
            // A parent that uses its child, which uses what the parent defines.
            (
                vec![("a/mod.rs", "use b::B; struct A;"), ("a/b.rs", "use super::A;")],
                vec!["a -> a::b"],
            ),
            // What the parent only hands on is no use of the parent.
            (
                vec![
                    ("a/mod.rs", "use b::B; use c::C;"),
                    ("a/b.rs", "use super::C;"),
                    ("a/c.rs", ""),
                ],
                vec![],
            ),
            (
                vec![
                    ("a.rs", "use crate::b::B;\n#[cfg(test)]\nmod tests {}"),
                    ("b.rs", "#[cfg(test)]\nmod tests { use crate::a::A; }"),
                ],
                vec![],
            ),
        ] {
            assert_eq!(circles(&files), expected, "{files:?}");
        }
    }
}
