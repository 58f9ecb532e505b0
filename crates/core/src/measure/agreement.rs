//! What a model in fewer bits computes differently, over many inputs.

use tare_record::{Accuracy, Failure};

use crate::verify::accuracy;
use crate::{Clock, LoadedWorkload, Originals};

/// Runs the model as it is and the converted one: with the first inputs, and then with as many as `goes_on` allows.
///
/// # Errors
///
/// If an engine fails.
pub(crate) async fn agreement(
    originals: &Originals,
    model: &mut LoadedWorkload<'_>,
    converted: &mut LoadedWorkload<'_>,
    clock: &dyn Clock,
    goes_on: impl Fn() -> bool,
) -> Result<Accuracy, Failure> {
    let mut found = Accuracy::default();
    for (index, inputs) in originals.inputs.iter().enumerate() {
        if index > 0 && !goes_on() {
            break;
        }
        let before = model.run_with(inputs, clock).await?;
        let after = converted.run_with(inputs, clock).await?;
        accuracy::add(&mut found, &before, &after, originals.labels.get(index).copied());
    }
    Ok(found)
}
