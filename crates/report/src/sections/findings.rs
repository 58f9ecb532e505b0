use tare_findings::{Answer, Finding};

use crate::section::{Block, Section};

/// What the experiments of a plan say.
pub(super) fn section<'a>(found: &[Finding]) -> Option<Section<'a>> {
    let (told, unknown): (Vec<_>, Vec<_>) = found
        .iter()
        .partition(|finding| matches!(finding.answer, Answer::Told(_)));
    let told = told
        .iter()
        .map(|finding| Block::Verdict(finding.answer.text().trim_end_matches('.').to_owned()));
    let unknown = unknown
        .iter()
        .map(|finding| Block::Text(finding.answer.text().to_owned()));
    let blocks: Vec<Block<'_>> = told.chain(unknown).collect();
    (!blocks.is_empty()).then(|| Section::new("findings", "What was found", blocks))
}

/// The figures that it rests on.
pub(super) fn figures<'a>(found: &[Finding]) -> Option<Section<'a>> {
    let mut blocks = Vec::new();
    for finding in found {
        blocks.push(Block::Text(finding.answer.text().to_owned()));
        let figures = finding.figures.iter().map(ToString::to_string);
        blocks.push(Block::List(
            figures.chain(finding.assumptions.iter().cloned()).collect(),
        ));
    }
    (!blocks.is_empty()).then(|| Section::detail("finding-figures", "The figures behind what was found", blocks))
}
