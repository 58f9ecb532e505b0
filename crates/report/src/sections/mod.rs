//! The sections of the report, in the order in which they are read.

mod cells;
mod device_time;
mod findings;
mod frontier;
mod interop;
mod kernels;
mod ladder;
mod load;
mod machine;
mod memory;
mod operators;
mod outputs;
mod pair;
mod reported;
mod responsiveness;
mod roofline;
mod scaling;
mod stages;
mod startup_costs;
mod summary;
mod versions;
mod words;
mod yardstick;

use std::collections::BTreeMap;

pub use versions::slower;

use tare_record::Record;

use crate::analysis::ladder::ladders_known;
use crate::analysis::pairing::compare_known;
use crate::analysis::series::KnownSeries;
use crate::analysis::versions::versions;
use crate::analysis::yardstick::Yardsticks;
use crate::section::{Block, Rank, Section};

/// Pairs and ladders with a section of their own, and lists of kernels, at most. The summary and the tables have all.
const MOST: usize = 40;

/// Everything that the records say. Every format shows these sections and nothing else.
pub fn sections(records: &[Record]) -> Vec<Section<'_>> {
    let known = KnownSeries::default();
    let comparison = compare_known(records, &known);
    let ladders = ladders_known(records, &known);
    let yardsticks = Yardsticks::new(records, &known);
    let found = tare_findings::findings(records);
    let mut sections: Vec<Section<'_>> = findings::section(&found).into_iter().collect();
    let versions = versions(records, &known);
    if comparison.pairs.is_empty() && !versions.is_empty() {
        // The question is another one.
        sections.extend(versions::section(&versions, summary::warnings(records, &known, &[])));
    } else {
        sections.push(summary::section(records, &known, &comparison, &ladders));
        sections.extend(versions::section(&versions, None));
    }
    sections.extend(ladder::sections(&ladders[..ladders.len().min(MOST)], &yardsticks));
    sections.extend(yardstick::section(&yardsticks));
    sections.extend(scaling::sections(records, &known));
    sections.extend(summary::refusals(&comparison));
    sections.extend(comparison.pairs.iter().take(MOST).map(pair::section));
    sections.extend(reported::section(records));
    // Without a comparison they are the answer.
    let rank = if comparison.pairs.is_empty() && versions.is_empty() && found.is_empty() {
        Rank::Answer
    } else {
        Rank::Reason
    };
    sections.extend(cells::section(records, &known, &yardsticks, rank));
    sections.extend(load::section(records, &known));
    sections.extend(operators::section(records));
    sections.extend(stages::section(records));
    sections.extend(device_time::section(records));
    sections.extend(interop::section(records));
    sections.extend(responsiveness::section(records));
    sections.extend(startup_costs::section(records, &known));
    sections.extend(memory::section(records));
    sections.extend(kernels::section(records));
    sections.extend(outputs::section(records));
    let numbered = records.iter().enumerate();
    sections.extend(numbered.map(|(index, record)| machine::section(index + 1, record)));
    sections.extend(words::section(records));
    sections.push(Section::detail(
        "methodology",
        "How this was measured",
        vec![Block::Methodology],
    ));
    make_ids_unique(&mut sections);
    sections
}

/// Numbers sections that have the same id, such as the ladders of one model at several batch sizes.
fn make_ids_unique(sections: &mut [Section<'_>]) {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for section in sections {
        let count = seen.entry(section.id.clone()).or_default();
        *count += 1;
        if *count > 1 {
            section.id = format!("{}-{count}", section.id);
        }
    }
}
