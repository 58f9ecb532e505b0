#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::cell::RefCell;
use std::rc::Rc;

use async_trait::async_trait;
use tare_record::{
    BuildInfo, CellPlan, ClockInfo, CpuCalibration, EngineName, FailureKind, Machine, Phase, PhaseName, Plan, Record,
    RequestKind, Rules, Variant, WarningKind,
};

use super::super::requests::requests;
use super::super::task::not_measured;
use super::*;
use crate::{Attachments, Executor, NamedTensor, OnProgress, Reply, Tensor, TensorData};

mod fake;
mod in_turn;

use fake::{CountingObserver, FakeExecutor, State};

/// Runs a plan with two engines for each model, in one round.
fn run(models: &[&str], seed: u64, speeds: &[(u64, u64)], cancel_after: usize) -> (Record, FakeExecutor) {
    let rules = Rules {
        rounds: 1,
        ..Rules::default()
    };
    run_by(rules, models, seed, speeds, cancel_after, 1)
}

fn run_by(
    rules: Rules,
    models: &[&str],
    seed: u64,
    speeds: &[(u64, u64)],
    cancel_after: usize,
    round_ns: u64,
) -> (Record, FakeExecutor) {
    let state = State {
        speeds: speeds.to_vec(),
        round_ns,
        cancel_after,
        lost_rounds: vec![],
        carried_out: vec![],
    };
    let record = record(rules, models, seed);
    let (mut records, executor) = run_lanes(vec![(EnvironmentKind::Native, record)], state);
    (records.remove(0), executor)
}

/// A record that nothing was measured for yet, of a plan with two engines for each model.
fn record(rules: Rules, models: &[&str], seed: u64) -> Record {
    let cells = models.iter().map(|model| CellPlan {
        engines: vec![EngineName::Tract, EngineName::BurnFlex],
        ..CellPlan::new(*model)
    });
    let build = BuildInfo {
        version: String::new(),
        git_revision: None,
        build_profile: String::new(),
        target: String::new(),
        target_features: vec![],
    };
    let machine = Machine {
        kind: EnvironmentKind::Native,
        os: String::new(),
        logical_cores: 1,
        native: None,
        browser: None,
        node: None,
    };
    let clock = ClockInfo {
        source: String::new(),
        granularity_ns: 1,
        read_cost_ns: 1,
    };
    let plan = Plan {
        seed,
        rules,
        ..Plan::new("", cells.collect())
    };
    Record::new(build, String::new(), String::new(), machine, clock, plan)
}

/// Runs the plan of the records in an environment each.
fn run_lanes(records: Vec<(EnvironmentKind, Record)>, state: State) -> (Vec<Record>, FakeExecutor) {
    let state = Rc::new(RefCell::new(state));
    let executor = |environment| FakeExecutor {
        environment,
        state: state.clone(),
    };
    let lane = |(environment, record)| Lane {
        name: EnvironmentKind::to_string(&environment),
        record,
        executor: Box::new(executor(environment)),
    };
    let mut lanes: Vec<Lane<'_>> = records.into_iter().map(lane).collect();
    let mut observer = CountingObserver::default();
    let clock = crate::Untimed;
    let run = async {
        let record = &lanes[0].record;
        let mut native = executor(EnvironmentKind::Native);
        let references = References::compute(&record.plan, &record.clock, None, &mut native, &mut observer).await;
        run_plan(&mut lanes, &references, &clock, &mut observer).await;
    };
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(
        Box::pin(run).as_mut().poll(&mut context).is_ready(),
        "the run never waits"
    );
    let cells: usize = lanes.iter().map(|lane| lane.record.cells.len()).sum();
    assert_eq!(observer.ended, cells, "every cell ends exactly once");
    let percents: Vec<u8> = observer
        .started
        .iter()
        .map(|progress| progress.percent_of_plan(0))
        .collect();
    assert!(
        percents.is_sorted() && percents.last().is_none_or(|last| *last < 100),
        "{percents:?}"
    );
    let records = lanes.into_iter().map(|lane| lane.record).collect();
    (records, executor(EnvironmentKind::Native))
}

const STEADY: [(u64, u64); 1] = [(100, 101)];

