//! The server of the page. It listens on loopback only and sends the headers that give a page
//! shared memory and a fine clock.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use anyhow::{Context, Result};
use axum::extract::Path as UrlPath;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::routing::get;
use tare_record::{Job, JobModel, Plan};
use tower_http::set_header::SetResponseHeaderLayer;

use crate::commands::args::ServeArgs;
use crate::page::Page;
use crate::remote_model::fetch_if_remote;

/// A job with the files that the page fetches for it.
#[derive(Debug)]
pub(crate) struct ServedJob {
    job: Vec<u8>,
    files: BTreeMap<String, Vec<u8>>,
}

impl ServedJob {
    /// Reads or fetches the model files of the plan. A model that cannot be read is left to the
    /// page, which records the failure and continues with the other cells.
    pub(crate) fn new(mut plan: Plan, inputs: Option<Vec<u8>>) -> Result<Self> {
        let mut files = BTreeMap::new();
        let mut models: Vec<JobModel> = Vec::new();
        for cell in &mut plan.cells {
            match fetch_if_remote(&cell.model) {
                Some(Ok(path)) => cell.model = path.to_string_lossy().into_owned(),
                Some(Err(failure)) => eprintln!("{}", failure.message),
                None => {}
            }
            let known = models.iter().any(|model| model.name == cell.model);
            if known || tare_models::is_built_in(&cell.model) {
                continue;
            }
            if let Ok(bytes) = std::fs::read(&cell.model) {
                let file = format!("model-{}.onnx", models.len());
                models.push(JobModel {
                    name: cell.model.clone(),
                    url: format!("job/{file}"),
                });
                files.insert(file, bytes);
            }
        }
        let inputs = inputs.map(|bytes| {
            files.insert("inputs.tensors".into(), bytes);
            "job/inputs.tensors".to_owned()
        });
        let job = serde_json::to_vec(&Job { plan, models, inputs }).context("cannot write the job")?;
        Ok(Self { job, files })
    }
}

/// Starts to serve `page`, and the job if there is one. Returns the address.
///
/// # Errors
///
/// If the port is in use.
pub(crate) async fn start(page: &Page, args: &ServeArgs, job: Option<ServedJob>) -> Result<SocketAddr> {
    let port = args.port;
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.with_context(|| {
        format!("cannot listen on port {port} of this machine\nhint: another program may use it: choose another port, or omit --port to use any free one")
    })?;
    let address = listener.local_addr().context("cannot read the address of the server")?;
    let mut router = page.router()?;
    if let Some(job) = job {
        let job = Arc::new(job);
        let files = job.clone();
        router = router
            .route("/job.json", get(move || async move { job.job.clone() }))
            .route(
                "/job/{file}",
                get(move |UrlPath(file): UrlPath<String>| async move {
                    files.files.get(&file).cloned().ok_or(StatusCode::NOT_FOUND)
                }),
            );
    }
    let header = |name: &'static str, value: &'static str| {
        SetResponseHeaderLayer::overriding(HeaderName::from_static(name), HeaderValue::from_static(value))
    };
    if !args.not_isolated {
        router = router
            .layer(header("cross-origin-opener-policy", "same-origin"))
            .layer(header("cross-origin-embedder-policy", "require-corp"));
    }
    // The browser may cache files but must revalidate them, so that it never uses an outdated file.
    let router = router.layer(header("cache-control", "no-cache"));
    tokio::spawn(async move {
        // Runs until the program ends. An error of one connection does not stop it.
        let _ = axum::serve(listener, router).await;
    });
    Ok(address)
}
