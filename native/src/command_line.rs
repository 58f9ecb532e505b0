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

/// A dated name in the current folder that nothing has yet.
pub(crate) fn dated_path(what: &str, extension: &str) -> PathBuf {
    let date = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string();
    let name = format!("tare-{what}-{date}");
    let numbered = (2..).map(|number| format!("{name}-{number}"));
    let paths = std::iter::once(name.clone()).chain(numbered);
    let mut free = paths
        .map(|path| PathBuf::from(path + extension))
        .filter(|path| !path.exists());
    // The numbers do not end.
    free.next().unwrap_or_default()
}
