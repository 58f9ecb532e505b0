//! The built-in models that consist of several networks.

use crate::PipelineEntry;
use crate::shapegen;

/// All built-in models that consist of several networks.
pub const PIPELINES: [PipelineEntry; 1] = [shapegen::ENTRY];

/// Finds a model of several networks by its name.
pub fn find_pipeline(name: &str) -> Option<&'static PipelineEntry> {
    PIPELINES.iter().find(|entry| entry.name == name)
}