#[test]
fn cells_are_measured_in_a_seeded_order_and_recorded_in_the_order_of_the_plan() {
    let models = ["a", "b", "c", "d"];
    let order = |seed| run(&models, seed, &STEADY, usize::MAX).1.carried_out();
    assert_eq!(order(1), order(1));
    assert_ne!(order(1), order(2));
    let (record, executor) = run(&models, 1, &STEADY, usize::MAX);
    let found: Vec<String> = record
        .cells
        .iter()
        .map(|cell| format!("{} {}", cell.model.name, cell.engine.name))
        .collect();
    let expected: Vec<String> = models
        .iter()
        .flat_map(|model| ["tract", "burn-flex"].map(|engine| format!("{model} {engine}")))
        .collect();
    assert_eq!(found, expected);
    assert!(record.complete);
    assert_eq!(executor.carried_out().len(), 4 + 8, "one reference per model");
}

#[test]
fn a_cell_is_measured_once_more_if_the_machine_changed() {
    for (speeds, measured, flagged) in [
        (vec![(100, 105), (100, 100)], 2, 0),
        (vec![(100, 150), (100, 100)], 3, 0),
        (vec![(100, 150), (100, 120), (100, 100)], 3, 1),
        (vec![(0, 0)], 2, 0),
    ] {
        let (record, executor) = run(&["a"], 1, &speeds, usize::MAX);
        assert_eq!(executor.measured(), measured, "{speeds:?}");
        let warnings: Vec<&Warning> = record.cells.iter().flat_map(|cell| &cell.warnings).collect();
        assert_eq!(warnings.len(), flagged, "{speeds:?}");
        for warning in warnings {
            assert_eq!(warning.kind, WarningKind::ChangedSpeed);
            assert!(
                warning.message.contains("20 % slower"),
                "the steadier one is kept: {}",
                warning.message
            );
        }
    }
}

#[test]
fn cancelling_keeps_what_was_measured() {
    let (record, executor) = run(&["a", "b"], 1, &STEADY, 1);
    assert!(!record.complete);
    let count = |status: &Status| record.cells.iter().filter(|cell| cell.status == *status).count();
    assert_eq!((count(&Status::Measured), count(&Status::Cancelled)), (1, 3));
    assert_eq!(executor.measured(), 1);
}

#[test]
fn a_missing_model_fails_only_its_own_cells() {
    let (record, _) = run(&["absent", "a"], 1, &STEADY, usize::MAX);
    let statuses: Vec<bool> = record
        .cells
        .iter()
        .map(|cell| cell.status == Status::Measured)
        .collect();
    assert_eq!(statuses, [false, false, true, true]);
}

#[test]
fn all_cells_are_measured_in_every_round() {
    let (record, executor) = run_by(Rules::default(), &["a", "b"], 1, &STEADY, usize::MAX, 1);
    assert_eq!(executor.measured(), 4 * 5);
    let carried_out = executor.carried_out();
    let measured: Vec<&String> = carried_out
        .iter()
        .filter(|(_, stage)| *stage == RequestKind::Measure)
        .map(|(name, _)| name)
        .collect();
    let rounds: Vec<&[&String]> = measured.chunks(4).collect();
    for round in &rounds {
        let different: std::collections::BTreeSet<&&String> = round.iter().collect();
        assert_eq!(different.len(), 4, "{round:?}");
    }
    assert!(
        rounds.iter().any(|round| *round != rounds[0]),
        "each round has another order"
    );
    for cell in &record.cells {
        assert_eq!(cell.rounds.len(), 5);
        assert_eq!(cell.samples_ns.len(), 5);
        assert!(cell.samples_ns.is_sorted(), "in the order of measurement");
        assert_eq!(cell.runs_per_sample, 3, "the first round decides");
        assert!(cell.warnings.is_empty());
    }
}

#[test]
fn a_round_that_would_exceed_the_limit_is_skipped() {
    for (cell_limit_s, rounds_limit_s, round_s, rounds) in [
        (10, None, 2, 5),
        (10, None, 3, 3),
        (10, None, 6, 1),
        (100, Some(10), 3, 3),
        (100, Some(10), 60, 1),
    ] {
        let rules = Rules {
            cell_limit_s,
            rounds_limit_s,
            ..Rules::default()
        };
        let (record, _) = run_by(rules, &["a"], 1, &STEADY, usize::MAX, round_s * 1_000_000_000);
        assert!(record.complete);
        for cell in &record.cells {
            assert_eq!(cell.rounds.len(), rounds);
            let warned = cell
                .warnings
                .iter()
                .any(|warning| warning.kind == WarningKind::FewRounds);
            assert_eq!(warned, rounds < 5);
        }
    }
}

