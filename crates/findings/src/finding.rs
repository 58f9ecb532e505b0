//! What a conclusion consists of.

use std::fmt;

use tare_core::stats::Estimate;
use tare_record::Question;

use crate::format;

/// A conclusion.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// The question that it answers.
    pub question: Question,
    /// Its answer.
    pub answer: Answer,
    /// The figures that it rests on.
    pub figures: Vec<Figure>,
    /// What it takes for granted.
    pub assumptions: Vec<String>,
}

/// The answer to a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// In a sentence.
    Told(String),
    /// What cannot be told, and why.
    CannotTell(String),
}

impl Answer {
    /// The sentence.
    pub fn text(&self) -> &str {
        match self {
            Answer::Told(text) | Answer::CannotTell(text) => text,
        }
    }
}

/// A figure with its interval.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    /// What it is, and of which cell.
    pub name: String,
    /// Its value.
    pub quantity: Quantity,
}

impl Figure {
    /// A figure of `quantity`.
    pub(crate) fn new(name: impl Into<String>, quantity: Quantity) -> Self {
        Self {
            name: name.into(),
            quantity,
        }
    }
}

/// A value with its unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Quantity {
    /// Nanoseconds.
    Duration(Estimate),
    /// A multiple.
    Ratio(Estimate),
    /// Items per second.
    Rate(Estimate),
    /// A share of the whole, from 0 to 1, without an interval.
    Share(f64),
    /// A number of things.
    Count(u64),
    /// A number without a unit.
    Number(f64),
    /// Bytes.
    Bytes(u64),
}

/// As people read it.
impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let interval = |f: &mut fmt::Formatter<'_>, estimate: &Estimate, text: fn(f64) -> String| {
            write!(
                f,
                "{} ({} to {})",
                text(estimate.value),
                text(estimate.low),
                text(estimate.high)
            )
        };
        match self {
            Quantity::Duration(estimate) => interval(f, estimate, format::duration),
            Quantity::Ratio(estimate) => interval(f, estimate, format::ratio),
            Quantity::Rate(estimate) => interval(f, estimate, format::items_rate),
            Quantity::Share(share) => f.write_str(&format::percent(*share)),
            Quantity::Count(count) => write!(f, "{count}"),
            Quantity::Number(number) => write!(f, "{number:.6}"),
            Quantity::Bytes(bytes) => f.write_str(&format::bytes(*bytes)),
        }
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.quantity)
    }
}
