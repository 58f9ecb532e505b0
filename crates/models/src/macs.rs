//! Counts the multiply-accumulates of a network from its graph.

use std::collections::HashMap;

use prost::Message;

use crate::onnx::{self, DimensionValue, GraphProto, Node, TensorProto};

/// Dimensions of a value, outermost first.
type Dims = Vec<u64>;

/// Multiply-accumulates of one run. As usual, only the products in convolutions and matrix products
/// count. Returns `None` if the graph has an operator that the built-in networks do not use,
/// because the function does not know the shape of its output.
///
/// # Errors
///
/// If the bytes are not an ONNX file.
pub fn multiply_accumulates(bytes: &[u8]) -> Result<Option<u64>, prost::DecodeError> {
    let model = onnx::Model::decode(bytes)?;
    Ok(model.graph.as_ref().and_then(count))
}

fn count(graph: &GraphProto) -> Option<u64> {
    let mut shapes: HashMap<&str, Dims> = HashMap::new();
    let mut integers: HashMap<&str, Vec<i64>> = HashMap::new();
    for input in &graph.input {
        let tensor = input.r#type.as_ref()?.tensor_type.as_ref()?;
        let dims = tensor.shape.as_ref()?.dim.iter().map(|dim| match dim.value {
            Some(DimensionValue::Value(size)) => u64::try_from(size).ok(),
            _ => None,
        });
        shapes.insert(&input.name, dims.collect::<Option<_>>()?);
    }
    for weight in &graph.initializer {
        shapes.insert(&weight.name, dims_of(weight)?);
        if let Some(values) = integers_of(weight) {
            integers.insert(&weight.name, values);
        }
    }
    let mut total = 0u64;
    for node in &graph.node {
        // An omitted optional input has an empty name.
        let inputs = node.input.iter().map(|name| match name.as_str() {
            "" => Some(Dims::new()),
            name => shapes.get(name).cloned(),
        });
        let inputs: Vec<Dims> = inputs.collect::<Option<_>>()?;
        let numbers = |input: usize| node.input.get(input).and_then(|name| integers.get(name.as_str()));
        let (shape, macs) = output(node, &inputs, &numbers)?;
        total += macs;
        shapes.insert(node.output.first()?, shape);
    }
    Some(total)
}

/// Shape of a node's output, and its multiply-accumulates.
fn output<'a>(node: &Node, inputs: &[Dims], numbers: &dyn Fn(usize) -> Option<&'a Vec<i64>>) -> Option<(Dims, u64)> {
    let product = |dims: &[u64]| dims.iter().product::<u64>();
    let x = inputs.first().cloned().unwrap_or_default();
    let free = |shape: Dims| Some((shape, 0));
    match node.op_type.as_str() {
        "Conv" => {
            let weight = inputs.get(1)?;
            let shape = [&[x[0], weight[0]], windows(node, &x[2..], &weight[2..])?.as_slice()].concat();
            let macs = product(&shape) * product(&weight[1..]);
            Some((shape, macs))
        }
        "ConvTranspose" => {
            let weight = inputs.get(1)?;
            let strides = ints(node, "strides")?;
            // Without padding, each input element writes one window.
            let spatial = x[2..].iter().zip(&weight[2..]).zip(strides);
            let spatial: Option<Dims> = spatial
                .map(|((size, kernel), stride)| Some((size - 1) * u64::try_from(*stride).ok()? + kernel))
                .collect();
            let shape = [&[x[0], weight[1]], spatial?.as_slice()].concat();
            Some((shape, product(&x) * product(&weight[1..])))
        }
        "Gemm" => {
            let weight = inputs.get(1)?;
            let [rows, columns] = <[u64; 2]>::try_from(weight.as_slice()).ok()?;
            let (inner, wide) = if int(node, "transB", 0) == 1 {
                (columns, rows)
            } else {
                (rows, columns)
            };
            Some((vec![x[0], wide], x[0] * inner * wide))
        }
        "MatMul" => {
            let y = inputs.get(1)?;
            let (batch_x, matrix_x) = x.split_at(x.len() - 2);
            let (batch_y, matrix_y) = y.split_at(y.len() - 2);
            let mut shape = broadcast(batch_x, batch_y)?;
            shape.extend([matrix_x[0], matrix_y[1]]);
            let macs = product(&shape) * matrix_x[1];
            Some((shape, macs))
        }
        "MaxPool" => {
            let kernel = ints(node, "kernel_shape")?;
            let kernel: Dims = kernel.iter().filter_map(|&size| u64::try_from(size).ok()).collect();
            free([&x[..2], windows(node, &x[2..], &kernel)?.as_slice()].concat())
        }
        "GlobalAveragePool" => free([&x[..2], vec![1; x.len() - 2].as_slice()].concat()),
        "Flatten" => free(vec![x[0], product(&x[1..])]),
        "Reshape" => free(reshaped(&x, numbers(1)?)?),
        "Transpose" => {
            let order = ints(node, "perm")?.iter();
            free(
                order
                    .map(|&axis| x.get(usize::try_from(axis).ok()?).copied())
                    .collect::<Option<_>>()?,
            )
        }
        "Unsqueeze" => {
            let mut shape = x;
            for &axis in numbers(1)? {
                shape.insert(usize::try_from(axis).ok()?, 1);
            }
            free(shape)
        }
        "Gather" => {
            let axis = usize::try_from(int(node, "axis", 0)).ok()?;
            free([&x[..axis], inputs.get(1)?, &x[axis + 1..]].concat())
        }
        "Slice" => {
            let (starts, ends, axes) = (numbers(1)?, numbers(2)?, numbers(3)?);
            let mut shape = x;
            for ((start, end), &axis) in starts.iter().zip(ends).zip(axes) {
                shape[usize::try_from(axis).ok()?] = u64::try_from(end - start).ok()?;
            }
            free(shape)
        }
        "Concat" => {
            let axis = usize::try_from(int(node, "axis", 0)).ok()?;
            let mut shape = x;
            shape[axis] = inputs.iter().map(|input| input[axis]).sum();
            free(shape)
        }
        "ReduceSum" => {
            let axes: Vec<usize> = numbers(1)?
                .iter()
                .filter_map(|&axis| usize::try_from(axis).ok())
                .collect();
            let keep = int(node, "keepdims", 1) == 1;
            let dims = x.iter().enumerate().filter(|(axis, _)| keep || !axes.contains(axis));
            free(
                dims.map(|(axis, &size)| if axes.contains(&axis) { 1 } else { size })
                    .collect(),
            )
        }
        "Resize" => free(reshaped(&[], numbers(3)?)?),
        "Constant" => free(dims_of(attribute(node, "value")?.t.as_ref()?)?),
        "Add" | "Sub" | "Mul" | "Div" | "Max" => free(broadcast(&x, inputs.get(1)?)?),
        "BatchNormalization"
        | "Cast"
        | "Cos"
        | "Erf"
        | "Identity"
        | "InstanceNormalization"
        | "LayerNormalization"
        | "LeakyRelu"
        | "Relu"
        | "Sigmoid"
        | "Sin"
        | "Softmax"
        | "Sqrt"
        | "Tanh" => free(x),
        _ => None,
    }
}

