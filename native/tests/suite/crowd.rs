//! Clients that keep the server of the page busy: many, slow and greedy ones.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::common::Sandbox;
use crate::common::browser::{Running, serve_page};
use crate::common::processes::{open_files, status_kib};

/// A server of the page, and its host and port.
fn serve(sandbox: &Sandbox) -> (Running, String) {
    let (server, address) = serve_page(sandbox);
    let host = address.trim_start_matches("http://").trim_end_matches('/').to_owned();
    (server, host)
}

fn connect(host: &str) -> TcpStream {
    let stream = TcpStream::connect(host).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream
}

/// The status line of the answer to a request.
fn ask(host: &str, request: &str) -> String {
    let mut stream = connect(host);
    // The server may answer, and hang up, before it has read everything.
    let _ = stream.write_all(request.as_bytes());
    let mut line = String::new();
    let _ = BufReader::new(stream).read_line(&mut line);
    line
}

fn get(host: &str) -> String {
    ask(
        host,
        &format!("GET /index.html HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"),
    )
}

fn resident_mib(server: &Running) -> u64 {
    status_kib(server.0.id(), "VmRSS:") / 1024
}

#[test]
fn many_slow_clients_hold_nobody_up() {
    let sandbox = Sandbox::new();
    let (server, host) = serve(&sandbox);
    assert!(get(&host).contains("200 OK"));
    let before = open_files(server.0.id());
    // A quarter of the files that this process may open: the server has the same limit.
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    let count = limit.map_or(1000, |limit| (limit / 4).min(1000));
    let clients: Vec<TcpStream> = (0..count)
        .map(|index| {
            let mut stream = connect(&host);
            // Half of them say nothing, and half begin a request.
            if index % 2 == 0 {
                stream.write_all(b"GET / HTTP/1.1\r\nHo").unwrap();
            }
            stream
        })
        .collect();
    for _ in 0..20 {
        assert!(get(&host).contains("200 OK"));
    }
    drop(clients);
    let start = Instant::now();
    while open_files(server.0.id()) > before + 3 {
        assert!(
            start.elapsed() < Duration::from_secs(60),
            "{} files stay open",
            open_files(server.0.id())
        );
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn huge_requests_take_no_memory() {
    let sandbox = Sandbox::new();
    let (server, host) = serve(&sandbox);
    assert!(get(&host).contains("200 OK"));
    let before = resident_mib(&server);
    // Nobody may send files: the body is not read.
    let mut stream = connect(&host);
    let head = format!("POST /index.html HTTP/1.1\r\nHost: {host}\r\nContent-Length: 10000000000\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    let piece = vec![b'x'; 1 << 20];
    let sent = (0..300).take_while(|_| stream.write_all(&piece).is_ok()).count();
    let mut answer = [0; 15];
    let read = stream.read(&mut answer).unwrap_or(0);
    let answer = String::from_utf8_lossy(&answer[..read]).into_owned();
    assert!(answer.is_empty() || answer.contains("405"), "{answer} after {sent} MiB");
    let long = "x".repeat(10 << 20);
    for request in [
        format!("GET /{long} HTTP/1.1\r\nHost: {host}\r\n\r\n"),
        format!("GET / HTTP/1.1\r\nHost: {host}\r\nX: {long}\r\n\r\n"),
        format!("GET / HTTP/1.1\r\nHost: {host}\r\n{}\r\n", "A: b\r\n".repeat(100_000)),
    ] {
        let line = ask(&host, &request);
        assert!(line.is_empty() || line.contains(" 4"), "{line}");
    }
    assert!(get(&host).contains("200 OK"));
    let after = resident_mib(&server);
    assert!(after < before + 64, "{before} MiB before, {after} MiB after");
}
