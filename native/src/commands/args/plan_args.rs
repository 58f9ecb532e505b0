//! Options that say what to measure. They are the same for every environment.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail};
use clap::builder::PossibleValuesParser;
use tare_core::NamedTensor;
use tare_core::plan::{self, PlanAxes, PlanSetting};
use tare_models::{HASH_SEPARATOR, is_url};
use tare_record::{CellPlan, ENGINES, EngineName, Plan, Question};

use crate::engines::has_gpu;
use crate::local_model::{find_model, model_bytes};
use crate::npy::read_npy;

/// Profiled runs of each round, if no number is given.
pub(crate) const PROFILED_RUNS: u32 = 10;

#[derive(Debug, clap::Args)]
pub(crate) struct PlanArgs {
    #[arg(long, help = plan_help())]
    plan: Option<String>,
    /// The plan's quick form: fewer cells and shorter rounds
    #[arg(long)]
    quick: bool,
    /// Only cells with one of these values: model, engine, threads, batch, steps, chunk,
    /// precision, transport or load; repeatable
    #[arg(long, value_name = "KEY=VALUE,...")]
    filter: Vec<String>,
    /// Model instead of the plan's: built-in name, .onnx file or https URL; repeatable
    #[arg(long)]
    model: Vec<String>,
    /// SHA-256 of the model given as a URL
    #[arg(long, value_name = "HASH", requires = "model")]
    sha256: Option<String>,
    /// Dimensions of an input whose shape the model leaves open; repeatable
    #[arg(long, value_name = "INPUT=DIMS")]
    shape: Vec<String>,
    /// NumPy array for an input, instead of generated numbers; repeatable
    #[arg(long, value_name = "INPUT=FILE.npy")]
    input: Vec<String>,
    /// Engine instead of the plan's; repeatable
    #[arg(long, value_name = "ENGINE", value_parser = engine_names())]
    engine: Vec<String>,
    /// CPU threads instead of the plan's
    #[arg(long)]
    threads: Option<usize>,
    #[command(flatten)]
    axes: AxesArgs,
    /// Natively, also measure with narrower vector instructions (tract); repeatable
    #[arg(long, value_name = "LEVEL", value_parser = vector_limits())]
    vector_limit: Vec<String>,
    /// In a browser, also measure with relaxed SIMD (tract, rten)
    #[arg(long)]
    relaxed_simd: bool,
    /// Natively, also measure with kernels in WGSL, if the platform's compiler takes another
    /// language (burn-wgpu)
    #[arg(long)]
    wgsl: bool,
    /// Also time N runs of each round node by node [default N: 10]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    profile: Option<Option<u32>>,
    /// Rounds instead of the plan's: each measures every cell in a fresh process or worker
    #[arg(long)]
    rounds: Option<usize>,
    /// Time limit of a cell in seconds, instead of the plan's
    #[arg(long, value_name = "SECONDS")]
    cell_limit: Option<u64>,
    /// Memory that the process of a cell may have, in MiB, instead of nine tenths of the machine's (Linux)
    #[arg(long, value_name = "MIB")]
    memory_limit: Option<u64>,
}

/// Sizes and loads instead of the plan's. Every combination is a cell.
#[derive(Debug, clap::Args)]
struct AxesArgs {
    /// Items per run, one cell for each number
    #[arg(long, value_name = "N,...", value_delimiter = ',')]
    batch: Vec<usize>,
    /// The open dimension that holds the items, if it is not the first of every input
    #[arg(long, value_name = "NAME")]
    batch_dim: Option<String>,
    /// Sampling steps of shapegen
    #[arg(long, value_name = "N,...", value_delimiter = ',')]
    steps: Vec<usize>,
    /// Points per call of shapegen's decoder
    #[arg(long, value_name = "N,...", value_delimiter = ',')]
    chunk: Vec<usize>,
    /// How weights are stored: f32, f16-weights or int8-weights, or computed too: f16 or int8-dynamic; one cell for each
    #[arg(long, value_name = "PRECISION,...", value_delimiter = ',')]
    precision: Vec<String>,
    /// Clients that each send a request when they have an answer, one cell for each number
    #[arg(long, value_name = "N,...", value_delimiter = ',')]
    clients: Vec<usize>,
    /// Requests that arrive by a schedule: "poisson 20/s" or "constant 80%" of capacity; repeatable
    #[arg(long)]
    arrivals: Vec<String>,
    /// Dynamic batching: "off" or "8 within 5 ms"; repeatable
    #[arg(long)]
    batching: Vec<String>,
    /// How requests reach the model: none, grpc or http to a server of its own, or post-message to workers of a page; one
    /// cell for each
    #[arg(long, value_name = "TRANSPORT,...", value_delimiter = ',')]
    transport: Vec<String>,
    /// Sessions of that server, or workers, one cell for each number
    #[arg(long, value_name = "N,...", value_delimiter = ',')]
    sessions: Vec<usize>,
    /// Runs under way at the same time on a GPU, one cell for each number
    #[arg(long, value_name = "N,...", value_delimiter = ',')]
    submissions: Vec<usize>,
}

