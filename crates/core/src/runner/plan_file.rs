//! A plan as it is written: defaults for all cells, and lists whose combinations are cells.

use std::collections::BTreeMap;

use serde::Deserialize;
use tare_record::{
    CellPlan, EngineName, Plan, Precision, Question, Reported, Rules, Tolerance, Transport, WorkloadOptions,
};

use super::plan_filter::filter;

/// A plan with more cells than this is a mistake: at ten seconds each it would take hours.
const MAX_CELLS: usize = 1_000;

/// What `precision` lists for the model as it is.
pub(super) const F32: &str = "f32";

/// No batch, step or chunk is larger.
const MAX_SIZE: usize = 1 << 20;

/// What `transport` lists for a model in the process or worker itself.
pub(super) const NO_TRANSPORT: &str = "none";

/// What a plan leaves to the machine and the user.
#[derive(Debug, Clone, Copy)]
pub struct PlanSetting {
    /// Threads that the machine can run at once.
    pub cores: usize,
    /// Whether the plan's quick form is wanted.
    pub quick: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PlanFile {
    name: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    seed: u64,
    #[serde(default)]
    rules: Rules,
    #[serde(rename = "boundary", default)]
    interop: bool,
    #[serde(default)]
    questions: Vec<Question>,
    #[serde(default)]
    budgets_ms: Vec<u64>,
    #[serde(default)]
    round_trips_ms: Vec<u64>,
    #[serde(default)]
    reported: Vec<Reported>,
    quick: Option<QuickFile>,
    #[serde(default)]
    defaults: CellFile,
    #[serde(rename = "cell", default)]
    cells: Vec<CellFile>,
}

/// What differs in the quick form.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct QuickFile {
    rules: Rules,
    /// As in [`super::plan_filter::filter`].
    #[serde(default)]
    filter: Vec<String>,
}

#[derive(Deserialize, Clone)]
#[serde(untagged, expecting = "expected a list of numbers, \"all\" or \"sweep\"")]
pub(super) enum Threads {
    Numbers(Vec<usize>),
    Word(ThreadsWord),
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "kebab-case")]
pub(super) enum ThreadsWord {
    /// As many as the machine can run at once.
    All,
    /// 1, 2, 4 and so on, and all.
    Sweep,
}

impl Threads {
    fn numbers(&self, cores: usize) -> Vec<usize> {
        match self {
            Threads::Numbers(numbers) => numbers.clone(),
            Threads::Word(ThreadsWord::All) => vec![cores],
            Threads::Word(ThreadsWord::Sweep) => {
                let powers = std::iter::successors(Some(1), |threads| Some(threads * 2));
                powers.take_while(|&threads| threads < cores).chain([cores]).collect()
            }
        }
    }
}

/// A `[[cell]]`, or the `[defaults]` of all.
#[derive(Deserialize, Default, Clone)]
#[serde(deny_unknown_fields)]
pub(super) struct CellFile {
    pub(super) model: Option<String>,
    /// Models that run one after the other in every run.
    pub(super) models: Option<Vec<String>>,
    pub(super) engines: Option<Vec<EngineName>>,
    pub(super) shapes: Option<BTreeMap<String, Vec<usize>>>,
    pub(super) batch: Option<Vec<usize>>,
    pub(super) batch_dim: Option<String>,
    pub(super) steps: Option<Vec<usize>>,
    pub(super) chunk: Option<Vec<usize>>,
    pub(super) precision: Option<Vec<String>>,
    pub(super) clients: Option<Vec<usize>>,
    pub(super) arrivals: Option<Vec<String>>,
    pub(super) batching: Option<Vec<String>>,
    pub(super) transport: Option<Vec<String>>,
    pub(super) sessions: Option<Vec<usize>>,
    pub(super) submissions: Option<Vec<usize>>,
    pub(super) threads: Option<Threads>,
    pub(super) vector_limits: Option<Vec<String>>,
    pub(super) relaxed_simd: Option<bool>,
    pub(super) wgsl: Option<bool>,
    pub(super) tolerance: Option<Tolerance>,
}

