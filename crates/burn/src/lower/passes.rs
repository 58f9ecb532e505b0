//! Passes over the steps after all nodes are lowered.

use super::fusing::fuse_attention;
use super::lowered::Lowered;
use super::lowerer::Lowerer;
use crate::runtime::program::Step;

/// Fuses attention if wanted, and removes steps and constants that nothing reads.
pub(super) fn run_passes(cx: &mut Lowerer, fuses_attention: bool) {
    if fuses_attention {
        fuse_attention(cx);
    }
    remove_unread(&mut cx.lowered);
}

fn remove_unread(lowered: &mut Lowered) {
    let mut read = vec![false; lowered.slots];
    for slot in lowered.output_slots() {
        read[slot] = true;
    }
    // Backwards: everything that reads a value is visited before the step that makes it.
    let mut kept: Vec<Step> = Vec::with_capacity(lowered.steps.len());
    for step in std::mem::take(&mut lowered.steps).into_iter().rev() {
        if read[step.output] {
            step.inputs.iter().for_each(|&slot| read[slot] = true);
            kept.push(step);
        }
    }
    kept.reverse();
    lowered.steps = kept;
    lowered.constants.retain(|(slot, _)| read[*slot]);
}
