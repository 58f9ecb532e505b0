//! The ONNX backend node tests on tract and on burn-flex: `cargo xtask conformance`.
//!
//! `conformance FOLDER TABLE.md` reads the cases that `conformance/cases.py` has written to the
//! folder, writes the table, and fails if a case that onnxruntime passes is neither passed by burn
//! nor excluded. If there is a graphics adapter, burn-wgpu runs those that count too. On an adapter
//! that computes on the CPU, tuning kernels for all of them would take hours.

mod table;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use prost::Message;
use tare_burn::Burn;
use tare_core::{Engine, NamedTensor, Tensor, Untimed};
use tare_models::onnx::{self, TensorProto};
use tare_models::{prepare, with_fixed_inputs};
use tare_tract::Tract;

/// A case that takes longer has failed.
const TIME_LIMIT: Duration = Duration::from_secs(60);

const CLASSICAL: &str = "trees and tables of ai.onnx.ml, which are not neural networks";

const VALUES_DECIDE: &str = "the shape of an output depends on values: a program for given shapes cannot know it without reading from the device";

/// Operators whose cases say nothing about inference, with the reason.
const EXCLUDED_OPERATORS: [(&str, &str); 19] = [
    ("Bernoulli", "random outputs"),
    ("Multinomial", "random outputs"),
    ("RandomNormal", "random outputs"),
    ("RandomNormalLike", "random outputs"),
    ("RandomUniform", "random outputs"),
    ("RandomUniformLike", "random outputs"),
    ("Adagrad", "training"),
    ("Adam", "training"),
    ("Momentum", "training"),
    ("Gradient", "training"),
    ("NegativeLogLikelihoodLoss", "training"),
    ("SoftmaxCrossEntropyLoss", "training"),
    ("ArrayFeatureExtractor", CLASSICAL),
    ("Binarizer", CLASSICAL),
    ("TreeEnsemble", CLASSICAL),
    ("NonMaxSuppression", VALUES_DECIDE),
    ("NonZero", VALUES_DECIDE),
    ("StringNormalizer", "strings"),
    ("TfIdfVectorizer", "strings"),
];

/// Stands for the operator of whole networks.
const NETWORKS: &str = "whole networks";

const BOTH_BRANCHES: &str = "the branch that is not taken does not fit the input, and both parsers check both branches";

const DOUBLE: &str = "64-bit floats, which WebGPU lacks: a program must run on every device";

/// Single cases, with the reason.
const EXCLUDED_CASES: [(&str, &str); 8] = [
    ("test_affine_grid_2d_align_corners_expanded", BOTH_BRANCHES),
    ("test_affine_grid_2d_expanded", BOTH_BRANCHES),
    ("test_affine_grid_3d_align_corners_expanded", BOTH_BRANCHES),
    ("test_affine_grid_3d_expanded", BOTH_BRANCHES),
    (
        "test_scan_sum",
        "Scan of opset 8, with a batch and lengths, which opset 9 removed",
    ),
    ("test_eyelike_with_dtype", DOUBLE),
    ("test_max_float64", DOUBLE),
    ("test_min_float64", DOUBLE),
];

/// Absolute difference that burn-wgpu may always have: WGSL allows a logarithm near 0 to be wrong by
/// 2^-21.
const GPU_ABSOLUTE: f64 = 1e-6;

#[derive(Clone)]
struct Case {
    name: String,
    folder: PathBuf,
    onnxruntime: bool,
    relative: f64,
    absolute: f64,
}

#[derive(Clone)]
enum Outcome {
    Passed,
    /// Passed with some inputs fixed, which are weights or settings in real models.
    PassedFixed,
    Refused(String),
    Wrong(String),
    Died(String),
}

impl Outcome {
    fn passed(&self) -> bool {
        matches!(self, Outcome::Passed | Outcome::PassedFixed)
    }

    fn reason(&self) -> String {
        match self {
            Outcome::Passed | Outcome::PassedFixed => String::new(),
            Outcome::Refused(why) => format!("refused: {why}"),
            Outcome::Wrong(why) => format!("WRONG: {why}"),
            Outcome::Died(why) => format!("DIED: {why}"),
        }
    }
}

