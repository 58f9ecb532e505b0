//! Sums of products in Einstein notation: each pair of operands becomes one matrix product.

use onnx_ir::node::einsum::EinsumNode;

use crate::lower::{DeviceValue, Lowerer, Lowering, OpSpec, Unsupported, Value, op};
use crate::runtime::program::{Movement, Op};

pub(super) const OPS: &[OpSpec] = &[op!("Einsum", cx, Einsum(n) => einsum(cx, n))];

/// A value with a letter for each dimension.
struct Labeled {
    value: DeviceValue,
    letters: Vec<char>,
}

fn einsum(cx: &mut Lowerer, node: &EinsumNode) -> Lowering<Value> {
    let equation: String = node.config.equation.chars().filter(|c| !c.is_whitespace()).collect();
    let unsupported = || Unsupported::new(format!("the equation {equation:?}"));
    if equation.contains('.') {
        return Err(unsupported());
    }
    let (sides, output) = match equation.split_once("->") {
        Some((sides, output)) => (sides, output.chars().collect()),
        None => (equation.as_str(), implicit_output(&equation)),
    };
    let sides: Vec<Vec<char>> = sides.split(',').map(|side| side.chars().collect()).collect();
    if sides.len() != node.inputs.len() || sides.iter().any(|side| has_duplicates(side)) || has_duplicates(&output) {
        return Err(unsupported());
    }
    let mut operands = Vec::with_capacity(sides.len());
    for (letters, input) in sides.into_iter().zip(&node.inputs) {
        let value = cx.floats(input)?;
        if value.shape.len() != letters.len() {
            return Err(unsupported());
        }
        operands.push(Labeled { value, letters });
    }
    let mut rest = operands.into_iter();
    let mut product = rest.next().ok_or_else(unsupported)?;
    while let Some(next) = rest.next() {
        // Letters of later operands and of the output are still needed.
        let later = || rest.as_slice().iter().flat_map(|operand| &operand.letters);
        let is_needed = |letter: char| output.contains(&letter) || later().any(|&other| other == letter);
        product = multiply(cx, product, next, is_needed).ok_or_else(unsupported)?;
    }
    let product = sum_over(cx, product, |letter| output.contains(&letter));
    let ordered = permute_to(cx, product, &output).ok_or_else(unsupported)?;
    Ok(Value::Floats(ordered))
}

/// The product of two operands: one matrix product for each combination of the letters that both
/// have and that are needed later.
fn multiply(cx: &mut Lowerer, a: Labeled, b: Labeled, is_needed: impl Fn(char) -> bool) -> Option<Labeled> {
    let in_both = |letter: &char| a.letters.contains(letter) && b.letters.contains(letter);
    let batch: Vec<char> = a
        .letters
        .iter()
        .copied()
        .filter(|l| in_both(l) && is_needed(*l))
        .collect();
    let inner: Vec<char> = a
        .letters
        .iter()
        .copied()
        .filter(|l| in_both(l) && !is_needed(*l))
        .collect();
    let kept = |letter: char| is_needed(letter) || inner.contains(&letter);
    let (a, b) = (sum_over(cx, a, kept), sum_over(cx, b, kept));
    let own = |operand: &Labeled| -> Vec<char> {
        let letters = operand.letters.iter().copied();
        letters
            .filter(|letter| !batch.contains(letter) && !inner.contains(letter))
            .collect()
    };
    let (rows, columns) = (own(&a), own(&b));
    let size = |letter: &char| a.size(*letter).or_else(|| b.size(*letter)).unwrap_or(1);
    let sizes = |letters: &[char]| -> Vec<usize> { letters.iter().map(size).collect() };
    // A letter that both have must stand for one size.
    let differ = |letter: &char| a.size(*letter) != b.size(*letter);
    if batch.iter().chain(&inner).any(differ) {
        return None;
    }
    let count = |letters: &[char]| sizes(letters).iter().product::<usize>();
    let (batches, depth) = (count(&batch), count(&inner));
    let (height, width) = (count(&rows), count(&columns));
    let shape = [sizes(&batch), sizes(&rows), sizes(&columns)].concat();
    let left = permute_to(cx, a, &[&batch[..], &rows, &inner].concat())?;
    let right = permute_to(cx, b, &[&batch[..], &inner, &columns].concat())?;
    let left = cx.reshape(&left, vec![batches, height, depth]);
    let right = cx.reshape(&right, vec![batches, depth, width]);
    let product = cx.emit(Op::MatMul, &[&left, &right], vec![batches, height, width]);
    Some(Labeled {
        value: cx.reshape(&product, shape),
        letters: [batch, rows, columns].concat(),
    })
}

/// Sums over the letters that are not kept.
fn sum_over(cx: &mut Lowerer, operand: Labeled, is_kept: impl Fn(char) -> bool) -> Labeled {
    let Labeled { mut value, letters } = operand;
    let mut shape = value.shape.clone();
    for (axis, _) in letters.iter().enumerate().filter(|(_, letter)| !is_kept(**letter)) {
        shape[axis] = 1;
        value = cx.emit(Op::SumDim(axis), &[&value], shape.clone());
    }
    let kept = |axis: &usize| is_kept(letters[*axis]);
    let axes: Vec<usize> = (0..letters.len()).filter(kept).collect();
    let shape = axes.iter().map(|&axis| shape[axis]).collect();
    Labeled {
        value: cx.reshape(&value, shape),
        letters: axes.iter().map(|&axis| letters[axis]).collect(),
    }
}

/// Permutes the letters. `None` if `order` does not consist of the same letters.
fn permute_to(cx: &mut Lowerer, operand: Labeled, order: &[char]) -> Option<DeviceValue> {
    let Labeled { value, letters } = operand;
    let position = |letter: &char| letters.iter().position(|own| own == letter);
    let axes: Vec<usize> = order.iter().map(position).collect::<Option<_>>()?;
    if axes.len() != letters.len() {
        return None;
    }
    if axes.is_sorted() {
        return Some(value);
    }
    let shape = axes.iter().map(|&axis| value.shape[axis]).collect();
    Some(cx.emit(Op::Move(Movement::Permute(axes)), &[&value], shape))
}

impl Labeled {
    fn size(&self, letter: char) -> Option<usize> {
        let position = self.letters.iter().position(|own| *own == letter)?;
        Some(self.value.shape[position])
    }
}

/// The output of an equation without an arrow: the letters that occur once, in alphabetical order.
fn implicit_output(equation: &str) -> Vec<char> {
    let mut letters: Vec<char> = equation.chars().filter(|c| c.is_alphabetic()).collect();
    letters.sort_unstable();
    let once = letters.chunk_by(|a, b| a == b).filter(|group| group.len() == 1);
    once.map(|group| group[0]).collect()
}

fn has_duplicates(letters: &[char]) -> bool {
    (1..letters.len()).any(|index| letters[..index].contains(&letters[index]))
}