#[test]
fn cancelling_keeps_the_rounds_that_were_measured() {
    let (record, executor) = run_by(Rules::default(), &["a"], 1, &STEADY, 3, 1);
    assert!(!record.complete);
    assert_eq!(executor.measured(), 3);
    let mut counts: Vec<usize> = record.cells.iter().map(|cell| cell.samples_ns.len()).collect();
    counts.sort_unstable();
    assert_eq!(counts, [1, 2]);
    for cell in &record.cells {
        assert!(cell.warnings.iter().any(|warning| warning.message.contains("canceled")));
    }
}

#[test]
fn each_environment_measures_the_variants_that_it_supports() {
    use EnvironmentKind::{Browser, Native, Node};
    let (record, _) = run(&["a"], 1, &STEADY, usize::MAX);
    let cell_plan = CellPlan {
        threads: vec![4, 2],
        vector_limits: vec!["fma".into(), "sse2".into()],
        relaxed_simd: true,
        wgsl: true,
        ..record.plan.cells[0].clone()
    };
    for (environment, expected) in [
        (
            Native,
            "tract 4 all, tract 2 all, tract 2 fma, tract 2 sse2, burn-flex 4 all, burn-flex 2 all, burn-wgpu 1 all, burn-wgpu 1 wgsl",
        ),
        (Node, "tract 1 all, burn-flex 1 all, burn-wgpu 1 all"),
        (
            Browser,
            "tract 4 all, tract 2 all, tract 1 relaxed, burn-flex 4 all, burn-flex 2 all, burn-wgpu 1 all",
        ),
    ] {
        let requests = requests(
            &record.plan,
            &record.clock,
            &cell_plan,
            &[EngineName::Tract, EngineName::BurnFlex, EngineName::BurnWgpu],
            environment,
        );
        let found: Vec<String> = requests
            .iter()
            .map(|request| {
                let variant = match &request.variant {
                    Variant::Default => "all",
                    Variant::VectorLimit(limit) => limit,
                    Variant::RelaxedSimd => "relaxed",
                    Variant::Wgsl => "wgsl",
                };
                format!("{} {} {variant}", request.engine, request.threads)
            })
            .collect();
        assert_eq!(found.join(", "), expected, "{environment}");
    }
}

#[test]
fn burn_flex_computes_the_reference_if_tract_cannot() {
    let models = ["good", "bad for tract", "bad for both", "no model"];
    let (record, executor) = run(&models, 1, &STEADY, usize::MAX);
    let carried_out = executor.carried_out();
    let references = |model: &str| -> Vec<&str> {
        let requests = carried_out.iter().filter(|(_, stage)| *stage == RequestKind::Reference);
        let engines = requests.filter_map(|(name, _)| name.strip_prefix(model)?.strip_prefix(" on "));
        engines.collect()
    };
    for (model, engines, measured, said) in [
        ("good", vec!["tract"], true, ""),
        (
            "bad for tract",
            vec!["tract", "burn-flex"],
            true,
            "burn-flex computed the reference because tract could not (Unsupported)",
        ),
        (
            "bad for both",
            vec!["tract", "burn-flex"],
            false,
            "tract: Unsupported; burn-flex: Unsupported",
        ),
        // Wrong for every engine.
        ("no model", vec!["tract"], false, "Model"),
    ] {
        assert_eq!(references(model), engines, "{model}");
        for cell in record.cells.iter().filter(|cell| cell.model.name == model) {
            assert_eq!(cell.status == Status::Measured, measured, "{model}");
            let text = match &cell.status {
                Status::Failed(failure) => failure.message.clone(),
                _ => cell.warnings.iter().map(|warning| warning.message.clone()).collect(),
            };
            assert!(
                text.contains(said) && (said.is_empty() == text.is_empty()),
                "{model}: {text}"
            );
        }
    }
}
