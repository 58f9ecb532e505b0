//! Tests of browsers that a person opens, and of what else may connect to a run.

use std::net::TcpStream;
use std::time::Duration;

use fantoccini::Locator;
use tare_record::{
    BuildInfo, ClockInfo, EngineName, EnvironmentKind, Event, Failure, FailureKind, Machine, PROTOCOL, PageHello,
    PageMessage, Record, RunnerMessage, Status,
};
use tungstenite::client::IntoClientRequest;
use tungstenite::handshake::client::Response;
use tungstenite::{Error, HandshakeError, Message, WebSocket};

use crate::common::Sandbox;
use crate::common::browser::{open_browser, wait_until};
use crate::common::processes::Disturbed;

/// Starts a run that waits for an invited browser. Returns its link.
fn invited<'a>(sandbox: &'a Sandbox, arguments: &str) -> (Disturbed<'a>, String) {
    let plan = "name = \"rounds\"\n[rules]\nrounds = 3\nmin_time_ms = 3000\nmax_time_ms = 3000\nmin_warmup_ms = 10\n\
        ratio_precision_percent = 0\n[[cell]]\nmodel = \"tiny\"\nengines = [\"tract\"]\n";
    sandbox.write("plan.toml", plan.as_bytes());
    let command = format!("bench --plan plan.toml --in native --invite -o out {arguments}");
    let mut run = Disturbed::start(sandbox, &command);
    run.wait("the link", |run| run.log().contains("takes part in this run"));
    let log = run.log();
    let link = log
        .split("open ")
        .nth(1)
        .and_then(|rest| rest.split(' ').next())
        .unwrap()
        .to_owned();
    (run, link)
}

fn record(sandbox: &Sandbox) -> Record {
    sandbox.record("out/invited.json")
}

#[tokio::test]
async fn a_person_opens_the_link_and_the_browser_takes_part() {
    // Over TLS too, as on a phone.
    for (arguments, scheme) in [("", "http:"), ("--listen 127.0.0.1", "https:")] {
        let sandbox = Sandbox::new();
        let (mut run, link) = invited(&sandbox, arguments);
        assert!(link.starts_with(scheme), "{link}");
        assert!(run.log().contains('\u{2588}'), "a QR code: {}", run.log());
        let (client, _driver) = open_browser(&sandbox).await;
        client.set_window_size(390, 844).await.unwrap();
        client.goto(&link).await.unwrap();
        let text = async |selector: &str| client.find(Locator::Css(selector)).await.unwrap().text().await.unwrap();
        wait_until("a round", async || text("#rounds").await.contains("tiny on tract")).await;
        assert!(text("#runner").await.contains("This browser measures for tare"));
        if let Some(folder) = std::env::var_os("TARE_SCREENSHOTS") {
            let picture = client.screenshot().await.unwrap();
            std::fs::write(std::path::Path::new(&folder).join("invited-390.png"), picture).unwrap();
        }
        wait_until("the end", async || text("#note").await.contains("The run is over")).await;
        assert_eq!(run.end(), Some(0), "{}", run.log());
        let record = record(&sandbox);
        assert!(record.all_measured() && record.cells[0].rounds.len() == 3);
        let browser = record.machine.browser.unwrap();
        assert!(browser.cross_origin_isolated && browser.session.is_none());
        client.close().await.unwrap();
        run.nothing_is_left();
    }
}

#[tokio::test]
async fn a_person_ends_the_part_of_a_browser() {
    for closes in [false, true] {
        let sandbox = Sandbox::new();
        let (mut run, link) = invited(&sandbox, "");
        let (client, _driver) = open_browser(&sandbox).await;
        client.goto(&link).await.unwrap();
        wait_until("a round", async || {
            let rounds = client.find(Locator::Css("#rounds")).await.unwrap();
            rounds.text().await.unwrap().contains("tiny on tract")
        })
        .await;
        if closes {
            client.close().await.unwrap();
        } else {
            client
                .find(Locator::Css("#leave"))
                .await
                .unwrap()
                .click()
                .await
                .unwrap();
            let note = client.find(Locator::Css("#note")).await.unwrap().text().await.unwrap();
            assert!(note.contains("What it measured is kept"), "{note}");
            client.close().await.unwrap();
        }
        assert_eq!(run.end(), Some(1), "{}", run.log());
        let cell = &record(&sandbox).cells[0];
        assert!(cell.status == Status::Measured && !cell.rounds.is_empty());
        let message: Vec<&str> = cell.warnings.iter().map(|warning| warning.message.as_str()).collect();
        assert!(
            message
                .iter()
                .any(|message| message.contains("the browser left the run")),
            "{message:?}"
        );
        assert_eq!(
            sandbox.record("out/native.json").cells[0].rounds.len(),
            3,
            "the others go on"
        );
        run.nothing_is_left();
    }
}

