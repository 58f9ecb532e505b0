//! Plans in TOML.

use tare_core::plan::{BUILT_IN, PlanSetting, check, describe, parse};

use crate::target::Target;

pub(crate) const TARGET: Target = Target {
    name: "plan",
    run,
    seeds: || BUILT_IN.iter().map(|plan| text(plan).as_bytes().to_vec()).collect(),
    words: &[
        "[[cell]]\n",
        "[rules]\n",
        "[defaults]\n",
        "[quick]\n",
        "[quick.rules]\n",
        "[[reported]]\n",
        "name = \"x\"\n",
        "model = \"tiny\"\n",
        "models = [\"tiny\", \"null\"]\n",
        "threads = \"sweep\"\n",
        "threads = [1, 2]\n",
        "batch = [1, 2, 4]\n",
        "steps = [1]\n",
        "chunk = [64]\n",
        "precision = [\"f16\"]\n",
        "clients = [1, 2]\n",
        "arrivals = [\"poisson 20/s\", \"95% within 100 ms\"]\n",
        "batching = [\"8 within 5 ms\"]\n",
        "transport = [\"http\"]\n",
        "sessions = [2]\n",
        "rounds = 3\n",
        "memory_limit_mib = 100\n",
        "cell_limit_s = 1\n",
        "shapes = { x = [1] }\n",
        "tolerance = { f32 = 0.1 }\n",
        "filter = [\"model=tiny\"]\n",
        "9223372036854775807",
        "1e309",
        "nan",
        "\"\"\"",
    ],
    longest: 8_000,
    runs_of_test: 4_000,
};

fn text(plan: &(&'static str, &'static str)) -> &'static str {
    plan.1
}

fn run(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    for quick in [false, true] {
        let Ok(plan) = parse(text, PlanSetting { cores: 8, quick }) else {
            continue;
        };
        assert!(plan.cells.len() <= 1_000, "a plan has a limited number of cells");
        check(&plan).expect("what was read is valid");
        for cell in &plan.cells {
            let _ = describe(cell);
        }
    }
}
