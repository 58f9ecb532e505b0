//! Built-in models of several networks.

use std::collections::BTreeMap;

use tare_core::{Composition, NamedTensor, Network, Pipeline, Workload};

use crate::signature::Signature;
use crate::workload::{WorkloadError, completed, facts};
use crate::{CatalogEntry, find, prepare, shapegen};

/// Several networks of the catalogue that run as one.
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

/// All built-in models of several networks.
pub const PIPELINES: [PipelineEntry; 1] = [shapegen::ENTRY];

/// The model of several networks of that name.
pub fn find_pipeline(name: &str) -> Option<&'static PipelineEntry> {
    PIPELINES.iter().find(|entry| entry.name == name)
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
            model: facts(self.name, &bytes),
            bytes: bytes.into(),
            inputs,
            outputs: signature.outputs,
            composition: Some(Composition {
                pipeline: self.pipeline,
                networks,
            }),
            host_stage: None,
        })
    }
}

/// What was given, and of the defaults what was not.
pub(crate) fn with_defaults(given: &[NamedTensor], defaults: Vec<NamedTensor>) -> Vec<NamedTensor> {
    let missing = |default: &NamedTensor| given.iter().all(|input| input.name != default.name);
    [given.to_vec(), defaults.into_iter().filter(missing).collect()].concat()
}