struct Row {
    name: String,
    operator: String,
    onnxruntime: bool,
    excluded: Option<&'static str>,
    tract: Outcome,
    burn: Outcome,
    /// On burn-wgpu, if the case is one of those.
    gpu: Option<Outcome>,
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, table] = arguments.as_slice() else {
        bail!("usage: conformance FOLDER TABLE.md");
    };
    // A panic is an outcome, and stands in the table.
    std::panic::set_hook(Box::new(|_| {}));
    let cases = read_cases(Path::new(folder))?;
    // Compute shaders are slow or missing on OpenGL, which is burn's last choice.
    let adapters = pollster::block_on(tare_burn::adapters());
    let adapter = adapters.into_iter().find(|adapter| adapter.graphics_api != "gl");
    let mut rows: Vec<Row> = Vec::new();
    for (number, case) in cases.iter().enumerate() {
        if number % 100 == 0 {
            eprintln!("{number} of {}", cases.len());
        }
        rows.push(row(case, adapter.is_some())?);
    }
    let text = table::markdown(&rows, adapter.as_ref());
    std::fs::write(table, &text).with_context(|| format!("cannot write {table}"))?;
    let summary = text.lines().take_while(|line| !line.starts_with("## ")).skip(4);
    summary.for_each(|line| println!("{line}"));
    let failed = |row: &&Row| {
        let on_gpu = row.gpu.as_ref().is_none_or(Outcome::passed);
        counts(row) && !(row.burn.passed() && on_gpu)
    };
    let open = rows.iter().filter(failed).count();
    ensure!(
        open == 0,
        "{open} cases that onnxruntime passes are neither passed by burn nor excluded: {table}"
    );
    Ok(())
}

fn read_cases(folder: &Path) -> Result<Vec<Case>> {
    let list = folder.join("cases.tsv");
    let text = std::fs::read_to_string(&list).with_context(|| format!("cannot read {}", list.display()))?;
    let case = |line: &str| {
        let [name, verdict, relative, absolute] = line.split('\t').collect::<Vec<_>>()[..] else {
            bail!("{}: found {line:?}", list.display());
        };
        Ok(Case {
            name: name.into(),
            folder: folder.join(name),
            onnxruntime: verdict == "passes",
            relative: relative.parse()?,
            absolute: absolute.parse()?,
        })
    };
    text.lines().map(case).collect()
}

/// Runs a case. With `has_gpu`, burn-wgpu runs it too if it counts. Whole networks would take hours on a software adapter.
fn row(case: &Case, has_gpu: bool) -> Result<Row> {
    let bytes = std::fs::read(case.folder.join("model.onnx")).context("cannot read a model")?;
    let model = onnx::Model::decode(bytes.as_slice())?;
    let graph = model.graph.context("a model without a graph")?;
    let operators: Vec<&str> = graph.node.iter().map(|node| node.op_type.as_str()).collect();
    let by_operator = EXCLUDED_OPERATORS.iter().find(|(name, _)| operators.contains(name));
    let by_name = EXCLUDED_CASES.iter().find(|(name, _)| case.name == *name);
    let listed = by_operator.or(by_name).map(|(_, reason)| *reason);
    let tensors = |kind: &str, values: &[onnx::ValueInfo]| -> Option<Vec<NamedTensor>> {
        let values = values.iter().enumerate();
        values
            .map(|(index, value)| {
                let bytes = std::fs::read(case.folder.join(format!("{kind}_{index}.pb"))).ok()?;
                let tensor = onnx::tensor(&TensorProto::decode(bytes.as_slice()).ok()?)?;
                let name = value.name.clone();
                Some(NamedTensor { name, tensor })
            })
            .collect()
    };
    let fed = tensors("input", &graph.input).zip(tensors("output", &graph.output));
    let excluded = match (&fed, listed) {
        // Dropout and batch normalization during training.
        _ if case.name.contains("training") => Some("training"),
        (_, Some(reason)) => Some(reason),
        (None, None) => Some(
            "inputs or outputs of types that tare does not have: strings, sequences, optional values, bfloat16, 4-bit and 16-bit integers, unsigned integers of more than 8 bits",
        ),
        (Some(_), None) => None,
    };
    let outcome = |case: &Case, engine: fn() -> Box<dyn Engine>| match &fed {
        Some((inputs, outputs)) if excluded.is_none() => run(case, &bytes, inputs, outputs, engine),
        _ => Outcome::Refused(excluded.unwrap_or_default().into()),
    };
    let operator = match operators.as_slice() {
        _ if case.name.starts_with("light_") => NETWORKS,
        [first, ..] => first,
        [] => "none",
    };
    let lenient = Case {
        absolute: case.absolute.max(GPU_ABSOLUTE),
        ..case.clone()
    };
    let on_gpu = has_gpu && case.onnxruntime && excluded.is_none() && operator != NETWORKS;
    Ok(Row {
        name: case.name.clone(),
        operator: operator.into(),
        gpu: on_gpu.then(|| outcome(&lenient, || Box::new(Burn::wgpu()))),
        onnxruntime: case.onnxruntime,
        excluded,
        tract: outcome(case, || Box::new(Tract::new(1))),
        burn: outcome(case, || Box::new(Burn::flex(1))),
    })
}

