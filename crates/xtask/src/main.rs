//! Developer commands. `cargo xtask bench` runs the main job, `cargo xtask test` all tests.

mod bench;
mod build;
mod checks;
mod conformance;
mod dist;
mod docs;
mod experiments;
mod fuzzing;
mod kit;
mod paths;
mod reliability;
mod setup;
mod site;
mod size;
mod step;
mod training;

use anyhow::Result;
use xshell::Shell;

#[allow(missing_docs, unreachable_pub, reason = "xflags generates the types")]
mod flags {
    xflags::xflags! {
        /// Developer commands of tare.
        cmd xtask {
            /// Build: install the tools that are missing, where that is possible
            cmd setup {}
            /// Build: the page with its workers, and the native binary
            cmd build {
                /// As it ships: slower to build, smaller and faster
                optional --dist
            }
            /// Build: the workers that are not up to date (trunk calls this)
            cmd workers {
                /// As they ship
                optional --dist
            }
            /// Build: the program as it ships, one file with the page inside; fails past the limit of its size
            cmd dist {}
            /// Build: the page as it ships, in a folder for any web server, with names that caches may keep
            cmd site {}
            /// Build: a folder that measures on Linux machines where nothing can be installed
            cmd kit {
                /// With Debian's Chromium and its driver
                optional --browser
                /// Also packed into parts of at most this size, like 60M
                optional --parts parts: String
                /// With the everyday build of the program: quick, large and slower
                optional --everyday
                /// Folder for the kit
                required -o, --output output: String
            }
            /// Build: everything, and serve the page on loopback until Ctrl-C
            cmd serve {}
            /// Measure: natively and in a headless browser, and write the report
            cmd bench {
                /// A plan that comes with tare, or a .toml file; quick by default
                optional --plan plan: String
                /// Folder for records and report; by default a dated one under target/bench
                optional --out out: String
            }
            /// Measure: the engines against onnxruntime, natively and in Chromium, and write the tables of docs/performance.md; an hour and more
            cmd yardstick {
                /// Only cells that match, like model=minilm
                optional --filter filter: String
                /// Name of the folder under records/, before `-yardstick`: the date and the machine
                required name: String
            }
            /// Measure: the burn executor against the code that burn-onnx generates
            cmd bench-codegen {}
            /// Measure: how many intervals of repeated runs hold the ratio of all; 40 minutes
            cmd coverage {
                /// Runs for each state of the machine, 20 by default
                optional --runs runs: usize
            }
            /// Measure: how much browsers, pages and workers that run the same cell differ; 15 minutes
            cmd freshness {
                /// Runs for each, 6 by default
                optional --runs runs: usize
            }
            /// Measure: what the page and its workers weigh as they ship, and what is in them; fails past the limits
            cmd size {
                /// As they are built every day, without limits
                optional --release
            }
            /// Check: everything, fast checks first
            cmd test {
                /// Only what needs neither an engine nor a browser: a minute or two
                optional --fast
            }
            /// Check: the ONNX backend node tests, written to crates/burn/CONFORMANCE.md; needs python3 with pip
            cmd conformance {}
            /// Check: look for inputs that crash a reader of what strangers made
            cmd fuzz {
                /// One target, like `record`; all by default
                optional --target target: String
                /// How long to look in each, 600 by default
                optional --seconds seconds: u64
                /// Keep what was found interesting for the tests
                optional --keep
            }
            /// Check: send signals to processes of runs at random moments: nothing may be lost or left behind
            cmd chaos {
                /// How many moments, 1000 by default
                optional --moments moments: u64
                /// Which moments: another number for others, 1 by default
                optional --seed seed: u64
            }
            /// Check: have one page measure again and again: memory, files and the harness's own time stay as they are
            cmd soak {
                /// How long, 60 by default
                optional --minutes minutes: u64
            }
            /// Check: licenses, sources and known vulnerabilities of all dependencies
            cmd audit {}
            /// Write: the book in docs/ as HTML, docs/results.md from committed records, and THIRD-PARTY.md
            cmd docs {
                /// Fail if anything committed is out of date, instead of writing it
                optional --check
            }
            /// Write: outputs of a built-in model by onnxruntime, to crates/models/golden; needs python3 with pip
            cmd golden {
                /// A built-in model
                required model: String
            }
            /// Write: the trained weights of the built-in network `digits`; needs python3 with pip
            cmd train-digits {}
        }
    }
}

