use serde_json::{Map, Value as Json, json};
use tare_record::Record;

use crate::figure::FigureKind;
use crate::section::{Block, Note, Table, Value};
use crate::sections::sections;

/// The report for programs. Tables are lists of objects by column; durations are nanoseconds, sizes bytes, shares fractions, rates amounts per second, and intervals
/// lists of both ends.
pub fn json(records: &[Record]) -> String {
    let sections: Vec<Json> = sections(records)
        .iter()
        .map(|section| {
            let blocks: Vec<Json> = section.unfolded().filter_map(block).collect();
            json!({ "id": section.id, "title": section.title, "blocks": blocks })
        })
        .collect();
    format!("{:#}\n", json!({ "schema": "tare.report/1", "sections": sections }))
}

fn block(block: &Block<'_>) -> Option<Json> {
    Some(match block {
        Block::Verdict(text) => json!({ "verdict": text }),
        Block::Finding { claim, rest, figures } => json!({ "verdict": claim, "rest": rest, "figures": figures }),
        Block::Text(text) => json!({ "text": text }),
        Block::Warning(text) => json!({ "warning": text }),
        Block::List(items) => json!({ "list": items }),
        Block::Warnings { summary, items } => json!({ "summary": summary, "warnings": items }),
        Block::Collapsed { summary, items } => json!({ "summary": summary, "list": items }),
        Block::Table(data) => table(data),
        Block::Figure(figure) => {
            let kind = match figure.kind {
                FigureKind::Ratios(..) => "ratios",
                FigureKind::Samples(_) => "samples",
                FigureKind::Series(_) => "series",
                FigureKind::Parts(_) => "parts",
                FigureKind::Waterfall(_) => "waterfall",
                FigureKind::Flame(_) => "flame",
                FigureKind::Matrix(_) => "matrix",
                FigureKind::Chart(_) => "chart",
            };
            json!({ "figure": kind, "alternative": figure.alternative })
        }
        // Their blocks come in their place.
        Block::Fold { .. } | Block::Methodology => return None,
    })
}

fn table(table: &Table) -> Json {
    let rows: Vec<Json> = table
        .rows
        .iter()
        .map(|row| {
            let columns = table.columns.iter().map(|column| column.id.to_owned());
            let mut object: Map<String, Json> = columns.zip(row.values.iter().map(value)).collect();
            if !row.notes.is_empty() {
                object.insert("notes".into(), row.notes.iter().map(note).collect());
            }
            Json::Object(object)
        })
        .collect();
    json!({ "caption": table.caption, "rows": rows })
}

fn value(value: &Value) -> Json {
    match *value {
        Value::Missing => Json::Null,
        Value::Text(ref text) => json!(text),
        Value::Count(count) | Value::Bytes(count) => json!(count),
        Value::Duration(number)
        | Value::Ratio(number)
        | Value::Share(number)
        | Value::Rate(_, number)
        | Value::Scientific(number) => json!(number),
        Value::DurationInterval(low, high) | Value::RatioInterval(low, high) | Value::RateInterval(_, low, high) => {
            json!([low, high])
        }
    }
}

fn note(note: &Note) -> Json {
    match note {
        Note::Failure(text) => json!({ "failure": text }),
        Note::Warning(text) => json!({ "warning": text }),
    }
}
