//! Matrix products.

use onnx_ir::node::custom::CustomNode;
use onnx_ir::node::gemm::GemmNode;
use onnx_ir::node::linear::LinearNode;
use onnx_ir::node::matmul::MatMulNode;

use crate::lower::host_tensor::broadcast;
use crate::lower::{DeviceValue, Lowerer, Lowering, OpSpec, Unsupported, Value, op};
use crate::runtime::program::{Movement, Op};

pub(super) const OPS: &[OpSpec] = &[
    // onnx-ir makes Linear from Gemm, and from MatMul followed by Add.
    op!("Gemm", cx, Gemm(n) => gemm(cx, n), Linear(n) => linear(cx, n)),
    op!("MatMul", cx, MatMul(n) => matmul(cx, n), Custom(n) => dot(cx, n))
        // onnx-ir rejects the product of two vectors, because it has no dimensions (UPSTREAM.md:
        // "operators and attributes that it rejects").
        .bypasses_onnx_ir(2, |node, vectors| {
            node.input.len() == 2 && node.input.iter().all(|name| vectors.contains(name.as_str()))
        }),
];

/// Larger weights are transposed on the device: a second copy on the host would be too large.
const MAX_TRANSPOSED_ON_HOST: usize = 1 << 24;

/// x weight + bias.
fn linear(cx: &mut Lowerer, node: &LinearNode) -> Lowering<Value> {
    let x = cx.value(&node.inputs[0])?;
    let weight = cx.shared_weight(&node.inputs[1])?;
    let bias = cx.optional_value(node.inputs.get(2))?;
    linear_product(cx, x, weight, node.config.transpose_weight, bias)
}

/// alpha a b + beta c, a and b possibly transposed.
fn gemm(cx: &mut Lowerer, node: &GemmNode) -> Lowering<Value> {
    let config = &node.config;
    let x = cx.value(&node.inputs[0])?;
    let x = if config.trans_a == 0 {
        x
    } else {
        transpose_matrix(cx, x)?
    };
    let weight = cx.shared_weight(&node.inputs[1])?;
    let bias = cx.optional_value(node.inputs.get(2))?;
    if config.alpha == 1.0 && config.beta == 1.0 {
        return linear_product(cx, x, weight, config.trans_b != 0, bias);
    }
    let product = linear_product(cx, x, weight, config.trans_b != 0, None)?;
    let product = cx.map_value(product, Op::MulScalar(f64::from(config.alpha)))?;
    let Some(bias) = bias else { return Ok(product) };
    let bias = cx.map_value(bias, Op::MulScalar(f64::from(config.beta)))?;
    let (product, bias) = (cx.device_floats(product)?, cx.device_floats(bias)?);
    let shape = product.shape.clone();
    let bias = cx.unsqueeze_to(bias, shape.len());
    Ok(cx.emit_floats(Op::Add, &[&product, &bias], shape))
}

fn transpose_matrix(cx: &mut Lowerer, x: Value) -> Lowering<Value> {
    let x = cx.device_floats(x)?;
    match *x.shape.as_slice() {
        [rows, columns] => Ok(cx.emit_floats(Op::Move(Movement::Permute(vec![1, 0])), &[&x], vec![columns, rows])),
        _ => Err(Unsupported::new(format!("a matrix of shape {:?}", x.shape))),
    }
}