impl AxesArgs {
    fn axes(&self) -> PlanAxes {
        PlanAxes {
            batch: self.batch.clone(),
            batch_dim: self.batch_dim.clone(),
            steps: self.steps.clone(),
            chunk: self.chunk.clone(),
            precision: self.precision.clone(),
            clients: self.clients.clone(),
            arrivals: self.arrivals.clone(),
            batching: self.batching.clone(),
            transport: self.transport.clone(),
            sessions: self.sessions.clone(),
            submissions: self.submissions.clone(),
        }
    }
}

impl PlanArgs {
    /// The plan that the options describe. Without `--plan`, it is based on the built-in plan
    /// `name`.
    pub(crate) fn plan_or(&self, name: &str) -> Result<Plan> {
        let setting = PlanSetting {
            cores: cores(),
            quick: self.quick,
        };
        let mut chosen = match self.plan.as_deref() {
            None => plan::built_in(name, setting)?,
            Some(file)
                if Path::new(file)
                    .extension()
                    .is_some_and(|extension| extension.eq_ignore_ascii_case("toml")) =>
            {
                let text = std::fs::read_to_string(file).with_context(|| format!("cannot read the plan {file:?}"))?;
                plan::parse(&text, setting).with_context(|| format!("in {file:?}"))?
            }
            Some(name) => plan::built_in(name, setting)?,
        };
        let shapes = shapes(&self.shape)?;
        if !self.model.is_empty() {
            if self.plan.is_none() {
                chosen.name = "command line".into();
                chosen.description = String::new();
                chosen.reported.clear();
            }
            chosen.cells = self.hashed_models()?.into_iter().map(CellPlan::new).collect();
        }
        let engines = self
            .engine
            .iter()
            .map(|engine| engine.parse())
            .collect::<Result<Vec<EngineName>, String>>();
        let engines = engines.map_err(anyhow::Error::msg)?;
        assign_shapes(&shapes, &mut chosen.cells)?;
        for cell in &mut chosen.cells {
            if !engines.is_empty() {
                cell.engines.clone_from(&engines);
            }
            if !self.vector_limit.is_empty() {
                cell.vector_limits.clone_from(&self.vector_limit);
            }
            cell.relaxed_simd |= self.relaxed_simd;
            cell.wgsl |= self.wgsl;
            if let Some(threads) = self.threads {
                cell.threads = vec![threads];
            }
        }
        if engines.is_empty() && chosen.asks(Question::Speedup) && has_gpu() {
            plan::add_gpu(&mut chosen);
        }
        plan::replace_axes(&mut chosen, &self.axes.axes())?;
        plan::filter(&mut chosen, &self.filter)?;
        if let Some(rounds) = self.rounds {
            chosen.rules.rounds = rounds;
        }
        if let Some(runs) = self.profile {
            chosen.rules.profiled_runs = runs.unwrap_or(PROFILED_RUNS);
        }
        if let Some(limit) = self.cell_limit {
            chosen.rules.cell_limit_s = limit;
            chosen.rules.rounds_limit_s = None;
        }
        if self.memory_limit.is_some() {
            chosen.rules.memory_limit_mib = self.memory_limit;
        }
        plan::check(&chosen)?;
        Ok(chosen)
    }

    /// The number of CPU threads, if the options set it.
    pub(crate) fn threads(&self) -> Option<usize> {
        self.threads
    }

