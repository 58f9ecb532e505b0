use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::{CommandFactory, Parser, Subcommand};
use clap_complete::Shell;

use crate::commands::args::ServeArgs;
use crate::commands::bench::{self, Kind};
use crate::{browser, commands, executor};

/// What does the browser cost neural-network inference? Runs the same ONNX model, inputs and
/// engines natively and in a browser, verifies both, and explains the difference.
#[derive(Debug, Parser)]
#[command(
    version,
    max_term_width = 100,
    after_help = "Examples:
  tare bench --model tiny                       natively and in a browser, in turn, with a report
  tare ladder --model resnet50                  why the browser takes longer, step by step
  tare bench --model net.onnx --shape input=1,3,224,224 --in native,node,chromium,firefox

Exit codes: 0 if every requested cell was measured and verified, 1 if one was not, 2 for wrong usage."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Measure natively and in browsers, in turn, and compare
    #[command(after_help = "Examples:
  tare bench                                    the quick plan, natively and in the first browser found
  tare bench --model net.onnx --shape input=1,3,224,224 --in native,node,chromium,firefox
  tare bench --webdriver http://hub:4444 --browsers chrome,firefox:128 --listen 192.168.0.10
  tare bench --invite --listen 192.168.0.10     with a phone, which opens the link
  tare bench --resume tare-bench-20261126T120000Z")]
    Bench(commands::bench::Args),
    /// Measure natively
    #[command(after_help = "Examples:
  tare run                                      the quick plan
  tare run --model resnet50 --engine tract --threads 4
  tare run --model net.onnx --shape input=1,3,224,224 --input input=image.npy --save-tensors tensors")]
    Run(commands::run::Args),
    /// Measure in a real browser
    #[command(after_help = "Examples:
  tare browser --model tiny --engine tract
  tare browser --browser firefox --headed
  tare browser --webdriver http://127.0.0.1:9515")]
    Browser(commands::run::BrowserCommand),
    /// Measure in Node: the wasm modules of the page in V8 without a browser
    #[command(after_help = "Examples:
  tare node --model tiny --engine tract
  tare report native.json node.json browser.json -o report.html")]
    Node(commands::run::NodeCommand),
    /// Explain the gap between native and browser: `tare bench --rungs`, with Node
    #[command(after_help = "Examples:
  tare ladder                                   ResNet-50 and MiniLM on every engine that works here
  tare ladder --model resnet50 --engine tract -o ladder
  tare ladder --model net.onnx --shape input=1,3,224,224")]
    Ladder(commands::bench::Args),
    /// Serve the page on loopback, to open by hand
    Serve(ServeArgs),
    /// Serve a model on loopback, over gRPC and HTTP
    #[command(after_help = "Examples:
  tare serve-model --model minilm --threads 4
  tare serve-model --model net.onnx --shape input=1,3,224,224 --batching \"8 within 5 ms\" --port 8001")]
    ServeModel(commands::serve_model::Args),
    /// Compare records
    #[command(after_help = "Examples:
  tare report native.json browser.json -o report.html
  tare report native.json browser.json --format md")]
    Report(commands::report::Args),
    /// Check that records are whole and do not contradict themselves, or whether they are slower than earlier ones
    #[command(after_help = "Examples:
  tare check native.json browser.json
  tare check new.json --baseline old.json
  tare check new.json --baseline runs/ --tolerance 2 --format md")]
    Check(commands::check::Args),
    /// List or export the built-in models
    Models {
        #[command(subcommand)]
        command: ModelsCommand,
    },
    /// List the built-in plans, or print one to start from
    Plans {
        #[command(subcommand)]
        command: Option<PlansCommand>,
    },
    /// Find the first operator whose result differs from tract's
    #[command(after_help = "Examples:
  tare diverge --model resnet50 --engine burn-flex
  tare diverge --model net.onnx --shape input=1,3,224,224 --in native,chromium --engine burn-wgpu")]
    Diverge(commands::diverge::Args),
    /// Show the time of a run by operator: `tare bench --profile`, natively if nothing else is asked for
    #[command(after_help = "Examples:
  tare profile --model resnet50 --engine burn-flex
  tare profile --model minilm --in native,chromium
  tare report tare-profile-20261126T120000Z/native.json --format trace -o trace.json")]
    Profile(commands::bench::Args),
    /// Show this machine's hardware, browsers and clock
    Doctor,
    /// Check statistics, clock and measurements against known truths on this machine
    #[command(after_help = "Examples:
  tare selftest
  tare selftest --pairs 200
  tare selftest browser --not-isolated")]
    Selftest(commands::selftest::Args),
    /// Print what a shell needs to complete this command line
    #[command(after_help = "Examples:
  tare completions bash > ~/.local/share/bash-completion/completions/tare
  tare completions zsh > \"${fpath[1]}/_tare\"")]
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Write the manual, a page for each command
    #[command(after_help = "Examples:
  tare manual ~/.local/share/man/man1 && man tare-bench")]
    Manual {
        /// Where to write it
        folder: PathBuf,
    },
    /// Measure one cell, as the child process of `tare run`
    #[command(hide = true)]
    Child {
        /// Folder with the request.
        folder: PathBuf,
    },
    /// Run a program, and end all that it started when this one's input ends
    #[command(hide = true)]
    Guard {
        /// Folder for temporary files, which is deleted in the end.
        folder: PathBuf,
        /// The program.
        program: PathBuf,
        /// Its arguments.
        #[arg(last = true)]
        arguments: Vec<String>,
    },
}

