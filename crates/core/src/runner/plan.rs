//! Reads and checks plans, and holds the built-in plans.

use tare_record::{ENGINES, Plan};

/// The built-in plans: name and TOML text.
pub const BUILT_IN: &[(&str, &str)] = &[
    ("gpu", include_str!("../../plans/gpu.toml")),
    ("ladder", include_str!("../../plans/ladder.toml")),
    ("models", include_str!("../../plans/models.toml")),
    ("pairs", include_str!("../../plans/pairs.toml")),
    ("quick", include_str!("../../plans/quick.toml")),
    ("smoke", include_str!("../../plans/smoke.toml")),
];

/// Why a text is not a valid plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// Not TOML, or a key is unknown, missing or of the wrong type.
    #[error("the plan cannot be read: {0}")]
    Toml(String),
    /// There is no built-in plan with this name.
    #[error("unknown plan {name:?}: expected {known}, or the path of a .toml file")]
    Unknown {
        /// The requested name.
        name: String,
        /// Names of the built-in plans.
        known: String,
    },
    /// A value is not valid.
    #[error("plan {plan:?}: {message}")]
    Value {
        /// Name of the plan.
        plan: String,
        /// What, where, expected and found.
        message: String,
    },
}

/// Names of the built-in plans, for people.
pub fn names() -> String {
    let names: Vec<&str> = BUILT_IN.iter().map(|(name, _)| *name).collect();
    names.join(", ")
}

/// Reads a plan from TOML.
///
/// # Errors
///
/// If the text is not TOML, a key is unknown or missing, or a value is not valid.
pub fn parse(text: &str) -> Result<Plan, PlanError> {
    let plan: Plan = toml::from_str(text).map_err(|error| PlanError::Toml(error.to_string().trim_end().to_owned()))?;
    check(&plan)?;
    Ok(plan)
}

/// Returns a built-in plan.
///
/// # Errors
///
/// If there is no plan with this name.
pub fn built_in(name: &str) -> Result<Plan, PlanError> {
    match BUILT_IN.iter().find(|(known, _)| *known == name) {
        Some((_, text)) => parse(text),
        None => Err(PlanError::Unknown {
            name: name.to_owned(),
            known: names(),
        }),
    }
}

/// Checks the values of a plan.
///
/// # Errors
///
/// If the plan measures nothing, or a value is unknown or out of range.
pub fn check(plan: &Plan) -> Result<(), PlanError> {
    let fail = |message: String| {
        Err(PlanError::Value {
            plan: plan.name.clone(),
            message,
        })
    };
    if plan.cells.is_empty() {
        return fail("expected at least one [[cell]], found nothing to measure".into());
    }
    for (number, cell) in plan.cells.iter().enumerate() {
        let place = format!("[[cell]] {} ({})", number + 1, cell.model);
        if cell.threads.is_empty() || cell.threads.contains(&0) {
            return fail(format!(
                "{place}: threads must list numbers of at least 1, found {:?}",
                cell.threads
            ));
        }
        let known: Vec<&str> = ENGINES.iter().flat_map(|spec| spec.vector_limits).copied().collect();
        if let Some(limit) = cell.vector_limits.iter().find(|limit| !known.contains(&limit.as_str())) {
            return fail(format!(
                "{place}: unknown vector_limits {limit:?}: expected {}",
                known.join(", ")
            ));
        }
        let bad = |share: &f64| !share.is_finite() || *share < 0.0;
        if let Some((dtype, share)) = cell.tolerance.iter().find(|(_, share)| bad(share)) {
            return fail(format!(
                "{place}: tolerance must be a share of at least 0, found {dtype} = {share}"
            ));
        }
    }
    let rules = &plan.rules;
    if rules.min_samples == 0 || rules.max_samples < rules.min_samples {
        return fail(format!(
            "rules: expected 1 <= min_samples <= max_samples, found {} and {}",
            rules.min_samples, rules.max_samples
        ));
    }
    if rules.rounds == 0 {
        return fail("rules: rounds must be at least 1".into());
    }
    if rules.cell_limit_s == 0 || rules.rounds_limit_s == Some(0) {
        return fail("rules: cell_limit_s and rounds_limit_s must be at least 1".into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_plans_are_valid() {
        for &(name, _) in BUILT_IN {
            assert!(names().contains(name));
            assert_eq!(built_in(name).unwrap().name, name);
        }
    }

    #[test]
    fn bad_plans_are_explained() {
        let cell = "[[cell]]\nmodel = \"tiny\"\nengines = [\"tract\"]\n";
        for (text, expected) in [
            (String::new(), "missing field `name`"),
            ("name = \"x\"\ncell = []".into(), "nothing to measure"),
            (format!("name = \"x\"\nspeed = 3\n{cell}"), "unknown field `speed`"),
            (format!("name = \"x\"\n{cell}threds = [1]"), "unknown field `threds`"),
            (
                format!("name = \"x\"\n{cell}threads = [0]"),
                "numbers of at least 1, found [0]",
            ),
            (
                format!("name = \"x\"\n{cell}vector_limits = [\"sse\"]"),
                "unknown vector_limits \"sse\": expected avx512, fma, sse2, neon",
            ),
            (
                "name = \"x\"\n[[cell]]\nmodel = \"tiny\"\nengines = [\"ort\"]".into(),
                "unknown variant `ort`",
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
            (format!("name = \"x\"\n[rules]\ncell_limit_s = 0\n{cell}"), "at least 1"),
            (
                format!("name = \"x\"\n[rules]\nrounds_limit_s = 0\n{cell}"),
                "at least 1",
            ),
            (
                format!("name = \"x\"\n[rules]\nrounds = 0\n{cell}"),
                "rounds must be at least 1",
            ),
            ("name = ".into(), "cannot be read"),
        ] {
            let error = parse(&text).unwrap_err().to_string();
            assert!(error.contains(expected), "{error:?} does not contain {expected:?}");
        }
    }

    #[test]
    fn the_error_for_an_unknown_plan_lists_the_known_ones() {
        assert_eq!(
            built_in("fast").unwrap_err().to_string(),
            format!(
                "unknown plan \"fast\": expected {}, or the path of a .toml file",
                names()
            )
        );
    }
}
