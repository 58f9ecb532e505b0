//! Options that say what to measure: the same for native runs and browsers.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use tare_core::{NamedTensor, Tensor, TensorData, plan};
use tare_models::{HASH_MARK, is_address};
use tare_record::{CellPlan, EngineName, Plan};

use crate::cell::model_bytes;
use crate::host::find_model;

#[derive(Debug, clap::Args)]
pub(crate) struct Selection {
    /// A plan that comes with tare (ladder, models, quick, smoke), or a .toml file; by default `ladder` for `tare ladder`, and `quick` otherwise
    #[arg(long)]
    plan: Option<String>,
    /// A built-in model, an .onnx file or the https address of one, instead of the plan's models; may be repeated
    #[arg(long)]
    model: Vec<String>,
    /// The SHA-256 of the model whose address is given
    #[arg(long, value_name = "HASH", requires = "model")]
    sha256: Option<String>,
    /// Dimensions of an input that the model leaves open; may be repeated
    #[arg(long, value_name = "INPUT=DIMS")]
    shape: Vec<String>,
    /// A NumPy array for an input, instead of generated numbers; may be repeated
    #[arg(long, value_name = "INPUT=FILE.npy")]
    input: Vec<String>,
    /// An engine, instead of the plan's engines; may be repeated
    #[arg(long, value_name = "ENGINE", value_parser = ["tract", "burn-flex", "burn-wgpu"])]
    engine: Vec<String>,
    /// CPU threads, instead of the plan's
    #[arg(long)]
    threads: Option<usize>,
    /// Vector instructions to limit tract to natively, in cells of their own, instead of the plan's; may be repeated
    #[arg(long, value_name = "LEVEL", value_parser = plan::VECTOR_LIMITS)]
    vector_limit: Vec<String>,
    /// In a browser, measure tract with relaxed SIMD too, in cells of its own
    #[arg(long)]
    relaxed_simd: bool,
    /// Natively, measure burn-wgpu with kernels in WGSL too, in cells of its own, where its own compiler takes another language
    #[arg(long)]
    wgsl: bool,
    /// In how many processes or workers to measure each cell, one after the other, instead of the plan's
    #[arg(long)]
    rounds: Option<usize>,
    /// Seconds after which a round of a cell is stopped, and no further one begun, instead of the plan's
    #[arg(long, value_name = "SECONDS")]
    cell_limit: Option<u64>,
}

impl Selection {
    /// The plan that the options make; the one of that name if they ask for nothing.
    pub(crate) fn plan_or(&self, name: &str) -> Result<Plan> {
        let mut chosen = match self.plan.as_deref() {
            None => plan::built_in(name)?,
            Some(file)
                if Path::new(file)
                    .extension()
                    .is_some_and(|extension| extension.eq_ignore_ascii_case("toml")) =>
            {
                let text = std::fs::read_to_string(file).with_context(|| format!("cannot read the plan {file:?}"))?;
                plan::parse(&text).with_context(|| format!("in {file:?}"))?
            }
            Some(name) => plan::built_in(name)?,
        };
        let shapes = self.shapes()?;
        if !self.model.is_empty() {
            if self.plan.is_none() {
                chosen.name = "command line".into();
                chosen.description = String::new();
            }
            chosen.cells = self
                .hashed_models()?
                .into_iter()
                .map(|model| CellPlan {
                    tolerance: Default::default(),
                    model,
                    engines: vec![],
                    shapes: BTreeMap::new(),
                    threads: vec![1],
                    vector_limits: vec![],
                    relaxed_simd: false,
                    wgsl: false,
                })
                .collect();
        }
        let engines = self
            .engine
            .iter()
            .map(|engine| engine.parse())
            .collect::<Result<Vec<EngineName>, String>>();
        let engines = engines.map_err(anyhow::Error::msg)?;
        spread(&shapes, &mut chosen.cells)?;
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
        if let Some(rounds) = self.rounds {
            chosen.rules.rounds = rounds;
        }
        if let Some(limit) = self.cell_limit {
            chosen.rules.cell_limit_s = limit;
            chosen.rules.rounds_limit_s = None;
        }
        plan::check(&chosen)?;
        Ok(chosen)
    }

    /// CPU threads, if they were asked for.
    pub(crate) fn threads(&self) -> Option<usize> {
        self.threads
    }

