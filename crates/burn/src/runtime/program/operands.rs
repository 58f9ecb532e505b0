//! The tensors that an operation reads.

use burn_dispatch::DispatchTensor;

/// The operands of one operation, in order.
pub(crate) type Operands = smallvec::SmallVec<[DispatchTensor; 4]>;

/// The next operand. Lowering gives every operation as many operands as it reads.
pub(super) fn next_of(operands: &mut impl Iterator<Item = DispatchTensor>) -> DispatchTensor {
    operands
        .next()
        .unwrap_or_else(|| unreachable!("lowering gives each operation its operands"))
}
