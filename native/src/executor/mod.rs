//! Carries out requests in child processes of this program or of Node.

pub(crate) mod child;
mod node;
mod process;

pub(crate) use node::Node;
pub(crate) use process::ProcessExecutor;
