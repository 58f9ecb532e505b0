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
    /// A filter chooses nothing.
    #[error("--filter {filter}: {message}")]
    Filter {
        /// The filter.
        filter: String,
        /// Expected and found.
        message: String,
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
