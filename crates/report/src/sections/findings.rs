use tare_findings::{Answer, Finding};

use crate::section::{Block, Section};

/// What the experiments of a plan say: first what could be told.
pub(super) fn section<'a>(found: &[Finding]) -> Option<Section<'a>> {
    let (told, unknown): (Vec<_>, Vec<_>) = found
        .iter()
        .partition(|finding| matches!(finding.answer, Answer::Told(_)));
    let blocks: Vec<Block<'_>> = told.into_iter().chain(unknown).map(block).collect();
    (!blocks.is_empty()).then(|| Section::answer("findings", "What was found", blocks))
}

fn block<'a>(finding: &Finding) -> Block<'a> {
    let text = finding.answer.text();
    // A sentence ends where a capital letter follows: not within "3.5 ms" or "tract v. burn".
    let end = text
        .match_indices(". ")
        .map(|(at, _)| at)
        .find(|at| text[at + 2..].starts_with(char::is_uppercase));
    let (claim, rest) = end.map_or((text, ""), |at| (&text[..at], &text[at + 2..]));
    let figures = finding.figures.iter().map(ToString::to_string);
    Block::Finding {
        claim: claim.trim_end_matches('.').to_owned(),
        rest: match rest.trim_end_matches('.') {
            "" => String::new(),
            rest => format!("{rest}."),
        },
        figures: figures.chain(finding.assumptions.iter().cloned()).collect(),
    }
}