/// Connects as a program, not as a page.
fn connect(origin: &str, query: &str, header: &[(&'static str, &str)]) -> Result<WebSocket<TcpStream>, Box<Response>> {
    let host = origin.strip_prefix("http://").unwrap();
    let mut request = format!("ws://{host}/runner?{query}").into_client_request().unwrap();
    request.headers_mut().insert("origin", origin.parse().unwrap());
    for (name, value) in header {
        request.headers_mut().insert(*name, value.parse().unwrap());
    }
    let stream = TcpStream::connect(host).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    match tungstenite::client(request, stream) {
        Ok((socket, _)) => Ok(socket),
        Err(HandshakeError::Failure(Error::Http(response))) => Err(response),
        Err(other) => panic!("{other:?}"),
    }
}

/// The message with which a page is refused.
fn refused(socket: &mut WebSocket<TcpStream>) -> String {
    let text = socket.read().unwrap().into_text().unwrap();
    match serde_json::from_str(&text).unwrap() {
        RunnerMessage::Refused { failure } => failure.to_string(),
        other => panic!("{other:?}"),
    }
}

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The first message of a page of some version.
fn hello(version: &str) -> String {
    let clock = ClockInfo {
        source: "test".into(),
        granularity_ns: 1000,
        read_cost_ns: 10,
    };
    let machine = Machine {
        kind: EnvironmentKind::Browser,
        os: String::new(),
        logical_cores: 1,
        native: None,
        browser: None,
        node: None,
    };
    let hello = PageHello {
        protocol: PROTOCOL,
        build: BuildInfo {
            version: version.into(),
            ..tare_core::build_info("")
        },
        machine,
        clock,
        warnings: vec![],
        default_engine: EngineName::Tract,
        fallback: None,
    };
    serde_json::to_string(&PageMessage::Hello(Box::new(hello))).unwrap()
}

fn send(socket: &mut WebSocket<TcpStream>, text: String) {
    socket.send(Message::Text(text.into())).unwrap();
}

/// The next message of the runner that says something new.
fn message(socket: &mut WebSocket<TcpStream>) -> RunnerMessage {
    loop {
        let text = socket.read().unwrap().into_text().unwrap();
        match serde_json::from_str(&text).unwrap() {
            RunnerMessage::AreYouAlive => send(socket, serde_json::to_string(&PageMessage::Alive).unwrap()),
            message => return message,
        }
    }
}

#[test]
fn a_page_that_lost_its_connection_goes_on() {
    let sandbox = Sandbox::new();
    let (mut run, link) = invited(&sandbox, "");
    let (origin, token) = link.split_once("/index.html?runner=").unwrap();
    let mut socket = connect(origin, &format!("token={token}"), &[]).unwrap();
    send(&mut socket, hello(VERSION));
    let RunnerMessage::Welcome { session } = message(&mut socket) else {
        panic!("no welcome")
    };
    let RunnerMessage::Execute { id, request, .. } = message(&mut socket) else {
        panic!("no request")
    };
    drop(socket);
    let mut socket = connect(origin, &format!("session={session}"), &[]).unwrap();
    send(&mut socket, hello(VERSION));
    assert_eq!(message(&mut socket), RunnerMessage::Welcome { session });
    // It may have been lost with the connection.
    assert!(matches!(message(&mut socket), RunnerMessage::Execute { id: again, .. } if again == id));
    let failure = Failure::new(FailureKind::Run, "answered after all");
    let event = Event::Done {
        cell: Box::new(tare_core::failed_cell(&request, failure)),
    };
    let reply = PageMessage::Event {
        id,
        event,
        tensors: false,
    };
    send(&mut socket, serde_json::to_string(&reply).unwrap());
    assert!(matches!(message(&mut socket), RunnerMessage::Finished { .. }));
    assert_eq!(run.end(), Some(1), "{}", run.log());
    match &record(&sandbox).cells[0].status {
        Status::Failed(failure) => assert_eq!(failure.message, "answered after all"),
        other => panic!("{other:?}"),
    }
    run.nothing_is_left();
}

#[test]
fn what_is_no_page_of_the_run_is_refused_with_a_reason() {
    let sandbox = Sandbox::new();
    let (mut run, link) = invited(&sandbox, "");
    let (origin, token) = link.split_once("/index.html?runner=").unwrap();
    let token = format!("token={token}");

    for (name, value, status) in [
        ("origin", "http://evil.example", 403),
        ("origin", "null", 403),
        ("host", "evil.example", 421),
    ] {
        let response = connect(origin, &token, &[(name, value)]).unwrap_err();
        assert_eq!(response.status().as_u16(), status, "{name}: {value}");
    }
    let response = connect(origin, &token, &[("origin", "null")]).unwrap_err();
    for (name, expected) in [
        ("x-content-type-options", "nosniff"),
        ("cross-origin-resource-policy", "same-origin"),
        ("content-security-policy", "frame-ancestors 'self'"),
    ] {
        assert_eq!(response.headers()[name], expected);
    }
    // Another version, no hello, nothing at all.
    let own = VERSION;
    for (query, sent, expected) in [
        (token.as_str(), hello("0.0.1"), "another version of tare"),
        (&token, "\"alive\"".into(), "expected a page's hello"),
        (&token, "{}".into(), "cannot be read"),
        ("", hello(own), "no token"),
        ("token=guessed", hello(own), "not one of the run's"),
        ("session=guessed", hello(own), "the run is over"),
    ] {
        let mut socket = connect(origin, query, &[]).unwrap();
        send(&mut socket, sent.clone());
        let message = refused(&mut socket);
        assert!(message.contains(expected), "{query} {sent}: {message}");
    }
    let mut silent = connect(origin, &token, &[]).unwrap();
    assert!(refused(&mut silent).contains("said nothing for 10 s"));

    // The token still works, once.
    let mut page = connect(origin, &token, &[]).unwrap();
    send(&mut page, hello(own));
    assert!(matches!(message(&mut page), RunnerMessage::Welcome { .. }));
    let mut second = connect(origin, &token, &[]).unwrap();
    send(&mut second, hello(own));
    assert!(refused(&mut second).contains("used already"));
    run.signal("INT");
    run.end();
    run.nothing_is_left();
}
