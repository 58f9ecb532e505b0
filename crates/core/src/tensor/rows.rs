//! Joins and splits tensors along their first dimension, which holds the items of a batch.

use super::values::{Tensor, TensorData};

macro_rules! map_data {
    ($data:expr, $values:ident => $body:expr) => {
        match $data {
            TensorData::F16($values) => TensorData::F16($body),
            TensorData::F32($values) => TensorData::F32($body),
            TensorData::F64($values) => TensorData::F64($body),
            TensorData::I8($values) => TensorData::I8($body),
            TensorData::I32($values) => TensorData::I32($body),
            TensorData::I64($values) => TensorData::I64($body),
            TensorData::U8($values) => TensorData::U8($body),
            TensorData::Bool($values) => TensorData::Bool($body),
        }
    };
}

impl Tensor {
    /// `count` copies of this tensor, one after the other: [n, ...] becomes [count * n, ...]. A scalar
    /// stays one.
    pub fn repeated(&self, count: usize) -> Tensor {
        let mut shape = self.shape().to_vec();
        let Some(first) = shape.first_mut() else {
            return self.clone();
        };
        *first *= count;
        let data = map_data!(self.data(), values => values.repeat(count));
        Tensor::new(shape, data).unwrap_or_else(|_| unreachable!("both grow by the same factor"))
    }

    /// The tensors one after the other: [a, ...] and [b, ...] become [a + b, ...]. `None` if there is none, or they differ
    /// in type or another dimension, or are scalars.
    pub fn joined(parts: &[&Tensor]) -> Option<Tensor> {
        let (first, others) = parts.split_first()?;
        let mut shape = first.shape().to_vec();
        let mut data = first.data().clone();
        let (length, inner) = shape.split_first_mut()?;
        for part in others {
            let (more, same) = part.shape().split_first()?;
            if same != inner {
                return None;
            }
            *length += more;
            match (&mut data, part.data()) {
                (TensorData::F16(all), TensorData::F16(more)) => all.extend_from_slice(more),
                (TensorData::F32(all), TensorData::F32(more)) => all.extend_from_slice(more),
                (TensorData::F64(all), TensorData::F64(more)) => all.extend_from_slice(more),
                (TensorData::I8(all), TensorData::I8(more)) => all.extend_from_slice(more),
                (TensorData::I32(all), TensorData::I32(more)) => all.extend_from_slice(more),
                (TensorData::I64(all), TensorData::I64(more)) => all.extend_from_slice(more),
                (TensorData::U8(all), TensorData::U8(more)) => all.extend_from_slice(more),
                (TensorData::Bool(all), TensorData::Bool(more)) => all.extend_from_slice(more),
                _ => return None,
            }
        }
        Tensor::new(shape, data).ok()
    }

    /// Part `index` of `count` equal parts along the first dimension: [count * n, ...] becomes [n, ...].
    /// `None` if it does not divide evenly.
    pub fn part(&self, index: usize, count: usize) -> Option<Tensor> {
        let mut shape = self.shape().to_vec();
        let first = shape.first_mut()?;
        if count == 0 || index >= count || !first.is_multiple_of(count) {
            return None;
        }
        *first /= count;
        let length = self.data().len() / count;
        let data = map_data!(self.data(), values => values[index * length..(index + 1) * length].to_vec());
        Tensor::new(shape, data).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joined_tensors_can_be_split_again() {
        let tensor = |shape: &[usize], data| Tensor::new(shape.to_vec(), data).unwrap();
        let a = tensor(&[1, 2], TensorData::F32(vec![1.0, 2.0]));
        let b = tensor(&[1, 2], TensorData::F32(vec![3.0, 4.0]));
        let both = Tensor::joined(&[&a, &b]).unwrap();
        assert_eq!((both.part(0, 2), both.part(1, 2)), (Some(a.clone()), Some(b)));
        for other in [
            tensor(&[1, 3], TensorData::F32(vec![0.0; 3])),
            tensor(&[1, 2], TensorData::I32(vec![0; 2])),
            tensor(&[], TensorData::F32(vec![0.0])),
        ] {
            assert_eq!(Tensor::joined(&[&a, &other]), None);
        }
        assert_eq!(Tensor::joined(&[]), None);
    }

    #[test]
    fn parts_of_repeated_tensors_are_the_tensor() {
        let tensor = Tensor::new(vec![2, 3], TensorData::I32((0..6).collect())).unwrap();
        let three = tensor.repeated(3);
        assert_eq!(three.shape(), [6, 3]);
        for index in 0..3 {
            assert_eq!(three.part(index, 3).unwrap(), tensor);
        }
        assert_eq!(three.part(1, 6).unwrap().data(), &TensorData::I32(vec![3, 4, 5]));
        assert_eq!(
            (three.part(3, 3), three.part(0, 4), three.part(0, 0)),
            (None, None, None)
        );
        let scalar = Tensor::new(vec![], TensorData::F32(vec![1.0])).unwrap();
        assert_eq!((scalar.repeated(4), scalar.part(0, 1)), (scalar.clone(), None));
    }
}
