//! Operations that are slow on burn-flex (UPSTREAM.md), computed in vectors and on all threads.

use std::ops::ControlFlow;

use burn_backend::ops::{ConvOptions, FloatTensorOps};
use burn_backend::{DType, Scalar, TensorData, TensorMetadata};
use burn_dispatch::tensor::{BackendTensor, DispatchTensorKind};
use burn_dispatch::{Dispatch, DispatchDevice, DispatchTensor};
use tare_vector_math::Depthwise;

use super::op::Op;
use super::operands::{Operands, next_of};

/// The most attention scores to hold at once: 32 MiB. burn-flex's own attention never holds those of all heads.
const SCORES: usize = 8 << 20;

/// Runs an operation on operands that lie in host memory as `f32`, and breaks with its result. Continues with the operands
/// of any other.
pub(super) fn run(op: &Op, operands: Operands) -> ControlFlow<DispatchTensor, Operands> {
    if !operands.iter().all(is_on_cpu) {
        return ControlFlow::Continue(operands);
    }
    if let Op::Conv2d(options) = op {
        return match depthwise(options, &operands) {
            Some(result) => ControlFlow::Break(result),
            None => ControlFlow::Continue(operands),
        };
    }
    let holds_scores = matches!(op, Op::Attention { .. }) && scores(&operands).is_some_and(|count| count <= SCORES);
    let mut given = operands.into_iter();
    let mut next = || next_of(&mut given);
    ControlFlow::Break(match op {
        Op::Erf => in_place(next(), false, tare_vector_math::erf),
        Op::Exp => in_place(next(), false, tare_vector_math::exp),
        Op::Sigmoid => in_place(next(), false, tare_vector_math::sigmoid),
        Op::Tanh => in_place(next(), false, tare_vector_math::tanh),
        Op::Softmax { axis } => softmax(next(), *axis),
        Op::Attention {
            scale,
            softcap: None,
            causal: false,
        } if holds_scores => {
            let (query, key, value) = (next(), next(), next());
            attention(query, key, value, given.next(), *scale)
        }
        _ => return ControlFlow::Continue(given.collect()),
    })
}

fn is_on_cpu(tensor: &DispatchTensor) -> bool {
    matches!(&tensor.kind, DispatchTensorKind::Flex(BackendTensor::Float(flex)) if flex.dtype() == DType::F32)
}

/// A convolution in which each channel has a kernel of its own. `None` for any other.
fn depthwise(options: &ConvOptions<2>, operands: &[DispatchTensor]) -> Option<DispatchTensor> {
    let (x, weight) = (operands.first()?.shape(), operands.get(1)?.shape());
    let (&[batch, channels, height, width], &[outputs, inputs, kernel_height, kernel_width]) = (&x[..], &weight[..])
    else {
        return None;
    };
    let is_depthwise = channels == options.groups && (outputs, inputs) == (channels, 1) && options.dilation == [1, 1];
    if !is_depthwise {
        return None;
    }
    let sizes = Depthwise {
        input: [height, width],
        kernel: [kernel_height, kernel_width],
        stride: options.stride,
        padding: options.padding,
    };
    let contiguous = |tensor: &DispatchTensor| match &tensor.kind {
        DispatchTensorKind::Flex(BackendTensor::Float(flex)) => Some(flex.to_contiguous()),
        _ => None,
    };
    let held: Vec<_> = operands.iter().map(contiguous).collect::<Option<_>>()?;
    let numbers: Vec<&[f32]> = held.iter().map(|flex| flex.as_slice()).collect::<Option<_>>()?;
    let result = sizes.run(numbers.first()?, numbers.get(1)?, numbers.get(2).copied())?;
    let [out_height, out_width] = sizes.output()?;
    let result = TensorData::new(result, vec![batch, channels, out_height, out_width]);
    Some(Dispatch::float_from_data(
        result,
        &DispatchDevice::Flex(Default::default()),
    ))
}

