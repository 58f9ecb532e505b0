//! The plans that are part of the program.

use super::plan_error::PlanError;

/// The built-in plans: name and TOML text.
pub const BUILT_IN: &[(&str, &str)] = &[
    ("batch", include_str!("../../plans/batch.toml")),
    ("cold", include_str!("../../plans/cold.toml")),
    ("detect", include_str!("../../plans/detect.toml")),
    ("gpu", include_str!("../../plans/gpu.toml")),
    ("ladder", include_str!("../../plans/ladder.toml")),
    ("models", include_str!("../../plans/models.toml")),
    ("pairs", include_str!("../../plans/pairs.toml")),
    ("precision", include_str!("../../plans/precision.toml")),
    ("profile", include_str!("../../plans/profile.toml")),
    ("quick", include_str!("../../plans/quick.toml")),
    ("serve", include_str!("../../plans/serve.toml")),
    ("smoke", include_str!("../../plans/smoke.toml")),
    ("stability", include_str!("../../plans/stability.toml")),
    ("threads", include_str!("../../plans/threads.toml")),
    ("yardstick", include_str!("../../plans/yardstick.toml")),
];

/// Names of the built-in plans, for people.
pub fn names() -> String {
    let names: Vec<&str> = BUILT_IN.iter().map(|(name, _)| *name).collect();
    names.join(", ")
}

/// The TOML text of a built-in plan.
///
/// # Errors
///
/// If there is no plan with this name.
pub fn text(name: &str) -> Result<&'static str, PlanError> {
    match BUILT_IN.iter().find(|(known, _)| *known == name) {
        Some((_, text)) => Ok(text),
        None => Err(PlanError::Unknown {
            name: name.to_owned(),
            known: names(),
        }),
    }
}
