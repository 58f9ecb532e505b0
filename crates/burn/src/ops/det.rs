//! Determinants of small matrices.

use onnx_ir::Argument;

use crate::lower::{DeviceValue, Lowerer, Lowering, Unsupported, Value};
use crate::runtime::program::Op;

/// Larger ones need pivots, which are chosen by what is computed.
const LARGEST: usize = 4;

impl Lowerer {
    /// x [.., n, n] -> [..], by expansion along the first column (Laplace).
    pub(crate) fn determinant(&mut self, input: &Argument) -> Lowering<Value> {
        let x = self.floats(input)?;
        let (outer, n) = match x.shape.as_slice() {
            [outer @ .., rows, columns] if rows == columns && (1..=LARGEST).contains(rows) => (outer.to_vec(), *rows),
            shape => {
                return Err(Unsupported::new(format!(
                    "matrices of shape {shape:?} (at most {LARGEST} by {LARGEST})"
                )));
            }
        };
        let count = outer.iter().product();
        let flat = self.viewed(&x, vec![count, n, n]);
        let rows: Vec<usize> = (0..n).collect();
        let found = self.minor(&flat, &rows, 0);
        Ok(Value::Device(self.viewed(&found, outer)))
    }

    /// The determinant of some rows and the columns from `column` on: x [count, n, n] -> [count, 1, 1].
    fn minor(&mut self, x: &DeviceValue, rows: &[usize], column: usize) -> DeviceValue {
        let mut sum: Option<DeviceValue> = None;
        for (position, &row) in rows.iter().enumerate() {
            let line = self.part(x, 1, row, 1);
            let mut term = self.part(&line, 2, column, 1);
            if rows.len() > 1 {
                let others: Vec<usize> = rows.iter().copied().filter(|&other| other != row).collect();
                let minor = self.minor(x, &others, column + 1);
                term = self.both(Op::Mul, &term, &minor);
            }
            let op = if position % 2 == 0 { Op::Add } else { Op::Sub };
            sum = Some(match sum {
                None => term,
                Some(sum) => self.both(op, &sum, &term),
            });
        }
        sum.unwrap_or_else(|| unreachable!("there is a row"))
    }
}