/// How many scores an attention has: one for each query and key of each head.
fn scores(operands: &[DispatchTensor]) -> Option<usize> {
    let (query, key) = (operands.first()?.shape(), operands.get(1)?.shape());
    let &[batch, heads, queries, _] = &query[..] else {
        return None;
    };
    [batch, heads, queries, *key.get(2)?]
        .iter()
        .try_fold(1_usize, |count, &size| count.checked_mul(size))
}

/// softmax(scale query key^T + bias) value, as [`Op::Attention`] has it: with its softmax in vectors, unlike burn-flex's own.
fn attention(
    query: DispatchTensor,
    key: DispatchTensor,
    value: DispatchTensor,
    bias: Option<DispatchTensor>,
    scale: Option<f64>,
) -> DispatchTensor {
    let scale = scale.unwrap_or_else(|| (query.shape()[3] as f64).sqrt().recip());
    let query = Dispatch::float_mul_scalar(query, Scalar::Float(scale));
    let mut scores = Dispatch::float_matmul(query, Dispatch::float_swap_dims(key, 2, 3));
    if let Some(bias) = bias {
        scores = Dispatch::float_add(scores, bias);
    }
    let width = scores.shape()[3].max(1);
    // What burn's attention gives where all is masked (UPSTREAM.md: "attention gives 0").
    let shares = in_place(scores, true, |numbers| {
        tare_vector_math::softmax_or_zero(numbers, width)
    });
    Dispatch::float_matmul(shares, value)
}

/// Softmax along an axis, which becomes the last one meanwhile.
fn softmax(tensor: DispatchTensor, axis: usize) -> DispatchTensor {
    let last = tensor.shape().num_dims() - 1;
    let width = tensor.shape()[axis].max(1);
    let rows = Dispatch::float_swap_dims(tensor, axis, last);
    let rows = in_place(rows, true, |numbers| tare_vector_math::softmax(numbers, width));
    Dispatch::float_swap_dims(rows, axis, last)
}

/// Works on the numbers of a tensor where they are, or in a copy if others hold them too. Numbers are in the order of the
/// tensor if that is asked for; a function of each does not need it, because any view of the numbers sees what it made.
fn in_place(mut tensor: DispatchTensor, in_order: bool, work: impl FnOnce(&mut [f32])) -> DispatchTensor {
    if let DispatchTensorKind::Flex(BackendTensor::Float(flex)) = &mut tensor.kind {
        let (held, seen) = (
            flex.bytes().len() / size_of::<f32>(),
            flex.layout().shape().num_elements(),
        );
        if held > seen || (in_order && !(held == seen && flex.is_contiguous())) {
            *flex = flex.to_contiguous();
        }
        work(flex.storage_mut());
    }
    tensor
}

#[cfg(test)]
mod tests {
    use smallvec::smallvec;

    use super::*;

    fn tensor(numbers: Vec<f32>, shape: &[usize]) -> DispatchTensor {
        Dispatch::float_from_data(
            TensorData::new(numbers, shape.to_vec()),
            &DispatchDevice::Flex(Default::default()),
        )
    }

    fn numbers(tensor: DispatchTensor) -> Vec<f32> {
        let data = pollster::block_on(Dispatch::float_into_data(tensor)).unwrap();
        data.try_to_vec().unwrap()
    }

    fn computed(op: &Op, operand: DispatchTensor) -> Vec<f32> {
        match run(op, smallvec![operand]) {
            ControlFlow::Break(result) => numbers(result),
            ControlFlow::Continue(_) => panic!("{op:?}"),
        }
    }

