//! Fusing: the operations that attention consists of become one operation of burn.
//!
//! Exporters write softmax(scale q k^T + mask) v (Vaswani et al., 2017, section 3.2.1) in many
//! ways: scaled before or after the product, by a factor or a divisor, the keys transposed once or
//! twice. As steps, where shapes and constants are known, they look alike.
//!
//! The result is the same except for rows in which no score is above negative infinity, because all
//! are masked or NaN: burn gives 0, softmax gives NaN (UPSTREAM.md: "attention gives 0").

use std::collections::HashMap;

use super::lowered::Lowered;
use super::lowerer::Lowerer;
use super::value::DeviceValue;
use crate::runtime::program::{Movement, Op, Slot, Step};

/// Magnitudes of factors that may move from queries, keys and scores into the fused operation.
/// Moving others might cause an overflow that the model avoids.
const MOVABLE_SCALES: std::ops::RangeInclusive<f64> = 1e-3..=1e3;

/// Replaces the steps of attention by one.
pub(super) fn fuse_attention(cx: &mut Lowerer) {
    for (slot, host) in &cx.lowered.constants {
        cx.shapes[*slot].clone_from(&host.shape);
    }
    let steps = Steps::of(&cx.lowered, &cx.shapes);
    let found: HashMap<usize, Attention> = steps.all.iter().filter_map(|step| steps.attention(step)).collect();
    for (position, step) in std::mem::take(&mut cx.lowered.steps).into_iter().enumerate() {
        match found.get(&position) {
            Some(attention) => emit_attention(cx, attention, &step),
            None => cx.lowered.steps.push(step),
        }
    }
}

/// Emits the fused operation. `last` is the product with the values, which it replaces.
fn emit_attention(cx: &mut Lowerer, attention: &Attention, last: &Step) {
    let known = |slot: Slot| DeviceValue {
        slot,
        shape: cx.shapes[slot].clone(),
    };
    let (query, value) = (known(attention.query), known(attention.value));
    let (mut key, mut mask) = (known(attention.key), attention.mask.map(known));
    let mut prepare = |op: Op, x: &DeviceValue, shape: Vec<usize>| {
        let slot = cx.new_slot(&shape);
        cx.lowered.steps.push(Step {
            op,
            inputs: vec![x.slot],
            output: slot,
            node: last.node,
        });
        DeviceValue { slot, shape }
    };
    if attention.key_axes != [0, 1, 2, 3] {
        let shape = attention.key_axes.map(|axis| key.shape[axis]).to_vec();
        key = prepare(Op::Move(Movement::Permute(attention.key_axes.to_vec())), &key, shape);
    }
    if let Some(given) = mask.as_mut().filter(|mask| mask.shape.len() < 4) {
        let shape = [&[1; 4][given.shape.len()..], &given.shape].concat();
        *given = prepare(Op::Move(Movement::Reshape(shape.clone())), given, shape);
    }
    let operands = [&query, &key, &value].into_iter().chain(&mask);
    let inputs = operands.map(|operand| operand.slot).collect();
    cx.lowered.steps.push(Step {
        op: Op::Attention {
            scale: Some(attention.scale),
            softcap: None,
            causal: false,
        },
        inputs,
        output: last.output,
        node: last.node,
    });
    let node = &mut cx.lowered.nodes[last.node];
    // The node may also be a loop that contains the product.
    if node.operator == "MatMul" {
        node.operator = "Attention".into();
    }
}

/// The operands of attention. All but the mask have four dimensions.
struct Attention {
    query: Slot,
    key: Slot,
    /// Which dimensions of the key are its batch, head, position and width.
    key_axes: [usize; 4],
    value: Slot,
    mask: Option<Slot>,
    scale: f64,
}

/// Steps, with what is known about their values.
struct Steps<'a> {
    all: &'a [Step],
    shapes: &'a [Vec<usize>],
    /// Position of the step that makes a value.
    makers: HashMap<Slot, usize>,
    /// Positions of the steps that read a value. For outputs also the number of steps.
    readers: HashMap<Slot, Vec<usize>>,
    /// Constants of one element.
    scalars: HashMap<Slot, f64>,
}

impl<'a> Steps<'a> {
    fn of(lowered: &'a Lowered, shapes: &'a [Vec<usize>]) -> Self {
        let all = lowered.steps.as_slice();
        let mut readers: HashMap<Slot, Vec<usize>> = HashMap::new();
        let read = all.iter().enumerate();
        let read = read.flat_map(|(position, step)| step.inputs.iter().map(move |&slot| (slot, position)));
        for (slot, position) in read.chain(lowered.output_slots().map(|slot| (slot, all.len()))) {
            readers.entry(slot).or_default().push(position);
        }
        let scalars = lowered.constants.iter();
        Self {
            all,
            shapes,
            makers: all
                .iter()
                .enumerate()
                .map(|(position, step)| (step.output, position))
                .collect(),
            readers,
            scalars: scalars
                .filter_map(|(slot, host)| Some((*slot, host.as_scalar()?)))
                .collect(),
        }
    }

