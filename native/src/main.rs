//! `tare`: measures what the browser costs neural-network inference.

mod bench;
mod browser;
mod cell_folder;
mod cli;
mod command_line;
mod commands;
mod engines;
mod executor;
mod interrupt;
mod local_model;
mod machine;
mod npy;
mod page;
mod progress_line;
mod remote_model;
mod server;
mod serving;

use std::process::ExitCode;

fn main() -> ExitCode {
    match cli::run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            let prefix = if cli::color() {
                "\x1b[1;31merror\x1b[0m"
            } else {
                "error"
            };
            eprintln!("{prefix}: {error:#}");
            ExitCode::from(2)
        }
    }
}
