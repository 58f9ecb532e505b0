use tare_record::Record;

use crate::Executor;

/// One environment of a run: what carries out its cells, and the record that they become part of.
///
/// All lanes of a run have the same plan. A record that already holds cells of this plan is
/// continued.
pub struct Lane<'a> {
    /// Name of the environment, for messages and files.
    pub name: String,
    /// What is measured there.
    pub record: Record,
    /// What carries out requests there.
    pub executor: Box<dyn Executor + 'a>,
}