impl PlanFile {
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The plan, with one entry for each combination.
    ///
    /// # Errors
    ///
    /// If a list is empty, a value is not valid, there are too many combinations, or the plan has no quick form.
    pub(super) fn expand(self, setting: PlanSetting) -> Result<Plan, String> {
        if self.defaults.model.is_some() || self.defaults.models.is_some() {
            return Err("[defaults]: expected no model, because each [[cell]] has its own".into());
        }
        let mut cells = Vec::new();
        for (index, cell) in self.cells.into_iter().enumerate() {
            let place = |name: &str| format!("[[cell]] {} ({name})", index + 1);
            let cell = cell.or(&self.defaults);
            let model = cell
                .model_name()
                .map_err(|message| format!("{}: {message}", place("without a model")))?;
            cell.expand(&model, setting.cores, &mut cells)
                .map_err(|message| format!("{}: {message}", place(&model)))?;
        }
        let mut plan = Plan {
            name: self.name,
            description: self.description,
            seed: self.seed,
            rules: self.rules,
            interop: self.interop,
            questions: self.questions,
            budgets_ms: self.budgets_ms,
            round_trips_ms: self.round_trips_ms,
            reported: self.reported,
            cells,
        };
        if setting.quick {
            let quick = self.quick.ok_or("the plan has no quick form: add a table [quick]")?;
            plan.name += " (quick)";
            plan.rules = quick.rules;
            filter(&mut plan, &quick.filter).map_err(|error| format!("[quick]: {error}"))?;
        }
        Ok(plan)
    }
}

impl CellFile {
    /// This cell, with the values of `defaults` where it has none.
    fn or(self, defaults: &Self) -> Self {
        let d = defaults.clone();
        // Clients and arrivals are one choice.
        let has_load = self.clients.is_some() || self.arrivals.is_some();
        Self {
            model: self.model,
            models: self.models,
            engines: self.engines.or(d.engines),
            shapes: self.shapes.or(d.shapes),
            batch: self.batch.or(d.batch),
            batch_dim: self.batch_dim.or(d.batch_dim),
            steps: self.steps.or(d.steps),
            chunk: self.chunk.or(d.chunk),
            precision: self.precision.or(d.precision),
            clients: self.clients.or(d.clients.filter(|_| !has_load)),
            arrivals: self.arrivals.or(d.arrivals.filter(|_| !has_load)),
            batching: self.batching.or(d.batching),
            transport: self.transport.or(d.transport),
            sessions: self.sessions.or(d.sessions),
            submissions: self.submissions.or(d.submissions),
            threads: self.threads.or(d.threads),
            vector_limits: self.vector_limits.or(d.vector_limits),
            relaxed_simd: self.relaxed_simd.or(d.relaxed_simd),
            wgsl: self.wgsl.or(d.wgsl),
            tolerance: self.tolerance.or(d.tolerance),
        }
    }

    fn model_name(&self) -> Result<String, String> {
        match (&self.model, &self.models) {
            (Some(model), None) => Ok(model.clone()),
            (None, Some(models)) if !models.is_empty() => Ok(models.join("+")),
            (Some(_), Some(_)) => Err("expected `model` or `models`, found both".into()),
            _ => Err("missing field `model`: expected a model, or `models` that run one after the other".into()),
        }
    }

    /// Lengths of the lists that stay together in one entry.
    fn lengths(&self) -> [usize; 3] {
        let threads = match &self.threads {
            Some(Threads::Numbers(numbers)) => numbers.len(),
            _ => 1,
        };
        let engines = self.engines.as_ref().map_or(1, Vec::len);
        // One without a limit is measured too.
        let limits = self.vector_limits.as_ref().map_or(0, Vec::len);
        [threads, engines.max(1), limits + 1]
    }

