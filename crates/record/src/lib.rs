//! The record format and the messages of tare: plain data types with a schema version.
//!
//! Every file that tare writes consists of these types, and so does every message between a page
//! and its workers, a runner and a page, or a program and its child processes. The types hold no logic beyond
//! validation.
//!
//! Conventions: fields ending in `_ns` hold whole nanoseconds, fields ending in `_bytes` whole
//! bytes, and fields ending in `sha256` 64 lowercase hexadecimal digits.

mod accuracy;
mod busy_loop;
mod cell;
mod engine;
mod environment;
mod event;
mod failure;
mod inconsistency;
mod interop;
mod load;
mod load_ms;
mod operator_profile;
mod plan;
mod reading;
mod record;
mod request;
mod responsiveness;
mod runner_message;
mod server_facts;
mod tensor;
mod transport;
#[cfg(test)]
mod typescript;
mod upgrade;
mod verification;

pub use accuracy::Accuracy;
pub use busy_loop::{BusyLoopEvent, PageWatch};
pub use cell::{
    BrowserWatch, Cell, Configuration, CpuCalibration, EngineInfo, LoadPattern, MachineWatch, Memory, ModelInfo,
    ModuleSize, Phase, PhaseName, Round, StageInfo, StageRound, Status,
};
pub use engine::{DeviceKind, ENGINES, EngineName, EngineSpec, ModuleSpec, RELAXED_SIMD, SizeLimits};
pub use environment::{
    Adapter, BrowserInfo, BuildInfo, ClockInfo, EnvironmentKind, Machine, NativeInfo, NodeInfo, PowerInfo, Warning,
    WarningKind,
};
pub use event::{Event, ModuleInfo, Progress, SelfCheck};
pub use failure::{Failure, FailureKind};
pub use inconsistency::inconsistencies;
pub use interop::{InteropCost, InteropOperation, InteropPoint};
pub use load::{Arrivals, Batching, Goal, Load, LoadRound, Rate};
pub use load_ms::LoadMs;
pub use operator_profile::{OperatorProfile, PeakSpeed, ProfiledNode, ProfiledRound};
pub use plan::{CellPlan, Plan, Precision, Question, Reported, Rules, Tolerance, WorkloadOptions};
pub use reading::RecordError;
pub use record::{Record, SCHEMA};
pub use request::{CellRequest, ModelSource, RequestKind, Variant};
pub use responsiveness::{Responsiveness, Situation};
pub use runner_message::{PROTOCOL, PageHello, PageMessage, RunnerMessage};
pub use server_facts::ServerFacts;
pub use tensor::{DType, TensorInfo};
pub use transport::Transport;
pub use verification::{DigestCount, Drift, OutputInfo, OutputSample, Verification};