fn dims_of(tensor: &TensorProto) -> Option<Dims> {
    tensor.dims.iter().map(|&dim| u64::try_from(dim).ok()).collect()
}

fn integers_of(tensor: &TensorProto) -> Option<Vec<i64>> {
    let is_i64 = tensor.data_type == onnx::elem_type(tare_record::DType::I64);
    is_i64.then(|| {
        let (values, _) = tensor.raw_data.as_chunks::<8>();
        values.iter().map(|bytes| i64::from_le_bytes(*bytes)).collect()
    })
}

fn attribute<'a>(node: &'a Node, name: &str) -> Option<&'a onnx::AttributeProto> {
    node.attribute.iter().find(|attribute| attribute.name == name)
}

fn ints<'a>(node: &'a Node, name: &str) -> Option<&'a Vec<i64>> {
    attribute(node, name).map(|attribute| &attribute.ints)
}

fn int(node: &Node, name: &str, default: i64) -> i64 {
    attribute(node, name).map_or(default, |attribute| attribute.i)
}

/// How often a window fits along each dimension, with the node's strides and padding.
fn windows(node: &Node, size: &[u64], kernel: &[u64]) -> Option<Dims> {
    let strides = ints(node, "strides");
    let pads = ints(node, "pads");
    (0..size.len())
        .map(|d| {
            let stride = strides.map_or(Some(1), |strides| u64::try_from(strides[d]).ok())?;
            let pad = pads.map_or(Some(0), |pads| u64::try_from(pads[d] + pads[d + size.len()]).ok())?;
            Some((size[d] + pad).checked_sub(kernel[d])? / stride + 1)
        })
        .collect()
}

fn reshaped(x: &[u64], wanted: &[i64]) -> Option<Dims> {
    let known: u64 = wanted.iter().filter_map(|&dim| u64::try_from(dim).ok()).product();
    let total: u64 = x.iter().product();
    let dims = wanted.iter().map(|&dim| match u64::try_from(dim) {
        Ok(dim) => Some(dim),
        Err(_) => total.checked_div(known),
    });
    dims.collect()
}

fn broadcast(a: &[u64], b: &[u64]) -> Option<Dims> {
    let rank = a.len().max(b.len());
    let dim = |dims: &[u64], d: usize| (d + dims.len()).checked_sub(rank).map_or(1, |d| dims[d]);
    (0..rank)
        .map(|d| match (dim(a, d), dim(b, d)) {
            (1, size) | (size, 1) => Some(size),
            (left, right) => (left == right).then_some(left),
        })
        .collect()
}
