//! Axes.

use crate::lower::unsupported::{Lowering, Unsupported};

/// Resolves axes of a value of this rank. Negative ones count from the end.
pub(crate) fn resolve_axes(axes: &[i64], rank: usize) -> Lowering<Vec<usize>> {
    let signed = i64::try_from(rank).unwrap_or(i64::MAX);
    axes.iter()
        .map(|&axis| {
            let resolved = if axis < 0 { axis.saturating_add(signed) } else { axis };
            usize::try_from(resolved)
                .ok()
                .filter(|&axis| axis < rank)
                .ok_or_else(|| Unsupported::new(format!("axis {axis} of a value of rank {rank}")))
        })
        .collect()
}

/// Resolves one axis of a value of this rank.
pub(crate) fn resolve_axis(axis: i64, rank: usize) -> Lowering<usize> {
    Ok(resolve_axes(&[axis], rank)?[0])
}
