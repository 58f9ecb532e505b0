//! How much faster the GPU is than the CPU.

use tare_core::stats::Estimate;
use tare_record::{DeviceKind, Question};

use crate::finding::{Answer, Figure, Finding, Quantity};
use crate::format;
use crate::labels;
use crate::measured::{Measured, groups, inverse, sampled};

/// The percentile that the tail is judged by.
const TAIL: f64 = 0.99;

pub(crate) fn findings(cells: &[Measured<'_>]) -> Vec<Finding> {
    let usable = sampled(cells, Question::Speedup);
    let groups = groups(usable, |cell| {
        (
            cell.place,
            cell.model().to_owned(),
            cell.cell.load.batch,
            cell.cell.options.clone(),
        )
    });
    let found: Vec<Finding> = groups.iter().flat_map(|group| of_workload(group)).collect();
    found.into_iter().chain(without_gpu(cells)).collect()
}

/// For each record that asks although nothing ran on a GPU, why there is no answer.
fn without_gpu(cells: &[Measured<'_>]) -> Vec<Finding> {
    let asking = groups(cells.iter().filter(|cell| cell.asks(Question::Speedup)), |cell| {
        cell.place
    });
    let is_gpu = |cell: &&Measured<'_>| cell.engine().is_on_gpu();
    let without = asking.into_iter().filter(|group| !group.iter().any(is_gpu));
    without
        .map(|group| Finding {
            question: Question::Speedup,
            answer: Answer::CannotTell(format!(
                "{}: the GPU cannot be compared with the CPU, because no engine on a GPU was measured.",
                group[0].where_it_ran()
            )),
            figures: vec![],
            assumptions: vec![],
        })
        .collect()
}

fn of_workload(group: &[&Measured<'_>]) -> Vec<Finding> {
    let on = |device: DeviceKind| group.iter().filter(move |cell| cell.engine().spec().device == device);
    let median = |cell: &Measured<'_>| cell.median().map_or(f64::INFINITY, |median| median.value);
    let fastest = on(DeviceKind::Cpu).min_by(|a, b| median(a).total_cmp(&median(b)));
    let Some(cpu) = fastest else { return vec![] };
    on(DeviceKind::Gpu).filter_map(|gpu| finding(cpu, gpu)).collect()
}

fn finding(cpu: &Measured<'_>, gpu: &Measured<'_>) -> Option<Finding> {
    let speedup = inverse(&gpu.ratio(cpu)?, 1.0);
    let (cpu_median, gpu_median) = (cpu.median()?, gpu.median()?);
    let mut figures = vec![
        Figure::new(
            format!("run on {}", cpu.engine_in_words()),
            Quantity::Duration(cpu_median),
        ),
        Figure::new(
            format!("run on {}", gpu.engine_in_words()),
            Quantity::Duration(gpu_median),
        ),
        Figure::new("GPU as fast as the CPU, at the median", Quantity::Ratio(speedup)),
    ];
    let tails = cpu.percentile(TAIL).zip(gpu.percentile(TAIL));
    let tail = tails.map(|(cpu, gpu)| Estimate {
        value: cpu.value / gpu.value,
        low: cpu.low / gpu.high,
        high: cpu.high / gpu.low,
    });
    figures.extend(tail.map(|tail| Figure::new("GPU as fast as the CPU, at p99", Quantity::Ratio(tail))));
    let subject = format!("{}, {}", gpu.where_it_ran(), labels::workload(gpu.cell));
    let answer = match &gpu.cell.adapter {
        Some(adapter) if adapter.software => Answer::CannotTell(format!(
            "{subject}: no GPU was measured, because {} computes on the CPU. It takes {} the time of {}.",
            adapter.name,
            format::ratio(1.0 / speedup.value),
            cpu.engine_in_words()
        )),
        _ => {
            let tail = tail.map_or_else(
                || "p99 needs 500 runs on each side".into(),
                |tail| format!("{} at p99", Quantity::Ratio(tail)),
            );
            Answer::Told(format!(
                "{subject} is {} as fast on the GPU as on the CPU at the median: {} on {} instead of {} on {}; {tail}.",
                Quantity::Ratio(speedup),
                format::duration(gpu_median.value),
                gpu.engine_in_words(),
                format::duration(cpu_median.value),
                cpu.engine_in_words()
            ))
        }
    };
    Some(Finding {
        question: Question::Speedup,
        answer,
        figures,
        assumptions: vec![],
    })
}

#[cfg(test)]
mod tests {
    use tare_record::{EngineName, Question};

    use crate::simulated::{Simulated, answers};

    fn pair(software: bool, samples: usize) -> [Simulated; 3] {
        let cpu = |engine, run_ms| Simulated {
            engine,
            run_ms,
            samples,
            ..Simulated::default()
        };
        let gpu = Simulated {
            software,
            ..cpu(EngineName::BurnWgpu, 164.0)
        };
        [cpu(EngineName::BurnFlex, 2_000.0), cpu(EngineName::Tract, 1_454.0), gpu]
    }

    #[test]
    fn the_fastest_engine_on_the_cpu_is_the_yardstick() {
        let found = answers(Question::Speedup, &pair(false, 20));
        assert!(found[0].contains("8.8"), "{found:?}");
        assert!(
            found[0].contains("164 ms on burn-wgpu on a GPU instead of 1.45 s on tract"),
            "{found:?}"
        );
        assert!(found[0].contains("p99 needs 500 runs"), "{found:?}");
        let found = answers(Question::Speedup, &pair(false, 200));
        assert!(found[0].contains("at p99."), "{found:?}");
    }

    #[test]
    fn nothing_is_said_about_a_gpu_that_is_none() {
        let found = answers(Question::Speedup, &pair(true, 20));
        assert!(found[0].contains("no GPU was measured"), "{found:?}");
        let found = answers(Question::Speedup, &pair(false, 20)[..2]);
        assert!(
            found.len() == 1 && found[0].contains("no engine on a GPU was measured"),
            "{found:?}"
        );
    }
}
