//! The built-in plans as a page is offered them.

use serde::{Deserialize, Serialize};
use tare_record::Plan;

use super::built_in_plans::BUILT_IN;
use super::plan::{MAX_THREADS, parse};
use super::plan_error::PlanError;
use super::plan_file::PlanSetting;

/// Stands for "all threads" while the machine is unknown. No machine has this many.
const ALL_THREADS: usize = MAX_THREADS;

/// A built-in plan, for programs without a reader of TOML, which would make a page larger.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OfferedPlan {
    /// The plan, on a machine that is not known yet.
    whole: Plan,
    /// Its quick form, if it has one.
    quick: Option<Plan>,
}

impl OfferedPlan {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.whole.name
    }

    /// What it is for, in a sentence or two.
    pub fn description(&self) -> &str {
        &self.whole.description
    }

    /// Whether it has a quick form.
    pub fn has_quick_form(&self) -> bool {
        self.quick.is_some()
    }

    /// Whether nothing in it runs without a GPU.
    pub fn needs_gpu(&self) -> bool {
        let mut engines = self.whole.cells.iter().map(|cell| &cell.engines);
        engines.all(|engines| !engines.is_empty() && engines.iter().all(|engine| engine.is_on_gpu()))
    }

    /// The plan on a machine.
    pub fn on(&self, setting: PlanSetting) -> Plan {
        let quick = self.quick.as_ref().filter(|_| setting.quick);
        let mut plan = quick.unwrap_or(&self.whole).clone();
        let cores = setting.cores.max(1);
        for cell in &mut plan.cells {
            if cell.threads.contains(&ALL_THREADS) {
                cell.threads.retain(|&threads| threads < cores);
                cell.threads.push(cores);
            }
        }
        plan
    }
}

/// All built-in plans.
///
/// # Errors
///
/// If one of them is not valid.
pub fn offered_plans() -> Result<Vec<OfferedPlan>, PlanError> {
    let setting = |quick| PlanSetting {
        cores: ALL_THREADS,
        quick,
    };
    let of_toml = |(_, text): &(&str, &str)| {
        Ok(OfferedPlan {
            whole: parse(text, setting(false))?,
            quick: parse(text, setting(true)).ok(),
        })
    };
    BUILT_IN.iter().map(of_toml).collect()
}

#[cfg(test)]
mod tests {
    use super::super::plan::built_in;
    use super::*;

    #[test]
    fn what_is_offered_is_what_is_built_in() {
        let offered = offered_plans().unwrap();
        assert_eq!(offered.len(), BUILT_IN.len());
        let json = serde_json::to_string(&offered).unwrap();
        assert_eq!(serde_json::from_str::<Vec<OfferedPlan>>(&json).unwrap(), offered);
        for plan in offered {
            assert_eq!(plan.needs_gpu(), plan.name() == "gpu", "{}", plan.name());
            for (cores, quick) in [(1, false), (2, false), (6, false), (6, true)] {
                let setting = PlanSetting { cores, quick };
                match built_in(plan.name(), setting) {
                    Ok(expected) => assert_eq!(plan.on(setting), expected, "{setting:?}"),
                    Err(_) => assert!(quick && !plan.has_quick_form(), "{}", plan.name()),
                }
            }
        }
    }
}
