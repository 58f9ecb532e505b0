//! How much a step computes and moves.

use super::program::{IntegerOp, Movement, Op};

/// What one step does in a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Work {
    /// Multiply-accumulates in convolutions and matrix products.
    pub(crate) multiply_accumulates: u64,
    /// Size of operands and result.
    pub(crate) bytes: u64,
}

/// The shape of a value on the device, and the size of an element.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stored {
    pub(crate) shape: Vec<usize>,
    pub(crate) element_bytes: u64,
}

impl Stored {
    fn bytes(&self) -> u64 {
        elements(&self.shape) * self.element_bytes
    }
}

fn elements(shape: &[usize]) -> u64 {
    shape.iter().map(|&size| size as u64).product()
}

/// The work of an operation on these operands.
pub(crate) fn work(op: &Op, operands: &[Stored], stored: &Stored) -> Work {
    let result = stored.shape.as_slice();
    let operand = |position: usize| {
        operands
            .get(position)
            .map(|operand| operand.shape.as_slice())
            .unwrap_or_default()
    };
    // Products for each element that a filter of this shape, [filters, ..], is laid on.
    let per_filter = |weight: &[usize]| elements(weight.get(1..).unwrap_or_default());
    let last = |shape: &[usize]| shape.last().map_or(0, |&size| size as u64);
    let multiply_accumulates = match op {
        Op::Conv2d(_) | Op::Conv3d(_) => elements(result) * per_filter(operand(1)),
        Op::DeformConv2d { .. } => elements(result) * per_filter(operand(2)),
        Op::ConvTranspose2d(_) | Op::ConvTranspose3d(_) => elements(operand(0)) * per_filter(operand(1)),
        Op::Linear | Op::MatMul => elements(result) * last(operand(0)),
        Op::Attention { .. } => {
            // Keys are [b, h, k, d]: every query meets all of them, and so does every element of the result.
            let keys = operand(1).get(2).map_or(0, |&size| size as u64);
            (elements(operand(0)) + elements(result)) * keys
        }
        _ => 0,
    };
    if is_view(op) {
        return Work {
            multiply_accumulates: 0,
            bytes: 0,
        };
    }
    // Selecting reads as much of the table as it writes.
    let read = if is_selection(op) {
        stored.bytes() + operands.get(1).map_or(0, Stored::bytes)
    } else {
        operands.iter().map(Stored::bytes).sum()
    };
    Work {
        multiply_accumulates,
        bytes: read + stored.bytes(),
    }
}

fn movement(op: &Op) -> Option<&Movement> {
    match op {
        Op::Move(movement) | Op::Integers(IntegerOp::Move(movement)) => Some(movement),
        _ => None,
    }
}

/// Whether the result is the operand's memory, read in another way.
fn is_view(op: &Op) -> bool {
    matches!(
        movement(op),
        Some(Movement::Reshape(_) | Movement::Expand(_) | Movement::Permute(_))
    )
}

/// Whether the result consists of parts of the first operand that the second names.
fn is_selection(op: &Op) -> bool {
    matches!(movement(op), Some(Movement::Select { .. } | Movement::Gather { .. }))
}

#[cfg(test)]
mod tests {
    use burn_backend::ops::{ConvOptions, ConvTransposeOptions};

    use super::*;

    #[track_caller]
    fn does(op: &Op, operands: &[&[usize]], result: &[usize], multiply_accumulates: u64, moved: u64) {
        for element_bytes in [2, 4] {
            let stored = |shape: &[usize]| Stored {
                shape: shape.to_vec(),
                element_bytes,
            };
            let operands: Vec<Stored> = operands.iter().map(|shape| stored(shape)).collect();
            let expected = Work {
                multiply_accumulates,
                bytes: moved * element_bytes,
            };
            assert_eq!(work(op, &operands, &stored(result)), expected, "{op:?}");
        }
    }

    #[test]
    fn work_follows_from_shapes() {
        // 4 filters over 3 channels with windows of 9.
        let conv = Op::Conv2d(ConvOptions::new([1, 1], [0, 0], [1, 1], 1));
        let (x, weight) = ([1, 3, 10, 10], [4, 3, 3, 3]);
        does(&conv, &[&x, &weight], &[1, 4, 8, 8], 4 * 64 * 27, 300 + 108 + 256);
        // Every element writes 2 channels in windows of 4.
        let transposed = Op::ConvTranspose2d(ConvTransposeOptions::new([2, 2], [0, 0], [0, 0], [1, 1], 1));
        let (x, weight) = ([1, 3, 5, 5], [3, 2, 2, 2]);
        does(&transposed, &[&x, &weight], &[1, 2, 10, 10], 75 * 8, 75 + 24 + 200);
        does(
            &Op::Linear,
            &[&[7, 16], &[16, 32], &[32]],
            &[7, 32],
            7 * 16 * 32,
            112 + 512 + 32 + 224,
        );
        let attention = Op::Attention {
            scale: None,
            softcap: None,
            causal: false,
        };
        let (query, key) = ([1, 2, 5, 8], [1, 2, 6, 8]);
        does(
            &attention,
            &[&query, &key, &key],
            &query,
            2 * 2 * 5 * 6 * 8,
            80 + 96 + 96 + 80,
        );
        does(&Op::Relu, &[&[100]], &[100], 0, 200);
        let select = Op::Move(Movement::Select { axis: 0 });
        does(&select, &[&[30_000, 8], &[5]], &[5, 8], 0, 40 + 5 + 40);
        does(&Op::Move(Movement::Permute(vec![1, 0])), &[&[4, 5]], &[5, 4], 0, 0);
    }
}
