//! `schema ls`, `schema show`, `schema diff`.

use std::fmt::Write;

use serde_json::{Value, json};

use crate::{
    failure::Failure,
    table::{self, Output},
    told::Told,
    web::{Web, escaped},
};

pub(super) async fn list(web: &Web, prefix: Option<&str>, deleted: bool, output: Output) -> Result<(), Failure> {
    let prefix = escaped(prefix.unwrap_or(":*:"));
    let found = pages(web, &format!("/schemas?subjectPrefix={prefix}&latestOnly=true&deleted={deleted}")).await?;
    let row = |v: &Value| {
        json!({
            "subject": v["subject"], "version": v["version"], "id": v["id"],
            "type": v["schemaType"].as_str().unwrap_or("AVRO"), "name": name(v["schema"].as_str().unwrap_or_default()),
        })
    };
    table::rows(output, &["subject", "version", "id", "type", "name"], found.iter().map(row).collect())
}

/// What a schema calls itself, where that is easily seen.
fn name(text: &str) -> Value {
    let schema: Value = serde_json::from_str(text).unwrap_or_default();
    let named = schema["name"].as_str().or(schema["title"].as_str()).or(schema.as_str());
    match (schema["namespace"].as_str(), named) {
        (Some(space), Some(name)) if !name.contains('.') => format!("{space}.{name}").into(),
        (_, Some(name)) => name.into(),
        _ => Value::Null,
    }
}

/// A list as a whole, page by page.
pub(super) async fn pages(web: &Web, path: &str) -> Result<Vec<Value>, Failure> {
    const PAGE: usize = 1000;
    let mut all = Vec::new();
    loop {
        let page = web.get(&format!("{path}&offset={}&limit={PAGE}", all.len())).await?;
        let page = page.as_array().cloned().unwrap_or_default();
        let last = page.len() < PAGE;
        all.extend(page);
        if last {
            return Ok(all);
        }
    }
}

/// The version of a subject that has an id.
pub(super) async fn version_of(web: &Web, subject: &str, id: &Value) -> Result<Value, Failure> {
    let versions = web.get(&format!("/schemas/ids/{id}/versions?subject={}", escaped(subject))).await?;
    let newest = versions.as_array().into_iter().flatten().filter_map(|v| v["version"].as_i64()).max();
    Ok(newest.map_or(Value::Null, Value::from))
}

pub(super) async fn show(web: &Web, path: &str, raw: bool, told: Told) -> Result<(), Failure> {
    let version = web.get(path).await?;
    let text = version["schema"].as_str().unwrap_or_default();
    // Avro and JSON Schema are JSON; Protobuf is a text. What is raw is a text, whatever it says.
    let schema = serde_json::from_str::<Value>(text).ok().filter(|_| !raw).unwrap_or_else(|| text.into());
    let mut facts = version.clone();
    facts["schema"] = schema;
    facts["schemaType"] = version["schemaType"].as_str().unwrap_or("AVRO").into();
    if raw {
        return told.tell(facts, text);
    }
    let mut words = String::new();
    if let Some(subject) = version["subject"].as_str() {
        let kind = version["schemaType"].as_str().unwrap_or("AVRO");
        let _ = writeln!(words, "{subject}   version {}, id {}, {kind}", version["version"], version["id"]);
    }
    for field in ["references", "metadata", "ruleSet"] {
        if let Some(value) = version.get(field) {
            let _ = writeln!(words, "{field}: {value}");
        }
    }
    told.tell(facts, words + &pretty(text))
}

fn pretty(text: &str) -> String {
    let schema = serde_json::from_str::<Value>(text).and_then(|schema| serde_json::to_string_pretty(&schema));
    schema.unwrap_or_else(|_| text.to_string())
}

pub(super) async fn diff(web: &Web, subject: &str, old: &str, new: &str, told: Told) -> Result<(), Failure> {
    let (mut texts, mut numbers) = (Vec::new(), Vec::new());
    for version in [old, new] {
        let found = web.get(&format!("/subjects/{}/versions/{}", escaped(subject), escaped(version))).await?;
        texts.push(pretty(found["schema"].as_str().unwrap_or_default()));
        numbers.push(found["version"].clone());
    }
    let (mut words, mut lines) = (String::new(), Vec::new());
    for (sign, line) in changes(&texts[0], &texts[1]) {
        let _ = writeln!(words, "{sign} {line}");
        let stands_in = if sign == '-' {
            "old"
        } else if sign == '+' {
            "new"
        } else {
            "both"
        };
        lines.push(json!({"in": stands_in, "line": line}));
    }
    let facts = json!({
        "subject": subject, "old": numbers[0], "new": numbers[1], "same": texts[0] == texts[1], "lines": lines,
    });
    told.tell(facts, words)
}

/// Lines of both texts, those that are in one only with a sign: by the longest run of lines that they share.
fn changes<'a>(old: &'a str, new: &'a str) -> Vec<(char, &'a str)> {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let shared = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let (head, old, new) = (&old[..shared], &old[shared..], &new[shared..]);
    let mut out: Vec<(char, &str)> = head.iter().map(|line| (' ', *line)).collect();
    let lengths = common(old, new);
    let (mut a, mut b) = (0, 0);
    while a < old.len() || b < new.len() {
        let same = a < old.len() && b < new.len() && old[a] == new[b];
        if same {
            out.push((' ', old[a]));
            (a, b) = (a + 1, b + 1);
        } else if b == new.len() || (a < old.len() && lengths[a + 1][b] >= lengths[a][b + 1]) {
            out.push(('-', old[a]));
            a += 1;
        } else {
            out.push(('+', new[b]));
            b += 1;
        }
    }
    out
}

/// For every pair of ends, how many lines they share. Beyond a few thousand lines nobody reads a difference: none are found there.
fn common(old: &[&str], new: &[&str]) -> Vec<Vec<u16>> {
    const LINES: usize = 4_000;
    let mut lengths = vec![vec![0_u16; new.len() + 1]; old.len() + 1];
    if old.len() > LINES || new.len() > LINES {
        return lengths;
    }
    for a in (0..old.len()).rev() {
        for b in (0..new.len()).rev() {
            lengths[a][b] = match old[a] == new[b] {
                true => lengths[a + 1][b + 1] + 1,
                false => lengths[a + 1][b].max(lengths[a][b + 1]),
            };
        }
    }
    lengths
}

#[cfg(test)]
mod tests {
    use super::changes;

    #[test]
    fn lines_that_are_shared_are_found() {
        let signs =
            |old: &str, new: &str| changes(old, new).iter().map(|(sign, line)| format!("{sign}{line}")).collect::<Vec<_>>();
        assert_eq!(signs("a\nb\nd", "a\nc\nd"), [" a", "-b", "+c", " d"]);
        assert_eq!(signs("", "a"), ["+a"]);
        assert_eq!(signs("a\nb", ""), ["-a", "-b"]);
    }
}
