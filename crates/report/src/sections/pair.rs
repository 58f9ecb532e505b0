use crate::analysis::pairing::Pair;
use crate::analysis::verdict::{stage_verdicts, subject, verdict};
use crate::labels;
use crate::section::{Block, Figure, FigureKind, SampleRow, Section};

/// A cell in the browser next to the native one.
pub(super) fn section<'a>(pair: &Pair<'a>) -> Section<'a> {
    let mut blocks = vec![Block::Verdict(verdict(pair))];
    if !pair.stages.is_empty() {
        blocks.push(Block::List(stage_verdicts(pair)));
    }
    blocks.extend(
        pair.warnings
            .iter()
            .map(|warning| Block::Warning(warning.message.clone())),
    );
    blocks.push(Block::Figure(samples(pair)));
    blocks.push(Block::Text(format!(
        "Compared: {} and {}. {}",
        labels::configuration(pair.native),
        labels::configuration(pair.other),
        sameness(pair)
    )));
    let other = pair.other;
    let id = format!(
        "pair-{}-{}-{}-{}",
        other.model.name, other.engine.name, other.configuration.environment, other.configuration.threads
    );
    Section::new(
        id,
        format!("{}: native and {}", subject(pair), labels::place(other)),
        blocks,
    )
}

fn samples<'a>(pair: &Pair<'a>) -> Figure<'a> {
    let [native, other] = pair.medians;
    Figure {
        alternative: format!("Samples: {}", verdict(pair)),
        caption: "Each dot is a sample. The tall line is the median, the thick line below it its 95 % interval.".into(),
        kind: FigureKind::Samples(vec![
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
        ]),
    }
}

/// Why both sides are known to have computed the same.
fn sameness(pair: &Pair<'_>) -> String {
    let across = match pair.difference {
        Some(0.0) => ". The stored elements of each output (up to 64) are equal on both sides".to_owned(),
        Some(difference) => {
            format!(
                ". The stored elements of each output (up to 64) differ by at most {difference:.1e} of the largest element"
            )
        }
        None => String::new(),
    };
    format!(
        "Model, inputs and batch size are equal by SHA-256, and every output was compared with a reference computed in the same environment{across}."
    )
}
