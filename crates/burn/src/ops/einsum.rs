//! Sums of products by Einstein's notation: each pair of operands becomes one matrix product.

use onnx_ir::node::einsum::EinsumNode;

use crate::lower::{DeviceValue, Lowerer, Lowering, Unsupported, Value};
use crate::runtime::program::{Movement, Op};

/// A value with a letter for each dimension.
struct Lettered {
    value: DeviceValue,
    letters: Vec<char>,
}

impl Lowerer {
    pub(crate) fn einsum(&mut self, node: &EinsumNode) -> Lowering<Value> {
        let equation: String = node.config.equation.chars().filter(|c| !c.is_whitespace()).collect();
        let refused = || Unsupported::new(format!("the equation {equation:?}"));
        if equation.contains('.') {
            return Err(refused());
        }
        let (sides, output) = match equation.split_once("->") {
            Some((sides, output)) => (sides, output.chars().collect()),
            None => (equation.as_str(), implicit(&equation)),
        };
        let sides: Vec<Vec<char>> = sides.split(',').map(|side| side.chars().collect()).collect();
        if sides.len() != node.inputs.len() || sides.iter().any(|side| has_repeated(side)) || has_repeated(&output) {
            return Err(refused());
        }
        let mut operands = Vec::with_capacity(sides.len());
        for (letters, input) in sides.into_iter().zip(&node.inputs) {
            let value = self.floats(input)?;
            if value.shape.len() != letters.len() {
                return Err(refused());
            }
            operands.push(Lettered { value, letters });
        }
        let mut rest = operands.into_iter();
        let mut product = rest.next().ok_or_else(refused)?;
        while let Some(next) = rest.next() {
            // What a later operand or the output still needs.
            let later = || rest.as_slice().iter().flat_map(|operand| &operand.letters);
            let is_needed = |letter: char| output.contains(&letter) || later().any(|&other| other == letter);
            product = self.product_of(product, next, is_needed).ok_or_else(refused)?;
        }
        let product = self.summed(product, |letter| output.contains(&letter));
        let ordered = self.ordered(product, &output).ok_or_else(refused)?;
        Ok(Value::Device(ordered))
    }

    /// One matrix product for each combination of the letters that both have and that are needed.
    fn product_of(&mut self, a: Lettered, b: Lettered, is_needed: impl Fn(char) -> bool) -> Option<Lettered> {
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
        let (a, b) = (self.summed(a, kept), self.summed(b, kept));
        let own = |operand: &Lettered| -> Vec<char> {
            let letters = operand.letters.iter().copied();
            letters
                .filter(|letter| !batch.contains(letter) && !inner.contains(letter))
                .collect()
        };
        let (rows, columns) = (own(&a), own(&b));
        let size = |letter: &char| a.size(*letter).or_else(|| b.size(*letter)).unwrap_or(1);
        let sizes = |letters: &[char]| -> Vec<usize> { letters.iter().map(size).collect() };
        // Letters of both must have one size.
        let differ = |letter: &char| a.size(*letter) != b.size(*letter);
        if batch.iter().chain(&inner).any(differ) {
            return None;
        }
        let count = |letters: &[char]| sizes(letters).iter().product::<usize>();
        let (batches, depth) = (count(&batch), count(&inner));
        let (height, width) = (count(&rows), count(&columns));
        let shape = [sizes(&batch), sizes(&rows), sizes(&columns)].concat();
        let left = self.ordered(a, &[&batch[..], &rows, &inner].concat())?;
        let right = self.ordered(b, &[&batch[..], &inner, &columns].concat())?;
        let left = self.viewed(&left, vec![batches, height, depth]);
        let right = self.viewed(&right, vec![batches, depth, width]);
        let product = self.computed(Op::MatMul, &[&left, &right], vec![batches, height, width]);
        Some(Lettered {
            value: self.viewed(&product, shape),
            letters: [batch, rows, columns].concat(),
        })
    }

    /// Summed over the letters that are not kept.
    fn summed(&mut self, operand: Lettered, is_kept: impl Fn(char) -> bool) -> Lettered {
        let Lettered { mut value, letters } = operand;
        let mut shape = value.shape.clone();
        for (axis, _) in letters.iter().enumerate().filter(|(_, letter)| !is_kept(**letter)) {
            shape[axis] = 1;
            value = self.computed(Op::SumDim(axis), &[&value], shape.clone());
        }
        let kept = |place: &usize| is_kept(letters[*place]);
        let places: Vec<usize> = (0..letters.len()).filter(kept).collect();
        let shape = places.iter().map(|&place| shape[place]).collect();
        Lettered {
            value: self.viewed(&value, shape),
            letters: places.iter().map(|&place| letters[place]).collect(),
        }
    }

    /// With its letters in another order; `None` if they are others.
    fn ordered(&mut self, operand: Lettered, order: &[char]) -> Option<DeviceValue> {
        let Lettered { value, letters } = operand;
        let place = |letter: &char| letters.iter().position(|own| own == letter);
        let axes: Vec<usize> = order.iter().map(place).collect::<Option<_>>()?;
        if axes.len() != letters.len() {
            return None;
        }
        if axes.is_sorted() {
            return Some(value);
        }
        let shape = axes.iter().map(|&axis| value.shape[axis]).collect();
        Some(self.computed(Op::Move(Movement::Permute(axes)), &[&value], shape))
    }
}

impl Lettered {
    fn size(&self, letter: char) -> Option<usize> {
        let place = self.letters.iter().position(|own| *own == letter)?;
        Some(self.value.shape[place])
    }
}

/// Without an arrow: the letters that stand once, in the order of the alphabet.
fn implicit(equation: &str) -> Vec<char> {
    let mut letters: Vec<char> = equation.chars().filter(|c| c.is_alphabetic()).collect();
    letters.sort_unstable();
    let once = letters.chunk_by(|a, b| a == b).filter(|alike| alike.len() == 1);
    once.map(|alike| alike[0]).collect()
}

fn has_repeated(letters: &[char]) -> bool {
    (1..letters.len()).any(|place| letters[..place].contains(&letters[place]))
}
