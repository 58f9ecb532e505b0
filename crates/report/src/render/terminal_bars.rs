use tare_findings::format;

use crate::figure::WaterfallRow;

/// Columns of a bar that spans the whole gap.
const BAR: usize = 32;

/// Columns of a label. Ours are shorter; a record may hold any.
const LONGEST_LABEL: usize = 60;

/// A line for each rung: its name, a bar from the time of the rung before to its own, and the factor. The axis is logarithmic.
pub(super) fn waterfall(rows: &[WaterfallRow]) -> Vec<String> {
    let medians = rows.iter().map(|row| row.median_ns);
    let least = medians.clone().fold(f64::MAX, f64::min);
    let most = medians.fold(f64::MIN_POSITIVE, f64::max);
    let logarithms = (most / least).ln().max(0.01);
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "from 0 to the number of columns"
    )]
    let column = |ns: f64| ((ns / least).ln() / logarithms * BAR as f64).round() as usize;
    let short = |row: &WaterfallRow| row.label.chars().take(LONGEST_LABEL).collect::<String>();
    let longest = rows.iter().map(|row| short(row).chars().count()).max().unwrap_or(0);
    let mut before = None;
    let lines = rows.iter().map(|row| {
        let to = column(row.median_ns);
        let from = before.replace(to).unwrap_or(to);
        let (start, end) = (from.min(to), from.max(to));
        // A step that is too small for a column still has a mark.
        let bar = if start == end {
            "\u{2502}".into()
        } else {
            "\u{2588}".repeat(end - start)
        };
        let drawn = format!("{}{bar}", " ".repeat(start));
        let step = row
            .step
            .map_or_else(String::new, |(factor, _)| format!("  {}", format::ratio(factor)));
        format!(
            "{:longest$}  {drawn:width$} {}{step}",
            short(row),
            format::duration(row.median_ns),
            width = BAR + 1
        )
    });
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_start_where_the_one_before_ends() {
        let row = |label: &str, median_ns, step| WaterfallRow {
            label: label.into(),
            median_ns,
            step,
        };
        let lines = waterfall(&[
            row("native", 1e6, None),
            row("node", 4e6, Some((4.0, "wasm"))),
            row("browser", 2e6, Some((0.5, "threads"))),
        ]);
        let full = "\u{2588}".repeat(32);
        let half = "\u{2588}".repeat(16);
        assert_eq!(lines[0], format!("native   \u{2502}{} 1.00 ms", " ".repeat(32)));
        assert_eq!(lines[1], format!("node     {full}  4.00 ms  4.00x"));
        assert_eq!(lines[2], format!("browser  {}{half}  2.00 ms  0.500x", " ".repeat(16)));
    }
}
