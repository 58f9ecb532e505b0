//! Ladders of records whose cells are known.

#![allow(clippy::unwrap_used, reason = "a test that unwraps has its proof in passing")]

use std::collections::BTreeMap;

use tare_record::{Adapter, EnvironmentKind, NodeInfo, Record, Round, Status};
use tare_report::{StepKind, compare, html, ladders, markdown, terminal};

/// Where a rung is: environment, threads, vector level, whether it was limited to that; length of a run in microseconds.
type Place = (EnvironmentKind, usize, &'static str, bool, u64);

use EnvironmentKind::{Browser, Native, Node};

const WHOLE: [Place; 6] = [
    (Native, 4, "avx512", false, 1_000),
    (Native, 1, "avx512", false, 3_000),
    (Native, 1, "fma", true, 4_500),
    (Native, 1, "sse2", true, 9_000),
    (Node, 1, "simd", false, 9_900),
    (Browser, 1, "simd", false, 9_800),
];

const RELAXED: Place = (Browser, 1, "relaxed", false, 8_000);
const THREADS: Place = (Browser, 4, "relaxed", false, 2_500);

/// One record for each environment, with `rounds` rounds a cell, all of one workload.
fn records(places: &[Place], rounds: usize) -> Vec<Record> {
    let mut golden = Record::from_json(include_str!("../../record/tests/golden.json")).unwrap();
    golden.cells.retain(|cell| cell.status == Status::Measured);
    let cell = golden.cells.remove(0);
    let mut records: Vec<Record> = Vec::new();
    for &(environment, threads, level, limited, us) in places {
        let mut cell = cell.clone();
        cell.configuration.environment = environment;
        cell.configuration.threads = threads;
        cell.configuration.vector_level = level.into();
        cell.configuration.vector_limit = limited.then(|| level.into());
        cell.runs_per_sample = 1;
        cell.samples_ns = (0..rounds as u64)
            .flat_map(|round| (0..12).map(move |sample| us * 1_000 + round * us + sample * 100))
            .collect();
        let round = Round {
            number: 0,
            start_ns: None,
            samples: 12,
            phases: cell.phases.clone(),
            calibration: None,
            machine: None,
            browser: None,
        };
        cell.rounds = vec![round; rounds];
        match records.iter_mut().find(|record| record.machine.kind == environment) {
            Some(record) => record.cells.push(cell),
            None => {
                let mut record = golden.clone();
                record.machine.kind = environment;
                record.machine.node = (environment == Node).then(|| NodeInfo {
                    version: "20.1.0".into(),
                    v8: "11.3".into(),
                });
                record.cells = vec![cell];
                records.push(record);
            }
        }
    }
    records
}

#[test]
fn the_product_of_the_steps_is_the_whole_gap() {
    for rounds in [1, 5] {
        let records = records(&WHOLE, rounds);
        let found = ladders(&records);
        let [ladder] = found.as_slice() else {
            panic!("{found:?}")
        };
        let product: f64 = ladder.steps.iter().map(|step| step.ratio.value).product();
        assert!((product / ladder.whole.value - 1.0).abs() < 1e-9, "{product}");
        assert!((ladder.whole.value - 9.8).abs() < 0.01, "{:?}", ladder.whole);
        for step in &ladder.steps {
            assert!(step.ratio.low <= step.ratio.value && step.ratio.value <= step.ratio.high);
        }
        let product: f64 = ladder.shares.iter().map(|(_, ratio)| ratio.value).product();
        assert!((product / ladder.whole.value - 1.0).abs() < 1e-9, "{product}");
        let sentence = ladder.sentence();
        assert!(
            sentence.ends_with(
                "browser (1 thread, simd) takes 9.80x the time of native (4 threads, avx512): 3.00x from fewer threads \
                 \u{d7} 3.00x from narrower vectors and the kernels for them \u{d7} 1.09x from wasm, its kernels and the browser"
            ),
            "{sentence}"
        );
    }
}

#[test]
fn every_step_has_its_cause() {
    use StepKind::{
        BrowserThreads, RelaxedSimd, RelaxedSimdAndThreads, Threads, Vectors, Wasm, WasmAndBrowser, WasmAndVectors,
        WasmVectorsAndBrowser,
    };
    let chosen = |numbers: &[usize]| numbers.iter().map(|&number| WHOLE[number]).collect::<Vec<_>>();
    for (places, expected) in [
        (
            chosen(&[0, 1, 2, 3, 4, 5]),
            vec![Threads, Vectors, Vectors, Wasm, StepKind::Browser],
        ),
        // The order of records and cells does not matter.
        (
            chosen(&[5, 4, 3, 1, 2, 0]),
            vec![Threads, Vectors, Vectors, Wasm, StepKind::Browser],
        ),
        (chosen(&[1, 3, 5]), vec![Vectors, WasmAndBrowser]),
        (chosen(&[1, 4, 5]), vec![WasmAndVectors, StepKind::Browser]),
        (chosen(&[0, 1, 5]), vec![Threads, WasmVectorsAndBrowser]),
        (chosen(&[0, 4, 5]), vec![StepKind::AllAtOnce, StepKind::Browser]),
        (
            [chosen(&[0, 1, 4]), vec![RELAXED], chosen(&[5])].concat(),
            vec![Threads, WasmAndVectors, StepKind::Browser, RelaxedSimd],
        ),
        (
            [chosen(&[0, 1, 4, 5]), vec![THREADS, RELAXED]].concat(),
            vec![Threads, WasmAndVectors, StepKind::Browser, RelaxedSimd, BrowserThreads],
        ),
        (
            [chosen(&[0, 1, 4, 5]), vec![THREADS]].concat(),
            vec![Threads, WasmAndVectors, StepKind::Browser, RelaxedSimdAndThreads],
        ),
        (
            [chosen(&[0, 1, 5]), vec![(Browser, 4, "simd", false, 3_000)]].concat(),
            vec![Threads, WasmVectorsAndBrowser, BrowserThreads],
        ),
        // What a browser adds is told from nothing but its own rung on one thread.
        (
            [chosen(&[0, 1, 4]), vec![THREADS]].concat(),
            vec![Threads, WasmAndVectors],
        ),
        (
            [chosen(&[0, 1, 4]), vec![RELAXED]].concat(),
            vec![Threads, WasmAndVectors],
        ),
        // Two rungs are a pair.
        (chosen(&[1, 5]), vec![]),
    ] {
        let records = records(&places, 1);
        let causes: Vec<StepKind> = ladders(&records)
            .iter()
            .flat_map(|ladder| &ladder.steps)
            .map(|step| step.kind)
            .collect();
        assert_eq!(causes, expected, "{places:?}");
    }
}

/// Cells of one graphics adapter: environment, shader language, whether that was asked for; length of a run in microseconds.
fn on_adapter(rungs: &[(EnvironmentKind, &str, bool, u64)]) -> Vec<Record> {
    let places: Vec<Place> = rungs
        .iter()
        .map(|&(environment, _, _, us)| (environment, 1, "gpu", false, us))
        .collect();
    let mut records = records(&places, 5);
    let cells = records.iter_mut().flat_map(|record| &mut record.cells);
    for (cell, &(environment, language, asked, _)) in cells.zip(rungs) {
        let in_browser = environment == Browser;
        let (name, api) = if in_browser {
            ("google swiftshader", "browser-webgpu")
        } else {
            ("SwiftShader Device (Subzero)", "vulkan")
        };
        cell.configuration.graphics_api = Some(api.into());
        cell.configuration.shader_language = Some(language.into());
        cell.configuration.wgsl_asked = asked;
        cell.kernels = BTreeMap::from([("matmul".into(), 3), (language.into(), 2)]);
        cell.adapter = Some(Adapter {
            name: name.into(),
            graphics_api: api.into(),
            driver: String::new(),
            software: true,
            features: vec![],
            limits: BTreeMap::new(),
        });
    }
    records
}

const ON_ADAPTER: [(EnvironmentKind, &str, bool, u64); 3] = [
    (Native, "spirv", false, 1_000),
    (Native, "wgsl", true, 1_500),
    (Browser, "wgsl", false, 3_000),
];

#[test]
fn a_ladder_of_a_graphics_adapter_separates_the_shader_compiler_from_the_browser() {
    let records = on_adapter(&ON_ADAPTER);
    let found = ladders(&records);
    let [ladder] = found.as_slice() else {
        panic!("{found:?}")
    };
    let steps: Vec<(StepKind, &str)> = ladder
        .steps
        .iter()
        .map(|step| (step.kind, step.detail.as_str()))
        .collect();
    let expected = [
        (
            StepKind::ShaderCompiler,
            "spirv to wgsl, 5 kernel launches to 5, 3 of them the same",
        ),
        (StepKind::WebGpu, "vulkan to browser-webgpu, the same kernels"),
    ];
    assert_eq!(steps, expected);
    let product: f64 = ladder.steps.iter().map(|step| step.ratio.value).product();
    assert!((product / ladder.whole.value - 1.0).abs() < 1e-9, "{product}");
    let sentence = ladder.sentence();
    assert!(
        sentence.ends_with("1.50x from the shader compiler \u{d7} 2.00x from the browser's WebGPU"),
        "{sentence}"
    );
    // What was asked for in WGSL is no pair of its own.
    assert_eq!(compare(&records).pairs.len(), 1);
}

#[test]
fn another_adapter_is_no_rung() {
    let mut records = on_adapter(&ON_ADAPTER);
    let adapter = records[1].cells[0].adapter.as_mut().unwrap();
    adapter.name = "nvidia ampere".into();
    let causes: Vec<StepKind> = ladders(&records)
        .iter()
        .flat_map(|ladder| &ladder.steps)
        .map(|step| step.kind)
        .collect();
    assert_eq!(causes, [StepKind::ShaderCompiler], "both native rungs remain");
    let refusals = compare(&records).refusals;
    assert!(
        refusals[0].reason.contains("the graphics adapters differ"),
        "{refusals:?}"
    );
}

#[test]
fn rungs_that_were_measured_twice_count_once_and_are_told() {
    let mut records = records(&WHOLE, 1);
    records.push(records[0].clone());
    let found = ladders(&records);
    assert_eq!((found[0].rungs.len(), found[0].repeated), (6, 4));
    let note = "Cells left out because an earlier record has the same rung: 4.";
    for report in [
        terminal(&records, 200),
        markdown(&records),
        html(&records, "tare report"),
    ] {
        assert!(report.contains(note), "{report}");
    }
}

#[test]
fn other_work_is_no_rung() {
    type Change = fn(&mut Record);
    let changes: [Change; 5] = [
        |record| record.cells[0].model.sha256 = Some("0".repeat(64)),
        |record| record.cells[0].inputs.clear(),
        |record| record.cells[0].engine.version = "0.1".into(),
        |record| record.cells[0].status = Status::Cancelled,
        |record| {
            for output in &mut record.cells[0].verification.as_mut().unwrap().outputs {
                output.tensor.shape.push(1);
            }
        },
    ];
    for change in changes {
        let mut records = records(&WHOLE, 1);
        change(&mut records[1]);
        let rungs: Vec<usize> = ladders(&records).iter().map(|ladder| ladder.rungs.len()).collect();
        assert_eq!(rungs, [5]);
    }
}
