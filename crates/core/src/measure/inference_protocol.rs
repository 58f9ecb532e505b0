//! The Open Inference Protocol, version 2, over HTTP: a header in JSON, whose length is in a field of its own, and the raw
//! bytes of all tensors behind it (the protocol's extension for binary tensor data).

use serde_json::{Value, json};
use tare_record::{DType, Failure, FailureKind, ServerFacts};

use crate::{NamedTensor, ServerTimes, Tensor, sha256_hex};

/// Field with the length of the JSON before the binary data.
pub const HEADER_LENGTH: &str = "inference-header-content-length";

/// Where the [`ServerFacts`](tare_record::ServerFacts) are. Not part of the protocol.
pub const FACTS: &str = "/tare/facts";

/// Names of element types.
const DATATYPES: [(DType, &str); 8] = [
    (DType::Bool, "BOOL"),
    (DType::U8, "UINT8"),
    (DType::I8, "INT8"),
    (DType::I32, "INT32"),
    (DType::I64, "INT64"),
    (DType::F16, "FP16"),
    (DType::F32, "FP32"),
    (DType::F64, "FP64"),
];

/// What a server says about the time of a request and about its run, as parameters of its answer.
pub fn times_to_parameters(times: &ServerTimes) -> [(&'static str, u64); 5] {
    [
        ("queue_ns", times.queue_ns),
        ("batching_ns", times.batching_ns),
        ("compute_ns", times.compute_ns),
        ("run", times.run),
        ("requests", times.requests as u64),
    ]
}

/// Reads the same from the parameters of an answer. 0 for those that a server does not send.
pub fn times_from_parameters(parameter: impl Fn(&str) -> Option<u64>) -> ServerTimes {
    let number = |name| parameter(name).unwrap_or(0);
    ServerTimes {
        queue_ns: number("queue_ns"),
        batching_ns: number("batching_ns"),
        compute_ns: number("compute_ns"),
        run: number("run"),
        requests: usize::try_from(number("requests")).unwrap_or(usize::MAX),
    }
}

/// A tensor without its elements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outline {
    /// Its name.
    pub name: String,
    /// The protocol's name of its element type.
    pub datatype: String,
    /// Its dimensions, outermost first.
    pub shape: Vec<i64>,
}

impl Outline {
    /// The outline of a tensor.
    pub fn of(named: &NamedTensor) -> Self {
        let shape = named.tensor.shape().iter();
        Self {
            name: named.name.clone(),
            datatype: datatype(named.tensor.dtype()).into(),
            shape: shape.map(|&size| i64::try_from(size).unwrap_or(i64::MAX)).collect(),
        }
    }

    /// The tensor with these elements, row-major and little-endian.
    ///
    /// # Errors
    ///
    /// If the type is unknown, the shape is negative or the number of bytes is another one.
    pub fn fill(self, bytes: &[u8]) -> Result<NamedTensor, Failure> {
        let bad = |message: String| Failure::new(FailureKind::Input, format!("tensor {:?}: {message}", self.name));
        let known = DATATYPES.iter().find(|(_, name)| *name == self.datatype);
        let (dtype, _) = known.ok_or_else(|| {
            let names: Vec<&str> = DATATYPES.iter().map(|(_, name)| *name).collect();
            bad(format!(
                "expected a datatype of {}, found {:?}",
                names.join(", "),
                self.datatype
            ))
        })?;
        let shape: Result<Vec<usize>, _> = self.shape.iter().map(|&size| usize::try_from(size)).collect();
        let shape = shape.map_err(|_| bad(format!("expected dimensions of at least 0, found {:?}", self.shape)))?;
        let tensor = Tensor::from_bytes(shape, *dtype, bytes).map_err(|error| bad(error.to_string()))?;
        Ok(NamedTensor {
            name: self.name,
            tensor,
        })
    }
}

/// The protocol's name of an element type.
pub fn datatype(dtype: DType) -> &'static str {
    DATATYPES
        .iter()
        .find(|(known, _)| *known == dtype)
        .map_or("BYTES", |(_, name)| name)
}

/// Elements of a tensor, row-major and little-endian.
pub fn raw(tensor: &Tensor) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(raw_bytes(tensor));
    tensor.for_each_le_bytes(|piece| bytes.extend_from_slice(piece));
    bytes
}

fn raw_bytes(tensor: &Tensor) -> usize {
    tensor.data().len() * tensor.dtype().size_bytes()
}

/// The body that holds tensors under `key`, and the length of its JSON.
pub fn encode(mut header: Value, key: &str, tensors: &[NamedTensor]) -> (usize, Vec<u8>) {
    let outlines = tensors.iter().map(|named| {
        let Outline { name, datatype, shape } = Outline::of(named);
        let parameters = json!({ "binary_data_size": raw_bytes(&named.tensor) });
        json!({ "name": name, "datatype": datatype, "shape": shape, "parameters": parameters })
    });
    header[key] = outlines.collect();
    let mut body = header.to_string().into_bytes();
    let length = body.len();
    body.reserve_exact(tensors.iter().map(|named| raw_bytes(&named.tensor)).sum());
    for named in tensors {
        named.tensor.for_each_le_bytes(|piece| body.extend_from_slice(piece));
    }
    (length, body)
}

