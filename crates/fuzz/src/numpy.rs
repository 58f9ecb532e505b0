//! NumPy files, which users give as inputs.

use tare_core::{Tensor, TensorData};

use crate::npy::{read_npy_from, write_npy};
use crate::target::Target;

pub(crate) const TARGET: Target = Target {
    name: "numpy",
    run,
    seeds,
    words: &[
        "{'descr': '<f4', ",
        "'fortran_order': False, ",
        "'shape': (3,), }",
        "'<i8'",
        "'|b1'",
        "'|u1'",
        "18446744073709551615",
        "(2, 2)",
        "\u{93}NUMPY",
    ],
    longest: 4_000,
    runs_of_test: 5_000,
};

fn seeds() -> Vec<Vec<u8>> {
    let tensors = [
        Tensor::new(vec![2, 3], TensorData::F32(vec![0.0, 1.0, -1.0, f32::NAN, 1e30, 5.0])),
        Tensor::new(vec![], TensorData::I64(vec![-7])),
        Tensor::new(vec![0, 4], TensorData::Bool(vec![])),
    ];
    let written = |tensor: &Tensor| {
        let file = tempfile::NamedTempFile::new().ok()?;
        write_npy(file.path(), tensor).ok()?;
        std::fs::read(file.path()).ok()
    };
    tensors.iter().flatten().filter_map(written).collect()
}

fn run(bytes: &[u8]) {
    if let Ok(tensor) = read_npy_from(bytes) {
        let elements: usize = tensor.shape().iter().product();
        assert_eq!(elements, tensor.data().len(), "shape and elements agree");
    }
}
