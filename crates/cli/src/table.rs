//! Tables: aligned columns for people, and the same rows for programs.

use clap::ValueEnum;
use serde_json::Value;

use crate::{
    failure::Failure,
    screen::{self, Screen, printable},
};

/// How a command's answer is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
pub(crate) enum Output {
    /// One JSON value
    Json,
    /// One JSON value a line
    Jsonl,
    /// For people
    #[default]
    Table,
    /// With a first line of names
    Csv,
}

/// Left-aligned columns, two spaces apart, without lines, each row ended.
pub(crate) fn text(names: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let names = names.iter().map(ToString::to_string).collect();
    let rows = rows.into_iter().map(|row| row.iter().map(|cell| printable(cell)).collect());
    let rows: Vec<Vec<String>> = std::iter::once(names).chain(rows).collect();
    let columns = rows.first().map_or(0, Vec::len);
    let cell = |row: &[String], n: usize| row.get(n).map_or(0, |c| c.chars().count());
    let widths: Vec<usize> = (0..columns).map(|n| rows.iter().map(|row| cell(row, n)).max().unwrap_or(0)).collect();
    let mut out = String::new();
    for row in &rows {
        let line: String = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}  ")).collect();
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// Writes rows, each a JSON object with the fields `fields`, in the wanted form; columns have the fields' names.
pub(crate) fn rows(output: Output, fields: &[&str], rows: Vec<Value>) -> Result<(), Failure> {
    let mut screen = Screen::new();
    match output {
        Output::Json => screen.line(screen::json(serde_json::to_string_pretty(&rows).unwrap_or_default()))?,
        Output::Jsonl => {
            for row in &rows {
                screen.line(screen::json(row))?;
            }
        }
        Output::Table if rows.is_empty() => {}
        Output::Table => {
            let names: Vec<String> = fields.iter().map(|f| f.replace('_', " ").to_uppercase()).collect();
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let cells = rows.iter().map(|row| fields.iter().map(|f| cell(row, f)).collect());
            screen.bytes(text(&names, cells).as_bytes())?;
        }
        Output::Csv => {
            screen.line(fields.join(","))?;
            for row in &rows {
                screen.line(csv(fields, row))?;
            }
        }
    }
    screen.flush()
}

fn cell(row: &Value, field: &str) -> String {
    match &row[field] {
        Value::Null => "-".to_string(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// One row of CSV.
pub(crate) fn csv(fields: &[&str], row: &Value) -> String {
    let cells: Vec<String> = fields.iter().map(|field| quoted(&cell(row, field))).collect();
    cells.join(",")
}

/// RFC 4180.
pub(crate) fn quoted(text: &str) -> String {
    if text.contains(['"', ',', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_string() }
}
