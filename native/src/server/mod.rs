//! The server of the page. It sends the headers that give a page shared memory and a fine clock,
//! and connects pages to the run.

pub(crate) mod hub;
mod tls;
pub(crate) mod token;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use anyhow::{Context, Result};
use axum::Router;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{Path, Query, Request};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tower_http::set_header::SetResponseHeaderLayer;

use crate::commands::args::ServeArgs;
use crate::page::Page;
use hub::{Hub, Who};
use tls::TlsListener;

/// Largest message of a page: the outputs of a model.
const MAX_MESSAGE_BYTES: usize = 1 << 30;

/// Largest message from a page that is not expected: a hello is shorter.
const MAX_STRANGER_BYTES: usize = 1 << 16;

/// The port of http.
pub(crate) const HTTP_PORT: u16 = 80;

/// A running server.
#[derive(Debug, Clone)]
pub(crate) struct Server {
    /// Scheme, host and port.
    pub(crate) origin: String,
    pub(crate) hub: Arc<Hub>,
}

impl Server {
    /// Whether only programs of this machine reach it.
    pub(crate) fn is_on_loopback(&self) -> bool {
        self.origin.starts_with("http://")
    }

    /// The link that makes a page part of the run.
    pub(crate) fn link(&self, token: &str) -> String {
        format!("{}/index.html?runner={token}", self.origin)
    }
}

/// Starts to serve `page`: on loopback, or over TLS on the address that the options give.
///
/// # Errors
///
/// If the port is in use, or the address is not one of this machine's.
pub(crate) async fn start(page: &Page, args: &ServeArgs) -> Result<Server> {
    let ip = args.listen.unwrap_or(Ipv4Addr::LOCALHOST.into());
    let port = args.port;
    let listener = tokio::net::TcpListener::bind((ip, port)).await.with_context(|| {
        if args.listen.is_some() {
            format!("cannot listen on {ip}, port {port}\nhint: pass an address of this machine that the other machine reaches, for example --listen 192.168.0.10")
        } else {
            format!("cannot listen on port {port} of this machine\nhint: another program may use it: choose another port, or omit --port to use any free one")
        }
    })?;
    let address = listener.local_addr().context("cannot read the address of the server")?;
    let server = Server {
        origin: format!("{}://{address}", scheme(args).0),
        hub: Arc::new(Hub::default()),
    };
    let router = router(page, args, &server, address)?;
    if args.listen.is_some() {
        serve(TlsListener::new(listener, ip)?, router);
    } else {
        serve(listener, router);
    }
    Ok(server)
}

fn serve<L: axum::serve::Listener>(listener: L, router: Router)
where
    L::Addr: std::fmt::Debug,
{
    tokio::spawn(async move {
        // Runs until the program ends. An error of one connection does not stop it.
        let _ = axum::serve(listener, router).await;
    });
}

fn router(page: &Page, args: &ServeArgs, server: &Server, address: SocketAddr) -> Result<Router> {
    let hub = server.hub.clone();
    let attachments = hub.clone();
    let (scheme, default_port) = scheme(args);
    let hosts = hosts(address, default_port);
    let origins: Vec<String> = hosts.iter().map(|host| format!("{scheme}://{host}")).collect();
    let mut router = page
        .router()?
        .route(
            "/attachment/{name}",
            get(move |Path(name): Path<String>| async move {
                attachments.attachment(&name).ok_or(StatusCode::NOT_FOUND)
            }),
        )
        .route(
            "/runner",
            get(
                move |headers: HeaderMap, Query(query): Query<Vec<(String, String)>>, upgrade: WebSocketUpgrade| async move {
                    join(&hub, &origins, &headers, query, upgrade)
                },
            ),
        );
    let header = |name: &'static str, value: &'static str| {
        SetResponseHeaderLayer::overriding(HeaderName::from_static(name), HeaderValue::from_static(value))
    };
    if args.not_isolated {
        // A service worker would add what is to be missing.
        router = router.route("/service-worker.js", get(StatusCode::NOT_FOUND));
    } else {
        router = router
            .layer(header("cross-origin-opener-policy", "same-origin"))
            .layer(header("cross-origin-embedder-policy", "require-corp"));
    }
    Ok(router
        .layer(header("x-content-type-options", "nosniff"))
        .layer(header("cross-origin-resource-policy", "same-origin"))
        // The page has frames of its own.
        .layer(header("content-security-policy", "frame-ancestors 'self'"))
        // The browser may cache files but must revalidate them, so that it never uses an outdated file.
        .layer(header("cache-control", "no-cache"))
        .layer(from_fn(move |request: Request, next: Next| {
            let hosts = hosts.clone();
            async move { check_host(&hosts, request, next).await }
        })))
}

