//! `tare`: what does the browser cost me?

mod browser;
mod cell;
mod cli;
mod clock;
mod commands;
mod download;
mod host;
mod machine;
mod measuring;
mod node;
mod power;
mod progress_line;
mod selection;
mod sink;

use std::process::ExitCode;

fn main() -> ExitCode {
    match cli::run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            let prefix = if cli::colour() {
                "\x1b[1;31merror\x1b[0m"
            } else {
                "error"
            };
            eprintln!("{prefix}: {error:#}");
            ExitCode::from(2)
        }
    }
}