/// The tensors under `key`, and the JSON of a body.
///
/// # Errors
///
/// If the JSON or a tensor cannot be read, or bytes are missing or left.
pub fn decode(length: Option<usize>, body: &[u8], key: &str) -> Result<(Vec<NamedTensor>, Value), Failure> {
    let bad = |message: String| Failure::new(FailureKind::Input, message);
    let length = length.ok_or_else(|| {
        bad(format!(
            "expected the field {HEADER_LENGTH} with the length of the JSON in the body"
        ))
        .with_hint("send tensors as binary data, as the Open Inference Protocol describes it")
    })?;
    let (header, mut rest) = body.split_at_checked(length).ok_or_else(|| {
        bad(format!(
            "expected a body of at least {length} bytes, found {}",
            body.len()
        ))
    })?;
    let header: Value =
        serde_json::from_slice(header).map_err(|error| bad(format!("cannot read the JSON of the body: {error}")))?;
    let outlines = header[key]
        .as_array()
        .ok_or_else(|| bad(format!("expected a list {key:?} in the JSON of the body")))?;
    let mut tensors = Vec::with_capacity(outlines.len());
    for outline in outlines {
        let text = |key: &str| outline[key].as_str().unwrap_or_default().to_owned();
        let shape = outline["shape"]
            .as_array()
            .map(|sizes| sizes.iter().map(|size| size.as_i64().unwrap_or(-1)).collect());
        let size = outline["parameters"]["binary_data_size"]
            .as_u64()
            .and_then(|size| usize::try_from(size).ok());
        let name = text("name");
        let size = size.ok_or_else(|| {
            bad(format!("tensor {name:?}: expected parameters.binary_data_size"))
                .with_hint("send tensors as binary data, as the Open Inference Protocol describes it")
        })?;
        let (content, behind) = rest.split_at_checked(size).ok_or_else(|| {
            bad(format!(
                "tensor {name:?}: expected {size} bytes of binary data, found {}",
                rest.len()
            ))
        })?;
        rest = behind;
        let outline = Outline {
            name,
            datatype: text("datatype"),
            shape: shape.unwrap_or_default(),
        };
        tensors.push(outline.fill(content)?);
    }
    if !rest.is_empty() {
        return Err(bad(format!("{} bytes of binary data belong to no tensor", rest.len())));
    }
    Ok((tensors, header))
}

/// Checks that a server runs the same model with the same inputs as its client has prepared.
///
/// # Errors
///
/// If the hash of the model differs, or the name, type, shape or hash of an input.
pub fn check_facts(facts: &ServerFacts, model: &[u8], inputs: &[NamedTensor]) -> Result<(), Failure> {
    let differs = |what: &str| {
        let message = format!("the server has prepared another {what} than its client");
        Failure::new(FailureKind::Input, message)
    };
    if facts.model.sha256.as_ref() != Some(&sha256_hex(model)) {
        return Err(differs("model"));
    }
    let own: Vec<_> = inputs.iter().map(NamedTensor::info).collect();
    if own == facts.inputs {
        Ok(())
    } else {
        Err(differs("input"))
    }
}

/// Outputs and times of an answer.
///
/// # Errors
///
/// Those of [`decode`].
pub fn answer(length: Option<usize>, body: &[u8]) -> Result<(Vec<NamedTensor>, ServerTimes), Failure> {
    let (outputs, header) = decode(length, body, "outputs")?;
    let times = times_from_parameters(|name| header["parameters"][name].as_u64());
    Ok((outputs, times))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TensorData;

    #[test]
    fn tensors_survive_the_way() {
        for data in [
            TensorData::F32(vec![1.5, -2.0]),
            TensorData::I64(vec![-1, 2]),
            TensorData::Bool(vec![0, 1]),
        ] {
            let named = NamedTensor {
                name: "x".into(),
                tensor: Tensor::new(vec![2, 1], data).unwrap(),
            };
            assert_eq!(Outline::of(&named).fill(&raw(&named.tensor)).unwrap(), named);
        }
    }

    #[test]
    fn bad_tensors_are_refused_with_their_name() {
        let outline = |datatype: &str, shape: &[i64]| Outline {
            name: "image".into(),
            datatype: datatype.into(),
            shape: shape.to_vec(),
        };
        for (outline, bytes, expected) in [
            (outline("FP99", &[1]), 4, "expected a datatype of BOOL"),
            (outline("FP32", &[-1]), 4, "dimensions of at least 0"),
            (outline("FP32", &[2]), 4, "image"),
            (outline("FP32", &[i64::MAX, i64::MAX]), 4, "image"),
        ] {
            let error = outline.fill(&vec![0; bytes]).unwrap_err().message;
            assert!(error.contains(expected), "{error}");
        }
    }

    fn tensors() -> Vec<NamedTensor> {
        let named = |name: &str, data| NamedTensor {
            name: name.into(),
            tensor: Tensor::new(vec![2], data).unwrap(),
        };
        vec![
            named("a", TensorData::F32(vec![1.0, 2.0])),
            named("b", TensorData::I64(vec![3, 4])),
        ]
    }

    #[test]
    fn bodies_survive_the_way() {
        let (length, body) = encode(json!({}), "inputs", &tensors());
        assert_eq!(decode(Some(length), &body, "inputs").unwrap().0, tensors());
    }

    #[test]
    fn every_truncation_is_an_error() {
        let (length, body) = encode(json!({}), "inputs", &tensors());
        for end in 0..body.len() {
            assert!(decode(Some(length), &body[..end], "inputs").is_err(), "cut at {end}");
        }
        let longer = [&body[..], &[0]].concat();
        let error = decode(Some(length), &longer, "inputs").unwrap_err();
        assert!(error.message.contains("belong to no tensor"), "{error}");
        assert!(
            decode(None, &body, "inputs")
                .unwrap_err()
                .message
                .contains(HEADER_LENGTH)
        );
        assert!(decode(Some(usize::MAX), &body, "inputs").is_err());
    }
}
