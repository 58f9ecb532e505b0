//! Valid models that a fuzzer's bytes choose: every operator fits the shapes that it gets.

use tare_models::{Attribute, Graph, Value, WeightInit};

use crate::decisions::Decisions;

/// Nodes of the largest model.
const MOST_NODES: usize = 14;

/// No value has more elements.
const MOST_ELEMENTS: usize = 4_096;

/// Weights are small, so that values stay near 1 whatever follows what.
const WEIGHTS: WeightInit = WeightInit::Uniform {
    center: 0.1,
    spread: 0.5,
};

/// A valid ONNX file with one input `x` of `f32`, made of small nodes. The same bytes make the same file.
pub fn generated_model(bytes: &[u8]) -> Vec<u8> {
    let mut decisions = Decisions(bytes);
    let shape: Vec<usize> = (0..1 + decisions.below(4)).map(|_| 1 + decisions.below(6)).collect();
    let mut builder = Builder {
        graph: Graph::new("generated", decisions.byte().into()),
        values: vec![],
        decisions,
        names: 0,
    };
    let x = builder.graph.input("x", &shape);
    builder.values.push((x, shape));
    for _ in 0..=builder.decisions.below(MOST_NODES) {
        builder.add_node();
    }
    // A node that does not fit is left out, and a file without any is no model.
    let (last, shape) = builder.values[builder.values.len() - 1].clone();
    builder.push("Identity", &[&last], &[], shape);
    let (last, shape) = builder.values[builder.values.len() - 1].clone();
    builder.graph.output(&last, &shape);
    builder.graph.into_bytes()
}

struct Builder<'a> {
    graph: Graph,
    values: Vec<(Value, Vec<usize>)>,
    decisions: Decisions<'a>,
    names: usize,
}

