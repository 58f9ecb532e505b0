//! What is being done, for people who wait for it.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

/// Time between two lines of progress in a file or pipe, where the next does not replace the last.
const LINE_INTERVAL: Duration = Duration::from_secs(30);

/// What is being done, on one line of standard error.
#[derive(Default)]
pub(crate) struct ProgressLine {
    /// The last, and when it was said.
    said: Option<(String, Instant)>,
}

impl ProgressLine {
    pub(crate) fn show(&mut self, line: &str) {
        if std::io::stderr().is_terminal() {
            replace_line(line);
            return;
        }
        let is_new = match &self.said {
            Some((last, at)) => last != line && at.elapsed() >= LINE_INTERVAL,
            None => true,
        };
        if is_new {
            eprintln!("{line}");
            self.said = Some((line.to_owned(), Instant::now()));
        }
    }

    /// Makes room for another line.
    pub(crate) fn clear(&mut self) {
        if std::io::stderr().is_terminal() {
            replace_line("");
        }
    }
}

fn replace_line(line: &str) {
    let mut err = std::io::stderr().lock();
    // A terminal that is gone is no reason to stop measuring.
    let _ = write!(err, "\r\x1b[2K{line}").and_then(|()| err.flush());
}
