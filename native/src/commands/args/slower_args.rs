use anyhow::{Result, bail};
use tare_record::Record;

/// Whether another version may be slower.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct SlowerArgs {
    /// Exit with 1 if the later version of a browser, an engine or tare takes more than PERCENT longer: if the
    /// whole 95 % interval of a ratio lies above that [default without a number: 0]
    #[arg(long, value_name = "PERCENT", num_args = 0..=1, default_missing_value = "0")]
    fail_if_slower: Option<f64>,
}

impl SlowerArgs {
    /// Names what became slower, and returns whether nothing did. Nothing is looked for unless the user asked.
    ///
    /// # Errors
    ///
    /// If the records hold no work in two versions, or the number of percent makes no sense.
    pub(crate) fn check(self, records: &[Record]) -> Result<bool> {
        let Some(percent) = self.fail_if_slower else {
            return Ok(true);
        };
        if !(0.0..=1000.0).contains(&percent) {
            bail!("--fail-if-slower expects 0 to 1000 percent, found {percent}");
        }
        let Some(slower) = tare_report::slower(records, percent / 100.0) else {
            bail!(
                "--fail-if-slower found nothing that was measured in two versions\n\
                hint: give the record of the earlier version first, or measure both in turn: tare bench --in chromium,/path/to/the/other"
            );
        };
        for line in &slower {
            eprintln!("slower: {}", tare_report::printable(line));
        }
        Ok(slower.is_empty())
    }
}
