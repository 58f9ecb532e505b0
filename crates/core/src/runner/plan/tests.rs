//! Tests of plans as they are written and checked.

use super::*;

const SETTING: PlanSetting = PlanSetting { cores: 6, quick: false };

fn parse(text: &str) -> Result<Plan, PlanError> {
    super::parse(text, SETTING)
}

#[test]
fn the_built_in_plans_are_valid() {
    for &(name, _) in BUILT_IN {
        assert!(names().contains(name));
        assert_eq!(built_in(name, SETTING).unwrap().name, name);
    }
}

#[test]
fn only_a_comparison_with_the_gpu_adds_it() {
    for (name, expected) in [("detect", true), ("batch", false)] {
        let mut plan = built_in(name, SETTING).unwrap();
        add_gpu(&mut plan);
        for cell in &plan.cells {
            // Yardsticks only where they are named.
            let on_gpu = cell.engines.iter().filter(|engine| engine.is_on_gpu());
            let added: &[_] = if expected { &[EngineName::BurnWgpu] } else { &[] };
            assert!(on_gpu.eq(added), "{name}: {:?}", cell.engines);
        }
        let once = plan.clone();
        add_gpu(&mut plan);
        assert_eq!(plan, once, "{name}");
    }
}

#[test]
fn bad_plans_are_explained() {
    let cell = "[[cell]]\nmodel = \"tiny\"\nengines = [\"tract\"]\n";
    for (text, expected) in [
        (String::new(), "missing field `name`"),
        ("name = \"x\"\ncell = []".into(), "nothing to measure"),
        (
            format!("name = \"x\"\n[defaults]\nmodel = \"tiny\"\n{cell}"),
            "each [[cell]] has its own",
        ),
        (
            format!("name = \"x\"\n[defaults]\nspeed = 1\n{cell}"),
            "unknown field `speed`",
        ),
        (format!("name = \"x\"\n{cell}models = [\"tiny\"]"), "found both"),
        (
            format!("name = \"x\"\n{cell}batch = []"),
            "batch must list numbers of 1 to 1048576, found []",
        ),
        (
            format!("name = \"x\"\n{cell}steps = [0]"),
            "steps must list numbers of 1 to 1048576, found [0]",
        ),
        (format!("name = \"x\"\n{cell}clients = []"), "at least one value"),
        (
            format!("name = \"x\"\n{cell}precision = [\"bf16\"]"),
            "expected f32, f16-weights, f16, int8-weights or int8-dynamic",
        ),
        (
            format!("name = \"x\"\n{cell}transport = [\"carrier pigeon\"]"),
            "expected none, grpc, http or post-message",
        ),
        (
            format!("name = \"x\"\n{cell}clients = [1]\nsessions = [2]"),
            "sessions are those of a server or of workers",
        ),
        (
            format!("name = \"x\"\n{cell}clients = [1]\ntransport = [\"grpc\"]\nsessions = [65]"),
            "sessions must list numbers of 1 to 64",
        ),
        (
            format!("name = \"x\"\n{cell}clients = [1]\nsubmissions = [0]"),
            "submissions must list numbers of 1 to 64",
        ),
        (
            format!("name = \"x\"\n{cell}clients = [1]\ntransport = [\"grpc\"]\nsubmissions = [2]"),
            "remove `transport` and `batching`",
        ),
        (
            format!("name = \"x\"\n{cell}clients = [0]"),
            "numbers of 1 to 1000, found 0",
        ),
        (
            format!("name = \"x\"\n{cell}arrivals = [\"poisson 1e9/s\"]"),
            "for example \"poisson 20/s\"",
        ),
        (
            format!("name = \"x\"\n{cell}batching = [\"8 within 5 ms\"]"),
            "need requests that arrive",
        ),
        (
            format!("name = \"x\"\n{cell}clients = [1]\nbatching = [\"x\"]"),
            "for example \"8 within 5 ms\"",
        ),
        (
            format!(
                "name = \"x\"\n{cell}batch = {0:?}\nchunk = {0:?}",
                (1..=100).collect::<Vec<_>>()
            ),
            "10000 combinations: expected at most 1000",
        ),
        (
            format!("name = \"x\"\n{cell}threads = {:?}", vec![1; 5_000]),
            "5000 combinations: expected at most 1000",
        ),
        (
            format!("name = \"x\"\nbudgets_ms = [0]\n{cell}"),
            "budgets_ms must list",
        ),
        (format!("name = \"x\"\nspeed = 3\n{cell}"), "unknown field `speed`"),
        (format!("name = \"x\"\n{cell}threds = [1]"), "unknown field `threds`"),
        (
            format!("name = \"x\"\n{cell}threads = [0]"),
            "numbers from 1 to 4096, found [0]",
        ),
        (
            format!("name = \"x\"\n{cell}vector_limits = [\"sse\"]"),
            "unknown vector_limits \"sse\": expected avx512, fma, sse2, neon",
        ),
        (
            "name = \"x\"\n[[cell]]\nmodel = \"tiny\"\nengines = [\"openvino\"]".into(),
            "unknown variant `openvino`",
        ),
        (
            "name = \"x\"\n[[cell]]\nengines = [\"tract\"]".into(),
            "missing field `model`",
        ),
        (
            format!("name = \"x\"\n[rules]\nmin_samples = 9\nmax_samples = 3\n{cell}"),
            "found 9 and 3",
        ),
        (
            format!("name = \"x\"\n{cell}tolerance = {{ f32 = -1.0 }}"),
            "share of at least 0, found f32 = -1",
        ),
        (
            format!("name = \"x\"\n{cell}tolerance = {{ f31 = 0.1 }}"),
            "unknown variant `f31`",
        ),
        (
            format!("name = \"x\"\n[rules]\ncell_limit_s = 0\n{cell}"),
            "cell_limit_s must be a number from 1 to 604800",
        ),
        (
            format!("name = \"x\"\n[rules]\nrounds_limit_s = 0\n{cell}"),
            "rounds_limit_s must be a number from 1 to 604800",
        ),
        (
            format!("name = \"x\"\n[rules]\nmemory_limit_mib = 1\n{cell}"),
            "memory_limit_mib must be a number from 64 to 1073741824, found 1",
        ),
        (
            format!("name = \"x\"\n[rules]\nrounds = 0\n{cell}"),
            "rounds must be a number from 1 to 10000, found 0",
        ),
        (
            format!("name = \"x\"\n[rules]\nrounds = 1000000000000\n{cell}"),
            "rounds must be a number from 1 to 10000, found 1000000000000",
        ),
        (
            format!("name = \"x\"\n[rules]\nmin_time_ms = 100000000\n{cell}"),
            "min_time_ms must be a number from 0 to 86400000",
        ),
        ("name = ".into(), "cannot be read"),
    ] {
        let error = parse(&text).unwrap_err().to_string();
        assert!(error.contains(expected), "{error:?} does not contain {expected:?}");
    }
}

