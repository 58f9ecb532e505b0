use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// A test server. It serves `tiny` as `/net.onnx`, its first half with the content length of the
/// whole file as `/cut.onnx`, and slowly a hundred megabytes as `/endless.onnx`. Other pages may
/// read what it serves.
pub(crate) struct Server {
    pub(crate) address: String,
    pub(crate) model: Vec<u8>,
    pub(crate) requests: Arc<AtomicUsize>,
    /// Number of clients that hung up while `/endless.onnx` was sent.
    pub(crate) hung_up: Arc<AtomicUsize>,
}

impl Server {
    pub(crate) fn start() -> Self {
        let model = tare_models::find("tiny").unwrap().onnx(&BTreeMap::new());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(AtomicUsize::new(0));
        let hung_up = Arc::new(AtomicUsize::new(0));
        let (served, count, left) = (model.clone(), requests.clone(), hung_up.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                count.fetch_add(1, Ordering::Relaxed);
                let mut lines = BufReader::new(stream.try_clone().unwrap())
                    .lines()
                    .map_while(Result::ok);
                let first = lines.next().unwrap_or_default();
                lines.take_while(|line| !line.is_empty()).for_each(drop);
                if first.contains("/endless.onnx") {
                    // Send until the client hangs up.
                    let head =
                        b"HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin: *\r\nContent-Length: 100000000\r\n\r\n";
                    let mut sent = stream.write_all(head);
                    let hung_up = left.clone();
                    std::thread::spawn(move || {
                        while sent.is_ok() {
                            sent = stream.write_all(&[0; 1000]);
                            std::thread::sleep(Duration::from_millis(5));
                        }
                        hung_up.fetch_add(1, Ordering::Relaxed);
                    });
                    continue;
                }
                let body = match first.split(' ').nth(1) {
                    Some("/net.onnx") => &served[..],
                    Some("/cut.onnx") => &served[..served.len() / 2],
                    _ => {
                        let _ = stream
                            .write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
                        continue;
                    }
                };
                let head = format!(
                    "HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin: *\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                    served.len()
                );
                // The client may hang up first.
                let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
            }
        });
        Self {
            address,
            model,
            requests,
            hung_up,
        }
    }
}