use build::Profile;
use flags::{Xtask, XtaskCmd};

fn main() -> Result<()> {
    if std::env::args().len() < 2 {
        // The help text is what xflags returns as an error.
        let help = Xtask::from_vec(vec!["--help".into()]).map_or_else(|help| help.to_string(), |_| String::new());
        print!("{}", commands(&help));
        return Ok(());
    }
    let flags = Xtask::from_env_or_exit();
    let sh = Shell::new()?;
    sh.change_dir(paths::root());
    match flags.subcommand {
        XtaskCmd::Setup(_) => setup::Tools::prepare(&sh).map(|_| ()),
        XtaskCmd::Build(flags) => build::all(&sh, Profile::dist_if(flags.dist)).map(|_| ()),
        XtaskCmd::Workers(flags) => build::workers_hook(&sh, flags.dist),
        XtaskCmd::Dist(_) => dist::dist(&sh),
        XtaskCmd::Site(_) => site::site(&sh),
        XtaskCmd::Kit(flags) => kit::kit(
            &sh,
            &kit::Options {
                out: &std::path::absolute(&flags.output)?,
                browser: flags.browser,
                parts: flags.parts.as_deref(),
                everyday: flags.everyday,
            },
        ),
        XtaskCmd::Serve(_) => build::serve(&sh),
        XtaskCmd::Bench(flags) => bench::bench(&sh, flags.plan.as_deref().unwrap_or("quick"), flags.out.as_deref()),
        XtaskCmd::Coverage(flags) => experiments::coverage(&sh, flags.runs.unwrap_or(20)),
        XtaskCmd::Freshness(flags) => experiments::freshness(&sh, flags.runs.unwrap_or(6)),
        XtaskCmd::Yardstick(flags) => bench::yardstick(&sh, &flags.name, flags.filter.as_deref()),
        XtaskCmd::BenchCodegen(_) => bench::bench_codegen(&sh),
        XtaskCmd::Size(flags) => size::size(&sh, Profile::dist_if(!flags.release)),
        XtaskCmd::Test(flags) => checks::test(&sh, !flags.fast),
        XtaskCmd::Conformance(_) => conformance::conformance(&sh),
        XtaskCmd::Fuzz(flags) => fuzzing::fuzz(&sh, flags.target.as_deref(), flags.seconds.unwrap_or(600), flags.keep),
        XtaskCmd::Chaos(flags) => reliability::chaos(&sh, flags.moments.unwrap_or(1000), flags.seed.unwrap_or(1)),
        XtaskCmd::Soak(flags) => reliability::soak(&sh, flags.minutes.unwrap_or(60)),
        XtaskCmd::Audit(_) => checks::audit(&sh),
        XtaskCmd::Docs(flags) => docs::docs(&sh, flags.check),
        XtaskCmd::Golden(flags) => conformance::golden(&sh, &flags.model),
        XtaskCmd::TrainDigits(_) => training::train_digits(&sh),
    }
}

/// The commands in their groups, one line each, from the help text: a heading `xtask NAME`, and a description `Group: what it does`.
fn commands(help: &str) -> String {
    let lines: Vec<&str> = help.lines().map(str::trim).collect();
    let commands = lines.windows(2).filter_map(|lines| {
        let name = lines[0].strip_prefix("xtask ")?.split_whitespace().next()?;
        let (group, text) = lines[1].split_once(": ")?;
        Some((group, name, text))
    });
    let mut list = String::from("cargo xtask COMMAND; --help says more\n");
    let mut last = "";
    for (group, name, text) in commands {
        if group != last {
            list += &format!("\n{group}\n");
            last = group;
        }
        list += &format!("  {name:<14} {text}\n");
    }
    list
}
