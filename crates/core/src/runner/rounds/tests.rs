use tare_record::{
    CellRequest, ClockInfo, CpuCalibration, DType, DigestCount, Drift, EngineName, EnvironmentKind, Failure,
    FailureKind, ModelSource, OutputInfo, TensorInfo,
};

use super::*;
use crate::{failed_cell, run_durations_ns};

/// A measured round with these samples. Its output has this digest and distance from the reference.
fn round(samples_ns: &[u64], sha256: &str, max_abs: f64) -> Cell {
    let request = CellRequest::new(
        EngineName::Tract,
        EnvironmentKind::Native,
        ModelSource::BuiltIn { name: "m".into() },
        ClockInfo {
            source: String::new(),
            granularity_ns: 1,
            read_cost_ns: 1,
        },
    );
    let mut cell = failed_cell(&request, failure());
    cell.status = Status::Measured;
    cell.runs_per_sample = 2;
    cell.samples_ns = samples_ns.to_vec();
    cell.calibration = Some(CpuCalibration {
        before_ns: samples_ns[0],
        after_ns: samples_ns[0] + 1,
    });
    cell.memory.resident_peak_bytes = Some(samples_ns[0]);
    cell.verification = Some(Verification {
        reference: String::new(),
        reference_sha256: None,
        tolerance: 0.0,
        outputs: vec![OutputInfo {
            tensor: TensorInfo {
                name: "y".into(),
                dtype: DType::F32,
                shape: vec![1],
                sha256: sha256.into(),
            },
            drift: Drift {
                max_abs,
                max_scaled: max_abs,
                max_relative: max_abs,
                ulp_counts: vec![1],
                cosine: 1.0,
                same_top: true,
            },
            top: vec![0],
            sample: None,
        }],
        digests: vec![DigestCount {
            sha256: sha256.into(),
            runs: 2 * samples_ns.len() as u64,
        }],
    });
    cell
}

fn start(number: usize) -> RoundStart {
    RoundStart {
        number,
        start_ns: number as u64 * 1000,
        machine: None,
    }
}

fn failure() -> Failure {
    Failure::new(FailureKind::Run, "it broke")
}

#[test]
fn rounds_become_one_cell() {
    let mut cell = first(round(&[40, 50], "a", 1e-7), start(1));
    join(&mut cell, round(&[60], "a", 1e-7), start(2));
    join(&mut cell, round(&[20, 30, 40], "b", 1e-6), start(4));
    assert_eq!(cell.samples_ns, [40, 50, 60, 20, 30, 40]);
    assert_eq!(
        run_durations_ns(&cell),
        [vec![20.0, 25.0], vec![30.0], vec![10.0, 15.0, 20.0]]
    );
    let numbers: Vec<_> = cell.rounds.iter().map(|round| (round.number, round.start_ns)).collect();
    assert_eq!(numbers, [(1, Some(1000)), (2, Some(2000)), (4, Some(4000))]);
    assert_eq!(cell.memory.resident_peak_bytes, Some(60));
    let calibration = cell.calibration.unwrap();
    assert_eq!((calibration.before_ns, calibration.after_ns), (40, 21));
    let verification = cell.verification.unwrap();
    let runs: Vec<(&str, u64)> = verification
        .digests
        .iter()
        .map(|digest| (digest.sha256.as_str(), digest.runs))
        .collect();
    assert_eq!(runs, [("a", 6), ("b", 6)]);
    let drift = &verification.outputs[0].drift;
    assert_eq!(drift.max_abs, 1e-6, "the largest drift over all rounds");
    assert_eq!(drift.ulp_counts, [2], "equal outputs count once");
}

#[test]
fn a_round_that_fails_fails_its_cell_and_keeps_the_samples() {
    let mut cell = first(round(&[40, 50], "a", 0.0), start(1));
    let mut broken = round(&[60], "a", 0.0);
    broken.status = Status::Failed(failure());
    join(&mut cell, broken, start(2));
    assert_eq!(cell.samples_ns.len(), 3);
    match &cell.status {
        Status::Failed(failure) => assert_eq!(failure.message, "in round 2: it broke"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_record_of_a_single_round_need_not_list_it() {
    let mut cell = round(&[40, 50], "a", 0.0);
    assert_eq!(run_durations_ns(&cell), [vec![20.0, 25.0]]);
    cell.samples_ns.clear();
    assert!(run_durations_ns(&cell).is_empty());
}

#[test]
fn a_round_gets_its_share_of_the_rules() {
    let rules = Rules {
        rounds: 4,
        min_time_ms: 2_000,
        min_samples: 10,
        precision_percent: 2,
        max_time_ms: 20_000,
        max_samples: 1_000,
        min_warmup_ms: 300,
        ..Rules::default()
    };
    let one = rules_of_one(&rules);
    assert_eq!((one.min_time_ms, one.max_time_ms), (500, 5_000));
    assert_eq!((one.min_samples, one.max_samples), (3, 250));
    assert_eq!(
        one.precision_percent, 4,
        "the error of four rounds together is half as large"
    );
    assert_eq!(one.min_warmup_ms, 300, "every process warms up");
}
