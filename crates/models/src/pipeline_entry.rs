//! A built-in model of several networks.

use std::collections::BTreeMap;

use tare_core::{Composition, NamedTensor, Network, Pipeline, Workload};

use crate::signature::Signature;
use crate::workload::{WorkloadError, completed, model_info, with_defaults};
use crate::{CatalogEntry, find, prepare};

/// Several networks of the catalog that run as one.
#[derive(Debug, Clone, Copy)]
pub struct PipelineEntry {
    /// The name to ask for it by.
    pub name: &'static str,
    /// What it is, in a line.
    pub summary: &'static str,
    /// Names of its networks.
    pub networks: &'static [&'static str],
    pub(crate) pipeline: &'static dyn Pipeline,
    pub(crate) signature: fn() -> Signature,
    /// Inputs that are made in another way than others, for the shapes that the user gave.
    pub(crate) defaults: fn(&BTreeMap<String, Vec<usize>>) -> Vec<NamedTensor>,
}

impl PipelineEntry {
    /// Its networks.
    pub fn entries(&self) -> impl Iterator<Item = &'static CatalogEntry> {
        self.networks.iter().filter_map(|name| find(name))
    }

    /// Its networks' files one after the other, and its inputs: those in `given` as they are, the others drawn from `seed`.
    ///
    /// # Errors
    ///
    /// If shapes and inputs do not fit it.
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
        let inputs = completed(self.name, &signature, shapes, &given, seed)?;
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
