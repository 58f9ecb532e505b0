//! Built-in models that consist of several networks.

use std::collections::BTreeMap;

use tare_core::{Composition, NamedTensor, Network, Pipeline, Workload};

use crate::signature::Signature;
use crate::workload::{WorkloadError, complete_inputs, model_info, with_defaults};
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
    pub(crate) pipeline: &'static dyn Pipeline,
    pub(crate) signature: fn() -> Signature,
    /// Inputs that are not random, for the shapes that the user set.
    pub(crate) defaults: fn(&BTreeMap<String, Vec<usize>>) -> Vec<NamedTensor>,
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
        let (mut bytes, mut networks) = (Vec::new(), Vec::new());
        for entry in self.entries() {
            let network = prepare(entry.name, entry.onnx(&BTreeMap::new()), &BTreeMap::new(), &[], seed)?;
            let start = bytes.len();
            bytes.extend_from_slice(&network.bytes);
            networks.push(Network {
                bytes: start..bytes.len(),
                inputs: network.inputs,
            });
        }
        let signature = (self.signature)();
        let given = with_defaults(given, (self.defaults)(shapes));
        let inputs = complete_inputs(self.name, &signature, shapes, &given, seed)?;
        Ok(Workload {
            model: model_info(self.name, &bytes),
            bytes: bytes.into(),
            inputs,
            outputs: signature.outputs,
            composition: Some(Composition {
                pipeline: self.pipeline,
                networks,
            }),
            post_processing: None,
        })
    }
}
