//! Operations on the CPU that burn-flex computes one number at a time, on one thread: in vectors and on all threads.

use burn_backend::ops::FloatTensorOps;
use burn_backend::{DType, Scalar, TensorMetadata};
use burn_dispatch::tensor::{BackendTensor, DispatchTensorKind};
use burn_dispatch::{Dispatch, DispatchTensor};
use rten_simd::{SimdOp, SimdUnaryOp};
use rten_vecmath::{Erf, Exp, Sigmoid, Softmax, Tanh};

use super::op::Op;
use super::operands::{Operands, next_of};

/// Fewer numbers than this take less time than starting a thread.
#[cfg(any(not(target_family = "wasm"), target_feature = "atomics"))]
const NUMBERS_OF_A_THREAD: usize = 16 * 1024;

/// Runs an operation on operands that lie in host memory as `f32`. Returns the operands of any other.
pub(super) fn run(op: &Op, operands: Operands) -> Result<DispatchTensor, Operands> {
    if !operands.iter().all(is_on_cpu) {
        return Err(operands);
    }
    let mut given = operands.into_iter();
    let mut next = || next_of(&mut given);
    Ok(match op {
        Op::Erf => of_each(next(), |numbers| Erf {}.map_mut(numbers)),
        Op::Exp => of_each(next(), |numbers| Exp {}.map_mut(numbers)),
        Op::Sigmoid => of_each(next(), |numbers| Sigmoid {}.map_mut(numbers)),
        Op::Tanh => of_each(next(), |numbers| Tanh {}.map_mut(numbers)),
        Op::Softmax { axis } => softmax(next(), *axis),
        Op::Attention {
            scale,
            softcap: None,
            causal: false,
        } => {
            let (query, key, value) = (next(), next(), next());
            attention(query, key, value, given.next(), *scale)
        }
        _ => return Err(given.collect()),
    })
}

fn is_on_cpu(tensor: &DispatchTensor) -> bool {
    matches!(&tensor.kind, DispatchTensorKind::Flex(BackendTensor::Float(flex)) if flex.dtype() == DType::F32)
}

/// softmax(scale query key^T + bias) value, as [`Op::Attention`] has it. burn-flex's own spends most of its time in the
/// exponentials.
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
    Dispatch::float_matmul(softmax(scores, 3), value)
}

/// Softmax along an axis, which becomes the last one meanwhile.
fn softmax(tensor: DispatchTensor, axis: usize) -> DispatchTensor {
    let last = tensor.shape().num_dims() - 1;
    let width = tensor.shape()[axis].max(1);
    let rows = Dispatch::float_swap_dims(tensor, axis, last);
    let rows = in_place(rows, true, |numbers| {
        on_threads(numbers, width, |numbers| {
            for row in numbers.chunks_mut(width) {
                Softmax::new_mut(row).dispatch();
            }
        });
    });
    Dispatch::float_swap_dims(rows, axis, last)
}

/// A function of each number.
fn of_each(tensor: DispatchTensor, function: impl Fn(&mut [f32]) + Sync) -> DispatchTensor {
    in_place(tensor, false, |numbers| on_threads(numbers, 1, &function))
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

/// Gives each thread a share of the numbers, in whole rows.
#[cfg(any(not(target_family = "wasm"), target_feature = "atomics"))]
fn on_threads(numbers: &mut [f32], width: usize, work: impl Fn(&mut [f32]) + Sync) {
    use rayon::prelude::*;

    let share = numbers.len().div_ceil(rayon::current_num_threads());
    if share <= NUMBERS_OF_A_THREAD {
        return work(numbers);
    }
    numbers
        .par_chunks_mut(share.next_multiple_of(width))
        .for_each(|rows| work(rows));
}

/// There is one thread.
#[cfg(not(any(not(target_family = "wasm"), target_feature = "atomics")))]
fn on_threads(numbers: &mut [f32], _: usize, work: impl Fn(&mut [f32]) + Sync) {
    work(numbers);
}

#[cfg(test)]
mod tests {
    use burn_backend::TensorData;
    use burn_dispatch::DispatchDevice;
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
        numbers(run(op, smallvec![operand]).unwrap_or_else(|_| panic!("{op:?}")))
    }

    /// Largest distance from the exact function between -40 and 40, as a share of 1 or of the exact value if that is larger.
    fn distance(op: &Op, exact: fn(f64) -> f64) -> f64 {
        let numbers: Vec<f32> = (-40_000..=40_000).map(|step| step as f32 / 1_000.0).collect();
        let computed = computed(op, tensor(numbers.clone(), &[numbers.len()]));
        let distances = numbers.iter().zip(&computed).map(|(&x, &y)| {
            let exact = exact(f64::from(x));
            (f64::from(y) - exact).abs() / exact.abs().max(1.0)
        });
        distances.fold(0.0, f64::max)
    }

    #[test]
    fn functions_are_near_the_exact_ones() {
        assert!(distance(&Op::Exp, f64::exp) < 1e-6);
        assert!(distance(&Op::Sigmoid, |x| 1.0 / (1.0 + (-x).exp())) < 1e-6);
        assert!(distance(&Op::Tanh, f64::tanh) < 1e-6);
        for (x, expected) in [
            (0.0, 0.0),
            (0.5, 0.520_499_9),
            (-1.0, -0.842_700_8),
            (2.0, 0.995_322_3),
            (-9.0, -1.0),
        ] {
            let y = computed(&Op::Erf, tensor(vec![x; 5], &[5]));
            assert!(y.iter().all(|y| (y - expected).abs() < 1e-6), "erf({x}) = {y:?}");
        }
    }

    #[test]
    fn limits_and_what_is_no_number() {
        for (op, least, most) in [
            (Op::Erf, -1.0, 1.0),
            (Op::Exp, 0.0, f32::INFINITY),
            (Op::Sigmoid, 0.0, 1.0),
            (Op::Tanh, -1.0, 1.0),
        ] {
            let y = computed(&op, tensor(vec![f32::NEG_INFINITY, f32::INFINITY, f32::NAN], &[3]));
            assert_eq!(y[..2], [least, most], "{op:?}");
            assert!(y[2].is_nan(), "{op:?}: {y:?}");
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
        let turned = numbers(Dispatch::float_swap_dims(
            run(&Op::Softmax { axis: 0 }, smallvec![turned]).unwrap_or_else(|_| panic!("softmax")),
            0,
            1,
        ));
        assert_eq!(turned, along_rows);
    }

    #[test]
    fn other_operations_get_their_operands_back() {
        let returned = run(&Op::Relu, smallvec![tensor(vec![1.0], &[1])]).unwrap_err();
        assert_eq!(numbers(returned[0].clone()), [1.0]);
    }
}
