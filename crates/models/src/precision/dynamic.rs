//! Matrix products in int8, whose inputs are quantized as they come.

use std::collections::HashMap;

use prost::{DecodeError, Message};

use super::{F32, I8, INITIALIZER, NODE, StoredWeight, each_field, integer, per_channel, tensor};
use crate::onnx::{AttributeProto, GraphProto, Node, TensorProto};

/// The graph with the products of `MatMul` and `Gemm` with constant weights in int8, and how many there are.
///
/// x of f32 becomes u8 with the scale and zero point of its own range (DynamicQuantizeLinear), and the product of integers
/// is multiplied with the scales of x and of the weight's channel.
pub(super) fn converted_graph(graph: &[u8]) -> Result<(Vec<u8>, usize), DecodeError> {
    let uses = uses(&GraphProto::decode(graph)?.node);
    let mut weights = HashMap::new();
    each_field(graph, |tag, _, contents| {
        if tag == INITIALIZER {
            let weight = StoredWeight::decode(contents)?;
            if let Some(quantized) = uses
                .get(&weight.name)
                .and_then(|&transposed| quantized(&weight, transposed))
            {
                weights.insert(weight.name.clone(), quantized);
            }
        }
        Ok(())
    })?;
    let (mut fields, mut count) = (Vec::with_capacity(graph.len() / 3), 0);
    each_field(graph, |tag, field, contents| {
        match tag {
            INITIALIZER => {
                let name = StoredWeight::decode(contents)?.name;
                match weights.get(&name) {
                    Some(quantized) => {
                        for weight in quantized {
                            prost::encoding::message::encode(INITIALIZER, weight, &mut fields);
                        }
                    }
                    None => fields.extend_from_slice(field),
                }
            }
            NODE => {
                let node = Node::decode(contents)?;
                match node.input.get(1).filter(|weight| weights.contains_key(*weight)) {
                    Some(weight) => {
                        count += 1;
                        for part in parts(&node, weight) {
                            prost::encoding::message::encode(NODE, &part, &mut fields);
                        }
                    }
                    None => fields.extend_from_slice(field),
                }
            }
            _ => fields.extend_from_slice(field),
        }
        Ok(())
    })?;
    Ok((fields, count))
}

/// Weights that only products read that can be converted, and whether they are stored transposed.
fn uses(nodes: &[Node]) -> HashMap<String, bool> {
    let mut uses: HashMap<String, Option<bool>> = HashMap::new();
    for node in nodes {
        let transposed = convertible(node);
        for (place, name) in node.input.iter().enumerate() {
            let own = transposed.filter(|_| place == 1);
            uses.entry(name.clone())
                .and_modify(|known| *known = known.filter(|known| own == Some(*known)))
                .or_insert(own);
        }
    }
    uses.into_iter()
        .filter_map(|(name, transposed)| Some((name, transposed?)))
        .collect()
}

/// Whether the weight of a node is transposed. `None` if the node is no plain product.
fn convertible(node: &Node) -> Option<bool> {
    let attribute = |name: &str| node.attribute.iter().find(|attribute| attribute.name == name);
    match node.op_type.as_str() {
        "MatMul" => Some(false),
        "Gemm" => {
            let is_one = |name: &str| attribute(name).is_none_or(|attribute: &AttributeProto| attribute.f == 1.0);
            let flag = |name: &str| attribute(name).is_some_and(|attribute| attribute.i != 0);
            (is_one("alpha") && is_one("beta") && !flag("transA")).then(|| flag("transB"))
        }
        _ => None,
    }
}

/// The weight as [inputs, outputs] in int8, and the scale of each output.
fn quantized(weight: &StoredWeight, is_transposed: bool) -> Option<[TensorProto; 2]> {
    let values = weight.values().filter(|values| values.len() >= super::MIN_ELEMENTS)?;
    let [rows, columns] = weight.dims.as_slice() else {
        return None;
    };
    let (rows, columns) = (usize::try_from(*rows).ok()?, usize::try_from(*columns).ok()?);
    let (stored, scales) = per_channel(&values, &[rows, columns], usize::from(!is_transposed))?;
    let stored = if is_transposed {
        transposed(&stored, rows, columns)
    } else {
        stored
    };
    let dims = if is_transposed {
        [columns, rows]
    } else {
        [rows, columns]
    };
    let dims: Vec<i64> = dims.iter().map(|&dim| i64::try_from(dim).ok()).collect::<Option<_>>()?;
    let channels = vec![*dims.last()?];
    let scales = scales.iter().flat_map(|scale| scale.to_le_bytes()).collect();
    Some([
        tensor(&int8(&weight.name), dims, I8, stored),
        tensor(&scale(&weight.name), channels, F32, scales),
    ])
}

fn transposed(bytes: &[u8], rows: usize, columns: usize) -> Vec<u8> {
    let of = |column: usize| (0..rows).map(move |row| bytes[row * columns + column]);
    (0..columns).flat_map(of).collect()
}

fn int8(weight: &str) -> String {
    format!("{weight}.int8")
}

fn scale(weight: &str) -> String {
    format!("{weight}.scale")
}

/// The nodes that replace a product.
fn parts(node: &Node, weight: &str) -> Vec<Node> {
    let output = node.output.first().map_or("", String::as_str);
    let (x, bias) = (
        node.input.first().map_or("", String::as_str),
        node.input.get(2).filter(|bias| !bias.is_empty()),
    );
    let name = |part: &str| format!("{output}.{part}");
    let product = if bias.is_some() {
        name("product")
    } else {
        output.to_owned()
    };
    let of = |op_type: &str, inputs: &[&str], outputs: &[&str], attribute: Vec<AttributeProto>| Node {
        input: inputs.iter().map(|&input| input.to_owned()).collect(),
        output: outputs.iter().map(|&output| output.to_owned()).collect(),
        name: format!("{}.{}", outputs[0], op_type.to_lowercase()),
        op_type: op_type.to_owned(),
        attribute,
    };
    let (quantized, range, zero) = (name("u8"), name("x-scale"), name("x-zero"));
    let (sums, floats, scales) = (name("sums"), name("floats"), name("scales"));
    let mut nodes = vec![
        of("DynamicQuantizeLinear", &[x], &[&quantized, &range, &zero], vec![]),
        of("MatMulInteger", &[&quantized, &int8(weight), &zero], &[&sums], vec![]),
        of("Cast", &[&sums], &[&floats], vec![integer("to", i64::from(F32))]),
        of("Mul", &[&range, &scale(weight)], &[&scales], vec![]),
        of("Mul", &[&floats, &scales], &[&product], vec![]),
    ];
    if let Some(bias) = bias {
        nodes.push(of("Add", &[&product, bias], &[output], vec![]));
    }
    nodes
}
