//! Which operator is lowered by what.

use burn_backend::ops::{ActivationOps, FloatTensorOps, IntTensorOps};
use burn_dispatch::Dispatch;
use onnx_ir::node::gelu::GeluApproximate;
use onnx_ir::node::scatter_elements::ScatterElementsReduction;
use onnx_ir::node::scatter_nd::ScatterNDReduction;
use onnx_ir::{Argument, Node};

use crate::lower::shared_weights::is_large;
use crate::lower::{Lowerer, Lowering, Unsupported, Value};
use crate::ops::elementwise;
use crate::ops::logical::{EQUAL, GREATER, GREATER_OR_EQUAL, LESS, LESS_OR_EQUAL, Logic};
use crate::ops::reduction::Reduction;
use crate::ops::scatter::Update;
use crate::ops::window::{Paddings, Sliding};
use crate::runtime::program::Op;

/// How a node's windows slide.
macro_rules! sliding_of {
    ($config:expr, $stride:ident) => {
        Sliding {
            kernel: $config.kernel_size.into_dims(),
            stride: $config.$stride.into_dims(),
            dilation: $config.dilation.into_dims(),
            padding: $config.padding.before_after(),
            ceil: $config.ceil_mode,
        }
    };
}
/// Sizes as onnx-ir has them: one number along a line, an array otherwise.
trait IntoDims<const D: usize> {
    fn into_dims(self) -> [usize; D];
}

impl IntoDims<1> for usize {
    fn into_dims(self) -> [usize; 1] {
        [self]
    }
}

impl<const D: usize> IntoDims<D> for [usize; D] {
    fn into_dims(self) -> [usize; D] {
        self
    }
}

impl Lowerer {
    pub(crate) fn node(&mut self, node: &Node) -> Lowering<()> {
        self.check_ranks(node)?;
        let values = match node {
            // Read from the file where it is used: kept here, a weight would be in memory once more.
            Node::Constant(n) if !self.has_bodies && is_large(&n.outputs[0]) && !self.is_output(&n.outputs[0]) => {
                return Ok(());
            }
            Node::Split(n) => self.split(n)?,
            Node::TopK(n) => self.top_k(n)?,
            Node::LayerNormalization(n) => self.layer_norm(n)?,
            Node::Lstm(n) => self.lstm(n)?,
            Node::Gru(n) => self.gru(n)?,
            Node::Rnn(n) => self.rnn(n)?,
            Node::Custom(n) => self.custom(n)?,
            Node::MaxPool2d(n)
                if n.outputs
                    .get(1)
                    .is_some_and(|output| self.uses.contains_key(&output.name)) =>
            {
                let (sliding, c) = (sliding_of!(n.config, strides), &n.config);
                self.max_pool2d_with_positions(sliding, &c.auto_pad, c.storage_order == 1, &n.inputs[0])?
            }
            Node::If(n) => self.if_else(n)?,
            Node::Loop(n) => self.repeated(n)?,
            Node::Scan(n) => self.scanned(n)?,
            Node::Dropout(n) => self.kept(&n.inputs[0], n.outputs.get(1))?,
            _ => vec![self.single(node)?],
        };
        if std::mem::take(&mut self.starved) {
            return Err(Unsupported::new("an operand without elements"));
        }
        let outputs = node.outputs();
        let is_read = |output: &Argument| !output.name.is_empty() && self.uses.contains_key(&output.name);
        if let Some(position) = outputs.iter().skip(values.len()).position(is_read) {
            return Err(Unsupported::new(format!("output {}", values.len() + position + 1)));
        }
        for (output, value) in outputs.iter().zip(values) {
            // Of operators that it does not know it knows no types.
            let value = match node {
                Node::Custom(_) => value,
                _ => self.typed(value, output)?,
            };
            self.values.insert(output.name.clone(), value);
        }
        Ok(())
    }

