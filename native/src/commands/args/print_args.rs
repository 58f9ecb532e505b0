/// What a run prints.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct PrintArgs {
    /// Print no progress
    #[arg(long)]
    pub(crate) quiet: bool,
    /// Print the report as JSON, for programs
    #[arg(long)]
    pub(crate) json: bool,
}
