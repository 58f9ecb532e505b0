//! `tare diverge`: finds the first operator whose result differs from the reference.

use std::path::Path;

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use tare_core::{
    Attachments, ComparedValue, Executor, NamedTensor, calibrate, compare_values, tensor_codec, tolerance_of,
};
use tare_models::NodeValue;
use tare_record::{
    CellPlan, CellRequest, EngineName, EnvironmentKind, Event, Precision, RequestKind, Tolerance, WorkloadOptions,
};
use tare_report::printable;

use super::args::{DriverArgs, PlanArgs, ServeArgs};
use crate::bench::environment::{Environment, environments, vulkan_driver};
use crate::executor::{Fresh, Node, PageExecutor, ProcessExecutor};
use crate::local_model::{find_model, model_bytes};
use crate::machine::SystemClock;
use crate::private_folder::private_folder;
use crate::{browser, interrupt, server};

/// The engine that all others are compared with.
const REFERENCE: EngineName = EngineName::Tract;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    plan: PlanArgs,
    /// Where to run the engines: native, node, browser (the first one found), chromium, chrome, firefox, or the path of
    /// a browser
    #[arg(
        long = "in",
        value_name = "ENVIRONMENTS",
        value_delimiter = ',',
        default_value = "native"
    )]
    environments: Vec<String>,
    #[command(flatten)]
    driver: DriverArgs,
    #[command(flatten)]
    serve: ServeArgs,
}

/// Prints the distance of every value from tract's, and the first value that differs. Returns `Ok(false)` if one
/// differs.
pub(crate) fn run(args: &Args) -> Result<bool> {
    let model = OneModel::of(&args.plan)?;
    let (with_outputs, values) = tare_models::with_intermediate_outputs(&model.bytes)?;
    let folder = private_folder("tare-diverge-")?;
    let file_name = Path::new(&model.name).file_name().unwrap_or("model".as_ref());
    let file = folder.path().join(file_name);
    std::fs::write(&file, with_outputs).with_context(|| format!("cannot write {}", file.display()))?;
    interrupt::listen();
    let columns = browser::runtime()?.block_on(columns(args, &model, &file.to_string_lossy()))?;
    print_table(&columns, &values);
    println!();
    let mut all_agree = true;
    for column in &columns {
        all_agree &= print_first_difference(column, &values, &model.cell.model);
    }
    Ok(all_agree)
}

/// All values of the graph as an engine computes them in an environment, compared with the reference.
struct Column {
    /// Engine and environment.
    place: String,
    values: Vec<ComparedValue>,
}

/// Runs the model in every environment on every engine.
async fn columns(args: &Args, model: &OneModel, file: &str) -> Result<Vec<Column>> {
    let named = environments(&args.environments, &args.driver, &[], &args.driver, 0)?;
    let mut native = ProcessExecutor::native(vulkan_driver(&named, &args.driver));
    let mut comparison = Comparison {
        model,
        file,
        reference: all_values(&mut native, model, file, REFERENCE).await?,
        tolerance: tolerance_of(&model.cell.model, model.cell.options.precision, &model.cell.tolerance),
        columns: vec![],
    };
    for named in named {
        match &named.environment {
            Environment::Native => comparison.add(&mut native, &named.name).await?,
            Environment::Node => {
                let mut node = ProcessExecutor::node(Node::find(&args.serve.page.find()?)?);
                comparison.add(&mut node, &named.name).await?;
            }
            Environment::Browser(wanted) => {
                let server = server::start(&args.serve.page.find()?, &args.serve).await?;
                let driver = args.driver.for_page(&args.serve);
                let page = PageExecutor::driven(wanted.clone(), &driver, &server, Fresh::Worker).await?;
                let mut page = page.with_outputs(true);
                let added = comparison.add(&mut page, &named.name).await;
                page.close().await;
                added?;
            }
            Environment::Invited => bail!("browsers cannot be invited here"),
        }
    }
    Ok(comparison.columns)
}

struct Comparison<'a> {
    model: &'a OneModel,
    file: &'a str,
    reference: Vec<NamedTensor>,
    tolerance: Tolerance,
    columns: Vec<Column>,
}

impl Comparison<'_> {
    /// Adds a column for each engine that was asked for, or else for the CPU engines other than the reference itself.
    async fn add(&mut self, executor: &mut dyn Executor, place: &str) -> Result<()> {
        let environment = executor.environment();
        let chosen: Vec<EngineName> = match self.model.cell.engines.as_slice() {
            [] => [REFERENCE, EngineName::BurnFlex]
                .into_iter()
                .filter(|&engine| engine != REFERENCE || environment != EnvironmentKind::Native)
                .collect(),
            chosen => chosen.to_vec(),
        };
        for engine in chosen {
            let place = format!("{engine} in {place}");
            let found = all_values(executor, self.model, self.file, engine).await;
            let found = found.with_context(|| place.clone())?;
            let values = compare_values(found, &self.reference, &self.tolerance)?;
            self.columns.push(Column { place, values });
        }
        Ok(())
    }
}

