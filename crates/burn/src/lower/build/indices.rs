//! Indices into a dimension.

use crate::lower::host_tensor::{HostData, HostTensor};
use crate::lower::lowerer::Lowerer;
use crate::lower::unsupported::{Lowering, Unsupported};
use crate::lower::value::{DeviceValue, Value};
use crate::runtime::program::{IntegerOp, Op};

impl Lowerer {
    /// Indices on the device, reshaped. Negative ones count from the end of a dimension of length
    /// `size`.
    pub(crate) fn device_indices(&mut self, at: Value, shape: Vec<usize>, size: usize) -> Lowering<DeviceValue> {
        match at {
            Value::Host(host) => {
                let resolved = resolve_indices(&host, size)?;
                let host = HostTensor {
                    shape,
                    data: HostData::I64(resolved),
                };
                self.integers(Value::Host(host))
            }
            at @ Value::Integers(_) => {
                let at = self.reshape_value(at, shape);
                let at = self.integers(at)?;
                let op = Op::Integers(IntegerOp::ResolveNegative(size));
                Ok(self.emit(op, &[&at], at.shape.clone()))
            }
            Value::Floats(_) | Value::Bools(_) => Err(Unsupported::new("indices that are not integers")),
        }
    }
}

/// Resolves constant indices. Negative ones count from the end of a dimension of length `size`.
pub(crate) fn resolve_indices(at: &HostTensor, size: usize) -> Lowering<Vec<i64>> {
    let outside = || Unsupported::new(format!("an index outside {size} elements"));
    let size = i64::try_from(size).map_err(|_| outside())?;
    at.as_integers()
        .ok_or_else(|| Unsupported::new("indices that are not integers"))?
        .into_iter()
        .map(|index| if index < 0 { index + size } else { index })
        .map(|index| Some(index).filter(|index| (0..size).contains(index)))
        .collect::<Option<Vec<i64>>>()
        .ok_or_else(outside)
}
