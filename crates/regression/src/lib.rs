//! Whether a run is slower than the runs before it: cell by cell, with the smallest slowdown that could have been seen, and, once four
//! earlier runs show how runs differ, with at most a stated share of false alarms however many cells there are.

mod change_point;
mod check;
#[cfg(test)]
mod check_tests;
mod history;
mod multiple_tests;
mod student;

#[cfg(test)]
mod simulated;

pub use check::{Check, CheckedCell, FALSE_ALARMS, Figures, Outcome, POWER, check};
