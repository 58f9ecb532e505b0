//! The path of a record, and the command that makes it.

use std::path::PathBuf;

/// The path of a record: the requested one, or a dated file in the current folder.
pub(crate) fn record_path(requested: Option<&PathBuf>, environment: &str) -> PathBuf {
    if let Some(path) = requested {
        return path.clone();
    }
    let date = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string();
    PathBuf::from(format!("tare-{environment}-{date}.json"))
}

/// The command line of this process, without the folder of the program.
pub(crate) fn command_line() -> String {
    let quote = |word: String| {
        if word.contains([' ', '"']) {
            format!("{word:?}")
        } else {
            word
        }
    };
    std::iter::once("tare".to_owned())
        .chain(std::env::args().skip(1).map(quote))
        .collect::<Vec<_>>()
        .join(" ")
}
