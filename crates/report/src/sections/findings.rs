use tare_findings::{Answer, Finding};
use tare_record::Question;

use crate::section::{Block, Section};

/// Findings of one kind that a page shows before a reader opens the others.
const SHOWN: usize = 4;

/// What the experiments of a plan say: first what could be told.
pub(super) fn section<'a>(found: &[Finding]) -> Option<Section<'a>> {
    let (told, unknown): (Vec<_>, Vec<_>) = found.iter().partition(|finding| is_told(finding));
    let sorted: Vec<&Finding> = told.into_iter().chain(unknown).collect();
    let mut blocks = Vec::new();
    for group in sorted.chunk_by(|a, b| a.question == b.question && is_told(a) == is_told(b)) {
        // Not worth a fold for one.
        let shown = if group.len() > SHOWN + 1 { SHOWN } else { group.len() };
        let (first, others) = group.split_at(shown);
        blocks.extend(first.iter().map(|finding| block(finding)));
        if !others.is_empty() {
            blocks.push(Block::Fold {
                summary: format!("{} more about {}", others.len(), subject(group[0].question)),
                blocks: others.iter().map(|finding| block(finding)).collect(),
            });
        }
    }
    (!blocks.is_empty()).then(|| Section::answer("findings", "What was found", blocks))
}

fn is_told(finding: &Finding) -> bool {
    matches!(finding.answer, Answer::Told(_))
}

/// What a question is about.
fn subject(question: Question) -> &'static str {
    match question {
        Question::Speedup => "GPU and CPU",
        Question::Budgets => "budgets",
        Question::Batch => "batch sizes",
        Question::Threads => "threads",
        Question::Load => "load",
        Question::Transport => "transports",
        Question::Cold => "first results",
        Question::Chunks => "chunks",
        Question::Floor => "the harness",
        Question::Precision => "fewer bits",
        Question::Stability => "steadiness",
        Question::Operators => "operators",
    }
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
