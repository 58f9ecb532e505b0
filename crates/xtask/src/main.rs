//! Developer commands. `cargo xtask bench` runs the main job, `cargo xtask test` all tests.

mod build;
mod size;
mod tasks;
mod tools;
mod wasm;

use anyhow::Result;
use xshell::Shell;

#[allow(missing_docs, unreachable_pub, reason = "xflags generates the types")]
mod flags {
    xflags::xflags! {
        /// Developer commands of tare.
        cmd xtask {
            /// Prepare the tools: what is missing is installed where that is possible
            cmd setup {}
            /// Build the page, its workers and the native binary
            cmd build {
                /// As it ships: slower to build, smaller and faster
                optional --dist
            }
            /// Measure natively and in a headless browser, and write the report
            cmd bench {
                /// A plan that comes with tare, or a .toml file; quick by default
                optional --plan plan: String
                /// Folder for records and report; by default a dated one under target/bench
                optional --out out: String
            }
            /// Run all checks and tests, fast ones first
            cmd test {
                /// Only what needs neither an engine nor a browser: a minute or two
                optional --fast
            }
            /// Run the ONNX backend node tests and write crates/burn/CONFORMANCE.md: needs python3 with pip
            cmd conformance {}
            /// Time the burn executor against the code that burn-onnx generates
            cmd versus {}
            /// Look for files that harm the burn loader
            cmd fuzz {
                /// How long to look, 600 by default
                optional --seconds seconds: u64
            }
            /// Train the built-in network `digits` anew: needs python3 with pip
            cmd digits {}
            /// What the page and its workers weigh as they ship, and what is in them; fails past the limits
            cmd size {
                /// As they are built every day, without limits
                optional --release
            }
            /// Build, and serve the page on loopback until Ctrl-C
            cmd serve {}
        }
    }
}

use build::Profile;
use flags::{Xtask, XtaskCmd};

fn main() -> Result<()> {
    let flags = Xtask::from_env_or_exit();
    let sh = Shell::new()?;
    sh.change_dir(tools::root());
    match flags.subcommand {
        XtaskCmd::Setup(_) => tools::Tools::prepare(&sh).map(|_| ()),
        XtaskCmd::Build(flags) => build::all(&sh, Profile::dist_if(flags.dist)).map(|_| ()),
        XtaskCmd::Bench(flags) => tasks::bench(&sh, flags.plan.as_deref().unwrap_or("quick"), flags.out.as_deref()),
        XtaskCmd::Test(flags) => tasks::test(&sh, !flags.fast),
        XtaskCmd::Conformance(_) => tasks::conformance(&sh),
        XtaskCmd::Versus(_) => tasks::versus(&sh),
        XtaskCmd::Fuzz(flags) => tasks::fuzz(&sh, flags.seconds.unwrap_or(600)),
        XtaskCmd::Digits(_) => tasks::digits(&sh),
        XtaskCmd::Size(flags) => size::size(&sh, Profile::dist_if(!flags.release)),
        XtaskCmd::Serve(_) => tasks::serve(&sh),
    }
}

/// Says what is being done, on standard error.
fn step(text: &str) {
    eprintln!("\n==> {text}");
}
