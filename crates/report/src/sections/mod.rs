//! The sections of the report, in the order in which they are read.

mod cells;
mod device_time;
mod interop;
mod kernels;
mod ladder;
mod machine;
mod memory;
mod outputs;
mod pair;
mod responsiveness;
mod stages;
mod startup_costs;
mod summary;

use tare_record::Record;

use crate::analysis::ladder::ladders;
use crate::analysis::pairing::compare;
use crate::section::{Block, Section};

/// Everything that the records say. Every format shows these sections and nothing else.
pub fn sections(records: &[Record]) -> Vec<Section<'_>> {
    let comparison = compare(records);
    let ladders = ladders(records);
    let mut sections = vec![summary::section(records, &comparison, &ladders)];
    sections.extend(summary::refusals(&comparison));
    sections.extend(ladders.iter().map(ladder::section));
    sections.extend(comparison.pairs.iter().map(pair::section));
    sections.extend(cells::section(records));
    sections.extend(stages::section(records));
    sections.extend(device_time::section(records));
    sections.extend(interop::section(records));
    sections.extend(responsiveness::section(records));
    sections.extend(startup_costs::section(records));
    sections.extend(memory::section(records));
    sections.extend(kernels::section(records));
    sections.extend(outputs::section(records));
    let numbered = records.iter().enumerate();
    sections.extend(numbered.map(|(index, record)| machine::section(index + 1, record)));
    sections.push(Section::detail(
        "methodology",
        "How this was measured",
        vec![Block::Methodology],
    ));
    sections
}
