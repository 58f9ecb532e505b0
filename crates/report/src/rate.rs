//! Amounts per second.

use tare_findings::format;

/// What a rate counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RateOf {
    /// Items that are answered.
    Items,
    /// Floating-point operations.
    Flops,
    /// Bytes that are read and written.
    Bytes,
}

impl RateOf {
    /// A rate as people read it.
    pub(crate) fn text(self, per_second: f64) -> String {
        match self {
            RateOf::Items => format::items_rate(per_second),
            RateOf::Flops => format::flops_rate(per_second),
            RateOf::Bytes => format::bytes_rate(per_second),
        }
    }
}
