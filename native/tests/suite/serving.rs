//! Tests of servers of a model, and of cells whose requests are sent to one.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use tare_core::inference_protocol::{HEADER_LENGTH, decode, encode};
use tare_core::{NamedTensor, Tensor, TensorData};
use tare_record::{Record, Transport};

use crate::common::processes::Disturbed;
use crate::common::{Ran, Sandbox, page};

/// A running server.
struct Server {
    child: Child,
    /// Host and port.
    address: String,
}

impl Server {
    fn start(sandbox: &Sandbox, arguments: &str) -> Self {
        let mut command = sandbox.command(&format!("serve-model {arguments}"));
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let (_, address) = line.trim().split_once("http://").unwrap_or_else(|| panic!("{line:?}"));
        Self {
            address: address.to_owned(),
            child,
        }
    }

    /// Sends a request. Returns the status, and the body.
    fn ask(&self, request: &str, fields: &[(&str, String)], body: &[u8]) -> (u16, Vec<u8>) {
        let mut text = format!(
            "{request} HTTP/1.1\r\nconnection: close\r\ncontent-length: {}\r\n",
            body.len()
        );
        if fields.iter().all(|(name, _)| *name != "host") {
            text += &format!("host: {}\r\n", self.address);
        }
        for (name, value) in fields {
            text += &format!("{name}: {value}\r\n");
        }
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.write_all(format!("{text}\r\n").as_bytes()).unwrap();
        stream.write_all(body).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let end = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
        let head = String::from_utf8_lossy(&answer[..end]).into_owned();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, answer[end + 4..].to_vec())
    }

    /// Sends inputs to the model `tiny`.
    fn infer(&self, inputs: &[NamedTensor]) -> (u16, Vec<u8>) {
        let (length, body) = encode(serde_json::json!({}), "inputs", inputs);
        self.ask(
            "POST /v2/models/tiny/infer",
            &[(HEADER_LENGTH, length.to_string())],
            &body,
        )
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn image(size: usize) -> NamedTensor {
    NamedTensor {
        name: "image".into(),
        tensor: Tensor::new(vec![1, 3, size, size], TensorData::F32(vec![0.5; 3 * size * size])).unwrap(),
    }
}

#[test]
fn a_server_answers_and_refuses_with_a_reason() {
    let sandbox = Sandbox::new();
    let server = Server::start(&sandbox, "--model tiny --engine tract --sessions 2");
    assert_eq!(server.ask("GET /v2/health/ready", &[], &[]).0, 200);
    let (status, body) = server.ask("GET /v2/models/tiny", &[], &[]);
    let metadata: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!((status, &metadata["inputs"][0]["datatype"]), (200, &"FP32".into()));
    let (status, body) = server.infer(&[image(32)]);
    assert_eq!(status, 200, "{}", String::from_utf8_lossy(&body));
    let json = body.iter().rposition(|&byte| byte == b'}').unwrap() + 1;
    let (outputs, _) = decode(Some(json), &body, "outputs").unwrap();
    assert_eq!(outputs[0].tensor.shape(), [1, 10]);
    for (inputs, expected) in [
        (
            vec![image(16)],
            "expected f32 of shape [1, 3, 32, 32], found f32 of shape [1, 3, 16, 16]",
        ),
        (vec![], "expected an input"),
        (
            vec![
                image(32),
                NamedTensor {
                    name: "other".into(),
                    ..image(1)
                },
            ],
            "the model has no input",
        ),
    ] {
        let (status, body) = server.infer(&inputs);
        let text = String::from_utf8_lossy(&body).into_owned();
        assert!(status == 400 && text.contains(expected), "{status} {text}");
    }
    assert_eq!(server.ask("GET /v2/models/other", &[], &[]).0, 404);
    assert_eq!(server.ask("POST /v2/models/tiny/infer", &[], b"{}").0, 400);
    // A page of another site that made its name point here.
    let (status, _) = server.ask("GET /v2/models/tiny", &[("host", "attacker.example".into())], &[]);
    assert_eq!(status, 421);
    // A client that goes away in the middle of its request.
    let mut stream = TcpStream::connect(&server.address).unwrap();
    let half = format!(
        "POST /v2/models/tiny/infer HTTP/1.1\r\nhost: {}\r\ncontent-length: 99\r\n\r\nhalf",
        server.address
    );
    stream.write_all(half.as_bytes()).unwrap();
    drop(stream);
    assert_eq!(server.infer(&[image(32)]).0, 200);
}

#[test]
fn what_cannot_be_served_is_refused() {
    let sandbox = Sandbox::new();
    sandbox
        .run("serve-model --model absent.onnx")
        .code(2)
        .says("neither a built-in model nor a file");
    sandbox.run("serve-model").code(2).says("--model");
    sandbox
        .command("serve-model --model tiny")
        .args(["--batching", "often"])
        .output()
        .map(|output| assert!(String::from_utf8_lossy(&output.stderr).contains("8 within 5 ms")))
        .unwrap();
}

/// A cell for each transport, by its own name.
fn by_transport(record: &Record) -> Vec<(Option<Transport>, &tare_record::Cell)> {
    record.cells.iter().map(|cell| (cell.load.transport, cell)).collect()
}

#[test]
fn requests_are_sent_and_every_answer_is_verified() {
    let sandbox = Sandbox::new();
    let arguments = "--model tiny --engine tract --clients 3 --transport none,grpc,http --batching off";
    let mut command = sandbox.command(&format!("run --plan smoke --force -o out.json {arguments}"));
    let ran = crate::common::Ran::of(command.args(["--batching", "4 within 5 ms"])).code(0);
    assert!(ran.out().contains("over grpc") && ran.out().contains("over http"));
    let record = sandbox.record("out.json");
    let cells = by_transport(&record);
    assert_eq!(cells.len(), 6);
    let mut digests: Vec<&str> = Vec::new();
    for (transport, cell) in cells {
        let verification = cell.verification.as_ref().unwrap();
        let verified: u64 = verification.digests.iter().map(|digest| digest.runs).sum();
        assert_eq!(verified, cell.samples_ns.len() as u64, "{transport:?}");
        if cell.load.requests.unwrap().batching.is_none() {
            digests.extend(verification.digests.iter().map(|digest| digest.sha256.as_str()));
        }
        for round in &cell.load_rounds {
            let answered = round.arrivals_ns.len();
            assert_eq!(round.transport_ns.len(), if transport.is_some() { answered } else { 0 });
            let merged = round.run_requests.iter().any(|&requests| requests > 1);
            assert_eq!(merged, cell.load.requests.unwrap().batching.is_some(), "{transport:?}");
        }
        if transport.is_some() {
            assert_eq!(cell.memory.resident_peak_bytes, None, "the model is in another process");
        }
    }
    digests.dedup();
    assert_eq!(digests.len(), 1, "the same answers everywhere");
}

#[test]
fn a_file_may_have_any_name() {
    let sandbox = Sandbox::new();
    sandbox.run("models export tiny -o tiny.onnx").code(0);
    let name = "my net, 100 % (größer).onnx";
    std::fs::rename(sandbox.path("tiny.onnx"), sandbox.path(name)).unwrap();
    let mut command = sandbox.command("run --plan smoke --engine tract --transport grpc,http --force -o out.json");
    crate::common::Ran::of(command.args(["--model", name])).code(0);
    assert_eq!(sandbox.record("out.json").cells.len(), 2);
}

/// Measures in the browser under the rules of the smoke plan.
fn browse(sandbox: &Sandbox, arguments: &str) -> Ran {
    let mut command = sandbox.command(&format!(
        "browser --plan smoke --model tiny --force -o out.json {arguments}"
    ));
    Ran::of(command.args(["--page", &page()]))
}

#[test]
fn a_page_posts_requests_to_workers() {
    let sandbox = Sandbox::new();
    let arguments = "--engine tract --clients 3 --transport none,post-message --batching off";
    let mut command = sandbox.command(&format!(
        "browser --plan smoke --model tiny --force -o out.json {arguments}"
    ));
    Ran::of(command.args(["--page", &page(), "--batching", "4 within 5 ms"])).code(0);
    let record = sandbox.record("out.json");
    let mut digests: Vec<&str> = Vec::new();
    for (transport, cell) in by_transport(&record) {
        let verification = cell.verification.as_ref().unwrap();
        digests.extend(verification.digests.iter().map(|digest| digest.sha256.as_str()));
        let merged = cell
            .load_rounds
            .iter()
            .flat_map(|round| &round.run_requests)
            .any(|&requests| requests > 1);
        assert_eq!(merged, cell.load.requests.unwrap().batching.is_some(), "{transport:?}");
        let in_transit = cell
            .load_rounds
            .iter()
            .flat_map(|round| &round.transport_ns)
            .sum::<u64>();
        assert_eq!(in_transit > 0, transport.is_some(), "{transport:?}");
        assert!(
            cell.rounds
                .iter()
                .all(|round| round.browser.is_some_and(|browser| !browser.was_hidden))
        );
    }
    assert_eq!(record.cells.len(), 4);
    digests.dedup();
    assert_eq!(digests.len(), 1, "the same answers everywhere");
    // Several workers, each with the model.
    browse(
        &sandbox,
        "--engine burn-flex --clients 4 --transport post-message --sessions 1,3",
    )
    .code(0);
    assert!(sandbox.record("out.json").all_measured());
}

#[test]
fn a_gpu_takes_several_submissions() {
    let sandbox = Sandbox::new();
    let ran = browse(
        &sandbox,
        "--engine burn-wgpu --software-gpu --clients 3 --submissions 1,3",
    )
    .code(0);
    assert!(ran.out().contains("3 clients, 3 submissions"), "{}", ran.out());
    for cell in &sandbox.record("out.json").cells {
        let round = &cell.load_rounds[0];
        assert!(round.transport_ns.is_empty() && round.run_requests.iter().all(|&requests| requests == 1));
    }
    let mut command =
        sandbox.command("run --plan smoke --model tiny --engine tract --clients 2 --submissions 2 --force -o out.json");
    fails(&sandbox, &mut command, "runs of this model follow each other here");
}

/// The first cell fails with this reason.
#[track_caller]
fn fails(sandbox: &Sandbox, command: &mut Command, reason: &str) {
    Ran::of(command).code(1);
    let failure = sandbox.failure("out.json", 0);
    assert!(failure.message.contains(reason), "{failure}");
}

#[test]
fn requests_that_cannot_be_sent_are_refused_by_name() {
    let sandbox = Sandbox::new();
    let mut command =
        sandbox.command("run --plan smoke --model tiny --engine tract --transport post-message --force -o out.json");
    fails(
        &sandbox,
        &mut command,
        "cannot be sent over post-message in this environment: native",
    );
    let mut command =
        sandbox.command("node --plan smoke --model tiny --engine tract --transport http --force -o out.json");
    command.args(["--page", &page()]);
    fails(
        &sandbox,
        &mut command,
        "cannot be sent over http in this environment: node",
    );
}

#[test]
fn a_run_that_is_ended_leaves_no_server() {
    for signal in ["INT", "KILL"] {
        let sandbox = Sandbox::new();
        let arguments = "bench --in native --model tiny --engine tract --clients 2 --transport grpc -o out";
        let mut run = Disturbed::start(&sandbox, arguments);
        run.wait("a server", |run| {
            run.processes().iter().any(|(_, line)| line.contains("serve-model"))
        });
        run.wait("requests", |run| run.log().contains("samples"));
        run.signal(signal);
        run.end();
        run.nothing_is_left();
    }
}