    #[test]
    fn views_are_computed_and_what_others_hold_stays() {
        let whole = tensor(vec![0.0, 1.0, 2.0, 3.0, 4.0, 5.0], &[2, 3]);
        let e = |x: f32| x.exp();
        let near = |y: &[f32], expected: &[f32]| {
            y.len() == expected.len() && y.iter().zip(expected).all(|(y, x)| (y / x - 1.0).abs() < 1e-5)
        };
        let turned = Dispatch::float_swap_dims(whole.clone(), 0, 1);
        assert!(near(
            &computed(&Op::Exp, turned),
            &[0.0, 3.0, 1.0, 4.0, 2.0, 5.0].map(e)
        ));
        let column = Dispatch::float_slice(whole.clone(), &[(0..2).into(), (1..2).into()]);
        assert!(near(&computed(&Op::Exp, column), &[1.0, 4.0].map(e)));
        let repeated = Dispatch::float_expand(tensor(vec![1.0, 2.0], &[2, 1]), [2, 3].into());
        assert!(near(
            &computed(&Op::Exp, repeated),
            &[1.0, 1.0, 1.0, 2.0, 2.0, 2.0].map(e)
        ));
        assert_eq!(numbers(whole), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
    }

    #[test]
    fn softmax_is_along_any_axis_of_any_view() {
        let (rows, columns) = (37, 2_000); // for several threads
        let x: Vec<f32> = (0..rows * columns)
            .map(|index| (index % 13) as f32 / 4.0 - 1.0)
            .collect();
        let sums = |y: &[f32], start: usize, step: usize, count: usize| -> f32 {
            (0..count).map(|index| y[start + index * step]).sum()
        };
        let along_rows = computed(&Op::Softmax { axis: 1 }, tensor(x.clone(), &[rows, columns]));
        let along_columns = computed(&Op::Softmax { axis: 0 }, tensor(x.clone(), &[rows, columns]));
        for row in 0..rows {
            assert!((sums(&along_rows, row * columns, 1, columns) - 1.0).abs() < 1e-4);
        }
        for column in 0..columns {
            assert!((sums(&along_columns, column, columns, rows) - 1.0).abs() < 1e-5);
        }
        // Of two neighbors, each has its share by the difference.
        assert!((along_rows[1] / along_rows[0] - (x[1] - x[0]).exp()).abs() < 1e-5);
        assert!((along_columns[columns] / along_columns[0] - (x[columns] - x[0]).exp()).abs() < 1e-5);
        let turned = Dispatch::float_swap_dims(tensor(x, &[rows, columns]), 0, 1);
        // The transpose is softmax along its first axis, transposed: element (column, row) is that of (row, column).
        let turned = computed(&Op::Softmax { axis: 0 }, turned);
        let back: Vec<f32> = (0..rows * columns)
            .map(|index| turned[index % columns * rows + index / columns])
            .collect();
        assert_eq!(back, along_rows);
    }

    fn attention_of(queries: usize, bias: Option<DispatchTensor>) -> ControlFlow<DispatchTensor, Operands> {
        let ones = || tensor(vec![1.0; queries], &[1, 1, queries, 1]);
        let mut operands: Operands = smallvec![ones(), ones(), ones()];
        operands.extend(bias);
        let op = Op::Attention {
            scale: Some(1.0),
            softcap: None,
            causal: false,
        };
        run(&op, operands)
    }

    #[test]
    fn attention_gives_zero_where_all_is_masked() {
        let masked = tensor(vec![0.0, 0.0, f32::NEG_INFINITY, f32::NEG_INFINITY], &[1, 1, 2, 2]);
        let ControlFlow::Break(result) = attention_of(2, Some(masked)) else {
            panic!("it has few scores")
        };
        assert_eq!(numbers(result), [1.0, 0.0]);
    }

    #[test]
    fn attention_with_many_scores_is_left_to_burn() {
        assert!(matches!(attention_of(4_096, None), ControlFlow::Continue(operands) if operands.len() == 3));
    }

    #[test]
    fn other_operations_get_their_operands_back() {
        let operands = smallvec![tensor(vec![1.0], &[1])];
        let ControlFlow::Continue(returned) = run(&Op::Relu, operands) else {
            panic!("burn-flex has its own")
        };
        assert_eq!(numbers(returned[0].clone()), [1.0]);
    }
}