#[derive(Debug, Subcommand)]
enum PlansCommand {
    /// List the plans with their cells and the time that they take here
    List,
    /// Print a plan as TOML
    Show {
        /// Name of the plan
        name: String,
    },
}

#[derive(Debug, Subcommand)]
enum ModelsCommand {
    /// List the models with their sizes
    List,
    /// Write a model as an ONNX file
    Export {
        /// Name of the model
        name: String,
        /// Where to write it
        #[arg(short, long)]
        output: PathBuf,
    },
}

/// Whether to color messages: only on a terminal, and not if `NO_COLOR` is set (no-color.org).
pub(crate) fn color() -> bool {
    std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Reads the arguments that started a run which is resumed.
fn started(arguments: Vec<String>) -> Result<(Kind, bench::Args)> {
    let arguments = std::iter::once("tare".to_owned()).chain(arguments);
    match Cli::try_parse_from(arguments)?.command {
        Command::Bench(args) => Ok((Kind::Bench, args)),
        Command::Ladder(args) => Ok((Kind::Ladder, args)),
        Command::Profile(args) => Ok((Kind::Profile, args)),
        _ => bail!("it was not started by `tare bench`, `tare ladder` or `tare profile`"),
    }
}

fn completions(shell: Shell) -> Result<bool> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "tare", &mut script);
    std::io::stdout()
        .write_all(&script)
        .context("cannot print the completions")?;
    Ok(true)
}

fn manual(folder: &Path) -> Result<bool> {
    std::fs::create_dir_all(folder)
        .and_then(|()| clap_mangen::generate_to(Cli::command(), folder))
        .with_context(|| format!("cannot write the manual into {}", folder.display()))?;
    eprintln!("manual: {}", folder.join("tare.1").display());
    Ok(true)
}

/// Runs the command line. Returns `Ok(false)` if something requested was not measured.
pub(crate) fn run() -> Result<bool> {
    match Cli::parse().command {
        Command::Bench(args) => bench::run(Kind::Bench, &args, started),
        Command::Run(args) => commands::run::natively(&args),
        Command::Browser(args) => commands::run::in_browser(&args),
        Command::Node(args) => commands::run::in_node(&args),
        Command::Ladder(args) => bench::run(Kind::Ladder, &args, started),
        Command::Serve(args) => browser::serve(&args).map(|()| true),
        Command::ServeModel(args) => commands::serve_model::run(&args),
        Command::Report(args) => commands::report::run(&args),
        Command::Check(args) => commands::check::run(&args),
        Command::Models {
            command: ModelsCommand::List,
        } => commands::models::list(),
        Command::Models {
            command: ModelsCommand::Export { name, output },
        } => commands::models::export(&name, &output),
        Command::Plans {
            command: None | Some(PlansCommand::List),
        } => commands::plans::list(),
        Command::Plans {
            command: Some(PlansCommand::Show { name }),
        } => commands::plans::show(&name),
        Command::Diverge(args) => commands::diverge::run(&args),
        Command::Profile(args) => bench::run(Kind::Profile, &args, started),
        Command::Doctor => commands::doctor::run(),
        Command::Selftest(args) => commands::selftest::run(&args),
        Command::Completions { shell } => completions(shell),
        Command::Manual { folder } => manual(&folder),
        Command::Child { folder } => executor::child::run(&folder),
        Command::Guard {
            folder,
            program,
            arguments,
        } => browser::guard::run(folder, &program, &arguments),
    }
}
