//! Runs a plan in child processes and keeps the record on disk up to date.

use std::path::{Path, PathBuf};
use std::rc::Rc;

use anyhow::Result;
use tare_core::{NamedTensor, PlanObserver, calibrate, run_plan, tensor_codec};
use tare_record::{BuildInfo, ClockInfo, EngineName, EnvironmentKind, Machine, Plan, Record};

use crate::executor::{Node, ProcessExecutor};
use crate::machine::{self, SystemClock};
use crate::record_path::command_line;
use crate::record_writer::RecordWriter;

/// A run: what to measure, and where to store the results.
pub(crate) struct Run<'a> {
    pub(crate) plan: Plan,
    /// Inputs given by the user.
    pub(crate) inputs: &'a [NamedTensor],
    /// File of the record.
    pub(crate) path: &'a Path,
    /// Folder for inputs and outputs of every engine, if requested.
    pub(crate) tensors: Option<&'a PathBuf>,
}

impl Run<'_> {
    /// Measures in processes of this program, with the given Vulkan driver if any.
    pub(crate) fn natively(self, vulkan_driver: Option<PathBuf>) -> Result<Record> {
        let clock = calibrate(&SystemClock)?;
        let mut executor = ProcessExecutor::native(vulkan_driver);
        self.measure(machine::build_info(), machine::machine(), clock, &mut executor)
    }

    /// Measures in processes of Node. Engines that do not run there are left out if others remain.
    pub(crate) fn in_node(mut self, node: Node) -> Result<Record> {
        let runs = |engine: &EngineName| engine.spec().runs_in(EnvironmentKind::Node);
        for cell in &mut self.plan.cells {
            if cell.engines.iter().any(runs) {
                let left_out = cell.engines.extract_if(.., |engine| !runs(engine));
                for engine in left_out {
                    eprintln!("{}: {engine} does not run in Node and is left out", cell.model);
                }
            }
        }
        // This module computes the reference, whatever the plan measures.
        let reference = EngineName::references()[0];
        let module = node.module_info(reference)?;
        let machine = Machine {
            kind: EnvironmentKind::Node,
            node: Some(node.info.clone()),
            ..machine::machine()
        };
        self.measure(module.build, machine, module.clock, &mut ProcessExecutor::node(node))
    }

    fn measure(
        self,
        build: BuildInfo,
        machine: Machine,
        clock: ClockInfo,
        executor: &mut ProcessExecutor,
    ) -> Result<Record> {
        let mut record = Record::new(build, machine::now(), command_line(), machine, clock, self.plan);
        record.warnings = machine::warnings(&record.machine);
        let mut writer = RecordWriter::new(self.path, self.tensors, &record)?;
        let inputs = (!self.inputs.is_empty()).then(|| Rc::new(tensor_codec::encode(self.inputs)));
        pollster::block_on(run_plan(&mut record, inputs, executor, &mut writer));
        if let Some(warning) = machine::throttled_since(&record.machine) {
            record.warnings.push(warning);
            writer.record_updated(&record);
        }
        writer.finish()?;
        Ok(record)
    }
}
