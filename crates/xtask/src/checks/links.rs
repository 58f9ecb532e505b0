//! Links in documents lead to files and to headings that exist, and the functions and constants named next to them are there.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
use xshell::{Shell, cmd};

use crate::paths::root;

/// Fails if a relative link in a Markdown file leads nowhere, or "`name` in [file](path)" names a function or constant that is not in the file.
pub(super) fn check(sh: &Shell) -> Result<()> {
    let files = cmd!(sh, "git ls-files --cached --others --exclude-standard *.md")
        .quiet()
        .read()?;
    let mut broken = Vec::new();
    for file in files.lines() {
        let path = root().join(file);
        let Ok(text) = std::fs::read_to_string(&path) else {
            continue;
        };
        for link in links(&text) {
            if !leads_somewhere(&path, &link) {
                broken.push(format!("{file}: {link}"));
            }
        }
        for (function, source) in functions(&text) {
            let source = path.with_file_name(&source);
            let named = [format!("fn {function}("), format!("const {function}:")];
            let there = std::fs::read_to_string(&source).is_ok_and(|code| named.iter().any(|name| code.contains(name)));
            if !there {
                broken.push(format!(
                    "{file}: no function or constant {function} in {}",
                    source.display()
                ));
            }
        }
    }
    if !broken.is_empty() {
        bail!("links lead nowhere:\n{}", broken.join("\n"));
    }
    Ok(())
}

/// Relative links of a document.
fn links(text: &str) -> Vec<String> {
    Parser::new(text)
        .filter_map(|event| match event {
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => Some(dest_url.into_string()),
            _ => None,
        })
        .filter(|link| !link.contains("://") && !link.starts_with("mailto:"))
        .collect()
}

/// Functions and constants that a document names as "`name` in [file](path)", with that path.
fn functions(text: &str) -> Vec<(String, String)> {
    let options = Options::ENABLE_TABLES;
    let events: Vec<_> = Parser::new_ext(text, options).collect();
    let named = events.windows(3).filter_map(|events| match events {
        [
            Event::Code(name),
            Event::Text(between),
            Event::Start(Tag::Link { dest_url, .. }),
        ] if &**between == " in " => Some((name.to_string(), dest_url.to_string())),
        _ => None,
    });
    named.filter(|(_, path)| path.ends_with(".rs")).collect()
}

fn leads_somewhere(from: &Path, link: &str) -> bool {
    let (file, heading) = link
        .split_once('#')
        .map_or((link, None), |(file, heading)| (file, Some(heading)));
    let target: PathBuf = if file.is_empty() {
        from.to_path_buf()
    } else {
        from.with_file_name("").join(file)
    };
    match heading {
        Some(heading) if target.extension().is_some_and(|extension| extension == "md") => {
            std::fs::read_to_string(&target).is_ok_and(|text| anchors(&text).contains(heading))
        }
        _ => target.exists(),
    }
}

/// Anchors of a document's headings, as GitHub and mdbook make them.
fn anchors(text: &str) -> BTreeSet<String> {
    let (mut anchors, mut heading) = (BTreeSet::new(), None::<String>);
    for event in Parser::new_ext(text, Options::ENABLE_HEADING_ATTRIBUTES) {
        match event {
            Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
            Event::End(TagEnd::Heading(_)) => anchors.extend(heading.take().map(|text| anchor(&text))),
            Event::Text(text) | Event::Code(text) => {
                if let Some(heading) = &mut heading {
                    heading.push_str(&text);
                }
            }
            _ => {}
        }
    }
    anchors
}

fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.flat_map(char::to_lowercase)
        .map(|c| if c == ' ' { '-' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_have_anchors() {
        let text = "# Add an engine\n\n## What's `next`?\n";
        assert_eq!(
            anchors(text),
            BTreeSet::from(["add-an-engine".into(), "whats-next".into()])
        );
    }

    #[test]
    fn functions_are_found_in_tables() {
        let text = "| what | kept by |\n|---|---|\n| a | `b` in [c](d/e.rs), `f` in [g](h.md) |\n";
        assert_eq!(functions(text), [("b".into(), "d/e.rs".into())]);
    }

    #[test]
    fn only_relative_links_are_checked() {
        assert_eq!(links("[a](b.md#c) [d](https://e.f) ![g](h.svg)"), ["b.md#c", "h.svg"]);
    }
}
