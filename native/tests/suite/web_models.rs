//! Tests models from URLs, with a test server on loopback.

use std::sync::atomic::Ordering;

use tare_core::sha256_hex;

use crate::common::server::Server;
use crate::common::{Ran, Sandbox};

fn run(sandbox: &Sandbox, arguments: &str) -> Ran {
    let mut command = sandbox.command(&format!(
        "run --plan smoke --engine tract --force -o a.json {arguments}"
    ));
    Ran::of(command.env("TARE_CACHE", sandbox.path("cache")))
}

#[test]
fn a_remote_model_is_fetched_once() {
    let (server, sandbox) = (Server::start(), Sandbox::new());
    let hash = sha256_hex(&server.model);
    let by_option = format!("--model {}/net.onnx --sha256 {hash}", server.address);
    let in_url = format!("--model {}/net.onnx#sha256={}", server.address, hash.to_uppercase());
    for arguments in [&by_option, &in_url] {
        run(&sandbox, arguments).code(0);
        let model = &sandbox.record("a.json").cells[0].model;
        assert_eq!(
            (model.name.as_str(), model.sha256.as_deref()),
            ("net.onnx", Some(hash.as_str()))
        );
    }
    assert_eq!(server.requests.load(Ordering::Relaxed), 1);

    // A modified copy in the cache is not used.
    let cached = sandbox.path(&format!("cache/models/{hash}/net.onnx"));
    std::fs::write(&cached, b"something else").unwrap();
    run(&sandbox, &by_option).code(0);
    assert_eq!(server.requests.load(Ordering::Relaxed), 2);
}

#[test]
fn errors_explain_what_is_wrong_with_a_remote_model() {
    let (server, sandbox) = (Server::start(), Sandbox::new());
    let (hash, other) = (sha256_hex(&server.model), "0".repeat(64));
    let address = &server.address;
    for (arguments, expected) in [
        (
            format!("--model {address}/net.onnx --sha256 {other}"),
            format!("expected SHA-256 {other}, found {hash}"),
        ),
        (
            format!("--model {address}/net.onnx --sha256 123"),
            "expected a SHA-256 of 64 hexadecimal digits, found \"123\"".into(),
        ),
        (format!("--model {address}/net.onnx"), "found none".into()),
        (format!("--model {address}/absent.onnx --sha256 {hash}"), "404".into()),
        (
            format!("--model {address}/cut.onnx --sha256 {hash}"),
            "ended early".into(),
        ),
        (
            format!("--model http://example.com/net.onnx --sha256 {hash}"),
            "expected an https URL".into(),
        ),
        (
            format!("--model http://127.0.0.1.example.com/net.onnx --sha256 {hash}"),
            "expected an https URL".into(),
        ),
        // Nothing listens on the discard port.
        (
            format!("--model http://127.0.0.1:9/net.onnx --sha256 {hash}"),
            "cannot fetch the model".into(),
        ),
    ] {
        run(&sandbox, &arguments).code(1).says(&expected);
    }
    run(&sandbox, &format!("--model tiny --sha256 {hash}"))
        .code(2)
        .says("expected exactly one URL among the models");
}
