//! Reads and writes tensors as NumPy files.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use anyhow::{Context, Result, bail};
use tare_core::{Tensor, TensorData};

/// A description of an array is not longer. NumPy's own reader refuses more than 10,000 bytes.
const MAX_HEADER_BYTES: u32 = 1 << 20;

/// Reads a NumPy array of a supported type, in C order.
pub(crate) fn read_npy(path: &Path) -> Result<Tensor> {
    let mut file = BufReader::new(File::open(path)?);
    // npyz asks for as much memory as the file says that its header has.
    if header_bytes(file.fill_buf()?).is_some_and(|bytes| bytes > MAX_HEADER_BYTES) {
        bail!("not a NumPy file: its header would have more than {MAX_HEADER_BYTES} bytes");
    }
    let npy = npyz::NpyFile::new(file).context("not a NumPy file")?;
    if npy.order() == npyz::Order::Fortran && npy.shape().len() > 1 {
        bail!("expected an array in C order, found Fortran order\nhint: save numpy.ascontiguousarray(array)");
    }
    let shape = npy
        .shape()
        .iter()
        .map(|&dim| usize::try_from(dim))
        .collect::<Result<Vec<usize>, _>>()?;
    let npyz::DType::Plain(dtype) = npy.dtype() else {
        bail!("expected a plain array, found one with fields\nhint: save each field as its own array")
    };
    let name = dtype.to_string();
    // NumPy's type strings consist of byte order, kind and size in bytes.
    let data = match &name[1..] {
        "f4" => TensorData::F32(npy.into_vec()?),
        "f8" => TensorData::F64(npy.into_vec()?),
        "i1" => TensorData::I8(npy.into_vec()?),
        "i4" => TensorData::I32(npy.into_vec()?),
        "i8" => TensorData::I64(npy.into_vec()?),
        "u1" => TensorData::U8(npy.into_vec()?),
        "b1" => TensorData::Bool(npy.into_vec::<bool>()?.into_iter().map(u8::from).collect()),
        _ => bail!(
            "the array has the unsupported element type {name}\nhint: convert it, for example with array.astype('float32')"
        ),
    };
    Ok(Tensor::new(shape, data)?)
}

/// The length of the header in the versions that have four bytes for it.
fn header_bytes(beginning: &[u8]) -> Option<u32> {
    let (start, _) = beginning.split_first_chunk::<12>()?;
    let [.., a, b, c, d] = *start;
    (start[6] >= 2).then(|| u32::from_le_bytes([a, b, c, d]))
}

/// Writes a tensor as a NumPy array.
pub(crate) fn write_npy(path: &Path, tensor: &Tensor) -> Result<()> {
    use npyz::WriterBuilder;
    let shape: Vec<u64> = tensor.shape().iter().map(|&dim| dim as u64).collect();
    let file = std::io::BufWriter::new(std::fs::File::create(path)?);
    macro_rules! write {
        ($values:expr) => {{
            let mut writer = npyz::WriteOptions::new()
                .default_dtype()
                .shape(&shape)
                .writer(file)
                .begin_nd()?;
            writer.extend($values)?;
            writer.finish()?;
        }};
    }
    match tensor.data() {
        // Written as f32, which represents every f16 exactly and which more tools can read.
        TensorData::F16(values) => write!(values.iter().map(|value| value.to_f32())),
        TensorData::F32(values) => write!(values.iter().copied()),
        TensorData::F64(values) => write!(values.iter().copied()),
        TensorData::I8(values) => write!(values.iter().copied()),
        TensorData::I32(values) => write!(values.iter().copied()),
        TensorData::I64(values) => write!(values.iter().copied()),
        TensorData::U8(values) => write!(values.iter().copied()),
        TensorData::Bool(values) => write!(values.iter().map(|&value| value != 0)),
    }
    Ok(())
}
