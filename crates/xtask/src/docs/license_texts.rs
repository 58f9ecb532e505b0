//! The texts of the licenses under which what ships is used: each as its author wrote it, once.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};

/// How files with such texts are named.
const NAMES: [&str; 6] = ["license", "licence", "copying", "copyright", "notice", "unlicense"];

const HEAD: &str = "The texts of the licenses of what is in tare, as the authors ship them: each text once, below the crates that it belongs to.\n\
    THIRD-PARTY.md lists all crates, and tare.cdx.json the same for programs.\n";

/// All texts of some crates. Each crate has a name and the folder of its source.
///
/// # Errors
///
/// If a folder cannot be read.
pub(super) fn license_texts<'a>(crates: impl Iterator<Item = (String, &'a Path)>) -> Result<String> {
    let mut owners: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut without = vec![];
    for (name, folder) in crates {
        let texts = texts_in(folder).with_context(|| format!("cannot read the source of {name}"))?;
        if texts.is_empty() {
            without.push(name.clone());
        }
        for text in texts {
            owners.entry(text).or_default().push(name.clone());
        }
    }
    let mut sections: Vec<(Vec<String>, String)> = owners.into_iter().map(|(text, names)| (names, text)).collect();
    sections.sort();
    let mut all = String::from(HEAD);
    for (names, text) in sections {
        all += &format!("\n{}\n{}\n\n{text}\n", "=".repeat(80), names.join(", "));
    }
    if !without.is_empty() {
        all += &format!(
            "\n{}\nTheir packages hold no text. THIRD-PARTY.md names their licenses: {}\n",
            "=".repeat(80),
            without.join(", ")
        );
    }
    Ok(all)
}

/// The texts in a folder, without what differs only by the system on which it was packed.
fn texts_in(folder: &Path) -> Result<Vec<String>> {
    let mut texts = vec![];
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().to_lowercase();
        if NAMES.iter().any(|start| name.starts_with(start)) && entry.file_type()?.is_file() {
            let bytes = std::fs::read(entry.path())?;
            let text = String::from_utf8_lossy(&bytes).replace('\r', "");
            texts.push(text.trim_end().trim_start_matches('\n').to_owned());
        }
    }
    texts.sort();
    texts.dedup();
    Ok(texts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_text_stands_once_below_its_crates() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write("a/LICENSE-MIT", "You may.\r\n");
        write("b/license.txt", "\nYou may.");
        write("b/NOTICE", "By b.");
        write("b/src/license.rs", "no text");
        std::fs::create_dir(folder.path().join("c")).unwrap();
        let folders = ["a", "b", "c"].map(|name| folder.path().join(name));
        let crates = ["a 1", "b 2", "c 3"].into_iter().map(str::to_owned).zip(&folders);
        let text = license_texts(crates.map(|(name, folder)| (name, folder.as_path()))).unwrap();
        assert_eq!(text.matches("You may.").count(), 1);
        assert!(text.contains("\na 1, b 2\n\nYou may.\n"), "{text}");
        assert!(text.contains("\nb 2\n\nBy b.\n"), "{text}");
        assert!(text.ends_with("names their licenses: c 3\n"), "{text}");
        assert!(!text.contains("no text\n\n"), "{text}");
    }
}
