//! The report as data: what every format shows.

use tare_core::stats::Estimate;

use tare_findings::format;

use crate::figure::Figure;
use crate::rate::RateOf;

/// A part of the report.
#[derive(Debug, Clone, PartialEq)]
pub struct Section<'a> {
    /// Name for programs and links, in kebab case.
    pub id: String,
    /// Heading.
    pub title: String,
    /// How readily it is shown.
    pub rank: Rank,
    /// Heading over it and other sections of its kind.
    pub group: Option<&'static str>,
    /// What it shows, in order.
    pub blocks: Vec<Block<'a>>,
}

/// How readily a section is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rank {
    /// At once: part of the answer.
    Answer,
    /// On a page when a reader opens it; elsewhere at once.
    Reason,
    /// On a page when a reader opens it; a terminal names it.
    Detail,
}

impl<'a> Section<'a> {
    /// A part of the answer.
    pub fn answer(id: impl Into<String>, title: impl Into<String>, blocks: Vec<Block<'a>>) -> Self {
        Self::of_rank(Rank::Answer, id, title, blocks)
    }

    /// What the answer rests on.
    pub fn reason(id: impl Into<String>, title: impl Into<String>, blocks: Vec<Block<'a>>) -> Self {
        Self::of_rank(Rank::Reason, id, title, blocks)
    }

    /// A section that a short report can do without.
    pub fn detail(id: impl Into<String>, title: impl Into<String>, blocks: Vec<Block<'a>>) -> Self {
        Self::of_rank(Rank::Detail, id, title, blocks)
    }

    fn of_rank(rank: Rank, id: impl Into<String>, title: impl Into<String>, blocks: Vec<Block<'a>>) -> Self {
        Self {
            id: id.into(),
            title: title.into(),
            rank,
            group: None,
            blocks,
        }
    }

    /// The same section under a heading that it shares with others.
    #[must_use]
    pub fn in_group(mut self, group: &'static str) -> Self {
        self.group = Some(group);
        self
    }

    /// Its blocks and those of its folds, for formats without folds.
    pub fn unfolded(&self) -> impl Iterator<Item = &Block<'a>> {
        self.blocks.iter().flat_map(|block| match block {
            Block::Fold { blocks, .. } => blocks.iter(),
            block => std::slice::from_ref(block).iter(),
        })
    }
}

/// One thing that a section shows.
#[derive(Debug, Clone, PartialEq)]
pub enum Block<'a> {
    /// The answer that a reader came for, in one sentence.
    Verdict(String),
    /// What an experiment says.
    Finding {
        /// The answer to its question, in one sentence.
        claim: String,
        /// What else is to be said.
        rest: String,
        /// The figures that it rests on, and what it takes for granted.
        figures: Vec<String>,
    },
    /// A paragraph.
    Text(String),
    /// Something that a reader must know beside the figures.
    Warning(String),
    /// All warnings of the records, under a line that counts them.
    Warnings {
        /// The line.
        summary: String,
        /// The warnings.
        items: Vec<String>,
    },
    /// Short items of equal rank.
    List(Vec<String>),
    /// Items that a reader may want to open, under a line that says what they are.
    Collapsed {
        /// The line.
        summary: String,
        /// The items.
        items: Vec<String>,
    },
    /// What a page shows when a reader opens it, and other formats at once. It holds no fold.
    Fold {
        /// The line that opens it.
        summary: String,
        /// What it holds.
        blocks: Vec<Block<'a>>,
    },
    /// A table.
    Table(Table),
    /// A picture.
    Figure(Figure<'a>),
    /// METHODOLOGY.md.
    Methodology,
}

/// Rows of values under headings.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// What the table shows and how to read it.
    pub caption: String,
    /// Its columns. The first one names the row.
    pub columns: Vec<Column>,
    /// Its rows.
    pub rows: Vec<Row>,
}

impl Table {
    /// A table that holds no row yet.
    pub fn new(caption: impl Into<String>, columns: &[(&'static str, &'static str)]) -> Self {
        Self {
            caption: caption.into(),
            columns: columns.iter().map(|&(id, heading)| Column { id, heading }).collect(),
            rows: vec![],
        }
    }

