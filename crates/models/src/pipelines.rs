//! Built-in models of several networks.

use crate::PipelineEntry;
use crate::shapegen;

/// All built-in models of several networks.
pub const PIPELINES: [PipelineEntry; 1] = [shapegen::ENTRY];

/// The model of several networks of that name.
pub fn find_pipeline(name: &str) -> Option<&'static PipelineEntry> {
    PIPELINES.iter().find(|entry| entry.name == name)
}