#[test]
fn every_combination_of_the_lists_is_a_cell() {
    let plan = parse(
        r#"
        name = "x"
        [defaults]
        engines = ["tract"]
        threads = [1, 2]
        batch = [1, 8]
        clients = [4]
        batching = ["off", "8 within 5 ms"]

        [[cell]]
        model = "tiny"
        arrivals = ["poisson 80%"]

        [[cell]]
        models = ["tiny", "null"]
        batch = [2]
        batching = ["off"]
        "#,
    )
    .unwrap();
    let described: Vec<String> = plan.cells.iter().map(describe).collect();
    assert_eq!(
        described,
        [
            "tiny, batch 1, Poisson arrivals, 80 % of capacity",
            "tiny, batch 1, Poisson arrivals, 80 % of capacity, up to 8 requests within 5 ms",
            "tiny, batch 8, Poisson arrivals, 80 % of capacity",
            "tiny, batch 8, Poisson arrivals, 80 % of capacity, up to 8 requests within 5 ms",
            "tiny+null, batch 2, 4 clients",
        ]
    );
    assert!(
        plan.cells
            .iter()
            .all(|cell| cell.threads == [1, 2] && cell.engines.len() == 1)
    );
}

#[test]
fn threads_may_be_left_to_the_machine() {
    for (text, expected) in [("\"all\"", vec![6]), ("\"sweep\"", vec![1, 2, 4, 6]), ("[3]", vec![3])] {
        let plan = parse(&format!("name = \"x\"\n[[cell]]\nmodel = \"a\"\nthreads = {text}")).unwrap();
        assert_eq!(plan.cells[0].threads, expected);
    }
    let error = parse("name = \"x\"\n[[cell]]\nmodel = \"a\"\nthreads = \"most\"").unwrap_err();
    assert!(
        error
            .to_string()
            .contains("expected a list of numbers, \"all\" or \"sweep\""),
        "{error}"
    );
}

