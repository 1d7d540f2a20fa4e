//! Answers as text, one field a line, without what may differ by nature.

use std::collections::HashMap;

/// Fields whose values are each broker's own: only whether they are there is compared.
const OWN: &[&str] =
    &["error_message", "cluster_id", "host", "port", "log_dir", "documentation", "total_bytes", "usable_bytes", "session_id"];

/// Words for people: ours are our own, and where Apache Kafka says nothing we may.
const WORDS: &[&str] = &["error_message", "batch_index_error_message"];

/// The answer as `path.to.field: value` lines. An element of a list that has a name is called by it.
pub(crate) fn flat(debug: &str) -> String {
    let debug = in_one_line(debug);
    let (mut path, mut out, mut counts): (Vec<String>, String, Vec<usize>) = (Vec::new(), String::new(), Vec::new());
    let mut named: HashMap<String, usize> = HashMap::new();
    let lines: Vec<&str> = debug.lines().map(|line| line.trim().trim_end_matches(',')).collect();
    for (at, line) in lines.iter().copied().enumerate() {
        if line.ends_with(['{', '[', '(']) {
            let name = line.split_once(": ").map_or("", |(name, _)| name);
            let called = lines.get(at + 1).and_then(|next| next.strip_prefix("name: \""));
            let index = if let (true, Some(called)) = (name.is_empty(), called) {
                twice(&mut named, &path, called.trim_end_matches('"'))
            } else if name.is_empty() {
                counts
                    .last_mut()
                    .map(|n| {
                        *n += 1;
                        (*n - 1).to_string()
                    })
                    .unwrap_or_default()
            } else {
                name.into()
            };
            path.push(index);
            counts.push(0);
        } else if matches!(line, "}" | "]" | ")") {
            path.pop();
            counts.pop();
        } else if let Some((name, value)) = line.split_once(": ") {
            if !WORDS.contains(&name) {
                out.push_str(&format!("{}: {}\n", place(&path, name), own(name, value)));
            }
        } else {
            let n = counts.last_mut().map_or(0, |n| {
                *n += 1;
                *n - 1
            });
            out.push_str(&format!("{}: {line}\n", place(&path, &n.to_string())));
        }
    }
    out
}

/// The name, and how often it was met before in the same list.
fn twice(named: &mut HashMap<String, usize>, path: &[String], name: &str) -> String {
    let times = named.entry(format!("{} {name}", path.join("."))).or_insert(0);
    *times += 1;
    if *times == 1 { name.to_string() } else { format!("{name}#{times}") }
}

fn place(path: &[String], name: &str) -> String {
    let mut place: Vec<&str> = path.iter().map(String::as_str).filter(|p| !p.is_empty()).collect();
    place.push(name);
    place.join(".")
}

fn own(name: &str, value: &str) -> String {
    if !OWN.contains(&name) {
        return value.to_string();
    }
    match value {
        "None" | "\"\"" | "Some(\"\")" | "0" | "-1" => value.to_string(),
        _ => "its own".to_string(),
    }
}

/// The fields that differ: name, theirs, ours.
pub(crate) fn compare(theirs: &str, ours: &str) -> Vec<(String, String, String)> {
    let lines = |text: &str| -> Vec<(String, String)> {
        text.lines()
            .map(|l| l.split_once(": ").map_or((l.to_string(), String::new()), |(a, b)| (a.to_string(), b.to_string())))
            .collect()
    };
    let (a, b) = (lines(theirs), lines(ours));
    let find = |all: &[(String, String)], name: &str| all.iter().find(|(n, _)| n == name).map(|(_, v)| v.clone());
    let mut out = Vec::new();
    for (name, value) in &a {
        let other = find(&b, name).unwrap_or_else(|| "(absent)".into());
        if *value != other {
            out.push((name.clone(), value.clone(), other));
        }
    }
    for (name, value) in &b {
        if find(&a, name).is_none() {
            out.push((name.clone(), "(absent)".into(), value.clone()));
        }
    }
    out
}

/// `Some(` and its value over three lines become one.
fn in_one_line(debug: &str) -> String {
    let mut out = String::new();
    let mut lines = debug.lines().peekable();
    while let Some(line) = lines.next() {
        out.push_str(line);
        let simple = lines.peek().is_some_and(|next| !next.trim_end_matches(',').ends_with(['{', '[', '(']));
        if line.ends_with("Some(") && simple {
            out.push_str(lines.next().unwrap_or_default().trim().trim_end_matches(','));
            out.push_str(lines.next().unwrap_or_default().trim());
        }
        out.push('\n');
    }
    out
}
