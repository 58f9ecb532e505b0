//! Carries out requests: in child processes of this program or of Node, and in pages.

pub(crate) mod child;
mod node;
pub(crate) mod page;
mod process;

pub(crate) use node::Node;
pub(crate) use page::{Fresh, PageExecutor};
pub(crate) use process::ProcessExecutor;
