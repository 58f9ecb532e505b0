//! Scaled dot-product attention, which onnx-ir recognises in its parts.

use onnx_ir::node::attention::AttentionNode;

use crate::lower::host_tensor::{HostData, HostTensor};
use crate::lower::{Lowerer, Lowering, Unsupported, Value};
use crate::runtime::program::Op;

impl Lowerer {
    /// query [b, h, q, d], key [b, h, k, d], value [b, h, k, e], optional mask that is added and broadcasts to
    /// [b, h, q, k] -> [b, h, q, e].
    pub(crate) fn attention(&mut self, node: &AttentionNode) -> Lowering<Value> {
        let config = &node.config;
        if config.kv_num_heads.is_some() || config.q_num_heads.is_some() || node.outputs.len() > 1 {
            return Err(Unsupported::new("heads in one dimension, or more than one output"));
        }
        let [query, key, value] = [
            self.floats(&node.inputs[0])?,
            self.floats(&node.inputs[1])?,
            self.floats(&node.inputs[2])?,
        ];
        let shapes = || {
            Unsupported::new(format!(
                "a query of shape {:?} with keys of {:?} and values of {:?}",
                query.shape, key.shape, value.shape
            ))
        };
        let (&[b, h, q, d], &[key_b, key_h, k, key_d], &[value_b, value_h, value_k, width]) =
            (query.shape.as_slice(), key.shape.as_slice(), value.shape.as_slice())
        else {
            return Err(shapes());
        };
        if [key_b, key_h, key_d] != [b, h, d] || [value_b, value_h, value_k] != [b, h, k] {
            return Err(shapes());
        }
        // ONNX lets the first query see the first key, burn the last query the last key.
        if config.is_causal && q != k {
            return Err(Unsupported::new(format!("causal attention of {q} queries to {k} keys")));
        }
        if node.inputs.iter().skip(4).any(|input| !input.is_optional()) {
            return Err(Unsupported::new("past keys and values"));
        }
        let mask = match self.optional(node.inputs.get(3))? {
            Some(Value::Host(HostTensor {
                data: HostData::Bool(_),
                ..
            })) => return Err(Unsupported::new("a mask of truth values")),
            Some(mask) => Some(self.device(mask)?),
            None => None,
        };
        let mask = mask.map(|mask| self.lifted(mask, 4));
        // Without a scale burn tries kernels on graphics adapters that compute in 16 bits and take keys for row-major.
        let scale = config.scale.unwrap_or(1.0 / (d as f64).sqrt());
        let op = Op::Attention {
            scale: Some(scale),
            softcap: Some(config.softcap).filter(|&softcap| softcap > 0.0),
            causal: config.is_causal,
        };
        let mut operands = vec![&query, &key, &value];
        operands.extend(mask.as_ref());
        Ok(self.step(op, &operands, vec![b, h, q, width]))
    }
}
