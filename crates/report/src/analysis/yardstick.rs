//! Cells next to a yardstick: an engine of others that did the same work in the same place.

use std::collections::{BTreeMap, HashMap};

use tare_core::stats::Estimate;
use tare_findings::same_work::{have_same_inputs, machine};
use tare_record::{Cell, Record, Status};

use super::adapter_match;
use super::pairing::ratio;
use super::series::KnownSeries;

/// A cell, and the cell of a yardstick that differs from it in nothing but the engine.
#[derive(Debug, Clone, PartialEq)]
pub struct YardstickPair<'a> {
    /// The cell of the yardstick.
    pub yardstick: &'a Cell,
    /// The cell that is compared with it.
    pub cell: &'a Cell,
    /// Median of one run as a multiple of the yardstick's, with a 95 % interval.
    pub ratio: Estimate,
    /// Median of one run in nanoseconds, of the yardstick and of the cell.
    pub medians: [Estimate; 2],
}

/// What is compared with a yardstick, also by cell.
pub(crate) struct Yardsticks<'a> {
    pub(crate) pairs: Vec<YardstickPair<'a>>,
    /// Index of each cell's pair with the fastest yardstick.
    by_cell: HashMap<*const Cell, usize>,
}

impl<'a> Yardsticks<'a> {
    pub(crate) fn new(records: &'a [Record], known: &KnownSeries<'a>) -> Self {
        let pairs = pairs(records, known);
        let mut by_cell: HashMap<*const Cell, usize> = HashMap::new();
        for (number, pair) in pairs.iter().enumerate() {
            let fastest = by_cell.entry(std::ptr::from_ref(pair.cell)).or_insert(number);
            if pair.ratio.value > pairs[*fastest].ratio.value {
                *fastest = number;
            }
        }
        Self { pairs, by_cell }
    }

    /// The time of a cell as a multiple of the fastest yardstick's.
    pub(crate) fn ratio_of(&self, cell: &Cell) -> Option<&Estimate> {
        let number = self.by_cell.get(&std::ptr::from_ref(cell))?;
        Some(&self.pairs[*number].ratio)
    }
}

/// Compares every measured cell with each yardstick that did the same work in the same place.
pub fn yardsticks(records: &[Record]) -> Vec<YardstickPair<'_>> {
    pairs(records, &KnownSeries::default())
}

/// Compares every measured cell with each yardstick of its own record, or of the first record of the same machine that has it.
fn pairs<'a>(records: &'a [Record], known: &KnownSeries<'a>) -> Vec<YardstickPair<'a>> {
    let measured = || {
        records.iter().flat_map(|record| {
            let cells = record.cells.iter().filter(|cell| cell.status == Status::Measured);
            cells.map(move |cell| (record, cell))
        })
    };
    let yardsticks: Vec<(&Record, &Cell)> = measured().filter(|(_, cell)| is_yardstick(cell)).collect();
    let mut of_model: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (place, (_, cell)) in yardsticks.iter().enumerate() {
        of_model.entry(&cell.model.name).or_default().push(place);
    }
    let ours = measured().filter(|(_, cell)| !is_yardstick(cell) && cell.configuration.vector_limit.is_none());
    ours.flat_map(|(record, cell)| {
        let places = of_model.get(cell.model.name.as_str()).into_iter().flatten();
        // One for each engine: the first of its own record, or else of another.
        let mut nearest: Vec<(&Record, &Cell)> = Vec::new();
        for (other, yardstick) in places.map(|&place| yardsticks[place]) {
            if !is_same_place(other, yardstick, record, cell) {
                continue;
            }
            let found = nearest
                .iter_mut()
                .find(|(_, known)| known.engine.name == yardstick.engine.name);
            match found {
                None => nearest.push((other, yardstick)),
                Some(found) if std::ptr::eq(other, record) && !std::ptr::eq(found.0, record) => {
                    *found = (other, yardstick);
                }
                Some(_) => {}
            }
        }
        let pairs = nearest.into_iter();
        pairs.filter_map(move |nearest| pair(nearest, (record, cell), known))
    })
    .collect()
}

fn is_yardstick(cell: &Cell) -> bool {
    cell.engine.name.spec().is_yardstick
}

fn is_same_place(other: &Record, yardstick: &Cell, record: &Record, cell: &Cell) -> bool {
    let place = |cell: &Cell| {
        let configuration = &cell.configuration;
        (
            configuration.environment,
            configuration.browser.clone(),
            configuration.threads,
        )
    };
    machine(&other.machine) == machine(&record.machine)
        && place(yardstick) == place(cell)
        && adapter_match::difference(yardstick.adapter.as_ref(), cell.adapter.as_ref()).is_none()
        && yardstick.model.sha256 == cell.model.sha256
        && yardstick.load == cell.load
        && have_same_inputs(yardstick, cell)
}

fn pair<'a>(
    (other, yardstick): (&'a Record, &'a Cell),
    (record, cell): (&'a Record, &'a Cell),
    known: &KnownSeries<'a>,
) -> Option<YardstickPair<'a>> {
    let below = known.of(yardstick, &other.clock);
    let above = known.of(cell, &record.clock);
    let is_one_run = std::ptr::eq(other, record) || other.run.is_some() && other.run == record.run;
    let (ratio, _) = ratio(&below, &above, is_one_run)?;
    let medians = below.median().zip(above.median())?;
    Some(YardstickPair {
        yardstick,
        cell,
        ratio,
        medians: medians.into(),
    })
}
