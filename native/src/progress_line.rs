//! Shows progress to people who wait for it.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tare_report::printable;

/// Time between two progress lines in a file or pipe, where a line cannot replace the previous one.
const LINE_INTERVAL: Duration = Duration::from_secs(30);

/// How often a terminal is drawn, per second: what is measured must not notice.
const DRAWN_PER_SECOND: u8 = 4;

const WITH_LENGTH: &str = "{bar:20} {wide_msg}";
const WITHOUT_LENGTH: &str = "{wide_msg}";

/// A line of progress on standard error.
#[derive(Default)]
pub(crate) struct ProgressLine {
    /// The bar on a terminal.
    bar: Option<ProgressBar>,
    /// The last line in a file or pipe, and when it was printed.
    printed: Option<(String, Instant)>,
}

impl ProgressLine {
    /// Shows what is done, and its share in percent if that is known.
    pub(crate) fn show(&mut self, percent: Option<u8>, line: &str) {
        // Names of models and messages of browsers come from elsewhere.
        let line = printable(line);
        if std::io::stderr().is_terminal() {
            let bar = self.bar.get_or_insert_with(|| bar(percent.is_some()));
            bar.set_position(u64::from(percent.unwrap_or_default()));
            bar.set_message(line);
            return;
        }
        let is_new = match &self.printed {
            Some((last, at)) => *last != line && at.elapsed() >= LINE_INTERVAL,
            None => true,
        };
        if is_new {
            eprintln!("{line}");
            self.printed = Some((line, Instant::now()));
        }
    }

    /// Clears the line on a terminal, so that other output can follow.
    pub(crate) fn clear(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

/// It draws only when told to: a thread of its own would disturb what is measured.
fn bar(has_length: bool) -> ProgressBar {
    let target = ProgressDrawTarget::stderr_with_hz(DRAWN_PER_SECOND);
    let template = if has_length { WITH_LENGTH } else { WITHOUT_LENGTH };
    // The test reads both templates.
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::with_draw_target(Some(100), target).with_style(style)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_templates_are_valid() {
        for template in [WITH_LENGTH, WITHOUT_LENGTH] {
            assert!(ProgressStyle::with_template(template).is_ok(), "{template}");
        }
    }
}
