//! The tract engine: ONNX on the CPU. Natively it chooses kernels at run time, in a browser it uses
//! wasm SIMD.

mod defects;
mod nodes;
mod vectors;

use std::collections::BTreeMap;

use async_trait::async_trait;
use bytes::Bytes;
use prost::Message;
use tare_core::{Clock, Engine, Loaded, NamedTensor, NodeRun, ProfiledRun, Session, SessionInfo, Tensor, TensorData};
use tare_record::{DType, EngineInfo, EngineName, Failure, FailureKind, PeakSpeed, PhaseName};
use tract_onnx::pb::ModelProto;
use tract_onnx::prelude::Tensor as TractTensor;
use tract_onnx::prelude::multithread::Executor;
use tract_onnx::prelude::{
    DatumType, Framework, InferenceFact, InferenceModelExt, RunOptions, TValue, TVec, TractError, TractResult,
    TypedFact, TypedSimplePlan,
};
use tract_onnx::tract_core::ops::matmul::optimized::OptMatMul;
use tract_onnx::tract_core::plan::{self, SimpleState};
use tract_onnx::tract_hir::prelude::tract_data;

use nodes::OnnxNodes;

pub use vectors::{ISA_VARIABLE, VectorLimit, vector_level, vector_limits};

/// Version of tract, as pinned in the workspace's manifest.
pub const VERSION: &str = "0.23.9";

/// tract on a number of CPU threads.
#[derive(Debug, Clone, Copy)]
pub struct Tract {
    threads: usize,
}

impl Tract {
    /// Creates the engine for `threads` CPU threads. A wasm module without threads ignores the
    /// number and computes on one thread. A threaded wasm module computes on the thread pool that
    /// was started for it, which must have this number of threads.
    pub fn new(threads: usize) -> Self {
        let has_threads = cfg!(any(not(target_family = "wasm"), target_feature = "atomics"));
        Self {
            threads: if has_threads { threads.max(1) } else { 1 },
        }
    }
}

#[async_trait(?Send)]
impl Engine for Tract {
    fn info(&self) -> EngineInfo {
        EngineInfo {
            name: EngineName::Tract,
            version: VERSION.into(),
            settings: BTreeMap::new(),
        }
    }

    fn refuse_reference(&self, model: &Bytes) -> Result<(), Failure> {
        // What cannot be read fails while it is loaded.
        let decoded = ModelProto::decode(model.clone()).ok();
        match decoded.as_ref().and_then(defects::wrong_operator) {
            Some(wrong) => Err(Failure::new(
                FailureKind::Unsupported,
                format!("tract {VERSION} computes an operator of the model wrongly: {wrong}"),
            )),
            None => Ok(()),
        }
    }

    async fn load(&self, model: Bytes, inputs: &[NamedTensor], clock: &dyn Clock) -> Result<Loaded, Failure> {
        let start_ns = clock.now_ns();
        let reading = |error: &TractError| explain(error, FailureKind::Unsupported, "reading the model");
        // The decoded file shares the bytes of the weights with `model`. Both are dropped before
        // the model is optimized.
        let decoded = ModelProto::decode(model).map_err(|error| reading(&error.into()))?;
        // A file's own shapes of intermediate values are ignored: their named dimensions may
        // contradict the shapes of the inputs.
        let reader = tract_onnx::onnx().with_ignore_value_info(true);
        let parsed = reader.model_for_proto_model(&decoded);
        let onnx_nodes = nodes::onnx_nodes(&decoded);
        drop(decoded);
        let mut parsed = parsed.map_err(|error| reading(&error))?;
        let parse = clock.phase_since(start_ns, PhaseName::Parse);

        let start_ns = clock.now_ns();
        for (index, input) in inputs.iter().enumerate() {
            let fact = InferenceFact::dt_shape(datum_type(input.tensor.dtype()), input.tensor.shape());
            parsed
                .set_input_fact(index, fact)
                .map_err(|error| explain(&error, FailureKind::Input, &format!("setting input {:?}", input.name)))?;
        }
        let optimized = parsed
            .into_optimized()
            .map_err(|error| explain(&error, FailureKind::Unsupported, "optimizing the model"))?;
        let executor = if self.threads == 1 {
            Executor::SingleThread
        } else {
            Executor::multithread(self.threads)
        };
        let options = RunOptions {
            executor: Some(executor),
            ..RunOptions::default()
        };
        let state = TypedSimplePlan::new_with_options(optimized, &options)
            .and_then(|plan| plan.spawn())
            .map_err(|error| explain(&error, FailureKind::Unsupported, "planning the model"))?;
        let optimize = clock.phase_since(start_ns, PhaseName::Optimize);

        let session = TractSession {
            kernels: matrix_kernels(&state),
            is_stateful: state.op_states.iter().any(Option::is_some),
            state,
            threads: self.threads,
            onnx_nodes,
            nodes: vec![],
        };
        Ok(Loaded {
            session: Box::new(session),
            phases: vec![parse, optimize],
        })
    }
}

type State = SimpleState<TypedFact, Box<dyn tract_onnx::tract_core::ops::TypedOp>>;

struct TractSession {
    state: State,
    /// Whether an operator keeps state between runs, as recurrent layers do for streams.
    is_stateful: bool,
    threads: usize,
    /// Kernels of the matrix products, including convolutions, and how many nodes use each.
    kernels: BTreeMap<String, u64>,
    onnx_nodes: OnnxNodes,
    /// The graph's nodes by number. Empty before the first profiled run.
    nodes: Vec<Option<NodeRun>>,
}

impl TractSession {
    /// Forgets what recurrent layers keep between runs.
    fn begin_run(&mut self) -> TractResult<()> {
        if self.is_stateful {
            self.state = self.state.plan().spawn()?;
        }
        Ok(())
    }
}

