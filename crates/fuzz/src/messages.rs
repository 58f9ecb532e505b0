//! Messages between a runner, pages, workers and child processes.

use serde::Serialize;
use serde::de::DeserializeOwned;
use tare_core::tensor_codec;
use tare_record::{CellRequest, Event, PageMessage, RunnerMessage};

use crate::target::Target;

pub(crate) const TARGET: Target = Target {
    name: "messages",
    run,
    seeds: || SEEDS.iter().map(|text| text.as_bytes().to_vec()).collect(),
    words: &[
        "\"hello\"",
        "\"cell\"",
        "\"request\"",
        "\"model\"",
        "\"engine\":\"tract\"",
        "\"environment\":\"browser\"",
        "18446744073709551615",
        "null",
        "[]",
        "{}",
    ],
    longest: 8_000,
    runs_of_test: 50_000,
};

const SEEDS: [&str; 6] = [
    r#"{"ready":{"phases":[{"name":"spawn","duration_ns":1}]}}"#,
    r#"{"died":{"message":"x"}}"#,
    r#"{"no-reference":{"failure":{"kind":"model","message":"x","hint":null}}}"#,
    r#"{"event":{"id":1,"event":{"died":{"message":"x"}},"tensors":false}}"#,
    r#"{"interop":{"id":1,"costs":{"Ok":[{"crossing":"js-to-wasm","points":[{"size":1,"repeats":1,"samples_ns":[1]}]}]}}}"#,
    r#""hidden""#,
];

fn run(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    readable_again::<Event>(text);
    readable_again::<PageMessage>(text);
    readable_again::<RunnerMessage>(text);
    if let Ok(request) = serde_json::from_str::<CellRequest>(text) {
        let _ = (request.sent_over(), request.vector_limit());
    }
    let _ = tensor_codec::decode(bytes);
}

/// What can be read can be read again once it was written.
fn readable_again<T: Serialize + DeserializeOwned>(text: &str) {
    if let Ok(message) = serde_json::from_str::<T>(text) {
        let written = serde_json::to_string(&message).expect("a message can be written");
        assert!(
            serde_json::from_str::<T>(&written).is_ok(),
            "what was written can be read"
        );
    }
}
