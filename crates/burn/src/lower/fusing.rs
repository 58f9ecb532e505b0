//! Rewriting of steps: attention in its parts becomes one operation of burn's, and what no output rests on is left out.
//!
//! Exporters write softmax(scale q k^T + mask) v (Vaswani et al., 2017, section 3.2.1) in many ways: scaled before or after the product, by
//! a factor or a divisor, the keys transposed at once or in two goes. Among steps, where shapes and constants are known, they look alike.
//!
//! The result is the same but for rows that hold no score above negative infinity, all masked or not a number: burn gives 0, softmax NaN.

use std::collections::HashMap;

use super::{DeviceValue, Lowered, Lowerer};
use crate::runtime::program::{Movement, Op, Slot};
use crate::runtime::schedule::Step;

/// Factors by which scores may be scaled elsewhere than the model does it, without an overflow that the model does not have.
const SCALES: std::ops::RangeInclusive<f64> = 1e-3..=1e3;

impl Lowerer {
    /// Leaves out what nobody reads, after attention was fused where that is wanted.
    pub(crate) fn tidy(&mut self, fuses_attention: bool) {
        if fuses_attention {
            self.fuse();
        }
        self.leave_out_unread();
        for (place, node) in self.lowered.nodes.iter_mut().enumerate() {
            node.steps = self.lowered.steps.iter().filter(|step| step.node == place).count();
        }
    }

    fn fuse(&mut self) {
        for (slot, host) in &self.lowered.constants {
            self.shapes[*slot].clone_from(&host.shape);
        }
        let steps = Steps::of(&self.lowered, &self.shapes);
        let found: HashMap<usize, Attention> = steps.all.iter().filter_map(|step| steps.attention(step)).collect();
        for (place, step) in std::mem::take(&mut self.lowered.steps).into_iter().enumerate() {
            match found.get(&place) {
                Some(attention) => self.fused(attention, &step),
                None => self.lowered.steps.push(step),
            }
        }
    }

    /// `last` is the product with the values, which the operation replaces.
    fn fused(&mut self, attention: &Attention, last: &Step) {
        let known = |slot: Slot| DeviceValue {
            slot,
            shape: self.shapes[slot].clone(),
        };
        let (query, value) = (known(attention.query), known(attention.value));
        let (mut key, mut mask) = (known(attention.key), attention.mask.map(known));
        let mut prepared = |op: Op, x: &DeviceValue, shape: Vec<usize>| {
            let slot = self.slot(&shape);
            self.lowered.steps.push(Step {
                op,
                inputs: vec![x.slot],
                output: slot,
                node: last.node,
            });
            DeviceValue { slot, shape }
        };
        if attention.key_axes != [0, 1, 2, 3] {
            let shape = attention.key_axes.map(|axis| key.shape[axis]).to_vec();
            key = prepared(Op::Move(Movement::Permute(attention.key_axes.to_vec())), &key, shape);
        }
        if let Some(given) = mask.as_mut().filter(|mask| mask.shape.len() < 4) {
            let shape = [&[1; 4][given.shape.len()..], &given.shape].concat();
            *given = prepared(Op::Move(Movement::Reshape(shape.clone())), given, shape);
        }
        let operands = [&query, &key, &value].into_iter().chain(&mask);
        let inputs = operands.map(|operand| operand.slot).collect();
        self.lowered.steps.push(Step {
            op: Op::Attention {
                scale: Some(attention.scale),
                softcap: None,
                causal: false,
            },
            inputs,
            output: last.output,
            node: last.node,
        });
        let node = &mut self.lowered.nodes[last.node];
        // Not the loop that it may stand in.
        if node.operator == "MatMul" {
            node.operator = "Attention".into();
        }
    }

    fn leave_out_unread(&mut self) {
        let lowered = &mut self.lowered;
        let mut read = vec![false; lowered.slots];
        for slot in output_slots(lowered) {
            read[slot] = true;
        }
        // From the end, where everything that reads a value has been seen.
        let mut kept: Vec<Step> = Vec::with_capacity(lowered.steps.len());
        for step in std::mem::take(&mut lowered.steps).into_iter().rev() {
            if read[step.output] {
                step.inputs.iter().for_each(|&slot| read[slot] = true);
                kept.push(step);
            }
        }
        kept.reverse();
        lowered.steps = kept;
        lowered.constants.retain(|(slot, _)| read[*slot]);
    }
}

fn output_slots(lowered: &Lowered) -> impl Iterator<Item = Slot> {
    lowered.outputs.iter().filter_map(|output| output.value.slot())
}

/// The operands of attention, all of four dimensions but the mask.
struct Attention {
    query: Slot,
    key: Slot,
    /// Which dimensions of the key are its batch, head, position and width.
    key_axes: [usize; 4],
    value: Slot,
    mask: Option<Slot>,
    scale: f64,
}

struct Steps<'a> {
    all: &'a [Step],
    shapes: &'a [Vec<usize>],
    /// Where the step that makes a value is.
    makers: HashMap<Slot, usize>,
    /// Where a value is read; the number of steps for outputs.
    readers: HashMap<Slot, Vec<usize>>,
    /// Constants of one element.
    scalars: HashMap<Slot, f64>,
}

impl<'a> Steps<'a> {
    fn of(lowered: &'a Lowered, shapes: &'a [Vec<usize>]) -> Self {
        let all = lowered.steps.as_slice();
        let mut readers: HashMap<Slot, Vec<usize>> = HashMap::new();
        let read = all.iter().enumerate();
        let read = read.flat_map(|(place, step)| step.inputs.iter().map(move |&slot| (slot, place)));
        for (slot, place) in read.chain(output_slots(lowered).map(|slot| (slot, all.len()))) {
            readers.entry(slot).or_default().push(place);
        }
        let scalars = lowered.constants.iter();
        Self {
            all,
            shapes,
            makers: all
                .iter()
                .enumerate()
                .map(|(place, step)| (step.output, place))
                .collect(),
            readers,
            scalars: scalars
                .filter_map(|(slot, host)| Some((*slot, host.as_scalar()?)))
                .collect(),
        }
    }

    fn maker(&self, slot: Slot) -> Option<&Step> {
        self.makers.get(&slot).map(|&place| &self.all[place])
    }

    /// The step that makes a value which one step alone reads.
    fn maker_for_one(&self, slot: Slot) -> Option<&Step> {
        self.maker(slot)
            .filter(|_| self.readers.get(&slot).is_some_and(|readers| readers.len() == 1))
    }

    /// Attention around its softmax, and where it ends.
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
        let summed = match self.maker_for_one(scores)? {
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
        // The mask must not repeat the scores.
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

    /// scale q k^T.
    fn scores(&self, slot: Slot, value: Slot) -> Option<Attention> {
        let (product, scale) = self.unscaled(slot, Self::maker_for_one);
        let product = self.maker_for_one(product)?;
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

    /// What a value is a constant multiple of, and the factor.
    fn unscaled(&self, mut slot: Slot, maker: fn(&Self, Slot) -> Option<&Step>) -> (Slot, f64) {
        let mut scale = 1.0;
        while let Some(step) = maker(self, slot) {
            match (&step.op, step.inputs.as_slice()) {
                (Op::MulScalar(factor), _) if SCALES.contains(&factor.abs()) => scale *= factor,
                (Op::Div, [_, divisor]) => match self.scalars.get(divisor) {
                    Some(divisor) if SCALES.contains(&divisor.abs()) => scale /= divisor,
                    _ => break,
                },
                _ => break,
            }
            slot = step.inputs[0];
        }
        (slot, scale)
    }
}
