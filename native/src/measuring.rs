//! Measuring a plan in child processes, with the record on disk as it grows.

use std::path::{Path, PathBuf};
use std::rc::Rc;

use anyhow::Result;
use tare_core::{NamedTensor, Sink, bundle, calibrate, run_plan};
use tare_record::{ClockFacts, EngineName, EnvironmentKind, Machine, Plan, Record, SCHEMA, Tool};

use crate::clock::SystemClock;
use crate::host::ChildHost;
use crate::machine;
use crate::node::{ENGINES, Node};
use crate::power::{power, throttled};
use crate::selection::command_line;
use crate::sink::FileSink;

/// What to measure, and where to keep what comes of it.
pub(crate) struct Measuring<'a> {
    pub(crate) plan: Plan,
    /// Inputs given by the user.
    pub(crate) inputs: &'a [NamedTensor],
    /// File of the record.
    pub(crate) path: &'a Path,
    /// Folder for inputs and outputs of every engine, if wanted.
    pub(crate) tensors: Option<&'a PathBuf>,
}

impl Measuring<'_> {
    /// Measures in processes of this program, with a Vulkan driver of their own if one is given.
    pub(crate) fn natively(self, vulkan_driver: Option<PathBuf>) -> Result<Record> {
        let clock = calibrate(&SystemClock)?;
        let mut host = ChildHost::native(vulkan_driver);
        self.measure(machine::tool(), machine::machine(), clock, &mut host)
    }

    /// Measures in processes of Node. Engines that need WebGPU are left out where others remain.
    pub(crate) fn in_node(mut self, node: Node) -> Result<Record> {
        for cell in &mut self.plan.cells {
            let count = cell.engines.len();
            if cell.engines.iter().any(|engine| ENGINES.contains(engine)) {
                cell.engines.retain(|engine| ENGINES.contains(engine));
            }
            if cell.engines.len() < count {
                eprintln!("{}: Node has no WebGPU, so burn-wgpu is left out", cell.model);
            }
        }
        // The module that computes the reference, whatever the plan measures.
        let module = node.module_facts(EngineName::Tract)?;
        let machine = Machine {
            kind: EnvironmentKind::Node,
            node: Some(node.facts.clone()),
            ..machine::machine()
        };
        self.measure(module.tool, machine, module.clock, &mut ChildHost::node(node))
    }

    fn measure(self, tool: Tool, machine: Machine, clock: ClockFacts, host: &mut ChildHost) -> Result<Record> {
        let mut record = Record {
            schema: SCHEMA.into(),
            tool,
            created: machine::now(),
            command: command_line(),
            complete: false,
            warnings: machine::warnings(&machine),
            machine,
            clock,
            plan: self.plan,
            cells: vec![],
            boundary: vec![],
            responsiveness: vec![],
        };
        let mut sink = FileSink::new(self.path, self.tensors, &record)?;
        let inputs = (!self.inputs.is_empty()).then(|| Rc::new(bundle::encode(self.inputs)));
        pollster::block_on(run_plan(&mut record, inputs, host, &mut sink));
        let before = record.machine.native.as_ref().map(|native| &native.power);
        if let Some(warning) = before.and_then(|before| throttled(before, &power())) {
            record.warnings.push(warning);
            sink.save(&record);
        }
        sink.finish()?;
        Ok(record)
    }
}
