//! Where records go, and the command that makes them.

use std::path::PathBuf;

/// The file for a record: the one asked for, or a dated one.
pub(crate) fn record_path(asked: Option<&PathBuf>, environment: &str) -> PathBuf {
    if let Some(path) = asked {
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