    /// Adds an entry for each combination of the lists.
    pub(super) fn expand(&self, model: &str, cores: usize, cells: &mut Vec<CellPlan>) -> Result<(), String> {
        let loads = self.loads()?;
        let (batches, steps, chunks) = (
            sizes("batch", self.batch.as_ref())?,
            sizes("steps", self.steps.as_ref())?,
            sizes("chunk", self.chunk.as_ref())?,
        );
        let precisions = self.precisions()?;
        let transports = self.transports()?;
        let sizes = [batches.len(), steps.len(), chunks.len()];
        let lists = sizes
            .into_iter()
            .chain([precisions.len(), transports.len(), loads.len()])
            .chain(self.lengths());
        let added = lists.fold(1usize, usize::saturating_mul);
        if cells.len().saturating_add(added) > MAX_CELLS {
            return Err(format!(
                "its lists have {added} combinations: expected at most {MAX_CELLS} in a plan"
            ));
        }
        let mut base = CellPlan {
            engines: self.engines.clone().unwrap_or_default(),
            shapes: self.shapes.clone().unwrap_or_default(),
            vector_limits: self.vector_limits.clone().unwrap_or_default(),
            relaxed_simd: self.relaxed_simd.unwrap_or_default(),
            wgsl: self.wgsl.unwrap_or_default(),
            tolerance: self.tolerance.clone().unwrap_or_default(),
            options: WorkloadOptions {
                batch_dim: self.batch_dim.clone(),
                ..WorkloadOptions::default()
            },
            ..CellPlan::new(model)
        };
        if let Some(threads) = &self.threads {
            base.threads = threads.numbers(cores.max(1));
        }
        // From the slowest to the fastest changing list.
        let mut combinations = vec![base];
        vary(&mut combinations, &batches, |cell, batch| cell.options.batch = batch);
        vary(&mut combinations, &steps, |cell, steps| cell.options.steps = steps);
        vary(&mut combinations, &chunks, |cell, chunk| cell.options.chunk = chunk);
        vary(&mut combinations, &precisions, |cell, precision| {
            cell.options.precision = precision
        });
        vary(&mut combinations, &transports, |cell, transport| {
            cell.transport = transport
        });
        vary(&mut combinations, &loads, |cell, load| cell.load = load);
        cells.extend(combinations);
        Ok(())
    }

    /// The precisions; `None` for the model as it is.
    fn precisions(&self) -> Result<Vec<Option<Precision>>, String> {
        let Some(list) = &self.precision else {
            return Ok(vec![None]);
        };
        if list.is_empty() {
            return Err("precision must list at least one value, or be absent".into());
        }
        let known = |text: &str| Precision::ALL.into_iter().find(|precision| precision.as_str() == text);
        let of = |text: &String| match (text.as_str(), known(text)) {
            (F32, _) => Ok(None),
            (_, Some(precision)) => Ok(Some(precision)),
            (text, None) => Err(format!(
                "precision {text:?}: expected f32, f16-weights, f16, int8-weights or int8-dynamic"
            )),
        };
        list.iter().map(of).collect()
    }

    /// The transports; `None` for a model in the process or worker itself.
    pub(super) fn transports(&self) -> Result<Vec<Option<Transport>>, String> {
        match &self.transport {
            None => Ok(vec![None]),
            Some(list) if list.is_empty() => Err("transport must list at least one value, or be absent".into()),
            Some(list) => list
                .iter()
                .map(|text| match text.as_str() {
                    NO_TRANSPORT => Ok(None),
                    text => text.parse().map(Some),
                })
                .collect(),
        }
    }
}

/// Replaces every cell by one for each value.
fn vary<T: Copy>(cells: &mut Vec<CellPlan>, values: &[T], set: impl Fn(&mut CellPlan, T)) {
    let with = |cell: &CellPlan, value: T| {
        let mut cell = cell.clone();
        set(&mut cell, value);
        cell
    };
    *cells = cells
        .iter()
        .flat_map(|cell| values.iter().map(|&value| with(cell, value)))
        .collect();
}

/// The values of a list of sizes; `None` if there is no list.
fn sizes(name: &str, list: Option<&Vec<usize>>) -> Result<Vec<Option<usize>>, String> {
    match list {
        None => Ok(vec![None]),
        Some(values) if values.is_empty() || values.iter().any(|value| !(1..=MAX_SIZE).contains(value)) => {
            Err(format!("{name} must list numbers of 1 to {MAX_SIZE}, found {values:?}"))
        }
        Some(values) => Ok(values.iter().copied().map(Some).collect()),
    }
}
