use std::cmp::Reverse;
use std::collections::BTreeMap;

use tare_record::{Cell, Record};

use crate::section::{Block, Section};
use tare_findings::labels;

/// The kernels of every cell that reports them. Cells that use the same ones share a list.
pub(super) fn section<'a>(records: &[Record]) -> Option<Section<'a>> {
    let cells = records.iter().flat_map(|record| &record.cells);
    let mut groups: Vec<(&Cell, Vec<String>)> = Vec::new();
    for cell in cells.filter(|cell| !cell.kernels.is_empty()) {
        let is_same = |other: &Cell| {
            (&cell.model.name, cell.engine.name, &cell.kernels)
                == (&other.model.name, other.engine.name, &other.kernels)
        };
        match groups.iter_mut().find(|(other, _)| is_same(other)) {
            Some((_, places)) => places.push(labels::configuration(cell)),
            None => groups.push((cell, vec![labels::configuration(cell)])),
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
    let lists = groups.iter().map(|(cell, places)| Block::Collapsed {
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
    sorted.sort_by_key(|(_, uses)| Reverse(**uses));
    sorted
        .into_iter()
        .map(|(name, uses)| format!("{uses} of {name}"))
        .collect()
}