    /// Adds a row. It must have a value for each column.
    pub fn push(&mut self, values: Vec<Value>) {
        self.push_with_notes(values, vec![]);
    }

    /// Adds a row with notes.
    pub fn push_with_notes(&mut self, values: Vec<Value>, notes: Vec<Note>) {
        debug_assert_eq!(values.len(), self.columns.len(), "{:?}", self.columns);
        self.rows.push(Row { values, notes });
    }

    /// Whether a column holds numbers, which are aligned to the right.
    pub fn is_number(&self, column: usize) -> bool {
        let mut values = self.rows.iter().map(|row| &row.values[column]);
        values.clone().any(Value::is_number) && !values.any(|value| matches!(value, Value::Text(_)))
    }

    /// The table as a block, if it has any row.
    pub fn block<'a>(self) -> Option<Block<'a>> {
        (!self.rows.is_empty()).then_some(Block::Table(self))
    }
}

/// A column of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// Name for programs, in snake case.
    pub id: &'static str,
    /// Heading.
    pub heading: &'static str,
}

/// A row of a table.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// One value for each column.
    pub values: Vec<Value>,
    /// What a reader must know beside them.
    pub notes: Vec<Note>,
}

/// A remark on a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// Why there are no figures.
    Failure(String),
    /// What a reader must know beside the figures.
    Warning(String),
}

/// A value in a table: a number with its unit, for people as text and for programs as it is.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Not known, or without meaning here.
    Missing,
    /// Words.
    Text(String),
    /// A whole number.
    Count(u64),
    /// Nanoseconds.
    Duration(f64),
    /// Both ends of an interval, in nanoseconds.
    DurationInterval(f64, f64),
    /// A multiple.
    Ratio(f64),
    /// Both ends of an interval of multiples.
    RatioInterval(f64, f64),
    /// Bytes.
    Bytes(u64),
    /// A share of the whole, from 0 to 1.
    Share(f64),
    /// An amount per second.
    Rate(RateOf, f64),
    /// Both ends of an interval of rates.
    RateInterval(RateOf, f64, f64),
    /// A number that spans many orders of magnitude.
    Scientific(f64),
}

impl Value {
    /// Words.
    pub fn text(text: impl Into<String>) -> Self {
        Value::Text(text.into())
    }

    /// What `to_value` makes of something that may be missing.
    pub fn or_missing<T>(value: Option<T>, to_value: impl FnOnce(T) -> Value) -> Self {
        value.map_or(Value::Missing, to_value)
    }

    /// Median and interval of durations in nanoseconds.
    pub fn durations(estimate: Option<&Estimate>) -> [Self; 2] {
        match estimate {
            Some(&Estimate { value, low, high }) => [Value::Duration(value), Value::DurationInterval(low, high)],
            None => [Value::Missing, Value::Missing],
        }
    }

    /// Value and interval of a ratio.
    pub fn ratios(estimate: &Estimate) -> [Self; 2] {
        [
            Value::Ratio(estimate.value),
            Value::RatioInterval(estimate.low, estimate.high),
        ]
    }

    fn is_number(&self) -> bool {
        !matches!(self, Value::Text(_) | Value::Missing)
    }
}

/// As people read it.
impl std::fmt::Display for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Value::Missing => f.write_str("-"),
            Value::Text(text) => f.write_str(text),
            Value::Count(count) => write!(f, "{count}"),
            Value::Duration(ns) => f.write_str(&format::duration(*ns)),
            Value::DurationInterval(low, high) => {
                write!(f, "{} to {}", format::duration(*low), format::duration(*high))
            }
            Value::Ratio(ratio) => f.write_str(&format::ratio(*ratio)),
            Value::RatioInterval(low, high) => write!(f, "{} to {}", format::ratio(*low), format::ratio(*high)),
            Value::Bytes(bytes) => f.write_str(&format::bytes(*bytes)),
            Value::Share(share) => write!(f, "{:.0} %", share * 100.0),
            Value::Rate(of, rate) => f.write_str(&of.text(*rate)),
            Value::RateInterval(of, low, high) => write!(f, "{} to {}", of.text(*low), of.text(*high)),
            Value::Scientific(number) => write!(f, "{number:.1e}"),
        }
    }
}