/// Runs a case. If it is refused, it runs again with all inputs fixed that are not floats, and then with
/// all inputs fixed but the first.
fn run(
    case: &Case,
    bytes: &[u8],
    inputs: &[NamedTensor],
    outputs: &[NamedTensor],
    engine: fn() -> Box<dyn Engine>,
) -> Outcome {
    let first = apart(case, bytes.to_vec(), inputs.to_vec(), outputs, engine);
    if !matches!(first, Outcome::Refused(_)) {
        return first;
    }
    use tare_record::DType;
    let floats = |input: &NamedTensor| matches!(input.tensor.dtype(), DType::F16 | DType::F32 | DType::F64);
    let only_first = |input: &NamedTensor| inputs.first().is_some_and(|first| first.name == input.name);
    for is_fed in [&floats as &dyn Fn(&NamedTensor) -> bool, &only_first] {
        let (fed, fixed): (Vec<NamedTensor>, Vec<NamedTensor>) = inputs.iter().cloned().partition(is_fed);
        let Ok(bytes) = with_fixed_inputs(bytes, &fixed) else {
            return first;
        };
        if fixed.is_empty() || fed.is_empty() {
            continue;
        }
        match apart(case, bytes, fed, outputs, engine) {
            Outcome::Passed => return Outcome::PassedFixed,
            Outcome::Refused(_) => {}
            other => return other,
        }
    }
    first
}

/// Runs in a thread of its own, because engines may panic or hang.
fn apart(
    case: &Case,
    bytes: Vec<u8>,
    inputs: Vec<NamedTensor>,
    outputs: &[NamedTensor],
    engine: fn() -> Box<dyn Engine>,
) -> Outcome {
    let (send, receive) = mpsc::channel();
    std::thread::spawn(move || {
        let computed = std::panic::catch_unwind(|| compute(&bytes, &inputs, &*engine()));
        let computed = computed.map_err(|panic| {
            let text = panic.downcast_ref::<String>().cloned();
            text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
                .unwrap_or_else(|| "a panic without a message".into())
        });
        // Nobody is listening if it took too long.
        let _ = send.send(computed);
    });
    match receive.recv_timeout(TIME_LIMIT) {
        Err(_) => Outcome::Died(format!("did not end within {} s", TIME_LIMIT.as_secs())),
        Ok(Err(panic)) => Outcome::Died(panic),
        Ok(Ok(Err(refusal))) => Outcome::Refused(refusal),
        Ok(Ok(Ok(found))) => match difference(case, &found, outputs) {
            None => Outcome::Passed,
            Some(difference) => Outcome::Wrong(difference),
        },
    }
}

fn compute(bytes: &[u8], inputs: &[NamedTensor], engine: &dyn Engine) -> Result<Vec<Tensor>, String> {
    let workload = prepare("case", bytes.to_vec(), &BTreeMap::new(), inputs, 0).map_err(|error| error.to_string())?;
    pollster::block_on(async {
        let mut loaded = workload
            .load(engine, &Untimed)
            .await
            .map_err(|error| error.to_string())?;
        loaded.run(&Untimed).await.map_err(|error| error.to_string())
    })
}

/// The first difference, by the rule of numpy.testing.assert_allclose, with NaN equal to NaN.
fn difference(case: &Case, found: &[Tensor], expected: &[NamedTensor]) -> Option<String> {
    if found.len() != expected.len() {
        return Some(format!("{} outputs, expected {}", found.len(), expected.len()));
    }
    found.iter().zip(expected).find_map(|(found, expected)| {
        let kind = |tensor: &Tensor| format!("{} {:?}", tensor.dtype(), tensor.shape());
        if kind(found) != kind(&expected.tensor) {
            return Some(format!("{}, expected {}", kind(found), kind(&expected.tensor)));
        }
        let values = found.to_f64().into_iter().zip(expected.tensor.to_f64());
        let far = |(a, b): &(f64, f64)| {
            let same = a == b || a.is_nan() && b.is_nan();
            let close = (a - b).abs() <= case.absolute + case.relative * b.abs();
            !(same || close)
        };
        values.into_iter().find(far).map(|(a, b)| format!("{a}, expected {b}"))
    })
}

/// Whether a case counts for burn.
fn counts(row: &Row) -> bool {
    row.onnxruntime && row.excluded.is_none()
}
