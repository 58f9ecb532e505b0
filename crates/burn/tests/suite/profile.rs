//! Profiles of both engines: what they compute is the same, and so is what the graph says.

use std::collections::BTreeMap;

use tare_burn::Burn;
use tare_core::{Engine, ProfiledRun, Tensor, Untimed, Workload};
use tare_models::{find, multiply_accumulates};
use tare_tract::Tract;

/// Outputs of a run, and a profiled run.
fn profile(engine: &dyn Engine, workload: &Workload) -> (Vec<Tensor>, ProfiledRun) {
    pollster::block_on(async {
        let mut loaded = engine.load(workload.bytes.clone(), &workload.inputs, &Untimed).await?;
        let outputs = loaded.session.run(&workload.inputs).await?;
        let profiled = loaded.session.profiled_run(&workload.inputs, &Untimed).await?;
        Ok::<_, tare_record::Failure>((outputs, profiled.unwrap_or_default()))
    })
    .unwrap()
}

#[track_caller]
fn is_profiled(model: &str, operators: &[&str]) {
    let workload = find(model).unwrap().prepare(&BTreeMap::new(), &[], 0).unwrap();
    let expected = multiply_accumulates(&workload.bytes).unwrap().unwrap();
    for engine in [&Tract::new(1) as &dyn Engine, &Burn::flex(1)] {
        let on = engine.info().name;
        let (outputs, run) = profile(engine, &workload);
        assert_eq!(outputs, run.outputs, "{model} on {on}: profiling changes nothing");
        let found: u64 = run.nodes.iter().map(|node| node.multiply_accumulates).sum();
        assert_eq!(found, expected, "{model} on {on}");
        let bytes: u64 = run.nodes.iter().map(|node| node.bytes).sum();
        // At least every weight is read once.
        assert!(bytes > workload.bytes.len() as u64, "{model} on {on}: {bytes}");
        for operator in operators {
            let is_there = run.nodes.iter().any(|node| node.operator == *operator);
            assert!(is_there, "{model} on {on} lacks {operator}: {:#?}", run.nodes);
        }
    }
}

/// Products by the first part of the names of nodes. Engines merge nodes of a layer under the name of one of them.
fn products_by_layer(engine: &dyn Engine, workload: &Workload) -> BTreeMap<String, u64> {
    let mut layers = BTreeMap::new();
    for node in profile(engine, workload).1.nodes {
        if node.multiply_accumulates > 0 {
            let layer = node.name.split('.').next().unwrap_or_default().to_owned();
            *layers.entry(layer).or_default() += node.multiply_accumulates;
        }
    }
    layers
}

#[test]
fn nodes_have_the_names_of_the_file_on_both_engines() {
    for model in ["tiny", "efficientdet-d0", "minilm"] {
        let workload = find(model).unwrap().prepare(&BTreeMap::new(), &[], 0).unwrap();
        let by_tract = products_by_layer(&Tract::new(1), &workload);
        assert!(by_tract.len() > 2, "{model}: {by_tract:?}");
        assert_eq!(products_by_layer(&Burn::flex(1), &workload), by_tract, "{model}");
    }
}

#[test]
fn a_convolutional_network_is_profiled() {
    is_profiled("tiny", &["Conv"]);
    is_profiled("efficientdet-d0", &["Conv"]);
}

#[test]
fn a_transformer_is_profiled() {
    is_profiled("minilm", &[]);
}
