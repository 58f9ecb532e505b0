//! Shows progress to people who wait for it.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

/// Time between two progress lines in a file or pipe, where a line cannot replace the previous one.
const LINE_INTERVAL: Duration = Duration::from_secs(30);

/// A line of progress on standard error.
#[derive(Default)]
pub(crate) struct ProgressLine {
    /// The last line in a file or pipe, and when it was printed.
    printed: Option<(String, Instant)>,
}

impl ProgressLine {
    pub(crate) fn show(&mut self, line: &str) {
        if std::io::stderr().is_terminal() {
            replace_line(line);
            return;
        }
        let is_new = match &self.printed {
            Some((last, at)) => last != line && at.elapsed() >= LINE_INTERVAL,
            None => true,
        };
        if is_new {
            eprintln!("{line}");
            self.printed = Some((line.to_owned(), Instant::now()));
        }
    }

    /// Clears the line on a terminal, so that other output can follow.
    pub(crate) fn clear(&mut self) {
        if std::io::stderr().is_terminal() {
            replace_line("");
        }
    }
}

fn replace_line(line: &str) {
    let mut err = std::io::stderr().lock();
    // Ignore errors: the measurement goes on if the terminal is closed.
    let _ = write!(err, "\r\x1b[2K{line}").and_then(|()| err.flush());
}
