use crate::analysis::agreement::Agreement;
use crate::analysis::pairing::{Basis, Pair};
use crate::analysis::verdict::{stage_verdicts, subject, verdict};
use crate::figure::{Figure, FigureKind, SampleRow};
use crate::section::{Block, Section};
use tare_findings::labels;

/// A cell in the browser next to the native one.
pub(super) fn section<'a>(pair: &Pair<'a>) -> Section<'a> {
    let mut blocks = vec![Block::Verdict(verdict(pair))];
    if !pair.stages.is_empty() {
        blocks.push(Block::List(stage_verdicts(pair)));
    }
    blocks.extend(super::summary::warning_block(
        pair.warnings
            .iter()
            .map(|warning| (warning.kind, warning.message.clone())),
    ));
    blocks.push(Block::Figure(samples(pair)));
    blocks.push(Block::Figure(series(pair)));
    blocks.push(Block::Text(format!(
        "Compared: {} and {}. {} {}",
        labels::configuration(pair.native),
        labels::configuration(pair.other),
        sameness(pair),
        basis(pair)
    )));
    let other = pair.other;
    let id = format!(
        "pair-{}-{}-{}-{}",
        labels::workload(other)
            .to_lowercase()
            .replace(|c: char| !c.is_ascii_alphanumeric(), "-"),
        other.engine.name,
        labels::place_id(other),
        other.configuration.threads
    );
    Section::reason(
        id,
        format!("{}: native and {}", subject(pair), labels::place(other)),
        blocks,
    )
    .in_group("Each comparison")
}

fn samples<'a>(pair: &Pair<'a>) -> Figure<'a> {
    Figure {
        alternative: format!("Samples: {}", verdict(pair)),
        caption: "Each dot stands for an equal share of the samples. The tall line is the median, the thick line at the bottom its 95 % interval.".into(),
        kind: FigureKind::Samples(rows(pair)),
    }
}

fn series<'a>(pair: &Pair<'a>) -> Figure<'a> {
    Figure {
        alternative: format!("Samples in the order in which they were taken: {}", subject(pair)),
        caption: "The same samples in the order in which they were taken, each row from its shortest sample up. Every other round is shaded, samples that still warmed up are darker, and rounds in which the processor was slowed down have a color.".into(),
        kind: FigureKind::Series(rows(pair)),
    }
}

fn rows<'a>(pair: &Pair<'a>) -> Vec<SampleRow<'a>> {
    let [native, other] = pair.medians;
    vec![
        SampleRow {
            label: "native",
            cell: pair.native,
            median: native,
        },
        SampleRow {
            label: labels::place(pair.other),
            cell: pair.other,
            median: other,
        },
    ]
}

/// Why both sides are known to have computed the same.
fn sameness(pair: &Pair<'_>) -> String {
    let reference = pair
        .other
        .verification
        .as_ref()
        .map_or("", |verification| &verification.reference);
    let place = labels::place(pair.other);
    let outputs = match pair.agreement {
        Agreement::SameReference([native, other]) => format!(
            "every element of every output was compared with one reference for all ({reference}): native differs from it by at most \
             {native:.1e} of the largest element, and {place} by at most {other:.1e}"
        ),
        Agreement::Samples(0.0) => {
            format!("{OWN_REFERENCE}. The stored elements of each output (up to 64) are equal on both sides")
        }
        Agreement::Samples(difference) => format!(
            "{OWN_REFERENCE}. The stored elements of each output (up to 64) differ by at most {difference:.1e} of the largest element"
        ),
        Agreement::Unknown => OWN_REFERENCE.to_owned(),
    };
    format!("Model, inputs and batch size are equal by SHA-256, and {outputs}.")
}

const OWN_REFERENCE: &str = "every output was compared with a reference computed in the same environment";

/// What the interval rests on.
fn basis(pair: &Pair<'_>) -> String {
    match pair.basis {
        Basis::Pairs(count) => format!(
            "Both sides took turns in one run, and the interval rests on {count} pairs of rounds that were measured next to each other."
        ),
        Basis::Rounds(_) | Basis::Samples(_) => {
            "Both sides were measured apart: a machine that changed in between changes the ratio, which the interval leaves out.".into()
        }
    }
}
