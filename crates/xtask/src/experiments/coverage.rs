//! How many intervals of a ratio hold the ratio of all runs together, on real cells.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tare_core::Random;
use tare_record::Record;
use tare_report::compare;
use xshell::Shell;

use super::repeated::{bench, folder};
use crate::step::step;

const MODELS: [&str; 2] = ["tiny", "minilm"];

/// Repeats one comparison `runs` times, on the machine as it is and with a program that loads one
/// core now and then, and prints how many intervals hold the ratio of all runs.
pub(crate) fn coverage(sh: &Shell, runs: usize) -> Result<()> {
    let all = folder(sh, "coverage")?;
    println!(
        "| machine | model | ratio of all runs | paired: hold it, width | taken as apart |\n|---|---|---|---|---|"
    );
    for (name, is_loaded) in [("as it is", false), ("one core loaded now and then", true)] {
        step(&format!("{runs} runs, {name}"));
        let load = is_loaded.then(Load::start);
        let mut records = Vec::new();
        for run in 0..runs {
            let out = all.join(format!("{}-{run}", if is_loaded { "loaded" } else { "plain" }));
            let models = MODELS.iter().flat_map(|model| ["--model", model]);
            let options = ["--engine", "tract", "--in", "native,browser", "--plan", "pairs"];
            let options: Vec<&str> = models.chain(options).collect();
            records.push(bench(sh, &out, &options)?);
            eprintln!("run {} of {runs}", run + 1);
        }
        drop(load);
        for model in MODELS {
            print_row(name, model, &records)?;
        }
    }
    Ok(())
}

/// A ratio with its interval.
type Interval = [f64; 3];

fn print_row(machine: &str, model: &str, runs: &[Vec<Record>]) -> Result<()> {
    let paired: Vec<Interval> = runs
        .iter()
        .map(|records| interval(records, model))
        .collect::<Result<_>>()?;
    let apart = runs.iter().map(|records| {
        let mut records = records.clone();
        // As if they were records of different runs.
        for record in &mut records {
            record.run = None;
        }
        interval(&records, model)
    });
    let apart: Vec<Interval> = apart.collect::<Result<_>>()?;
    let mean = paired.iter().map(|[value, ..]| value.ln()).sum::<f64>() / paired.len() as f64;
    let truth = mean.exp();
    let summary = |intervals: &[Interval]| {
        let holding = intervals
            .iter()
            .filter(|[_, low, high]| *low <= truth && truth <= *high)
            .count();
        let width = intervals.iter().map(|[_, low, high]| (high / low).ln()).sum::<f64>() / intervals.len() as f64;
        format!("{holding} of {}, {:.1} %", intervals.len(), 100.0 * width)
    };
    println!(
        "| {machine} | `{model}` | {truth:.3}x | {} | {} |",
        summary(&paired),
        summary(&apart)
    );
    Ok(())
}

fn interval(records: &[Record], model: &str) -> Result<Interval> {
    let comparison = compare(records);
    let pair = comparison.pairs.iter().find(|pair| pair.other.model.name == model);
    let ratio = pair
        .with_context(|| format!("{model} was not compared: {:?}", comparison.refusals))?
        .ratio;
    Ok([ratio.value, ratio.low, ratio.high])
}

/// Loads one core for one to six seconds, then rests as long, again and again.
struct Load(Arc<AtomicBool>);

impl Load {
    fn start() -> Self {
        let ends = Arc::new(AtomicBool::new(false));
        let flag = ends.clone();
        std::thread::spawn(move || {
            let mut random = Random::new(1, "load");
            let mut seconds = || Duration::from_millis(1000 + random.below(5000));
            while !flag.load(Ordering::Relaxed) {
                let until = Instant::now() + seconds();
                while Instant::now() < until {
                    std::hint::spin_loop();
                }
                std::thread::sleep(seconds());
            }
        });
        Self(ends)
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
