use tare_record::ModelFacts;

use crate::{HostStage, NamedTensor, Tensor};

/// A model with the inputs to feed it.
#[derive(Debug, Clone)]
pub struct Workload {
    /// Name, hash and size of the model.
    pub model: ModelFacts,
    /// The whole ONNX file.
    pub bytes: Vec<u8>,
    /// Inputs in the model's order.
    pub inputs: Vec<NamedTensor>,
    /// Names of the outputs in the model's order.
    pub outputs: Vec<String>,
    /// Work on the host that follows the network.
    pub host_stage: Option<HostStage>,
}

impl Workload {
    /// Outputs of a run with their names.
    pub fn name_outputs(&self, outputs: Vec<Tensor>) -> Vec<NamedTensor> {
        let names = self.outputs.iter().cloned();
        names
            .zip(outputs)
            .map(|(name, tensor)| NamedTensor { name, tensor })
            .collect()
    }
}
