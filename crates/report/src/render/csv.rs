use tare_core::run_durations_ns;
use tare_record::{Cell, Record};

/// All samples as CSV: one line per sample, with the duration of one run in nanoseconds and all that tells its cell from others.
///
/// # Errors
///
/// Never for memory; the writer's error is passed on.
pub fn csv(records: &[Record]) -> Result<String, csv::Error> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record([
        "created",
        "environment",
        "model",
        "model_sha256",
        "batch",
        "steps",
        "chunk",
        "precision",
        "load",
        "engine",
        "engine_version",
        "threads",
        "vector_level",
        "vector_limit",
        "graphics_api",
        "shader_language",
        "wgsl_asked",
        "adapter",
        "round",
        "sample",
        "run_ns",
    ])?;
    for record in records {
        for cell in &record.cells {
            let fields = fields(record, cell);
            let rounds = run_durations_ns(cell).into_iter().enumerate();
            let samples =
                rounds.flat_map(|(round, durations)| durations.into_iter().map(move |run_ns| (round + 1, run_ns)));
            for (number, (round, run_ns)) in samples.enumerate() {
                let sample = [round.to_string(), number.to_string(), run_ns.to_string()];
                writer.write_record(fields.iter().chain(&sample))?;
            }
        }
    }
    let bytes = writer.into_inner().map_err(|error| error.into_error())?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn fields(record: &Record, cell: &Cell) -> [String; 18] {
    let configuration = &cell.configuration;
    let options = &cell.options;
    let known = |text: &Option<String>| text.clone().unwrap_or_default();
    let number = |value: Option<usize>| value.map_or_else(String::new, |value| value.to_string());
    let fields = [
        record.created.clone(),
        configuration.environment.to_string(),
        cell.model.name.clone(),
        known(&cell.model.sha256),
        cell.load.batch.to_string(),
        number(options.steps),
        number(options.chunk),
        options
            .precision
            .map_or_else(String::new, |precision| precision.to_string()),
        cell.load.requests.map_or_else(String::new, |load| load.to_string()),
        cell.engine.name.to_string(),
        cell.engine.version.clone(),
        configuration.threads.to_string(),
        configuration.vector_level.clone(),
        known(&configuration.vector_limit),
        known(&configuration.graphics_api),
        known(&configuration.shader_language),
        configuration.wgsl_asked.to_string(),
        cell.adapter
            .as_ref()
            .map_or_else(String::new, |adapter| adapter.name.clone()),
    ];
    fields.map(as_text)
}

/// A spreadsheet takes what begins like a formula for one, unless an apostrophe stands before it
/// (<https://owasp.org/www-community/attacks/CSV_Injection>).
fn as_text(field: String) -> String {
    if field.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        format!("'{field}")
    } else {
        field
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_field_is_a_formula() {
        for (field, expected) in [
            ("=HYPERLINK(\"x\")", "'=HYPERLINK(\"x\")"),
            ("-1", "'-1"),
            ("@a", "'@a"),
            ("a=1", "a=1"),
            ("", ""),
        ] {
            assert_eq!(as_text(field.to_owned()), expected);
        }
    }
}