/// x [.., i] times weight [i, o], or [o, i] if `transposed`, plus bias [o].
fn linear_product(cx: &mut Lowerer, x: Value, weight: Value, transposed: bool, bias: Option<Value>) -> Lowering<Value> {
    let x = cx.device_floats(x)?;
    // A vector is a matrix of one row, which burn insists on.
    if let [inner] = x.shape[..] {
        let row = cx.reshape(&x, vec![1, inner]);
        let product = linear_product(cx, Value::Floats(row), weight, transposed, bias)?;
        let product = cx.device_floats(product)?;
        let columns = product.shape[1..].to_vec();
        return Ok(Value::Floats(cx.reshape(&product, columns)));
    }
    let weight = match weight {
        Value::Host(host) if transposed && host.shape.len() == 2 && host.len() <= MAX_TRANSPOSED_ON_HOST => {
            cx.constant(host.transpose(&[1, 0]))
        }
        other => {
            let weight = cx.device_floats(other)?;
            if transposed && weight.shape.len() == 2 {
                let shape = vec![weight.shape[1], weight.shape[0]];
                cx.emit(Op::Move(Movement::Permute(vec![1, 0])), &[&weight], shape)
            } else {
                weight
            }
        }
    };
    let (&[rows, columns], Some(&inner)) = (weight.shape.as_slice(), x.shape.last()) else {
        return Err(Unsupported::new(format!(
            "a product of shapes {:?} and {:?}",
            x.shape, weight.shape
        )));
    };
    if inner != rows {
        return Err(Unsupported::new(format!(
            "a product of shapes {:?} and {:?}",
            x.shape, weight.shape
        )));
    }
    let mut shape = x.shape.clone();
    if let Some(last) = shape.last_mut() {
        *last = columns;
    }
    match bias {
        None => Ok(cx.emit_floats(Op::Linear, &[&x, &weight], shape)),
        Some(bias) => {
            let bias = cx.device_floats(bias)?;
            if bias.shape == [columns] {
                return Ok(cx.emit_floats(Op::Linear, &[&x, &weight, &bias], shape));
            }
            // C of Gemm may have any shape that broadcasts to the product.
            if broadcast(&bias.shape, &shape).as_ref() != Some(&shape) {
                return Err(Unsupported::new(format!(
                    "a bias of shape {:?} for {shape:?}",
                    bias.shape
                )));
            }
            let product = cx.emit(Op::Linear, &[&x, &weight], shape.clone());
            let bias = cx.unsqueeze_to(bias, shape.len());
            Ok(cx.emit_floats(Op::Add, &[&product, &bias], shape))
        }
    }
}

/// Multiplies like NumPy: a vector is a matrix of one row on the left, of one column on the right.
fn matmul(cx: &mut Lowerer, node: &MatMulNode) -> Lowering<Value> {
    let (a, b) = (cx.floats(&node.inputs[0])?, cx.floats(&node.inputs[1])?);
    let unsupported = || Unsupported::new(format!("a product of shapes {:?} and {:?}", a.shape, b.shape));
    let wide = |cx: &mut Lowerer, x: &DeviceValue, shape: Vec<usize>| {
        cx.emit(Op::Move(Movement::Reshape(shape.clone())), &[x], shape)
    };
    let (left, right) = match (a.shape.as_slice(), b.shape.as_slice()) {
        ([], _) | (_, []) => return Err(unsupported()),
        (&[n], &[_]) => (wide(cx, &a, vec![1, n]), wide(cx, &b, vec![b.shape[0], 1])),
        (&[n], _) => (wide(cx, &a, vec![1, n]), b.clone()),
        (_, &[n]) => (a.clone(), wide(cx, &b, vec![n, 1])),
        _ => (a.clone(), b.clone()),
    };
    let (batch_a, matrix_a) = left.shape.split_at(left.shape.len() - 2);
    let (batch_b, matrix_b) = right.shape.split_at(right.shape.len() - 2);
    let shape = broadcast(batch_a, batch_b)
        .filter(|_| matrix_a[1] == matrix_b[0])
        .map(|mut shape| {
            shape.extend([matrix_a[0], matrix_b[1]]);
            shape
        })
        .ok_or_else(unsupported)?;
    let (left, right) = (
        cx.unsqueeze_to(left.clone(), shape.len()),
        cx.unsqueeze_to(right.clone(), shape.len()),
    );
    let product = cx.emit_floats(Op::MatMul, &[&left, &right], shape.clone());
    let mut kept = shape;
    if b.shape.len() == 1 {
        kept.pop();
    }
    if a.shape.len() == 1 {
        kept.remove(kept.len() - usize::from(b.shape.len() != 1) - 1);
    }
    Ok(cx.reshape_value(product, kept))
}

/// The product of two vectors.
fn dot(cx: &mut Lowerer, node: &CustomNode) -> Lowering<Value> {
    let (a, b) = (cx.floats(&node.inputs[0])?, cx.floats(&node.inputs[1])?);
    if a.shape != b.shape {
        return Err(Unsupported::new(format!("shapes {:?} and {:?}", a.shape, b.shape)));
    }
    let products = cx.zip(Op::Mul, &a, &b);
    let sum = cx.emit(Op::SumDim(0), &[&products], vec![1]);
    Ok(Value::Floats(cx.reshape(&sum, vec![])))
}
