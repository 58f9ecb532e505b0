//! Pictures as data.

use tare_core::stats::Estimate;
use tare_findings::format;
use tare_record::Cell;

use crate::rate::RateOf;

/// A picture, with what it shows in words.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure<'a> {
    /// What it shows, for readers who cannot see it.
    pub alternative: String,
    /// How to read it.
    pub caption: String,
    /// What it is drawn from.
    pub kind: FigureKind<'a>,
}

impl Figure<'_> {
    /// A chart. Its axes are the one to the right and the one upward, each with a title.
    pub(crate) fn chart(
        alternative: String,
        caption: String,
        axes: [(&'static str, AxisOf); 2],
        lines: Vec<ChartLine>,
    ) -> Self {
        let [x, y] = axes.map(|(title, of)| Axis { title, of });
        Self {
            alternative,
            caption,
            kind: FigureKind::Chart(Chart { x, y, lines }),
        }
    }
}

/// What a picture is drawn from.
#[derive(Debug, Clone, PartialEq)]
pub enum FigureKind<'a> {
    /// Multiples of a time with their intervals, on one axis that starts at zero, and what takes that time.
    Ratios(Vec<RatioRow>, &'static str),
    /// How the samples of cells are distributed, on one axis that starts at zero.
    Samples(Vec<SampleRow<'a>>),
    /// The samples of cells in the order in which they were taken.
    Series(Vec<SampleRow<'a>>),
    /// Wholes and their parts as stacked bars.
    Parts(Parts),
    /// The rungs of a ladder on a logarithmic axis, each starting where the one before ends.
    Waterfall(Vec<WaterfallRow>),
    /// A run, its operators and their nodes, each as wide as it takes time.
    Flame(Vec<FlamePart>),
    /// Values in rows and columns.
    Matrix(Matrix),
    /// Lines and points over two logarithmic axes.
    Chart(Chart),
}

/// An operator in a picture of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct FlamePart {
    /// Its name.
    pub name: String,
    /// Time of a run in all of its nodes, in nanoseconds.
    pub duration_ns: f64,
    /// Its nodes with their times in nanoseconds, the longest first.
    pub nodes: Vec<(String, f64)>,
}

/// Values in rows and columns.
#[derive(Debug, Clone, PartialEq)]
pub struct Matrix {
    /// Names of the columns.
    pub columns: Vec<String>,
    /// The rows.
    pub rows: Vec<MatrixRow>,
}

/// A row of a matrix.
#[derive(Debug, Clone, PartialEq)]
pub struct MatrixRow {
    /// Its name.
    pub label: String,
    /// A cell for each column, where there is one.
    pub cells: Vec<Option<MatrixCell>>,
}

/// A value of a matrix.
#[derive(Debug, Clone, PartialEq)]
pub struct MatrixCell {
    /// As people read it.
    pub text: String,
    /// How strong its color is, from 0 to 1.
    pub share: f64,
}

/// A multiple of a time.
#[derive(Debug, Clone, PartialEq)]
pub struct RatioRow {
    /// What was compared.
    pub label: String,
    /// Text next to the multiple.
    pub note: String,
    /// The multiple.
    pub ratio: Estimate,
}

/// Wholes and their parts.
#[derive(Debug, Clone, PartialEq)]
pub struct Parts {
    /// The names of the parts.
    pub names: Vec<String>,
    /// Their unit.
    pub of: AxisOf,
    /// The wholes.
    pub rows: Vec<PartsRow>,
}

/// A whole and its parts.
#[derive(Debug, Clone, PartialEq)]
pub struct PartsRow {
    /// Its name.
    pub label: String,
    /// Text next to the value.
    pub note: String,
    /// One value for each name.
    pub parts: Vec<f64>,
}

/// A cell in a picture of samples.
#[derive(Debug, Clone, PartialEq)]
pub struct SampleRow<'a> {
    /// Its name.
    pub label: &'a str,
    /// The cell.
    pub cell: &'a Cell,
    /// Median of one run with its interval, in nanoseconds.
    pub median: Estimate,
}

/// A rung in a picture of a ladder.
#[derive(Debug, Clone, PartialEq)]
pub struct WaterfallRow {
    /// Its name.
    pub label: String,
    /// Median of one run, in nanoseconds.
    pub median_ns: f64,
    /// Median as a multiple of the rung before, and why; `None` for the first one.
    pub step: Option<(f64, &'static str)>,
}

/// Lines and points over two logarithmic axes.
#[derive(Debug, Clone, PartialEq)]
pub struct Chart {
    /// The axis to the right.
    pub x: Axis,
    /// The axis upward.
    pub y: Axis,
    /// Lines, in any order.
    pub lines: Vec<ChartLine>,
}

/// What an axis shows.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    /// In a few words.
    pub title: &'static str,
    /// Its unit.
    pub of: AxisOf,
}

/// The unit of an axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AxisOf {
    /// Things that are counted.
    Count,
    /// An amount per second.
    Rate(RateOf),
    /// Nanoseconds.
    Duration,
    /// Bytes.
    Bytes,
    /// Shares of a whole, from 0 to 1.
    Share,
    /// Numbers without a unit.
    Number,
}

impl AxisOf {
    /// Whether only whole numbers have a meaning.
    pub(crate) fn is_counted(self) -> bool {
        self == AxisOf::Count
    }

    /// A value as people read it.
    pub(crate) fn text(self, value: f64) -> String {
        match self {
            AxisOf::Count => format!("{value:.0}"),
            AxisOf::Rate(of) => of.text(value),
            AxisOf::Duration => format::duration(value),
            #[allow(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "sizes are whole and positive"
            )]
            AxisOf::Bytes => format::bytes(value as u64),
            AxisOf::Share => format::percent(value),
            AxisOf::Number => format!("{}", (value * 1e3).round() / 1e3),
        }
    }
}

/// Points that belong together.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ChartLine {
    /// Their name. Empty if they need none.
    pub label: String,
    /// Whether they were measured natively, which has a color of its own.
    pub is_native: bool,
    /// Whether a line joins them.
    pub is_joined: bool,
    /// Whether that line is dashed.
    pub is_dashed: bool,
    /// Whether only the line is drawn.
    pub is_bare: bool,
    /// Whether the intervals are joined to a band.
    pub has_band: bool,
    /// The points, in the order in which they are joined.
    pub points: Vec<ChartPoint>,
}

/// A value with its interval.
#[derive(Debug, Clone, PartialEq)]
pub struct ChartPoint {
    /// Place on the axis to the right.
    pub x: f64,
    /// Place on the axis upward, with its interval.
    pub y: Estimate,
    /// What it is, if the line does not say.
    pub label: Option<String>,
}

/// A value without an interval.
pub(crate) fn exactly(value: f64) -> Estimate {
    Estimate {
        value,
        low: value,
        high: value,
    }
}
