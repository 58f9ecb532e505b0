use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{BuildInfo, Cell, ClockInfo, InteropCost, Machine, Plan, Responsiveness, Warning};

/// Name and version of the record format.
pub const SCHEMA: &str = "tare.record/1";

/// Everything that one environment measured in one run: one JSON file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// The program that measured.
    #[serde(rename = "tool")]
    pub build: BuildInfo,
    /// When the run began, RFC 3339, UTC.
    pub created: String,
    /// Identifies the run, which is the same in all records that one run made of several
    /// environments. `None` in records of earlier builds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// The command or page URL that made the record.
    pub command: String,
    /// Whether the run finished. `false` in the file of a run that is in progress or was
    /// interrupted.
    pub complete: bool,
    /// The machine or browser.
    pub machine: Machine,
    /// The clock that timed the run.
    pub clock: ClockInfo,
    /// What was requested.
    pub plan: Plan,
    /// What was measured, in the order in which it was measured.
    pub cells: Vec<Cell>,
    /// Cost of interop in a browser, if the plan asks for it.
    #[serde(rename = "boundary", default, skip_serializing_if = "Vec::is_empty")]
    pub interop: Vec<InteropCost>,
    /// How fast the page responded while a model ran, if the plan asks for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub responsiveness: Vec<Responsiveness>,
    /// What a reader must know about the whole record.
    pub warnings: Vec<Warning>,
}

impl Record {
    /// The record of a run that starts now and has measured nothing yet. `created` is in RFC 3339,
    /// UTC.
    pub fn new(
        build: BuildInfo,
        created: String,
        command: String,
        machine: Machine,
        clock: ClockInfo,
        plan: Plan,
    ) -> Self {
        Self {
            schema: SCHEMA.into(),
            build,
            created,
            run: None,
            command,
            complete: false,
            machine,
            clock,
            plan,
            cells: vec![],
            interop: vec![],
            responsiveness: vec![],
            warnings: vec![],
        }
    }

    /// The record as indented JSON.
    ///
    /// # Errors
    ///
    /// Never with the current types: all of their values can be written as JSON.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(self)
    }

    /// Whether every requested cell was measured and verified.
    pub fn all_measured(&self) -> bool {
        self.complete && self.cells.iter().all(|cell| cell.status == crate::Status::Measured)
    }
}
