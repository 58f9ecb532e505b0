//! Invites a browser that a person opens: a phone, or one that no driver drives.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use qrcode::QrCode;
use qrcode::render::unicode::Dense1x2;
use tare_report::printable;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::timeout;

use crate::interrupt::interrupted;
use crate::server::Server;
use crate::server::hub::Connection;

/// How long an invitation stands.
const LIMIT: Duration = Duration::from_secs(600);

/// Prints a link and its QR code, and waits until a browser opens it.
pub(super) async fn wait(server: &Server, name: &str) -> Result<(UnboundedReceiver<Connection>, Connection)> {
    let (token, mut arrivals) = server.hub.expect();
    let link = server.link(&token);
    if let Ok(code) = QrCode::new(link.as_bytes()) {
        eprintln!("{}", code.render::<Dense1x2>().build());
    }
    eprintln!("{name}: open {link} in a browser. It then takes part in this run.");
    if server.origin.starts_with("http:") {
        eprintln!(
            "This address is of this machine only. For a phone, pass --listen with this machine's address in your network."
        );
    } else {
        eprintln!(
            "The certificate is made for this run, so the browser warns: choose to go on. The run begins when the page is open."
        );
    }
    tokio::select! {
        arrived = timeout(LIMIT, arrivals.recv()) => match arrived {
            Ok(connection) => {
                let connection = connection.context("the server ended")?;
                let browser = connection.hello.machine.browser.as_ref().and_then(|browser| browser.name.clone());
                let browser = printable(browser.as_deref().unwrap_or("a browser"));
                eprintln!("{name}: {browser} takes part");
                Ok((arrivals, connection))
            }
            Err(_) => bail!("nobody opened the link within {} minutes", LIMIT.as_secs() / 60),
        },
        () = interrupted() => bail!("interrupted"),
    }
}
