//! Built-in models that consist of several networks.

use std::collections::BTreeMap;
use std::sync::Arc;

use tare_core::{Composition, NamedTensor, Network, Pipeline, Workload};
use tare_record::WorkloadOptions;

use crate::signature::Signature;
use crate::workload::{Choices, OWN_OPTIONS, WorkloadError, complete_inputs, model_info, with_defaults};
use crate::{CatalogEntry, find, prepare};

/// Several networks of the catalog that run as one model.
#[derive(Debug, Clone, Copy)]
pub struct PipelineEntry {
    /// Name on the command line and in plans.
    pub name: &'static str,
    /// What it is, in one line.
    pub summary: &'static str,
    /// Names of its networks.
    pub networks: &'static [&'static str],
    pub(crate) pipeline: fn(&WorkloadOptions) -> Arc<dyn Pipeline>,
    pub(crate) signature: fn() -> Signature,
    /// Inputs that are not random, for the shapes and sizes that the user set.
    pub(crate) defaults: fn(&BTreeMap<String, Vec<usize>>, &WorkloadOptions) -> Vec<NamedTensor>,
}

impl PipelineEntry {
    /// The catalog entries of its networks.
    pub fn entries(&self) -> impl Iterator<Item = &'static CatalogEntry> {
        self.networks.iter().filter_map(|name| find(name))
    }

    /// Prepares the files of the networks, one after the other, and the inputs: those in `given` as
    /// they are, and the others drawn from `seed`.
    ///
    /// # Errors
    ///
    /// If the shapes or inputs do not fit the model.
    pub fn prepare(
        &self,
        shapes: &BTreeMap<String, Vec<usize>>,
        given: &[NamedTensor],
        seed: u64,
    ) -> Result<Workload, WorkloadError> {
        self.prepare_with(&Choices {
            shapes,
            options: OWN_OPTIONS,
            given,
            seed,
        })
    }

    /// Like [`Self::prepare`], with sizes.
    pub(crate) fn prepare_with(&self, choices: &Choices<'_>) -> Result<Workload, WorkloadError> {
        if let Some(batch) = choices.options.batch.filter(|&batch| batch > 1) {
            return Err(WorkloadError::Batch {
                model: self.name.into(),
                batch,
                known: "of one item".into(),
            });
        }
        if choices.options.precision.is_some() {
            return Err(WorkloadError::Size {
                model: self.name.into(),
                size: "precision",
            });
        }
        let (mut bytes, mut networks) = (Vec::new(), Vec::new());
        for entry in self.entries() {
            let (shapes, given) = (&BTreeMap::new(), &[]);
            let file = entry.sized_onnx(shapes, choices.options);
            let network = prepare(entry.name, file, shapes, given, choices.seed)?;
            let start = bytes.len();
            bytes.extend_from_slice(&network.bytes);
            networks.push(Network {
                bytes: start..bytes.len(),
                inputs: network.inputs,
            });
        }
        let signature = (self.signature)();
        let pipeline = (self.pipeline)(choices.options);
        let given = with_defaults(choices.given, (self.defaults)(choices.shapes, choices.options));
        let choices = Choices {
            given: &given,
            options: OWN_OPTIONS,
            ..*choices
        };
        let inputs = complete_inputs(self.name, &signature, &choices)?;
        Ok(Workload {
            model: model_info(self.name, &bytes),
            bytes: bytes.into(),
            inputs,
            outputs: signature.outputs,
            composition: Some(Composition { pipeline, networks }),
            post_processing: None,
            merged: vec![],
            accuracy: None,
        })
    }
}