/// How browsers reach the server, and the port that they leave out.
fn scheme(args: &ServeArgs) -> (&'static str, u16) {
    match args.listen {
        Some(_) => ("https", 443),
        None => ("http", HTTP_PORT),
    }
}

/// The names by which browsers may call this server. They leave out the port that its scheme has anyway.
pub(crate) fn hosts(address: SocketAddr, default_port: u16) -> Arc<Vec<String>> {
    let mut hosts = vec![address.to_string()];
    if address.ip() == IpAddr::V4(Ipv4Addr::LOCALHOST) {
        hosts.push(format!("localhost:{}", address.port()));
    }
    if address.port() == default_port {
        let port = format!(":{default_port}");
        let without_port: Vec<String> = hosts
            .iter()
            .filter_map(|host| host.strip_suffix(&port))
            .map(str::to_owned)
            .collect();
        hosts.extend(without_port);
    }
    Arc::new(hosts)
}

/// Refuses requests by another name: a page of another site may have made it point here (DNS
/// rebinding).
pub(crate) async fn check_host(hosts: &[String], request: Request, next: Next) -> Response {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    // HTTP/2 has it in the address.
    let host = host.or_else(|| request.uri().authority().map(|authority| authority.as_str()));
    match host {
        Some(host) if hosts.iter().any(|known| known == host) => next.run(request).await,
        _ => {
            let found = host.unwrap_or("none");
            let text = format!(
                "this server is {}, and the request is for {found}\n",
                hosts.join(" or ")
            );
            (StatusCode::MISDIRECTED_REQUEST, text).into_response()
        }
    }
}

/// Connects a page to the run. Browsers let pages of any site open WebSockets, so the origin counts.
fn join(
    hub: &Arc<Hub>,
    origins: &[String],
    headers: &HeaderMap,
    query: Vec<(String, String)>,
    upgrade: WebSocketUpgrade,
) -> Response {
    let found = headers.get(header::ORIGIN).and_then(|found| found.to_str().ok());
    if !found.is_some_and(|found| origins.iter().any(|own| own == found)) {
        let (own, found) = (origins.join(" or "), found.unwrap_or("none"));
        let text = format!("only pages of {own} may connect, and this one is of {found}\n");
        return (StatusCode::FORBIDDEN, text).into_response();
    }
    let who = query.into_iter().find_map(|(key, value)| match key.as_str() {
        "token" => Some(Who::Token(value)),
        "session" => Some(Who::Session(value)),
        _ => None,
    });
    let who = who.unwrap_or(Who::Nobody);
    // A page that is not expected is told why, and may send little.
    let most = if hub.expects(&who) {
        MAX_MESSAGE_BYTES
    } else {
        MAX_STRANGER_BYTES
    };
    let hub = hub.clone();
    upgrade
        .max_message_size(most)
        .max_frame_size(most)
        .on_upgrade(move |socket| async move { hub.serve(socket, who).await })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_port_of_the_scheme_may_be_left_out() {
        for (address, default_port, expected) in [
            ("127.0.0.1:8000", 80, &["127.0.0.1:8000", "localhost:8000"][..]),
            ("127.0.0.1:443", 80, &["127.0.0.1:443", "localhost:443"]),
            (
                "127.0.0.1:80",
                80,
                &["127.0.0.1:80", "localhost:80", "127.0.0.1", "localhost"],
            ),
            ("192.168.0.10:443", 443, &["192.168.0.10:443", "192.168.0.10"]),
            ("[fe80::80]:443", 443, &["[fe80::80]:443", "[fe80::80]"]),
        ] {
            assert_eq!(*hosts(address.parse().unwrap(), default_port), expected, "{address}");
        }
    }
}
