//! Tensors as processes, pages and servers exchange them.

use tare_core::{NamedTensor, Tensor, TensorData, inference_protocol, tensor_codec};

use crate::target::Target;

pub(crate) const TARGET: Target = Target {
    name: "tensors",
    run,
    seeds,
    words: &[
        "[{\"name\":\"x\",\"dtype\":\"f32\",\"shape\":[1],\"sha256\":\"",
        "\"shape\":[18446744073709551615,2]",
        "\"parameters\":{\"binary_data_size\":4}",
        "\"datatype\":\"FP32\"",
        "{\"outputs\":[",
    ],
    longest: 4_000,
    runs_of_test: 50_000,
};

fn example() -> Vec<NamedTensor> {
    let tensors = [
        (
            "x",
            Tensor::new(vec![2, 3], TensorData::F32(vec![0.0, -1.5, 2.0, 3.0, 4.0, 5.0])),
        ),
        ("ids", Tensor::new(vec![1], TensorData::I64(vec![-7]))),
        ("nothing", Tensor::new(vec![0, 4], TensorData::Bool(vec![]))),
    ];
    let named = |(name, tensor): (&str, Result<Tensor, _>)| {
        Some(NamedTensor {
            name: name.into(),
            tensor: tensor.ok()?,
        })
    };
    tensors.into_iter().filter_map(named).collect()
}

fn seeds() -> Vec<Vec<u8>> {
    let body = |key: &str| inference_protocol::encode(serde_json::json!({}), key, &example());
    let (length, outputs) = body("outputs");
    // As the target reads it.
    let with_length = [&u16::try_from(length).unwrap_or(0).to_le_bytes()[..], &outputs].concat();
    vec![
        tensor_codec::encode(&example()),
        tensor_codec::encode(&[]),
        outputs,
        with_length,
    ]
}

fn run(bytes: &[u8]) {
    if let Ok(tensors) = tensor_codec::decode(bytes) {
        let encoded = tensor_codec::encode(&tensors);
        let again = tensor_codec::decode(&encoded).map(|tensors| tensor_codec::encode(&tensors));
        assert_eq!(again.ok(), Some(encoded), "what is written is read again");
    }
    for key in ["inputs", "outputs"] {
        let _ = inference_protocol::decode(None, bytes, key);
        // What a request says about the length of its header.
        if let Some((length, body)) = bytes.split_first_chunk::<2>() {
            let _ = inference_protocol::decode(Some(u16::from_le_bytes(*length).into()), body, key);
        }
    }
    let _ = inference_protocol::answer(None, bytes);
}
