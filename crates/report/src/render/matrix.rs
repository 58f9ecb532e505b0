use maud::{Markup, html};
use tare_findings::format::coordinate;

use crate::figure::Matrix;

const WIDTH: f64 = 720.0;
/// Room for the names of rows.
const LEFT: f64 = 270.0;
const ROW: f64 = 26.0;

/// Values in rows and columns, in a stronger color the larger they are.
pub(super) fn matrix(matrix: &Matrix, alternative: &str) -> Markup {
    let column = (WIDTH - LEFT) / matrix.columns.len().max(1) as f64;
    let height = ROW * (matrix.rows.len() + 1) as f64;
    html! {
        svg xmlns="http://www.w3.org/2000/svg" viewBox=(format!("0 0 {WIDTH} {height}")) width=(WIDTH) role="img" aria-label=(alternative) {
            title { (alternative) }
            @for (number, name) in matrix.columns.iter().enumerate() {
                text x=(coordinate(LEFT + (number as f64 + 0.5) * column)) y=(ROW - 8.0) text-anchor="middle" { (name) }
            }
            @for (number, row) in matrix.rows.iter().enumerate() {
                @let y = (number + 1) as f64 * ROW;
                text x="0" y=(y + ROW - 8.0) { (row.label) }
                @for (number, cell) in row.cells.iter().enumerate() {
                    @let x = LEFT + number as f64 * column;
                    @if let Some(cell) = cell {
                        g class="native" {
                            rect x=(coordinate(x + 1.0)) y=(y + 1.0) width=(coordinate(column - 2.0)) height=(ROW - 2.0) stroke="none" fill-opacity=(coordinate(0.08 + 0.5 * cell.share.clamp(0.0, 1.0))) {
                                title { (row.label) ", " (matrix.columns[number]) ": " (cell.text) }
                            }
                        }
                        text x=(coordinate(x + column / 2.0)) y=(y + ROW - 8.0) text-anchor="middle" { (cell.text) }
                    }
                }
            }
        }
    }
}