    /// The models, the address among them with its hash.
    fn hashed_models(&self) -> Result<Vec<String>> {
        let mut models = self.model.clone();
        if let Some(hash) = &self.sha256 {
            let mut addresses = models.iter_mut().filter(|model| is_address(model));
            match (addresses.next(), addresses.next()) {
                (Some(address), None) => *address += &format!("{HASH_MARK}{hash}"),
                _ => bail!(
                    "--sha256: expected one address among the models\nhint: several take their hashes as --model ADDRESS{HASH_MARK}HASH"
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

    fn shapes(&self) -> Result<BTreeMap<String, Vec<usize>>> {
        self.shape
            .iter()
            .map(|option| {
                let (name, dims) = split(option, "--shape", "INPUT=DIMS, for example image=1,3,224,224")?;
                let dims = dims
                    .split([',', 'x'])
                    .map(|dim| dim.trim().parse::<usize>().ok().filter(|&dim| dim > 0))
                    .collect::<Option<Vec<usize>>>();
                match dims {
                    Some(dims) => Ok((name.to_owned(), dims)),
                    None => {
                        bail!("--shape {option}: expected dimensions of at least 1, for example {name}=1,3,224,224")
                    }
                }
            })
            .collect()
    }
}

/// Gives each model the shapes of the inputs that it has. A model whose inputs are not known before it is loaded gets all, and so does a
/// single one: it says itself what is wrong with them.
fn spread(shapes: &BTreeMap<String, Vec<usize>>, cells: &mut [CellPlan]) -> Result<()> {
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
            "--shape {name}: none of the models has an input of that name\nhint: `tare models list`, or one of them alone, tells its inputs"
        );
    }
    Ok(())
}

/// Names of a model's inputs, where its file can be read.
fn input_names(model: &str) -> Option<Vec<String>> {
    let bytes = model_bytes(&find_model(model).ok()?, &BTreeMap::new()).ok()?;
    let inputs = tare_models::signature(&bytes).ok()?.inputs;
    Some(inputs.into_iter().map(|input| input.name).collect())
}

fn split<'a>(option: &'a str, flag: &str, form: &str) -> Result<(&'a str, &'a str)> {
    // The last `=`, because names of inputs may hold one and dimensions do not.
    match option.rsplit_once('=') {
        Some((name, value)) if !name.is_empty() && !value.is_empty() => Ok((name, value)),
        _ => bail!("{flag} {option}: expected {form}"),
    }
}

/// Reads a NumPy array of a type that tare feeds, in C order.
fn read_npy(path: &Path) -> Result<Tensor> {
    let file = std::fs::File::open(path)?;
    let npy = npyz::NpyFile::new(std::io::BufReader::new(file)).context("not a NumPy file")?;
    if npy.order() == npyz::Order::Fortran && npy.shape().len() > 1 {
        bail!("the array is in Fortran order\nhint: save numpy.ascontiguousarray(array)");
    }
    let shape = npy
        .shape()
        .iter()
        .map(|&dim| usize::try_from(dim))
        .collect::<Result<Vec<usize>, _>>()?;
    let npyz::DType::Plain(dtype) = npy.dtype() else {
        bail!("the array has fields\nhint: save a plain array")
    };
    let name = dtype.to_string();
    // NumPy's type strings: byte order, kind, bytes.
    let data = match &name[1..] {
        "f4" => TensorData::F32(npy.into_vec()?),
        "f8" => TensorData::F64(npy.into_vec()?),
        "i1" => TensorData::I8(npy.into_vec()?),
        "i4" => TensorData::I32(npy.into_vec()?),
        "i8" => TensorData::I64(npy.into_vec()?),
        "u1" => TensorData::U8(npy.into_vec()?),
        "b1" => TensorData::Bool(npy.into_vec::<bool>()?.into_iter().map(u8::from).collect()),
        _ => bail!("the array has elements of type {name}\nhint: convert it, for example with array.astype('float32')"),
    };
    Ok(Tensor::new(shape, data)?)
}

/// Writes a tensor as a NumPy array.
pub(crate) fn write_npy(path: &Path, tensor: &Tensor) -> Result<()> {
    use npyz::WriterBuilder;
    let shape: Vec<u64> = tensor.shape().iter().map(|&dim| dim as u64).collect();
    let file = std::io::BufWriter::new(std::fs::File::create(path)?);
    macro_rules! write {
        ($values:expr) => {{
            let mut writer = npyz::WriteOptions::new()
                .default_dtype()
                .shape(&shape)
                .writer(file)
                .begin_nd()?;
            writer.extend($values)?;
            writer.finish()?;
        }};
    }
    match tensor.data() {
        // Every f16 is exact in f32, which more tools read.
        TensorData::F16(values) => write!(values.iter().map(|value| value.to_f32())),
        TensorData::F32(values) => write!(values.iter().copied()),
        TensorData::F64(values) => write!(values.iter().copied()),
        TensorData::I8(values) => write!(values.iter().copied()),
        TensorData::I32(values) => write!(values.iter().copied()),
        TensorData::I64(values) => write!(values.iter().copied()),
        TensorData::U8(values) => write!(values.iter().copied()),
        TensorData::Bool(values) => write!(values.iter().map(|&value| value != 0)),
    }
    Ok(())
}

/// The file that a record goes to: the one asked for, or a dated one that overwrites nothing.
pub(crate) fn record_path(asked: Option<&PathBuf>, environment: &str) -> PathBuf {
    if let Some(path) = asked {
        return path.clone();
    }
    let date = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string();
    PathBuf::from(format!("tare-{environment}-{date}.json"))
}

/// The command line that made a record, without the folders of the program.
pub(crate) fn command_line() -> String {
    let quote = |word: String| {
        if word.contains([' ', '"']) {
            format!("{word:?}")
        } else {
            word
        }
    };
    std::iter::once("tare".to_owned())
        .chain(std::env::args().skip(1).map(quote))
        .collect::<Vec<_>>()
        .join(" ")
}
