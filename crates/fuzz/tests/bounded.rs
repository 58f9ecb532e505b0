//! Every target on its seeds, on what fuzzers found interesting, and on some thousands of changes.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::path::Path;

use tare_core::Random;
use tare_fuzz::{TARGETS, Target, mutated};

/// The inputs that are kept for a target.
fn kept(target: &Target) -> Vec<Vec<u8>> {
    let folder = Path::new("corpus").join(target.name);
    let Ok(entries) = std::fs::read_dir(folder) else {
        return vec![];
    };
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| std::fs::read(path).unwrap()).collect()
}

fn survives(name: &str) {
    let target = TARGETS.iter().find(|target| target.name == name).unwrap();
    let inputs = [(target.seeds)(), kept(target)].concat();
    assert!(!inputs.is_empty());
    for input in &inputs {
        (target.run)(input);
    }
    let mut random = Random::new(2026, name);
    for _ in 0..target.runs_of_test {
        let input = mutated(target, &inputs, &mut random);
        let outcome = std::panic::catch_unwind(|| (target.run)(&input));
        if outcome.is_err() {
            let file = std::env::temp_dir().join(format!("{name}.input"));
            std::fs::write(&file, &input).unwrap();
            panic!("{name} does not survive {}", file.display());
        }
    }
}

macro_rules! tests {
    ($($test:ident: $name:literal,)*) => {
        $(#[test] fn $test() { survives($name); })*

        #[test]
        fn every_target_is_tested() {
            let mut names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
            names.retain(|name| ![$($name),*].contains(name));
            assert_eq!(names, [""; 0]);
        }
    };
}

tests! {
    record: "record",
    changed_record: "changed-record",
    plan: "plan",
    model: "model",
    numpy: "numpy",
    tensors: "tensors",
    messages: "messages",
}
