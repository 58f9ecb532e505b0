//! TLS with a certificate that is made for one run. A page on another machine needs it: browsers
//! give WebGPU, threads and a fine clock to secure origins only.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use axum::serve::Listener;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{Receiver, channel};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::server::TlsStream;

/// Time limit of a handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// Accepts connections over TLS.
pub(super) struct TlsListener {
    address: SocketAddr,
    accepted: Receiver<(TlsStream<TcpStream>, SocketAddr)>,
}

impl TlsListener {
    /// Serves TLS on a listener, with a certificate for this address.
    pub(super) fn new(listener: TcpListener, ip: IpAddr) -> Result<Self> {
        let address = listener.local_addr().context("cannot read the address of the server")?;
        let acceptor = acceptor(ip).context("cannot make a certificate for the run")?;
        let (send, accepted) = channel(16);
        tokio::spawn(async move {
            loop {
                let Ok((stream, peer)) = listener.accept().await else {
                    // Too many open files, most likely: others may close.
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                };
                let (acceptor, send) = (acceptor.clone(), send.clone());
                // Each in a task of its own: a client that says nothing must not hold up the others.
                tokio::spawn(async move {
                    match timeout(HANDSHAKE, acceptor.accept(stream)).await {
                        Ok(Ok(stream)) => {
                            // The server has ended.
                            let _ = send.send((stream, peer)).await;
                        }
                        Ok(Err(error)) => tell(peer, &error),
                        Err(_) => {}
                    }
                });
            }
        });
        Ok(Self { address, accepted })
    }
}

/// Says that a browser does not accept the certificate, which is only known here.
fn tell(peer: SocketAddr, error: &io::Error) {
    let text = error.to_string();
    if text.contains("alert") {
        eprintln!(
            "the browser at {} does not accept the certificate of this run ({text})\nhint: open the link there, and choose to go on in spite of the warning",
            peer.ip()
        );
    }
}

fn acceptor(ip: IpAddr) -> Result<TlsAcceptor> {
    let made = rcgen::generate_simple_self_signed(vec![ip.to_string()])?;
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.accepted.recv().await {
            Some(accepted) => accepted,
            // The task above never ends.
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}
