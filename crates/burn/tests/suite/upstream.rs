//! UPSTREAM.md names files, tests and headings that exist.

use std::path::{Path, PathBuf};

fn upstream() -> String {
    std::fs::read_to_string("UPSTREAM.md").unwrap()
}

/// Texts between backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else {
            found.push(path);
        }
    }
}

#[test]
fn files_exist() {
    let text = upstream();
    let mut checked = 0;
    for path in quoted(&text) {
        let own = ["src/", "tests/"].iter().any(|start| path.starts_with(start));
        let other = ["crates/", "native/", "web/"]
            .iter()
            .any(|start| path.starts_with(start));
        if own || other {
            let root = if own { "." } else { "../.." };
            assert!(Path::new(root).join(path).exists(), "{path}");
            checked += 1;
        }
    }
    assert!(checked > 20, "{checked}");
}

#[test]
fn tests_exist() {
    let text = upstream();
    let mut checked = 0;
    for sentence in text.split("tests/suite/").collect::<Vec<_>>().windows(2) {
        // "`name` in `tests/suite/file.rs`".
        let Some(before) = sentence[0].strip_suffix("` in `") else {
            continue;
        };
        let name = before.rsplit('`').next().unwrap();
        let file = sentence[1].split('`').next().unwrap();
        let source = std::fs::read_to_string(Path::new("tests/suite").join(file)).unwrap();
        assert!(source.contains(&format!("fn {name}()")), "{name} in {file}");
        checked += 1;
    }
    assert!(checked > 5, "{checked}");
}

#[test]
fn sources_quote_headings_that_exist() {
    let headings: Vec<String> = upstream()
        .lines()
        .filter(|line| line.starts_with('#'))
        .map(str::to_owned)
        .collect();
    let mut files = Vec::new();
    sources(Path::new("src"), &mut files);
    let mut checked = 0;
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        // Comments without their line breaks.
        let lines = text
            .lines()
            .map(|line| line.trim_start().trim_start_matches(['/', '!']).trim());
        let text = lines.collect::<Vec<_>>().join(" ");
        for reference in text.split("UPSTREAM.md: \"").skip(1) {
            let quote = reference.split('"').next().unwrap();
            let exists = headings.iter().any(|heading| heading.contains(quote));
            assert!(exists, "{}: {quote:?}", file.display());
            checked += 1;
        }
    }
    assert!(checked > 20, "{checked}");
}
