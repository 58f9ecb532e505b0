//! Reads and writes tensors as NumPy files.

use std::path::Path;

use anyhow::{Context, Result, bail};
use tare_core::{Tensor, TensorData};

/// Brackets in the description of an array. That of a plain one is a dictionary with a tuple; npyz takes twice as long for each level.
const MAX_BRACKETS: usize = 12;

/// Reads a NumPy array of a supported type, in C order.
pub(crate) fn read_npy(path: &Path) -> Result<Tensor> {
    read_npy_from(&std::fs::read(path)?)
}

/// Reads the contents of such a file.
pub(crate) fn read_npy_from(file: &[u8]) -> Result<Tensor> {
    check_header(file)?;
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

/// Refuses a header that npyz would ask for much memory or time for: it takes its length at its word.
fn check_header(file: &[u8]) -> Result<()> {
    // Magic, version, and the length in two bytes or, from version 2 on, in four.
    let (length, start) = match file {
        _ if !file.starts_with(b"\x93NUMPY") => bail!("not a NumPy file: it begins with other bytes"),
        [_, _, _, _, _, _, 0 | 1, _, a, b, ..] => (u32::from(u16::from_le_bytes([*a, *b])), 10),
        [_, _, _, _, _, _, _, _, a, b, c, d, ..] => (u32::from_le_bytes([*a, *b, *c, *d]), 12),
        _ => bail!("not a NumPy file: it has only {} bytes", file.len()),
    };
    let header = usize::try_from(length)
        .ok()
        .and_then(|length| file[start..].get(..length));
    let Some(header) = header else {
        bail!(
            "not a NumPy file: its header would have {length} bytes, and the file has {}",
            file.len()
        );
    };
    let brackets = header.iter().filter(|byte| b"([{".contains(byte)).count();
    if brackets > MAX_BRACKETS {
        bail!("not a NumPy file of a plain array: its header opens {brackets} brackets");
    }
    Ok(())
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