#[test]
fn a_quick_form_has_rules_and_cells_of_its_own() {
    let quick = PlanSetting { quick: true, ..SETTING };
    let text = "name = \"x\"\n[quick]\nfilter = [\"batch=2\"]\nrules = { rounds = 2 }\n[[cell]]\nmodel = \"a\"\nbatch = [1, 2]";
    let plan = super::parse(text, quick).unwrap();
    assert_eq!(
        (plan.name.as_str(), plan.rules.rounds, plan.cells.len()),
        ("x (quick)", 2, 1)
    );
    assert_eq!(parse(text).unwrap().cells.len(), 2);
    let error = super::parse("name = \"x\"\n[[cell]]\nmodel = \"a\"", quick).unwrap_err();
    assert!(error.to_string().contains("has no quick form"), "{error}");
}

#[test]
fn options_replace_sizes_and_loads() {
    let mut plan =
        parse("name = \"x\"\n[[cell]]\nmodel = \"a\"\nbatch = [1, 2]\n[[cell]]\nmodel = \"b\"\nclients = [3]").unwrap();
    let axes = PlanAxes {
        batch: vec![4, 8],
        ..PlanAxes::default()
    };
    replace_axes(&mut plan, &axes).unwrap();
    let described: Vec<String> = plan.cells.iter().map(describe).collect();
    assert_eq!(
        described,
        [
            "a, batch 4",
            "a, batch 8",
            "b, batch 4, 3 clients",
            "b, batch 8, 3 clients"
        ]
    );
}

#[test]
fn filters_choose_cells_by_any_value() {
    let plan = || {
        parse("name = \"x\"\n[[cell]]\nmodel = \"a\"\nengines = [\"tract\", \"burn-flex\"]\nthreads = [1, 2]\nbatch = [1, 4, 8]")
            .unwrap()
    };
    for (filters, expected) in [
        (&["batch=1,8"][..], "a, batch 1 [1, 2] 2; a, batch 8 [1, 2] 2"),
        (&["engine=tract", "threads=2", "batch=4"], "a, batch 4 [2] 1"),
    ] {
        let mut chosen = plan();
        let filters: Vec<String> = filters.iter().map(ToString::to_string).collect();
        filter(&mut chosen, &filters).unwrap();
        let found: Vec<String> = chosen
            .cells
            .iter()
            .map(|cell| format!("{} {:?} {}", describe(cell), cell.threads, cell.engines.len()))
            .collect();
        assert_eq!(found.join("; "), expected);
    }
    for (text, expected) in [
        ("load=4 clients|80 %", "the plan has none"),
        ("batch", "expected KEY=VALUE"),
        ("color=red", "unknown key \"color\": expected one of model, engine"),
        ("batch=5", "no cell has batch=5: the plan has 1, 4, 8"),
        ("model=b", "no cell has model=b: the plan has a"),
    ] {
        let error = filter(&mut plan(), &[text.to_owned()]).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn the_error_for_an_unknown_plan_lists_the_known_ones() {
    assert_eq!(
        built_in("fast", SETTING).unwrap_err().to_string(),
        format!(
            "unknown plan \"fast\": expected {}, or the path of a .toml file",
            names()
        )
    );
}
