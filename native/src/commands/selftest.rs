//! `tare selftest`: runs the self-test natively or in a browser.

use std::rc::Rc;

use anyhow::Result;
use clap::Subcommand;
use tare_core::RealCell;
use tare_record::{Failure, SelfCheck};
use tare_tract::Tract;

use super::args::BrowserArgs;
use crate::browser;
use crate::machine::SystemClock;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Pairs of a real cell measured against itself, a third of a second each
    #[arg(long, default_value_t = 20)]
    pairs: u32,
    #[command(subcommand)]
    place: Option<Place>,
}

#[derive(Debug, Subcommand)]
enum Place {
    /// Check a real browser
    Browser(BrowserArgs),
}

/// Prints every check and its result. Returns `Ok(false)` if one failed.
pub(crate) fn run(args: &Args) -> Result<bool> {
    let checks = match &args.place {
        Some(Place::Browser(browser)) => browser::selftest(browser, args.pairs)?,
        None => natively(args.pairs)?,
    };
    for check in &checks {
        let word = if check.passed { "ok" } else { "FAILED" };
        println!("{word:<7} {}: {}", check.name, check.detail);
    }
    Ok(checks.iter().all(|check| check.passed))
}

fn natively(pairs: u32) -> Result<Vec<SelfCheck>, Failure> {
    let real = RealCell {
        engine: &Tract::new(1),
        workload: tare_models::selftest_workload()?,
        pairs: u64::from(pairs),
    };
    Ok(pollster::block_on(tare_core::selftest(Rc::new(SystemClock), &real)))
}
