//! `tare node`: measures in Node.

use anyhow::Result;

use super::args::PageArgs;
use super::run;
use crate::executor::Node;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    run: run::Args,
    #[command(flatten)]
    page: PageArgs,
}

pub(crate) fn run(args: &Args) -> Result<bool> {
    let node = Node::find(&args.page.find()?)?;
    args.run.measure("node", |run| run.in_node(node))
}