/// All values of the graph, computed by one run.
async fn all_values(
    executor: &mut dyn Executor,
    model: &OneModel,
    file: &str,
    engine: EngineName,
) -> Result<Vec<NamedTensor>> {
    let (source, bytes) = executor.model(file).await?;
    let mut request = CellRequest::new(engine, executor.environment(), source, calibrate(&SystemClock)?);
    request.kind = RequestKind::Reference;
    request.seed = model.seed;
    request.shapes.clone_from(&model.cell.shapes);
    request.threads = model.cell.threads.first().copied().unwrap_or(1);
    let attachments = Attachments {
        model: bytes,
        inputs: (!model.inputs.is_empty()).then(|| Bytes::from(tensor_codec::encode(&model.inputs))),
        reference: None,
    };
    let reply = executor.execute(&request, &attachments, &mut |_, _| {}).await;
    match reply.event {
        Event::Reference { inputs, .. } => {
            let mut values = tensor_codec::decode(&reply.tensors)?;
            Ok(values.split_off(inputs.len().min(values.len())))
        }
        Event::NoReference { failure } => Err(failure.into()),
        Event::Died { message } => bail!("{message}"),
        _ => bail!("the worker sent an unexpected reply"),
    }
}

/// Every value that was compared, with its largest difference as a share of the value's largest element.
fn print_table(columns: &[Column], values: &[NodeValue]) {
    for column in columns {
        print!("{:>24}  ", column.place);
    }
    println!("{:<20}  value", "operator");
    for value in values {
        let compared: Vec<_> = columns.iter().filter_map(|column| column.find(value)).collect();
        if compared.len() < columns.len() {
            // An output that the engines leave out.
            continue;
        }
        for compared in compared {
            match &compared.drift {
                Ok(drift) => print!("{:>24.2e}  ", drift.max_scaled),
                Err(_) => print!("{:>24}  ", "differs"),
            }
        }
        println!("{:<20}  {}", printable(&value.operator), printable(&value.name));
    }
}

/// Says which value is the first to differ. Returns whether there is none.
fn print_first_difference(column: &Column, values: &[NodeValue], model: &str) -> bool {
    let compared = values.iter().filter_map(|value| Some((value, column.find(value)?)));
    let mut different = compared.filter_map(|(value, compared)| Some((value, compared.drift.as_ref().err()?)));
    match different.next() {
        None => {
            println!(
                "{}: all values of {} agree with those of {REFERENCE}, run natively, within the tolerance",
                column.place,
                printable(model)
            );
            true
        }
        Some((value, why)) => {
            println!(
                "{}: the first value that differs is {:?}, computed by {} (node {:?}): {}",
                column.place,
                value.name,
                printable(&value.operator),
                value.node,
                printable(&why.message)
            );
            false
        }
    }
}

impl Column {
    fn find(&self, value: &NodeValue) -> Option<&ComparedValue> {
        self.values.iter().find(|compared| compared.name == value.name)
    }
}

/// The model, and what it is run with.
struct OneModel {
    cell: CellPlan,
    name: String,
    bytes: Vec<u8>,
    inputs: Vec<NamedTensor>,
    seed: u64,
}

impl OneModel {
    fn of(args: &PlanArgs) -> Result<Self> {
        let mut plan = args.plan_or("quick")?;
        let cell = match plan.cells.as_mut_slice() {
            [cell] => cell.clone(),
            cells => bail!(
                "expected one model, found {}\nhint: choose one with --model",
                cells.len()
            ),
        };
        let others = WorkloadOptions {
            precision: None,
            ..cell.options.clone()
        };
        if !others.is_default() {
            bail!(
                "expected the model's own sizes\nhint: give them with --shape, and leave out --batch, --steps and --chunk"
            );
        }
        if cell.options.precision == Some(Precision::F16) {
            bail!("values are compared in f32 arithmetic\nhint: choose f16-weights instead of f16");
        }
        let model = find_model(&cell.model)?;
        let bytes = model_bytes(&model, &cell.shapes)?;
        Ok(Self {
            bytes: match cell.options.precision {
                Some(precision) => tare_models::with_precision(&bytes, precision)?,
                None => bytes,
            },
            name: model.display_name().to_owned(),
            inputs: args.inputs()?,
            seed: plan.seed,
            cell,
        })
    }
}
