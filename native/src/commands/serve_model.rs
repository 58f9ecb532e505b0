//! `tare serve-model`: answers requests for one model, over gRPC and HTTP.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use tare_core::{NamedTensor, calibrate, tensor_codec};
use tare_record::{Arrivals, Batching, CellRequest, EngineName, EnvironmentKind, Load, ModelSource, ServerFacts};

use super::args::PlanArgs;
use crate::engines::engine;
use crate::executor::{INPUTS, MODEL, REQUEST};
use crate::local_model::{find_model, model_bytes};
use crate::machine::SystemClock;
use crate::serving::{self, Answering, FAILED};
use crate::{browser, interrupt};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    plan: PlanArgs,
    /// Merge requests that arrive together into one run: "8 within 5 ms"
    #[arg(long, value_name = "N within T ms")]
    merge: Option<Batching>,
    /// Sessions that run at the same time, each with the model in memory
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=256))]
    sessions: u16,
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
    let plan = args.plan.plan_or("quick")?;
    let [cell] = plan.cells.as_slice() else {
        bail!(
            "expected one model, found {}\nhint: choose one with --model",
            plan.cells.len()
        );
    };
    let name = match cell.engines.as_slice() {
        [] => EngineName::Tract,
        [name] => *name,
        several => bail!(
            "expected one engine, found {}\nhint: choose one with --engine",
            several.len()
        ),
    };
    let model = find_model(&cell.model)?;
    let mut request = CellRequest::new(name, EnvironmentKind::Native, model, calibrate(&SystemClock)?);
    request.shapes.clone_from(&cell.shapes);
    request.options = cell.options.clone();
    request.seed = plan.seed;
    request.threads = cell.threads.first().copied().unwrap_or(1);
    request.load = args.merge.map(|batching| Load {
        arrivals: Arrivals::Clients(1),
        batching: Some(batching),
    });
    interrupt::listen();
    let (given, sessions) = (args.plan.inputs()?, usize::from(args.sessions));
    browser::runtime()?.block_on(async {
        let answering = Answering {
            port: args.port,
            sessions,
            batching: args.merge,
            allowed_origin: args.allow_origin.clone(),
        };
        let (url, facts) = start(&answering, request, given, None).await?;
        let model = &facts.model.name;
        println!("{model} on {} answers at {url}", facts.engine.name);
        println!("  gRPC  inference.GRPCInferenceService/ModelInfer, model {model}");
        println!("  HTTP  POST {url}/v2/models/{model}/infer");
        interrupt::interrupted().await;
        Ok(true)
    })
}

/// Serves the request in a folder. The first line on standard output is the URL, or why there is none.
fn serve_cell(args: &Args, folder: &Path) -> Result<bool> {
    let read = |name: &str| std::fs::read(folder.join(name)).with_context(|| format!("cannot read {name}"));
    let request: CellRequest = serde_json::from_slice(&read(REQUEST)?)?;
    let given = match folder.join(INPUTS).exists() {
        true => tensor_codec::decode(&read(INPUTS)?)?,
        false => vec![],
    };
    let model = folder.join(MODEL).exists().then(|| folder.join(MODEL));
    let answering = Answering {
        port: 0,
        sessions: usize::from(args.sessions),
        batching: request.load.and_then(|load| load.batching),
        allowed_origin: args.allow_origin.clone(),
    };
    let runtime = browser::runtime()?;
    let line = match runtime.block_on(start(&answering, request, given, model)) {
        Ok((url, _)) => url,
        Err(error) => format!("{FAILED}{}", format!("{error:#}").replace('\n', " ")),
    };
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")
        .and_then(|()| out.flush())
        .context("nobody listens")?;
    // Nothing is ever written there: the read returns when the other end is closed.
    let _ = std::io::stdin().read(&mut [0]);
    std::process::exit(0);
}

async fn start(
    answering: &Answering,
    request: CellRequest,
    given: Vec<NamedTensor>,
    model: Option<PathBuf>,
) -> Result<(String, ServerFacts)> {
    let prepare = move || {
        let file = match (&model, &request.model) {
            (Some(path), _) => ModelSource::File {
                path: path.to_string_lossy().into_owned(),
            },
            (None, source) => source.clone(),
        };
        let bytes = || model_bytes(&file, &request.shapes);
        let mut workload = tare_models::workload(&request, &given, bytes)?;
        request.model.display_name().clone_into(&mut workload.model.name);
        Ok((workload, engine(request.engine, &request.variant, request.threads)))
    };
    serving::start(answering, prepare).await
}
