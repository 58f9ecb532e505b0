//! The command that a record names, and paths by date.

use std::path::PathBuf;

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

/// A dated name in the current folder, without an extension.
pub(crate) fn dated_path(what: &str) -> PathBuf {
    let date = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string();
    PathBuf::from(format!("tare-{what}-{date}"))
}
