//! Activations that burn has no operation for, composed of those that it has.

use onnx_ir::Argument;

use crate::lower::host_tensor::broadcast;
use crate::lower::{DeviceValue, Lowerer, Lowering, Unsupported, Value};
use crate::ops::logical::do_not_broadcast;
use crate::runtime::program::Op;

impl Lowerer {
    fn positive_part(&mut self, x: &DeviceValue) -> DeviceValue {
        self.same(Op::Relu, x)
    }

    fn negative_part(&mut self, x: &DeviceValue) -> DeviceValue {
        let op = Op::Clamp {
            min: None,
            max: Some(0.0),
        };
        self.same(op, x)
    }

    /// gamma (max(x, 0) + alpha (exp(min(x, 0) / width) - 1)): Elu with gamma = width = 1 (Clevert et al., 2016), Selu with
    /// width = 1 (Klambauer et al., 2017), Celu with alpha = width (Barron, 2017).
    pub(crate) fn exponential_unit(&mut self, alpha: f64, gamma: f64, width: f64, input: &Argument) -> Lowering<Value> {
        let x = self.floats(input)?;
        let positive = self.positive_part(&x);
        let negative = self.negative_part(&x);
        let scaled = self.same(Op::MulScalar(1.0 / width), &negative);
        let grown = self.same(Op::Exp, &scaled);
        let shifted = self.same(Op::AddScalar(-1.0), &grown);
        let negative = self.same(Op::MulScalar(alpha), &shifted);
        let sum = self.computed(Op::Add, &[&positive, &negative], x.shape.clone());
        Ok(self.step(Op::MulScalar(gamma), &[&sum], x.shape))
    }

    /// ln(1 + exp(x)), as max(x, 0) + ln(1 + exp(-|x|)), which does not overflow.
    fn softplus_of(&mut self, x: &DeviceValue) -> DeviceValue {
        let positive = self.positive_part(x);
        let size = self.same(Op::Abs, x);
        let negated = self.same(Op::MulScalar(-1.0), &size);
        let small = self.same(Op::Exp, &negated);
        let log = self.same(Op::LogOnePlus, &small);
        self.computed(Op::Add, &[&positive, &log], x.shape.clone())
    }

    pub(crate) fn softplus(&mut self, input: &Argument) -> Lowering<Value> {
        let x = self.floats(input)?;
        Ok(Value::Device(self.softplus_of(&x)))
    }

    /// x / (1 + |x|).
    pub(crate) fn softsign(&mut self, input: &Argument) -> Lowering<Value> {
        let x = self.floats(input)?;
        let size = self.same(Op::Abs, &x);
        let divisor = self.same(Op::AddScalar(1.0), &size);
        Ok(Value::Device(self.both(Op::Div, &x, &divisor)))
    }

    /// x tanh(softplus(x)): Misra, "Mish", 2019.
    pub(crate) fn mish(&mut self, input: &Argument) -> Lowering<Value> {
        let x = self.floats(input)?;
        let soft = self.softplus_of(&x);
        let gate = self.same(Op::Tanh, &soft);
        Ok(Value::Device(self.both(Op::Mul, &x, &gate)))
    }

    /// x sigmoid(alpha x).
    pub(crate) fn swish(&mut self, alpha: f64, input: &Argument) -> Lowering<Value> {
        let x = self.floats(input)?;
        let scaled = self.same(Op::MulScalar(alpha), &x);
        let gate = self.same(Op::Sigmoid, &scaled);
        Ok(Value::Device(self.both(Op::Mul, &x, &gate)))
    }

    /// x / 2 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))): Hendrycks and Gimpel, 2016, section 2.
    pub(crate) fn gelu_by_tanh(&mut self, input: &Argument) -> Lowering<Value> {
        let x = self.floats(input)?;
        let square = self.computed(Op::Mul, &[&x, &x], x.shape.clone());
        let scaled = self.same(Op::MulScalar(0.044_715), &square);
        let factor = self.same(Op::AddScalar(1.0), &scaled);
        let inner = self.computed(Op::Mul, &[&x, &factor], x.shape.clone());
        let scaled = self.same(Op::MulScalar((2.0 / std::f64::consts::PI).sqrt()), &inner);
        let tanh = self.same(Op::Tanh, &scaled);
        let sum = self.same(Op::AddScalar(1.0), &tanh);
        let half = self.same(Op::MulScalar(0.5), &sum);
        Ok(Value::Device(self.both(Op::Mul, &x, &half)))
    }

    /// max(x, 0) + slope min(x, 0); the slope broadcasts to x.
    pub(crate) fn prelu(&mut self, inputs: &[Argument]) -> Lowering<Value> {
        let (x, slope) = (self.floats(&inputs[0])?, self.floats(&inputs[1])?);
        if broadcast(&x.shape, &slope.shape).as_ref() != Some(&x.shape) {
            return Err(Unsupported::new(format!(
                "a slope of shape {:?} for {:?}",
                slope.shape, x.shape
            )));
        }
        let slope = self.lifted(slope, x.shape.len());
        let (positive, negative) = (self.positive_part(&x), self.negative_part(&x));
        let sloped = self.computed(Op::Mul, &[&negative, &slope], x.shape.clone());
        Ok(Value::Device(self.both(Op::Add, &positive, &sloped)))
    }

    /// All inputs added up, broadcast to one shape, times `factor`.
    pub(crate) fn sum_of_all(&mut self, inputs: &[Argument], factor: f64) -> Lowering<Value> {
        if inputs.len() == 1 {
            return self.value(&inputs[0]);
        }
        let mut values = Vec::with_capacity(inputs.len());
        for input in inputs {
            values.push(self.floats(input)?);
        }
        let mut values = values.into_iter();
        let mut sum = values.next().ok_or_else(|| Unsupported::new("no inputs"))?;
        for next in values {
            let shape = broadcast(&sum.shape, &next.shape).ok_or_else(|| do_not_broadcast(&sum.shape, &next.shape))?;
            let (a, b) = (self.lifted(sum, shape.len()), self.lifted(next, shape.len()));
            sum = self.computed(Op::Add, &[&a, &b], shape);
        }
        Ok(match factor {
            1.0 => Value::Device(sum),
            factor => self.step(Op::MulScalar(factor), &[&sum], sum.shape.clone()),
        })
    }
}