    /// The models. The hash of `--sha256` is appended to the URL among them.
    fn hashed_models(&self) -> Result<Vec<String>> {
        let mut models = self.model.clone();
        if let Some(hash) = &self.sha256 {
            let mut urls = models.iter_mut().filter(|model| is_url(model));
            match (urls.next(), urls.next()) {
                (Some(url), None) => *url += &format!("{HASH_SEPARATOR}{hash}"),
                _ => bail!(
                    "--sha256: expected exactly one URL among the models\nhint: append its own hash to each URL: --model URL{HASH_SEPARATOR}HASH"
                ),
            }
        }
        Ok(models)
    }

    /// The arrays given with `--input`.
    pub(crate) fn inputs(&self) -> Result<Vec<NamedTensor>> {
        self.input
            .iter()
            .map(|option| {
                let (name, file) = split(option, "--input", "INPUT=FILE.npy")?;
                let tensor =
                    read_npy(Path::new(file)).with_context(|| format!("cannot read {file:?} for input {name:?}"))?;
                Ok(NamedTensor {
                    name: name.to_owned(),
                    tensor,
                })
            })
            .collect()
    }
}

/// The dimensions of inputs given as `INPUT=DIMS`.
pub(crate) fn shapes(options: &[String]) -> Result<BTreeMap<String, Vec<usize>>> {
    options
        .iter()
        .map(|option| {
            let (name, dims) = split(option, "--shape", "INPUT=DIMS, for example image=1,3,224,224")?;
            let dims = dims
                .split([',', 'x'])
                .map(|dim| dim.trim().parse::<usize>().ok().filter(|&dim| dim > 0))
                .collect::<Option<Vec<usize>>>();
            match dims {
                Some(dims) => Ok((name.to_owned(), dims)),
                None => bail!("--shape {option}: expected dimensions of at least 1, for example {name}=1,3,224,224"),
            }
        })
        .collect()
}

/// Gives each model the shapes of its own inputs. A model whose inputs are unknown before it is
/// loaded gets all shapes. So does a single model, because loading it reports what is wrong with
/// them.
fn assign_shapes(shapes: &BTreeMap<String, Vec<usize>>, cells: &mut [CellPlan]) -> Result<()> {
    if shapes.is_empty() {
        return Ok(());
    }
    let is_single = cells.len() == 1;
    let mut unknown: Vec<&String> = shapes.keys().collect();
    for cell in cells {
        let known = if is_single { None } else { input_names(&cell.model) };
        let has = |name: &String| known.as_ref().is_none_or(|known| known.contains(name));
        let own = shapes.iter().filter(|(name, _)| has(name));
        cell.shapes.extend(own.map(|(name, dims)| (name.clone(), dims.clone())));
        unknown.retain(|name| !has(name));
    }
    if let Some(name) = unknown.first() {
        bail!(
            "--shape {name}: no model has an input of that name\nhint: run a single model, whose error lists its inputs"
        );
    }
    Ok(())
}

/// Names of a model's inputs, if its file can be read.
fn input_names(model: &str) -> Option<Vec<String>> {
    let bytes = model_bytes(&find_model(model).ok()?, &BTreeMap::new()).ok()?;
    let inputs = tare_models::signature(&bytes).ok()?.inputs;
    Some(inputs.into_iter().map(|input| input.name).collect())
}

fn split<'a>(option: &'a str, flag: &str, form: &str) -> Result<(&'a str, &'a str)> {
    // Split at the last `=`, because names of inputs may contain one and dimensions do not.
    match option.rsplit_once('=') {
        Some((name, value)) if !name.is_empty() && !value.is_empty() => Ok((name, value)),
        _ => bail!("{flag} {option}: expected {form}"),
    }
}

/// Threads that this machine can run at once.
pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

fn plan_help() -> String {
    format!(
        "Plan: {}, or a .toml file\n[default: quick, ladder for `tare ladder`, or profile for `tare profile`]",
        plan::names()
    )
}

pub(crate) fn engine_names() -> PossibleValuesParser {
    ENGINES.iter().map(|spec| spec.text).collect::<Vec<_>>().into()
}

fn vector_limits() -> PossibleValuesParser {
    let limits = ENGINES.iter().flat_map(|spec| spec.vector_limits);
    limits.copied().collect::<Vec<_>>().into()
}