    /// What a node with one output computes.
    fn single(&mut self, node: &Node) -> Lowering<Value> {
        if let Some(value) = self.folded(node)? {
            return Ok(value);
        }
        Ok(match node {
            Node::Constant(n) => self.value(
                n.inputs
                    .first()
                    .ok_or_else(|| Unsupported::new("a constant without a value"))?,
            )?,
            Node::Identity(n) => self.value(&n.inputs[0])?,
            Node::Conv1d(n) => self.conv1d(n)?,
            Node::Conv2d(n) => self.conv2d(n)?,
            Node::DeformConv(n) => self.deform_conv(n)?,
            Node::Conv3d(n) => self.conv3d(n)?,
            Node::ConvTranspose1d(n) => self.conv_transpose1d(n)?,
            Node::ConvTranspose2d(n) => self.conv_transpose2d(n)?,
            Node::ConvTranspose3d(n) => self.conv_transpose3d(n)?,
            Node::BatchNormalization(n) => self.batch_norm(n)?,
            Node::InstanceNormalization(n) => self.instance_norm(n)?,
            Node::GroupNormalization(n) => self.group_norm(n)?,
            Node::LpNormalization(n) => self.lp_norm(n)?,
            Node::MeanVarianceNormalization(n) => self.mean_variance_norm(n)?,
            Node::Lrn(n) => self.local_response_norm(n)?,
            Node::Attention(n) => self.attention(n)?,
            Node::MaxPool1d(n) => self.max_pool1d(sliding_of!(n.config, stride), &n.config.auto_pad, &n.inputs[0])?,
            Node::MaxPool2d(n) => self.max_pool2d(sliding_of!(n.config, strides), &n.config.auto_pad, &n.inputs[0])?,
            Node::MaxPool3d(n) => self.max_pool3d(sliding_of!(n.config, strides), &n.config.auto_pad, &n.inputs[0])?,
            Node::AveragePool1d(n) => {
                let (sliding, c) = (sliding_of!(n.config, stride), &n.config);
                self.avg_pool1d(sliding, &c.auto_pad, c.count_include_pad, &n.inputs[0])?
            }
            Node::AveragePool2d(n) => {
                let (sliding, c) = (sliding_of!(n.config, strides), &n.config);
                self.avg_pool2d(sliding, &c.auto_pad, c.count_include_pad, &n.inputs[0])?
            }
            Node::AveragePool3d(n) => {
                let (sliding, c) = (sliding_of!(n.config, strides), &n.config);
                self.avg_pool3d(sliding, &c.auto_pad, c.count_include_pad, &n.inputs[0])?
            }
            Node::GlobalAveragePool(n) => self.global_avg_pool(&n.inputs[0])?,
            Node::Linear(n) => self.linear(n)?,
            Node::Gemm(n) => self.gemm(n)?,
            Node::MatMul(n) => self.matmul(n)?,
            Node::Add(n) => self.binary(elementwise::Binary::Add, &n.inputs)?,
            Node::Sub(n) => self.binary(elementwise::Binary::Sub, &n.inputs)?,
            Node::Mul(n) => self.binary(elementwise::Binary::Mul, &n.inputs)?,
            Node::Div(n) => self.binary(elementwise::Binary::Div, &n.inputs)?,
            Node::Max(n) => self.extreme(elementwise::Extreme::Max, &n.inputs)?,
            Node::Min(n) => self.extreme(elementwise::Extreme::Min, &n.inputs)?,
            Node::ReduceMean(n) => self.reduce(Reduction::Mean, &n.config, &n.inputs)?,
            Node::ReduceSum(n) => self.reduce(Reduction::Sum, &n.config, &n.inputs)?,
            Node::ReduceMax(n) => self.reduce(Reduction::Max, &n.config, &n.inputs)?,
            Node::ReduceMin(n) => self.reduce(Reduction::Min, &n.config, &n.inputs)?,
            Node::ReduceProd(n) => self.reduce(Reduction::Product, &n.config, &n.inputs)?,
            Node::ReduceSumSquare(n) => self.reduce_squares(&n.config, &n.inputs)?,
            Node::ReduceL1(n) => self.reduce_mapped(Op::Abs, &n.config, &n.inputs)?,
            Node::ReduceL2(n) => {
                let sum = self.reduce_squares(&n.config, &n.inputs)?;
                self.then(sum, Op::Sqrt)?
            }
            Node::ReduceLogSum(n) => {
                let sum = self.reduce(Reduction::Sum, &n.config, &n.inputs)?;
                self.then(sum, Op::Log)?
            }
            Node::ReduceLogSumExp(n) => self.reduce_log_sum_exp(&n.config, &n.inputs)?,
            Node::Sum(n) => self.sum_of_all(&n.inputs, 1.0)?,
            Node::Mean(n) => self.sum_of_all(&n.inputs, 1.0 / n.inputs.len() as f64)?,
            Node::Acos(n) => self.unary(Op::Apply(Dispatch::float_acos), &n.inputs[0])?,
            Node::Acosh(n) => self.unary(Op::Apply(Dispatch::float_acosh), &n.inputs[0])?,
            Node::Asin(n) => self.unary(Op::Apply(Dispatch::float_asin), &n.inputs[0])?,
            Node::Asinh(n) => self.unary(Op::Apply(Dispatch::float_asinh), &n.inputs[0])?,
            Node::Atan(n) => self.unary(Op::Apply(Dispatch::float_atan), &n.inputs[0])?,
            Node::Atanh(n) => self.unary(Op::Apply(Dispatch::float_atanh), &n.inputs[0])?,
            Node::Cosh(n) => self.unary(Op::Apply(Dispatch::float_cosh), &n.inputs[0])?,
            Node::Sinh(n) => self.unary(Op::Apply(Dispatch::float_sinh), &n.inputs[0])?,
            Node::Tan(n) => self.unary(Op::Apply(Dispatch::float_tan), &n.inputs[0])?,
            Node::Round(n) => self.unary(Op::Apply(Dispatch::float_round), &n.inputs[0])?,
            Node::Elu(n) => self.exponential_unit(n.config.alpha, 1.0, 1.0, &n.inputs[0])?,
            Node::Selu(n) => self.exponential_unit(n.config.alpha, n.config.gamma, 1.0, &n.inputs[0])?,
            Node::Celu(n) => self.exponential_unit(n.config.alpha, 1.0, n.config.alpha, &n.inputs[0])?,
            Node::Softplus(n) => self.softplus(&n.inputs[0])?,
            Node::Softsign(n) => self.softsign(&n.inputs[0])?,
            Node::Mish(n) => self.mish(&n.inputs[0])?,
            Node::Swish(n) => self.swish(n.config.alpha, &n.inputs[0])?,
            Node::PRelu(n) => self.prelu(&n.inputs)?,
            Node::Gelu(n) => match n.config.approximate {
                GeluApproximate::Exact => self.unary(Op::Apply(Dispatch::gelu), &n.inputs[0])?,
                GeluApproximate::Tanh => self.gelu_by_tanh(&n.inputs[0])?,
            },
            Node::LogSoftmax(n) => self.over_rows(n.config.axis, &n.inputs[0], |this, x, axis| {
                Ok(this.same(Op::LogSoftmax { axis }, x))
            })?,
            Node::Tile(n) => self.tile(n)?,
            Node::DepthToSpace(n) => self.depth_to_space(n)?,
            Node::SpaceToDepth(n) => self.space_to_depth(n)?,
            Node::Equal(n) => self.compared(&EQUAL, &n.inputs)?,
            Node::Greater(n) => self.compared(&GREATER, &n.inputs)?,
            Node::GreaterOrEqual(n) => self.compared(&GREATER_OR_EQUAL, &n.inputs)?,
            Node::Less(n) => self.compared(&LESS, &n.inputs)?,
            Node::LessOrEqual(n) => self.compared(&LESS_OR_EQUAL, &n.inputs)?,
            Node::And(n) => self.logic(Logic::And, &n.inputs)?,
            Node::Or(n) => self.logic(Logic::Or, &n.inputs)?,
            Node::Xor(n) => self.logic(Logic::Xor, &n.inputs)?,
            Node::Not(n) => self.not(&n.inputs[0])?,
            Node::IsNaN(n) => self.is_nan(&n.inputs[0])?,
            Node::IsInf(n) => self.is_inf(n)?,
            Node::BitwiseAnd(n) => self.bitwise(Dispatch::bitwise_and, &n.inputs)?,
            Node::BitwiseOr(n) => self.bitwise(Dispatch::bitwise_or, &n.inputs)?,
            Node::BitwiseXor(n) => self.bitwise(Dispatch::bitwise_xor, &n.inputs)?,
            Node::BitwiseNot(n) => self.bitwise_not(&n.inputs[0])?,
            Node::QuantizeLinear(n) => self.quantize_linear(n)?,
            Node::DequantizeLinear(n) => self.dequantize_linear(n)?,
            Node::MatMulInteger(n) => self.integer_matmul(&n.inputs)?,
            Node::Mod(n) => self.remainder(n)?,
            Node::OneHot(n) => self.one_hot(n)?,
            Node::Einsum(n) => self.einsum(n)?,
            Node::Hardmax(n) => self.over_rows(n.config.axis, &n.inputs[0], Self::hardmax)?,
            Node::Det(n) => self.determinant(&n.inputs[0])?,
            Node::EyeLike(n) => self.eye_like(n)?,
            Node::GridSample(n) => self.grid_sample(n)?,
            Node::Size(n) => self.size(&n.inputs[0])?,
            Node::Trilu(n) => self.trilu(n)?,
            Node::ThresholdedRelu(n) => self.thresholded_relu(n.config.alpha, &n.inputs[0])?,
            Node::Shrink(n) => self.shrink(n.config.lambda, n.config.bias, &n.inputs[0])?,
            Node::ArgMax(n) => self.arg_max(&n.config, &n.inputs[0])?,
            Node::ArgMin(n) => self.arg_min(&n.config, &n.inputs[0])?,
            Node::CumSum(n) => self.cumulated(n)?,
            Node::GlobalMaxPool(n) => self.global_max_pool(&n.inputs[0])?,
            Node::CastLike(n) => self.cast(n.config.to, &n.inputs[0])?,
            Node::Where(n) => self.chosen(&n.inputs)?,
            Node::Ceil(n) => self.unary(Op::Ceil, &n.inputs[0])?,
            Node::Cos(n) => self.unary(Op::Cos, &n.inputs[0])?,
            Node::Floor(n) => self.unary(Op::Floor, &n.inputs[0])?,
            Node::Sign(n) => self.unary_of_any(Op::Sign, Dispatch::int_sign, &n.inputs[0])?,
            Node::Sin(n) => self.unary(Op::Sin, &n.inputs[0])?,
            Node::HardSigmoid(n) => self.hard_sigmoid(n.config.alpha, n.config.beta, &n.inputs[0])?,
            Node::HardSwish(n) => self.hard_swish(&n.inputs[0])?,
            Node::Pow(n) => self.power(&n.inputs)?,
            Node::Abs(n) => self.unary_of_any(Op::Abs, Dispatch::int_abs, &n.inputs[0])?,
            Node::Erf(n) => self.unary(Op::Erf, &n.inputs[0])?,
            Node::Exp(n) => self.unary(Op::Exp, &n.inputs[0])?,
            Node::Log(n) => self.unary(Op::Log, &n.inputs[0])?,
            Node::Neg(n) => self.unary_of_any(Op::MulScalar(-1.0), Dispatch::int_neg, &n.inputs[0])?,
            Node::Reciprocal(n) => self.unary(Op::Reciprocal, &n.inputs[0])?,
            Node::Sqrt(n) => self.unary(Op::Sqrt, &n.inputs[0])?,
            Node::Tanh(n) => self.unary(Op::Tanh, &n.inputs[0])?,
            Node::LeakyRelu(n) => self.unary(Op::LeakyRelu { slope: n.config.alpha }, &n.inputs[0])?,
            Node::Relu(n) => self.unary(Op::Relu, &n.inputs[0])?,
            Node::Sigmoid(n) => self.unary(Op::Sigmoid, &n.inputs[0])?,
            Node::Softmax(n) => self.over_rows(n.config.axis, &n.inputs[0], |this, x, axis| {
                Ok(this.same(Op::Softmax { axis }, x))
            })?,
            Node::Clip(n) => self.clip(n)?,
            Node::Cast(n) => self.cast(n.config.to, &n.inputs[0])?,
            Node::Resize(n) | Node::Upsample(n) => self.resize(n)?,
            Node::Pad(n) => self.pad(n)?,
            Node::Reshape(n) => self.reshape(n)?,
            Node::Flatten(n) => self.flatten(n)?,
            Node::Squeeze(n) => self.squeeze(n)?,
            Node::Unsqueeze(n) => self.unsqueeze(n)?,
            Node::Transpose(n) => self.transpose(n)?,
            Node::Concat(n) => self.concat(n)?,
            Node::Shape(n) => self.shape(n)?,
            Node::Gather(n) => self.gather(n)?,
            Node::GatherElements(n) => self.gather_elements(n)?,
            Node::GatherND(n) => self.gather_nd(n)?,
            Node::ScatterElements(n) => {
                let update = match n.config.reduction {
                    ScatterElementsReduction::None => Update::Replace,
                    ScatterElementsReduction::Add => Update::Add,
                    ScatterElementsReduction::Mul => Update::Multiply,
                    ScatterElementsReduction::Max => Update::Max,
                    ScatterElementsReduction::Min => Update::Min,
                };
                self.scatter_elements(&n.inputs, n.config.axis, update)?
            }
            Node::ScatterND(n) => {
                let update = match n.config.reduction {
                    ScatterNDReduction::None => Update::Replace,
                    ScatterNDReduction::Add => Update::Add,
                    ScatterNDReduction::Mul => Update::Multiply,
                    ScatterNDReduction::Max => Update::Max,
                    ScatterNDReduction::Min => Update::Min,
                };
                self.scatter_nd(&n.inputs, update)?
            }
            Node::Expand(n) => self.expand(n)?,
            Node::Slice(n) => self.slice(n)?,
            Node::ConstantOfShape(n) => self.constant_of_shape(n)?,
            Node::Range(n) => self.range(n)?,
            _ => return Err(Unsupported::Operator),
        })
    }
}
