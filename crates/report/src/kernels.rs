//! What engines launched on their devices.

use maud::{Markup, html};
use tare_record::{Cell, Record};

use crate::text::rung;

/// The kernels of every cell that tells them: how many a run launches, and which, most frequent first. Cells that use the
/// same ones share a list.
pub(crate) fn kernels(records: &[Record]) -> Markup {
    let cells = records.iter().flat_map(|record| &record.cells);
    let mut alike: Vec<(&Cell, Vec<String>)> = Vec::new();
    for cell in cells.filter(|cell| !cell.kernels.is_empty()) {
        let is_same = |other: &Cell| {
            (&cell.model.name, cell.engine.name, &cell.kernels)
                == (&other.model.name, other.engine.name, &other.kernels)
        };
        match alike.iter_mut().find(|(other, _)| is_same(other)) {
            Some((_, places)) => places.push(rung(cell)),
            None => alike.push((cell, vec![rung(cell)])),
        }
    }
    let on_device = alike.iter().any(|(cell, _)| cell.adapter.is_some());
    html! {
        @if !alike.is_empty() {
            h2 { "Kernels" }
            p {
                @if on_device { "What one run launches on a graphics device once kernels are chosen: fewer launches of other kernels mean that operations were fused, or tuning chose differently. " }
                "Of tract the kernels of matrix products and convolutions, which it chooses by the processor's vector instructions."
            }
            @for (cell, places) in alike {
                details {
                    summary {
                        (cell.model.name) " on " (cell.engine.name) " (" (places.join("; ")) "): "
                        (cell.kernels.values().sum::<u64>()) " uses of " (cell.kernels.len()) " kernels"
                    }
                    ul {
                        @for (name, launches) in by_launches(&cell.kernels) {
                            li { (launches) " of " code { (name) } }
                        }
                    }
                }
            }
        }
    }
}

fn by_launches(kernels: &std::collections::BTreeMap<String, u64>) -> Vec<(&str, u64)> {
    let mut sorted: Vec<(&str, u64)> = kernels.iter().map(|(name, &count)| (name.as_str(), count)).collect();
    sorted.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    sorted
}
