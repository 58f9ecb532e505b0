//! How much two browser processes, page loads or workers that run the same cell differ.

use anyhow::Result;
use tare_core::numbered_run_durations_ns;
use tare_core::stats::median;
use tare_record::Record;
use xshell::Shell;

use super::repeated::{bench, folder};
use crate::step::step;

const MODELS: [&str; 2] = ["tiny", "minilm"];

/// Rounds of each run.
const ROUNDS: usize = 6;

/// Measures runs of six rounds each, in which each round has a new worker, page or browser, and
/// prints how much rounds scatter within runs, and runs among themselves. What is compared are ratios
/// to native rounds that were measured next to them, so that the machine's drift does not count.
pub(crate) fn freshness(sh: &Shell, runs: usize) -> Result<()> {
    let all = folder(sh, "freshness")?;
    println!(
        "| model | new in each round | rounds of a run scatter by | runs scatter by | as much as their rounds would make them |\n|---|---|---|---|---|"
    );
    for model in MODELS {
        for fresh in ["worker", "page", "browser"] {
            step(&format!("{runs} runs of {model}, a new {fresh} for each round"));
            let mut ratios = Vec::new();
            for run in 0..runs {
                let out = all.join(format!("{model}-{fresh}-{run}"));
                let rounds = ROUNDS.to_string();
                let options = [
                    "--model",
                    model,
                    "--engine",
                    "tract",
                    "--in",
                    "native,browser",
                    "--plan",
                    "pairs",
                ];
                let options = [&options[..], &["--fresh", fresh, "--rounds", &rounds]].concat();
                ratios.push(logarithms(&bench(sh, &out, &options)?));
            }
            let within = mean(ratios.iter().map(|run| variance(run)));
            let means: Vec<f64> = ratios.iter().map(|run| mean(run.iter().copied())).collect();
            let expected = within / ROUNDS as f64;
            println!(
                "| `{model}` | {fresh} | {:.1} % | {:.1} % | {:.1} % |",
                100.0 * within.sqrt(),
                100.0 * variance(&means).sqrt(),
                100.0 * expected.sqrt()
            );
        }
    }
    Ok(())
}

/// Logarithms of the ratios of the rounds of both records, by the number of the round.
fn logarithms(records: &[Record]) -> Vec<f64> {
    let [native, browser] = [&records[0], &records[1]].map(|record| numbered_run_durations_ns(&record.cells[0]));
    let pairs = native.iter().filter_map(|(number, below)| {
        let (_, above) = browser.iter().find(|(other, _)| other == number)?;
        Some((median(above)? / median(below)?).ln())
    });
    pairs.collect()
}

fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = values.len() as f64;
    values.sum::<f64>() / count
}

fn variance(values: &[f64]) -> f64 {
    let mean = mean(values.iter().copied());
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    squares / (values.len() as f64 - 1.0)
}
