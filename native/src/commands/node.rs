//! `tare node`.

use anyhow::Result;

use super::run;
use crate::browser::PageArgs;
use crate::node::Node;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    run: run::Args,
    #[command(flatten)]
    page: PageArgs,
}

pub(crate) fn run(args: &Args) -> Result<bool> {
    let node = Node::find(&args.page.folder()?)?;
    args.run.measure("node", |measuring| measuring.in_node(node))
}