    fn maker(&self, slot: Slot) -> Option<&Step> {
        self.makers.get(&slot).map(|&position| &self.all[position])
    }

    /// The step that makes a value, if exactly one step reads it.
    fn maker_for_one_reader(&self, slot: Slot) -> Option<&Step> {
        self.maker(slot)
            .filter(|_| self.readers.get(&slot).is_some_and(|readers| readers.len() == 1))
    }

    /// Finds attention around its softmax. Returns the position of its last step too.
    fn attention(&self, softmax: &Step) -> Option<(usize, Attention)> {
        let shape = &self.shapes[softmax.output];
        if !matches!(softmax.op, Op::Softmax { axis: 3 }) || shape.len() != 4 {
            return None;
        }
        let &[end] = self.readers.get(&softmax.output)?.as_slice() else {
            return None;
        };
        let last = self.all.get(end)?;
        if !matches!(last.op, Op::MatMul) || last.inputs[0] != softmax.output {
            return None;
        }
        let scores = softmax.inputs[0];
        let value = last.inputs[1];
        let summed = match self.maker_for_one_reader(scores)? {
            Step {
                op: Op::Add, inputs, ..
            } => Some((inputs[0], inputs[1])),
            _ => None,
        };
        let Some((a, b)) = summed else {
            return Some((end, self.scores(scores, value)?));
        };
        let (found, scores, mask) = match self.scores(a, value) {
            Some(found) => (found, a, b),
            None => (self.scores(b, value)?, b, a),
        };
        // The mask must not broadcast the scores.
        if self.shapes[scores] != *shape {
            return None;
        }
        let given = &self.shapes[mask];
        let broadcasts = given
            .iter()
            .rev()
            .zip(shape.iter().rev())
            .all(|(g, s)| *g == 1 || g == s);
        let mask = Some(mask).filter(|_| broadcasts && given.len() <= 4);
        mask.is_some().then_some((end, Attention { mask, ..found }))
    }

    /// Finds scale q k^T.
    fn scores(&self, slot: Slot, value: Slot) -> Option<Attention> {
        let (product, scale) = self.unscaled(slot, Self::maker_for_one_reader);
        let product = self.maker_for_one_reader(product)?;
        if !matches!(product.op, Op::MatMul) {
            return None;
        }
        let (query, query_scale) = self.unscaled(product.inputs[0], Self::maker);
        let (transposed, key_scale) = self.unscaled(product.inputs[1], Self::maker);
        let (key, axes) = match self.maker(transposed) {
            Some(Step {
                op: Op::Move(Movement::Permute(axes)),
                inputs,
                ..
            }) => (inputs[0], <[usize; 4]>::try_from(axes.as_slice()).ok()?),
            _ => (transposed, [0, 1, 2, 3]),
        };
        let (key, inner_scale) = self.unscaled(key, Self::maker);
        let key_axes = [axes[0], axes[1], axes[3], axes[2]];
        let fits = match (
            self.shapes[query].as_slice(),
            self.shapes[key].as_slice(),
            self.shapes[value].as_slice(),
        ) {
            (&[b, h, _, d], &[a0, a1, a2, a3], &[vb, vh, vk, _]) => {
                let [kb, kh, k, kd] = key_axes.map(|axis| [a0, a1, a2, a3][axis]);
                [kb, kh, kd] == [b, h, d] && [vb, vh, vk] == [b, h, k]
            }
            _ => false,
        };
        fits.then_some(Attention {
            query,
            key,
            key_axes,
            value,
            mask: None,
            scale: scale * query_scale * key_scale * inner_scale,
        })
    }

    /// Removes constant factors: returns the value that `slot` is a multiple of, and the factor.
    fn unscaled(&self, mut slot: Slot, maker: fn(&Self, Slot) -> Option<&Step>) -> (Slot, f64) {
        let mut scale = 1.0;
        while let Some(step) = maker(self, slot) {
            match (&step.op, step.inputs.as_slice()) {
                (Op::MulScalar(factor), _) if MOVABLE_SCALES.contains(&factor.abs()) => scale *= factor,
                (Op::Div, [_, divisor]) => match self.scalars.get(divisor) {
                    Some(divisor) if MOVABLE_SCALES.contains(&divisor.abs()) => scale /= divisor,
                    _ => break,
                },
                _ => break,
            }
            slot = step.inputs[0];
        }
        (slot, scale)
    }
}
