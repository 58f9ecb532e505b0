//! What tare stores and sends: plain data types with a schema version.
//!
//! Every file that tare writes and every message between a page and its workers, or a program and its child
//! processes, is made of these types. They hold no logic beyond validation.
//!
//! Conventions: a field ending in `_ns` is a whole number of nanoseconds, one ending in `_bytes` a whole number
//! of bytes, one ending in `sha256` 64 lower-case hexadecimal digits.

mod boundary;
mod cell;
mod environment;
mod message;
mod plan;
mod responsiveness;
mod store;
mod tensor;

pub use boundary::{BoundaryCost, BoundaryPoint, Crossing};
pub use cell::{
    Cell, DigestCount, Drift, EngineFacts, Failure, FailureKind, LoadPattern, MachineSpeed, Memory, ModelFacts,
    ModuleSize, OutputFacts, Phase, PhaseName, Probe, Round, Rung, StageFacts, StageRound, Status, Verification,
};
pub use environment::{
    Adapter, BrowserFacts, ClockFacts, EnvironmentKind, Machine, MachineFacts, NodeFacts, PowerFacts, Tool, Warning,
    WarningKind,
};
pub use message::{CellRequest, Event, Job, JobModel, ModelSource, ModuleFacts, Progress, SelfCheck, Stage};
pub use plan::{CellPlan, EngineName, Plan, Rules, Tolerance};
pub use responsiveness::{Responsiveness, Situation};
pub use store::{Record, RecordError, SCHEMA};
pub use tensor::{DType, TensorFacts};