impl Builder<'_> {
    fn name(&mut self, kind: &str) -> String {
        self.names += 1;
        format!("{kind}{}", self.names)
    }

    fn weight(&mut self, shape: &[usize]) -> Value {
        let name = self.name("w");
        self.graph.weight(&name, shape, WEIGHTS)
    }

    fn integers(&mut self, values: &[usize]) -> Value {
        let name = self.name("i");
        let values: Vec<i64> = values.iter().map(|&value| i64::try_from(value).unwrap_or(0)).collect();
        self.graph.integers(&name, &values)
    }

    fn push(&mut self, operator: &str, inputs: &[&Value], attributes: &[Attribute], shape: Vec<usize>) {
        if shape.iter().product::<usize>() > MOST_ELEMENTS {
            return;
        }
        let name = self.name(operator);
        let value = self.graph.node(&name, operator, inputs, attributes);
        self.values.push((value, shape));
    }

    fn add_node(&mut self) {
        // Mostly what came last, so that models become deep.
        let back = if self.decisions.byte() < 200 {
            1
        } else {
            self.values.len()
        };
        let index = self.values.len() - 1 - self.decisions.below(back);
        let (x, shape) = self.values[index].clone();
        match self.decisions.below(8) {
            0 => self.add_unary(&x, shape),
            1 => self.add_binary(&x, shape),
            2 => self.add_product(&x, &shape),
            3 if shape.len() == 4 => self.add_convolution(&x, &shape),
            4 if shape.len() == 4 => self.add_pool(&x, shape),
            5 => self.add_along_axis(&x, shape),
            6 => self.add_layout(&x, shape),
            _ => self.add_selection(&x, shape),
        }
    }

    fn add_unary(&mut self, x: &Value, shape: Vec<usize>) {
        let operators = [
            "Relu",
            "Sigmoid",
            "Tanh",
            "Neg",
            "Abs",
            "Erf",
            "LeakyRelu",
            "Softplus",
            "HardSigmoid",
            "Elu",
            "Identity",
            "HardSwish",
        ];
        let operator = *self.decisions.choice(&operators);
        self.push(operator, &[x], &[], shape);
    }

    /// With a weight that is broadcast, or with another value of the same shape.
    fn add_binary(&mut self, x: &Value, shape: Vec<usize>) {
        let operators = ["Add", "Sub", "Mul", "Max", "Min"];
        let operator = *self.decisions.choice(&operators);
        let same = self
            .values
            .iter()
            .find(|(_, other)| *other == shape)
            .map(|(value, _)| value.clone());
        let other = match same.filter(|_| self.decisions.byte() < 80) {
            Some(value) => value,
            None => {
                let start = self.decisions.below(shape.len() + 1);
                let dims: Vec<usize> = shape[start..]
                    .iter()
                    .map(|&dim| if self.decisions.byte() < 100 { 1 } else { dim })
                    .collect();
                self.weight(&dims)
            }
        };
        let inputs = if self.decisions.byte() < 128 {
            [x, &other]
        } else {
            [&other, x]
        };
        self.push(operator, &inputs, &[], shape);
    }

    fn add_product(&mut self, x: &Value, shape: &[usize]) {
        let Some((&inner, outer)) = shape.split_last() else {
            return;
        };
        let columns = 1 + self.decisions.below(9);
        let weight = self.weight(&[inner, columns]);
        let product = [outer, &[columns]].concat();
        if shape.len() == 2 && self.decisions.byte() < 128 {
            let bias = self.weight(&[columns]);
            self.push("Gemm", &[x, &weight, &bias], &[], product);
        } else {
            self.push("MatMul", &[x, &weight], &[], product);
        }
    }

    fn add_convolution(&mut self, x: &Value, shape: &[usize]) {
        let channels = shape[1];
        let kernel = *self.decisions.choice(&[1, 2, 3]);
        let (pad, stride) = (self.decisions.below(2), 1 + self.decisions.below(2));
        let Some([height, width]) = windows(shape, kernel, pad, stride) else {
            return;
        };
        let groups = if self.decisions.byte() < 100 { channels } else { 1 };
        let outputs = groups * (1 + self.decisions.below(3));
        let weight = self.weight(&[outputs, channels / groups, kernel, kernel]);
        let bias = self.weight(&[outputs]);
        let attributes = window_attributes(kernel, pad, stride);
        let attributes = [&attributes[..], &[Attribute::Int("group", int(groups))]].concat();
        let inputs: &[&Value] = if self.decisions.byte() < 128 {
            &[x, &weight, &bias]
        } else {
            &[x, &weight]
        };
        self.push("Conv", inputs, &attributes, vec![shape[0], outputs, height, width]);
    }

    fn add_pool(&mut self, x: &Value, shape: Vec<usize>) {
        let (batch, channels) = (shape[0], shape[1]);
        match self.decisions.below(4) {
            0 => self.push("GlobalAveragePool", &[x], &[], vec![batch, channels, 1, 1]),
            1 => {
                let [scale, bias, mean] = [0; 3].map(|_| self.weight(&[channels]));
                let name = self.name("w");
                let positive = WeightInit::Uniform {
                    center: 1.0,
                    spread: 0.5,
                };
                let variance = self.graph.weight(&name, &[channels], positive);
                self.push("BatchNormalization", &[x, &scale, &bias, &mean, &variance], &[], shape);
            }
            operator => {
                let operator = if operator == 2 { "MaxPool" } else { "AveragePool" };
                let kernel = *self.decisions.choice(&[2, 3]);
                let stride = 1 + self.decisions.below(2);
                if let Some([height, width]) = windows(&shape, kernel, 0, stride) {
                    let attributes = window_attributes(kernel, 0, stride);
                    self.push(operator, &[x], &attributes, vec![batch, channels, height, width]);
                }
            }
        }
    }

    fn add_along_axis(&mut self, x: &Value, mut shape: Vec<usize>) {
        let axis = self.decisions.below(shape.len());
        let axes = Attribute::Ints("axes", vec![int(axis)]);
        match self.decisions.below(5) {
            0 => self.push("Softmax", &[x], &[Attribute::Int("axis", int(axis))], shape),
            1 => {
                let tail = shape[axis..].to_vec();
                let (scale, bias) = (self.weight(&tail), self.weight(&tail));
                let attributes = [Attribute::Int("axis", int(axis)), Attribute::Float("epsilon", 0.01)];
                self.push("LayerNormalization", &[x, &scale, &bias], &attributes, shape);
            }
            reduction => {
                let operator = ["ReduceMean", "ReduceMax", "ReduceMin"][reduction - 2];
                shape[axis] = 1;
                self.push(operator, &[x], &[axes], shape);
            }
        }
    }

    fn add_layout(&mut self, x: &Value, shape: Vec<usize>) {
        match self.decisions.below(3) {
            0 => {
                let mut order: Vec<usize> = (0..shape.len()).collect();
                for end in (1..order.len()).rev() {
                    order.swap(end, self.decisions.below(end + 1));
                }
                let to = order.iter().map(|&axis| shape[axis]).collect();
                let order = order.into_iter().map(int).collect();
                self.push("Transpose", &[x], &[Attribute::Ints("perm", order)], to);
            }
            1 => {
                // Up to four dimensions again, so that convolutions can follow.
                let elements: usize = shape.iter().product();
                let first = 1 + self.decisions.below(4);
                let first = if elements.is_multiple_of(first) { first } else { 1 };
                let to = *self.decisions.choice(&[
                    [1, 1, first, elements / first],
                    [1, first, 1, elements / first],
                    [first, elements / first, 1, 1],
                    [1, first, elements / first, 1],
                ]);
                let skip = self.decisions.below(3);
                let skip = if to[..skip].iter().all(|&dim| dim == 1) {
                    skip
                } else {
                    0
                };
                let target = self.integers(&to[skip..]);
                self.push("Reshape", &[x, &target], &[], to[skip..].to_vec());
            }
            _ if shape.len() < 4 => {
                let axis = self.decisions.below(shape.len() + 1);
                let axes = self.integers(&[axis]);
                let mut to = shape;
                to.insert(axis, 1);
                self.push("Unsqueeze", &[x, &axes], &[], to);
            }
            _ => {
                let to = vec![shape[0], shape[1..].iter().product()];
                self.push("Flatten", &[x], &[], to);
            }
        }
    }

    fn add_selection(&mut self, x: &Value, mut shape: Vec<usize>) {
        let axis = self.decisions.below(shape.len());
        let dim = shape[axis];
        match self.decisions.below(3) {
            0 => {
                let start = self.decisions.below(dim);
                let end = start + 1 + self.decisions.below(dim - start);
                let step = 1 + self.decisions.below(2);
                let [starts, ends, axes, steps] = [start, end, axis, step].map(|value| self.integers(&[value]));
                shape[axis] = (end - start).div_ceil(step);
                self.push("Slice", &[x, &starts, &ends, &axes, &steps], &[], shape);
            }
            1 => {
                let indices: Vec<usize> = (0..1 + self.decisions.below(5))
                    .map(|_| self.decisions.below(dim))
                    .collect();
                let chosen = self.integers(&indices);
                shape[axis] = indices.len();
                self.push("Gather", &[x, &chosen], &[Attribute::Int("axis", int(axis))], shape);
            }
            _ => {
                let mut other = shape.clone();
                other[axis] = 1 + self.decisions.below(3);
                let weight = self.weight(&other);
                shape[axis] += other[axis];
                self.push("Concat", &[x, &weight], &[Attribute::Int("axis", int(axis))], shape);
            }
        }
    }
}

fn int(value: usize) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// Height and width of what a window sees, if it fits.
fn windows(shape: &[usize], kernel: usize, pad: usize, stride: usize) -> Option<[usize; 2]> {
    let positions = |dim: usize| Some((dim + 2 * pad).checked_sub(kernel)? / stride + 1);
    Some([positions(shape[2])?, positions(shape[3])?])
}

fn window_attributes(kernel: usize, pad: usize, stride: usize) -> [Attribute; 3] {
    [
        Attribute::Ints("kernel_shape", vec![int(kernel); 2]),
        Attribute::Ints("pads", vec![int(pad); 4]),
        Attribute::Ints("strides", vec![int(stride); 2]),
    ]
}
