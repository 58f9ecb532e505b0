//! Determinants of small matrices.

use onnx_ir::Argument;

use crate::lower::{DeviceValue, Lowerer, Lowering, OpSpec, Unsupported, Value, op};
use crate::runtime::program::Op;

pub(super) const OPS: &[OpSpec] = &[op!("Det", cx, Det(n) => det(cx, &n.inputs[0]))];

/// Larger matrices need pivots, which are chosen by computed values.
const MAX_SIZE: usize = 4;

/// x [.., n, n] -> [..], by expansion along the first column (Laplace).
fn det(cx: &mut Lowerer, input: &Argument) -> Lowering<Value> {
    let x = cx.floats(input)?;
    let (outer, n) = match x.shape.as_slice() {
        [outer @ .., rows, columns] if rows == columns && (1..=MAX_SIZE).contains(rows) => (outer.to_vec(), *rows),
        shape => {
            return Err(Unsupported::new(format!(
                "matrices of shape {shape:?} (at most {MAX_SIZE} by {MAX_SIZE})"
            )));
        }
    };
    let count = outer.iter().product();
    let flat = cx.reshape(&x, vec![count, n, n]);
    let rows: Vec<usize> = (0..n).collect();
    let found = minor(cx, &flat, &rows, 0);
    Ok(Value::Floats(cx.reshape(&found, outer)))
}

/// The determinant of some rows and the columns from `column` on: x [count, n, n] -> [count, 1, 1].
fn minor(cx: &mut Lowerer, x: &DeviceValue, rows: &[usize], column: usize) -> DeviceValue {
    let mut sum: Option<DeviceValue> = None;
    for (position, &row) in rows.iter().enumerate() {
        let line = cx.narrow(x, 1, row, 1);
        let mut term = cx.narrow(&line, 2, column, 1);
        if rows.len() > 1 {
            let others: Vec<usize> = rows.iter().copied().filter(|&other| other != row).collect();
            let minor = minor(cx, x, &others, column + 1);
            term = cx.zip(Op::Mul, &term, &minor);
        }
        let op = if position % 2 == 0 { Op::Add } else { Op::Sub };
        sum = Some(match sum {
            None => term,
            Some(sum) => cx.zip(op, &sum, &term),
        });
    }
    sum.unwrap_or_else(|| unreachable!("there is at least one row"))
}