fn matrix_kernels(state: &State) -> BTreeMap<String, u64> {
    let mut kernels = BTreeMap::new();
    let products = state.plan().model().nodes().iter();
    for product in products.filter_map(|node| node.op_as::<OptMatMul>()) {
        for kernel in &product.mmm {
            *kernels.entry(kernel.name().to_owned()).or_default() += 1;
        }
    }
    kernels
}

#[async_trait(?Send)]
impl Session for TractSession {
    async fn run(&mut self, inputs: &[NamedTensor]) -> Result<Vec<Tensor>, Failure> {
        self.begin_run()
            .and_then(|()| to_outputs(self.state.run(to_inputs(inputs)?)?))
            .map_err(|error| explain(&error, FailureKind::Run, "running the model"))
    }

    async fn profiled_run(
        &mut self,
        inputs: &[NamedTensor],
        clock: &dyn Clock,
    ) -> Result<Option<ProfiledRun>, Failure> {
        let failed = |error: TractError| explain(&error, FailureKind::Run, "running the model");
        if self.nodes.is_empty() {
            let graph = self.state.plan().model();
            self.nodes = nodes::nodes(graph, &self.onnx_nodes).map_err(failed)?;
        }
        self.begin_run().map_err(failed)?;
        let mut order = Vec::with_capacity(self.nodes.len());
        let outputs = to_inputs(inputs).and_then(|inputs| {
            self.state.run_plan_with_eval(inputs, |context, state, node, inputs| {
                let start_ns = clock.now_ns();
                let outputs = plan::eval(context, state, node, inputs);
                order.push((node.id, clock.now_ns().saturating_sub(start_ns)));
                outputs
            })
        });
        let outputs = outputs.and_then(to_outputs).map_err(failed)?;
        let nodes = order.into_iter().filter_map(|(id, duration_ns)| {
            let node = self.nodes.get(id)?.clone()?;
            Some(NodeRun { duration_ns, ..node })
        });
        Ok(Some(ProfiledRun {
            outputs,
            nodes: nodes.collect(),
            preparation_ns: 0,
        }))
    }

    async fn peak_speed(&self, clock: &dyn Clock) -> Option<PeakSpeed> {
        tare_peak::peak_speed(self.threads, &vector_level(), clock)
    }

    fn info(&self) -> SessionInfo {
        SessionInfo {
            threads: self.threads,
            vector_level: vector_level(),
            ..SessionInfo::default()
        }
    }

    fn kernels(&self) -> BTreeMap<String, u64> {
        self.kernels.clone()
    }
}

/// Converts an error of tract to a failure. The error is a chain: its first link says where, and
/// its last one what.
fn explain(error: &TractError, kind: FailureKind, doing: &str) -> Failure {
    let chain: Vec<String> = error.chain().map(|link| link.to_string().trim().to_owned()).collect();
    Failure::new(kind, format!("tract failed while {doing}: {}", chain.join(": ")))
}

fn datum_type(dtype: DType) -> DatumType {
    match dtype {
        DType::F16 => DatumType::F16,
        DType::F32 => DatumType::F32,
        DType::F64 => DatumType::F64,
        DType::I8 => DatumType::I8,
        DType::I32 => DatumType::I32,
        DType::I64 => DatumType::I64,
        DType::U8 => DatumType::U8,
        DType::Bool => DatumType::Bool,
    }
}

fn to_inputs(inputs: &[NamedTensor]) -> TractResult<TVec<TValue>> {
    inputs.iter().map(|input| to_tract(&input.tensor)).collect()
}

fn to_outputs(outputs: TVec<TValue>) -> TractResult<Vec<Tensor>> {
    outputs.iter().map(|output| from_tract(output)).collect()
}

fn to_tract(tensor: &Tensor) -> TractResult<TValue> {
    let shape = tensor.shape();
    let made = match tensor.data() {
        TensorData::F16(values) => TractTensor::from_shape(shape, values),
        TensorData::F32(values) => TractTensor::from_shape(shape, values),
        TensorData::F64(values) => TractTensor::from_shape(shape, values),
        TensorData::I8(values) => TractTensor::from_shape(shape, values),
        TensorData::I32(values) => TractTensor::from_shape(shape, values),
        TensorData::I64(values) => TractTensor::from_shape(shape, values),
        TensorData::U8(values) => TractTensor::from_shape(shape, values),
        TensorData::Bool(values) => {
            TractTensor::from_shape(shape, &values.iter().map(|&value| value != 0).collect::<Vec<bool>>())
        }
    };
    made.map(Into::into)
}

fn from_tract(tensor: &TractTensor) -> TractResult<Tensor> {
    fn values<D: tract_data::prelude::Datum + Clone>(tensor: &TractTensor) -> TractResult<Vec<D>> {
        Ok(tensor.try_as_plain_ram()?.as_slice::<D>()?.to_vec())
    }
    let data = match tensor.datum_type() {
        DatumType::F16 => TensorData::F16(values(tensor)?),
        DatumType::F32 => TensorData::F32(values(tensor)?),
        DatumType::F64 => TensorData::F64(values(tensor)?),
        DatumType::I8 => TensorData::I8(values(tensor)?),
        DatumType::I32 => TensorData::I32(values(tensor)?),
        DatumType::I64 => TensorData::I64(values(tensor)?),
        DatumType::U8 => TensorData::U8(values(tensor)?),
        DatumType::Bool => TensorData::Bool(values::<bool>(tensor)?.into_iter().map(u8::from).collect()),
        // Shapes have their own type in tract, and are i64 in ONNX.
        _ => TensorData::I64(values(&*tensor.cast_to::<i64>()?)?),
    };
    Ok(Tensor::new(tensor.shape().to_vec(), data)?)
}
