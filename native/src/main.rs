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
mod memory_limit;
mod npy;
mod page;
mod private_folder;
mod progress_line;
mod record_file;
mod remote_model;
mod server;
mod serving;

use std::process::ExitCode;

fn main() -> ExitCode {
    end_with_the_reader();
    match cli::run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            let prefix = if cli::color() {
                "\x1b[1;31merror\x1b[0m"
            } else {
                "error"
            };
            let message = tare_report::printable(&format!("{error:#}"));
            eprintln!("{prefix}: {message}");
            ExitCode::from(2)
        }
    }
}

/// Ends the program when nobody reads its output any more, as in `tare doctor | head -1`. What was measured is in its files by then.
fn end_with_the_reader() {
    const BROKEN_PIPE: u8 = 141; // 128 and the number of the signal
    let otherwise = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let message = panic.payload_as_str().unwrap_or_default();
        if message.starts_with("failed printing to stdout") {
            std::process::exit(BROKEN_PIPE.into());
        }
        otherwise(panic);
    }));
}
