//! The sections of the report, in the order in which they are read.

mod arithmetic;
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

use tare_findings::Finding;
use tare_record::Record;

use crate::analysis::ladder::{Ladder, ladders_known};
use crate::analysis::pairing::{Comparison, compare_known};
use crate::analysis::series::KnownSeries;
use crate::analysis::versions::{VersionPair, versions};
use crate::analysis::yardstick::Yardsticks;
use crate::section::{Block, Rank, Section};

/// Pairs and ladders with a section of their own, and lists of kernels, at most. The summary and the tables have all.
const MOST: usize = 40;

/// What records say about each other, for reports of them.
pub struct Report<'a> {
    records: &'a [Record],
    known: KnownSeries<'a>,
    comparison: Comparison<'a>,
    ladders: Vec<Ladder<'a>>,
    yardsticks: Yardsticks<'a>,
    versions: Vec<VersionPair<'a>>,
    found: Vec<Finding>,
}

/// Everything that the records say. Every format shows these sections and nothing else.
pub fn sections(records: &[Record]) -> Vec<Section<'_>> {
    Report::new(records).sections()
}

impl<'a> Report<'a> {
    /// Compares the cells of all records.
    pub fn new(records: &'a [Record]) -> Self {
        let known = KnownSeries::default();
        Self {
            records,
            comparison: compare_known(records, &known),
            ladders: ladders_known(records, &known),
            yardsticks: Yardsticks::new(records, &known),
            versions: versions(records, &known),
            found: tare_findings::findings(records),
            known,
        }
    }

    pub(crate) fn records(&self) -> &'a [Record] {
        self.records
    }

    /// All sections, in the order in which they are read.
    pub(crate) fn sections(&self) -> Vec<Section<'a>> {
        let records = self.records;
        let mut sections = self.first();
        sections.extend(yardstick::section(&self.yardsticks));
        sections.extend(scaling::sections(records, &self.known));
        sections.extend(summary::refusals(&self.comparison));
        sections.extend(self.comparison.pairs.iter().take(MOST).map(pair::section));
        sections.extend(reported::section(records));
        sections.extend(self.cells());
        sections.extend(load::section(records, &self.known));
        sections.extend(arithmetic::section(records, &self.known));
        sections.extend(operators::section(records));
        sections.extend(stages::section(records));
        sections.extend(device_time::section(records));
        sections.extend(interop::section(records));
        sections.extend(responsiveness::section(records));
        sections.extend(startup_costs::section(records, &self.known));
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

    /// Only what is shown at once.
    pub(crate) fn answers(&self) -> Vec<Section<'a>> {
        let mut sections = self.first();
        if self.is_alone() {
            sections.extend(self.cells());
        }
        sections.retain(|section| section.rank == Rank::Answer);
        sections
    }

    /// What was found and compared.
    fn first(&self) -> Vec<Section<'a>> {
        let mut sections: Vec<Section<'a>> = findings::section(&self.found).into_iter().collect();
        if self.comparison.pairs.is_empty() && !self.versions.is_empty() {
            // The question is another one.
            let warnings = summary::warnings(self.records, &self.known, &[]);
            sections.extend(versions::section(&self.versions, warnings));
        } else {
            sections.push(summary::section(
                self.records,
                &self.known,
                &self.comparison,
                &self.ladders,
            ));
            sections.extend(versions::section(&self.versions, None));
        }
        let ladders = &self.ladders[..self.ladders.len().min(MOST)];
        sections.extend(ladder::sections(ladders, &self.yardsticks));
        sections
    }

    /// Every cell. Without a comparison they are the answer.
    fn cells(&self) -> Option<Section<'a>> {
        let rank = if self.is_alone() { Rank::Answer } else { Rank::Reason };
        cells::section(self.records, &self.known, &self.yardsticks, rank)
    }

    /// Whether no cell is compared with another.
    fn is_alone(&self) -> bool {
        self.comparison.pairs.is_empty() && self.versions.is_empty() && self.found.is_empty()
    }
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
