//! Shapes, and how they broadcast.

/// The shape that two shapes broadcast to: ONNX's multidirectional broadcasting, aligned at the
/// last dimension. `None` if they do not broadcast.
pub(crate) fn broadcast(a: &[usize], b: &[usize]) -> Option<Vec<usize>> {
    let rank = a.len().max(b.len());
    let dim = |shape: &[usize], i: usize| (i + shape.len()).checked_sub(rank).map_or(1, |i| shape[i]);
    (0..rank)
        .map(|i| match (dim(a, i), dim(b, i)) {
            (x, y) if x == y => Some(x),
            (1, y) => Some(y),
            (x, 1) => Some(x),
            _ => None,
        })
        .collect()
}

/// For each element of a tensor of shape `to`, the row-major position of its source in one of shape
/// `from`, which broadcasts to it.
pub(super) fn broadcast_positions(from: &[usize], to: &[usize]) -> Vec<usize> {
    let strides = strides(from);
    let skip = to.len() - from.len();
    indices(to)
        .map(|index| {
            from.iter()
                .enumerate()
                .map(|(d, &dim)| if dim == 1 { 0 } else { index[d + skip] * strides[d] })
                .sum()
        })
        .collect()
}

/// Row-major strides of a shape, in elements.
pub(super) fn strides(shape: &[usize]) -> Vec<usize> {
    let mut strides = vec![1; shape.len()];
    for d in (1..shape.len()).rev() {
        strides[d - 1] = strides[d] * shape[d];
    }
    strides
}

/// All indices of a shape in row-major order.
pub(super) fn indices(shape: &[usize]) -> impl Iterator<Item = Vec<usize>> + '_ {
    let count: usize = shape.iter().product();
    let strides = strides(shape);
    (0..count).map(move |flat| {
        shape
            .iter()
            .zip(&strides)
            .map(|(&dim, &stride)| flat / stride % dim)
            .collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_broadcast_from_the_right() {
        assert_eq!(broadcast(&[2, 1], &[3]), Some(vec![2, 3]));
        assert_eq!(broadcast(&[], &[4]), Some(vec![4]));
        assert_eq!(broadcast(&[2], &[3]), None);
        assert_eq!(broadcast_positions(&[2, 1], &[2, 2]), [0, 0, 1, 1]);
    }
}
