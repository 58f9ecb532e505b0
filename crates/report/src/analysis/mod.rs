//! What the records say: which cells may be compared, how they compare, and why.

mod adapter_match;
pub(crate) mod agreement;
pub(crate) mod ladder;
pub(crate) mod pairing;
pub(crate) mod rung;
pub(crate) mod series;
pub(crate) mod step_kind;
pub(crate) mod verdict;
pub(crate) mod versions;
pub(crate) mod yardstick;
