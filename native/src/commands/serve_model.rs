//! `tare serve-model`: answers requests for one model, over gRPC and HTTP.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tare_core::{NamedTensor, calibrate, tensor_codec};
use tare_record::{Arrivals, Batching, CellRequest, EngineName, EnvironmentKind, Load, ModelSource, ServerFacts};

use super::args::{engine_names, shapes};
use crate::cell_folder::{INPUTS, MODEL, REQUEST, end_with_parent};
use crate::engines::engine_of;
use crate::local_model::{find_model, model_bytes};
use crate::machine::SystemClock;
use crate::serving::{self, Answering, FAILED};
use crate::{browser, interrupt};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Model: built-in name, .onnx file or https URL
    #[arg(
        long,
        required_unless_present = "cell",
        default_value = "",
        hide_default_value = true
    )]
    model: String,
    /// Engine
    #[arg(long, value_name = "ENGINE", value_parser = engine_names(), default_value = "tract")]
    engine: String,
    /// CPU threads of a session
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: u16,
    /// Dimensions of an input whose shape the model leaves open; repeatable
    #[arg(long, value_name = "INPUT=DIMS")]
    shape: Vec<String>,
    /// Items of a request
    #[arg(long, value_name = "N")]
    batch: Option<usize>,
    /// Sessions that run at the same time, each with the model in memory
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=64))]
    sessions: u16,
    /// Merge requests that arrive together into one run: "8 within 5 ms"
    #[arg(long, value_name = "N within T ms")]
    batching: Option<Batching>,
    /// Port on loopback [default: any free one]
    #[arg(long, default_value_t = 0, hide_default_value = true)]
    port: u16,
    /// Let pages of this origin ask, for example <https://example.org>
    #[arg(long, value_name = "ORIGIN")]
    allow_origin: Option<String>,
    /// Serve the cell of the request in this folder, until standard input is closed
    #[arg(long, hide = true)]
    cell: Option<PathBuf>,
}

/// Serves until Ctrl-C.
pub(crate) fn run(args: &Args) -> Result<bool> {
    match &args.cell {
        Some(folder) => serve_cell(args, folder),
        None => serve(args),
    }
}

fn serve(args: &Args) -> Result<bool> {
    let engine: EngineName = args.engine.parse().map_err(anyhow::Error::msg)?;
    let model = find_model(&args.model)?;
    let mut request = CellRequest::new(engine, EnvironmentKind::Native, model, calibrate(&SystemClock)?);
    request.shapes = shapes(&args.shape)?;
    request.options.batch = args.batch;
    request.threads = usize::from(args.threads);
    request.load = Some(Load {
        batching: args.batching,
        sessions: Some(usize::from(args.sessions)),
        ..Load::new(Arrivals::Clients(1))
    });
    interrupt::listen();
    browser::runtime()?.block_on(async {
        let (url, facts) = start(args, request, vec![], None).await?;
        let model = &facts.model.name;
        // In one piece, so that whoever reads only the first line does not end the server.
        let text = format!(
            "{model} on {} answers at {url}\n  \
             gRPC  inference.GRPCInferenceService/ModelInfer, model {model}\n  \
             HTTP  POST {url}/v2/models/{model}/infer\n",
            facts.engine.name
        );
        print!("{text}");
        interrupt::interrupted().await;
        Ok(true)
    })
}

/// Serves the request in a folder. The first line on standard output is the URL, or why there is none.
fn serve_cell(args: &Args, folder: &Path) -> Result<bool> {
    end_with_parent(folder);
    let read = |name: &str| std::fs::read(folder.join(name)).with_context(|| format!("cannot read {name}"));
    let request: CellRequest = serde_json::from_slice(&read(REQUEST)?)?;
    let given = match folder.join(INPUTS).exists() {
        true => tensor_codec::decode(&read(INPUTS)?)?,
        false => vec![],
    };
    let model = folder.join(MODEL).exists().then(|| folder.join(MODEL));
    let runtime = browser::runtime()?;
    let line = match runtime.block_on(start(args, request, given, model)) {
        Ok((url, _)) => url,
        Err(error) => format!("{FAILED}{}", format!("{error:#}").replace('\n', " ")),
    };
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")
        .and_then(|()| out.flush())
        .context("nobody listens")?;
    loop {
        std::thread::park();
    }
}

/// Starts the server of a request. `model` is its file, if it came with the request.
async fn start(
    args: &Args,
    request: CellRequest,
    given: Vec<NamedTensor>,
    model: Option<PathBuf>,
) -> Result<(String, ServerFacts)> {
    let load = request.load;
    let answering = Answering {
        port: args.port,
        sessions: load.and_then(|load| load.sessions).unwrap_or(1),
        batching: load.and_then(|load| load.batching),
        allowed_origin: args.allow_origin.clone(),
    };
    let prepare = move || {
        let file = match (&model, &request.model) {
            (Some(path), _) => ModelSource::File {
                path: path.to_string_lossy().into_owned(),
            },
            (None, source) => source.clone(),
        };
        let shapes = request.shapes.clone();
        let bytes = move || model_bytes(&file, &shapes);
        let workload = tare_models::workload(&request, &given, bytes)?;
        Ok((workload, engine_of(&request)?))
    };
    serving::start(&answering, prepare).await
}
