//! Conclusions from records: what the experiments of a plan were measured for.
//!
//! Every file answers one question. It turns records into [`Finding`]s, each a sentence with the figures that it rests
//! on, or says why it cannot be told, or stays silent where the records do not ask the question.

mod batch;
mod budgets;
mod chunks;
mod cold;
mod finding;
mod floor;
pub mod format;
mod goodput;
pub mod labels;
mod layer_times;
mod load;
mod load_parts;
mod measured;
mod operator_times;
mod operators;
mod precision;
pub mod same_work;
mod sessions;
#[cfg(test)]
mod simulated;
pub mod sorting;
mod speedup;
mod stability;
mod threads;
mod transport;

use tare_record::Record;

pub use finding::{Answer, Figure, Finding, Quantity};
pub use layer_times::LayerTime;
pub use load_parts::LoadParts;
pub use operator_times::{Bound, OperatorTime, OperatorTimes};

/// Everything that can be concluded from the records, question by question.
pub fn findings(records: &[Record]) -> Vec<Finding> {
    let cells = measured::measured(records);
    let questions = [
        speedup::findings,
        budgets::findings,
        batch::findings,
        threads::findings,
        load::findings,
        sessions::findings,
        goodput::findings,
        transport::findings,
        cold::findings,
        chunks::findings,
        precision::findings,
        operators::findings,
        stability::findings,
        floor::findings,
    ];
    questions.iter().flat_map(|find| find(&cells)).collect()
}
