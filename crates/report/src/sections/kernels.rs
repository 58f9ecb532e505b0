use std::collections::BTreeMap;

use tare_findings::sorting::sort_by;
use tare_record::{Cell, Record};

use super::MOST;
use crate::section::{Block, Section};
use tare_findings::labels;

/// The kernels of every cell that reports them. Cells that use the same ones share a list.
pub(super) fn section<'a>(records: &[Record]) -> Option<Section<'a>> {
    let cells = records.iter().flat_map(|record| &record.cells);
    let mut groups: Vec<(&Cell, Vec<String>)> = Vec::new();
    // Where the groups of a model are, so that ten thousand cells are not compared with each other.
    let mut of_model: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for cell in cells.filter(|cell| !cell.kernels.is_empty()) {
        let places = of_model.entry(&cell.model.name).or_default();
        let is_same = |other: &Cell| (cell.engine.name, &cell.kernels) == (other.engine.name, &other.kernels);
        match places.iter().copied().find(|&place| is_same(groups[place].0)) {
            Some(place) => groups[place].1.push(labels::configuration(cell)),
            None => {
                places.push(groups.len());
                groups.push((cell, vec![labels::configuration(cell)]));
            }
        }
    }
    if groups.is_empty() {
        return None;
    }
    let mut text = String::new();
    if groups.iter().any(|(cell, _)| cell.adapter.is_some()) {
        text += "On a graphics device: what one run launches once tuning is complete. Fewer launches mean that operations were fused; other kernels mean that tuning chose differently. ";
    }
    text += "On tract: the kernels of matrix products and convolutions, which it chooses by the processor's vector instructions.";
    if groups.len() > MOST {
        text += &format!(
            " Only {MOST} of {} lists are shown; the records have all.",
            groups.len()
        );
    }
    let lists = groups.iter().take(MOST).map(|(cell, places)| Block::Collapsed {
        summary: format!(
            "{} ({}): {} uses of {} kernels",
            labels::work(cell),
            places.join("; "),
            cell.kernels.values().sum::<u64>(),
            cell.kernels.len()
        ),
        items: by_uses(&cell.kernels),
    });
    let blocks = std::iter::once(Block::Text(text)).chain(lists);
    Some(Section::detail("kernels", "Kernels", blocks.collect()))
}

/// Most frequent first.
fn by_uses(kernels: &BTreeMap<String, u64>) -> Vec<String> {
    let mut sorted: Vec<_> = kernels.iter().collect();
    sort_by(&mut sorted, |a, b| b.1.cmp(a.1));
    sorted
        .into_iter()
        .map(|(name, uses)| format!("{uses} of {name}"))
        .collect()
}
