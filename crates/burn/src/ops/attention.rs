//! Scaled dot-product attention.

use onnx_ir::node::attention::AttentionNode;

use crate::lower::host_tensor::{HostData, HostTensor};
use crate::lower::{Lowerer, Lowering, OpSpec, Unsupported, Value, op};
use crate::runtime::program::Op;

pub(super) const OPS: &[OpSpec] = &[op!("Attention", cx, Attention(n) => attention(cx, n))];

/// query [b, h, q, d], key [b, h, k, d], value [b, h, k, e], optional mask that is added and
/// broadcasts to [b, h, q, k] -> [b, h, q, e].
fn attention(cx: &mut Lowerer, node: &AttentionNode) -> Lowering<Value> {
    let config = &node.config;
    if config.kv_num_heads.is_some() || config.q_num_heads.is_some() || node.outputs.len() > 1 {
        return Err(Unsupported::new("heads in one dimension, or more than one output"));
    }
    let [query, key, value] = [
        cx.floats(&node.inputs[0])?,
        cx.floats(&node.inputs[1])?,
        cx.floats(&node.inputs[2])?,
    ];
    let unsupported = || {
        Unsupported::new(format!(
            "a query of shape {:?} with keys of {:?} and values of {:?}",
            query.shape, key.shape, value.shape
        ))
    };
    let (&[b, h, q, d], &[key_b, key_h, k, key_d], &[value_b, value_h, value_k, width]) =
        (query.shape.as_slice(), key.shape.as_slice(), value.shape.as_slice())
    else {
        return Err(unsupported());
    };
    if [key_b, key_h, key_d] != [b, h, d] || [value_b, value_h, value_k] != [b, h, k] {
        return Err(unsupported());
    }
    // With fewer queries than keys, ONNX aligns the first query with the first key, burn the last
    // query with the last key.
    if config.is_causal && q != k {
        return Err(Unsupported::new(format!("causal attention of {q} queries to {k} keys")));
    }
    if node.inputs.iter().skip(4).any(|input| !input.is_optional()) {
        return Err(Unsupported::new("past keys and values"));
    }
    let mask = match cx.optional_value(node.inputs.get(3))? {
        Some(Value::Host(HostTensor {
            data: HostData::Bool(_),
            ..
        })) => return Err(Unsupported::new("a mask of booleans")),
        Some(mask) => Some(cx.device_floats(mask)?),
        None => None,
    };
    let mask = mask.map(|mask| cx.unsqueeze_to(mask, 4));
    // Without a scale, burn may use kernels that compute in 16 bits (UPSTREAM.md: "attention
    // without a scale").
    let scale = config.scale.unwrap_or(1.0 / (d as f64).sqrt());
    let op = Op::Attention {
        scale: Some(scale),
        softcap: Some(config.softcap).filter(|&softcap| softcap > 0.0),
        causal: config.is_causal,
    };
    let mut operands = vec![&query, &key, &value];
    operands.extend(mask.as_ref());
    Ok(cx.emit_floats(op, &operands, vec![b, h, q, width]))
}
