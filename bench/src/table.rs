//! The lines of JSON of a run as the tables of docs/performance.md: one for each row, systems beside each other, and what each
//! costs beside Milena. Pure: text to text.

use std::fmt::Write;

use serde_json::Value;

use crate::produce::WORKLOADS;

/// What the rows are that no workload of produced records describes.
const TITLES: &[(&str, &str)] = &[
    ("W1", "nobody uses it"),
    ("W5", "100 MB/s written, five readers at the tail"),
    ("W6", "2 GB read that no memory holds, while one producer writes"),
    ("W7", "10,000 consumers that wait"),
    ("W8", "many partitions (Milena 100,000; Apache Kafka 4,000)"),
    ("W11", "the REST proxy"),
    ("W12", "one message taken and acknowledged"),
    ("W13", "the schema registry"),
    ("W15", "SIGKILL under load"),
    ("W16", "start"),
    ("errors", "a produce request that is refused"),
    ("rdkafka", "librdkafka by way of Python as the client, one partition, acks=all"),
];
const OURS: &str = "milena";

/// The tables of a run's output, in the order in which its rows came.
pub(crate) fn markdown(output: &str) -> String {
    let lines: Vec<Value> = output.lines().filter(|l| l.starts_with('{')).filter_map(|l| serde_json::from_str(l).ok()).collect();
    let mut out = String::new();
    for name in distinct(lines.iter(), "workload") {
        let of_row: Vec<&Value> = lines.iter().filter(|line| line["workload"] == name).collect();
        let _ = writeln!(out, "**{name}: {}**\n", title(name));
        match of_row.iter().any(|line| line["what"].is_string()) {
            true => figures(&mut out, &of_row),
            false => cells(&mut out, &of_row),
        }
        out.push('\n');
    }
    out
}

fn title(name: &str) -> &'static str {
    let produced = WORKLOADS.iter().map(|w| (w.name, w.what));
    produced.chain(TITLES.iter().copied()).find(|(row, _)| *row == name).map_or("", |(_, what)| what)
}

/// The values of a field, each once, as they first came.
fn distinct<'a>(lines: impl Iterator<Item = &'a Value>, field: &str) -> Vec<&'a str> {
    let mut seen: Vec<&str> = Vec::new();
    for value in lines.filter_map(|line| line[field].as_str()) {
        if !seen.contains(&value) {
            seen.push(value);
        }
    }
    seen
}

/// Produced records: a line a system. Of several rounds the one with the median rate is told.
fn cells(out: &mut String, lines: &[&Value]) {
    out.push_str(
        "| system | requests/s | records/s | MB/s | CPU µs a request | CPU µs a record | CPU s a GB | p50 ms | p99 ms | CPU beside Milena |\n\
         |---|---|---|---|---|---|---|---|---|---|\n",
    );
    let number = |line: &Value, field: &str| line[field].as_f64().unwrap_or(f64::NAN);
    let told = |system: &str| {
        let mut rounds: Vec<&&Value> = lines.iter().filter(|line| line["system"] == system).collect();
        rounds.sort_by(|a, b| number(a, "requests_per_second").total_cmp(&number(b, "requests_per_second")));
        rounds.get(rounds.len() / 2).map(|line| (**line).clone())
    };
    let ours = told(OURS).map_or(f64::NAN, |line| number(&line, "micros_per_request"));
    for line in distinct(lines.iter().copied(), "system").into_iter().filter_map(told) {
        let ms = |field: &str| number(&line, field) / 1e3;
        let _ = writeln!(
            out,
            "| {} | {} | {} | {:.1} | {:.2} | {:.3} | {:.2} | {:.2} | {:.1} | {:.2} x |",
            line["system"].as_str().unwrap_or_default(),
            short(number(&line, "requests_per_second")),
            short(number(&line, "records_per_second")),
            number(&line, "megabytes_per_second"),
            number(&line, "micros_per_request"),
            number(&line, "micros_per_record"),
            number(&line, "seconds_per_gigabyte"),
            ms("p50_micros"),
            ms("p99_micros"),
            number(&line, "micros_per_request") / ours,
        );
    }
}

/// Single figures: a line a figure, a column a system.
fn figures(out: &mut String, lines: &[&Value]) {
    let systems = distinct(lines.iter().copied(), "system");
    let _ = writeln!(out, "| | {} |\n|---|{}", systems.join(" | "), "---|".repeat(systems.len()));
    for what in distinct(lines.iter().copied(), "what") {
        let cell = |system: &&str| {
            let found = lines.iter().find(|line| line["what"] == what && line["system"] == **system);
            let told = |line: &&Value| Some(format!("{} {}", short(line["value"].as_f64()?), line["unit"].as_str()?));
            found.and_then(told).unwrap_or_default().trim_end().to_owned()
        };
        let cells: Vec<String> = systems.iter().map(cell).collect();
        let _ = writeln!(out, "| {what} | {} |", cells.join(" | "));
    }
}

/// Three digits and a unit of thousands.
fn short(value: f64) -> String {
    match value {
        v if v >= 1e6 => format!("{:.2} M", v / 1e6),
        v if v >= 1e4 => format!("{:.1} k", v / 1e3),
        v if v >= 100.0 => format!("{v:.0}"),
        v if v >= 1.0 => format!("{v:.1}"),
        v => format!("{v:.3}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn systems_stand_beside_each_other() {
        let output = r#"W16 milena …
{"workload":"W16","system":"milena","what":"empty","value":9.96,"unit":"ms"}
{"workload":"W16","system":"kafka","what":"empty","value":2800.0,"unit":"ms"}
{"workload":"W16","system":"milena","what":"only ours","value":0.25,"unit":""}
"#;
        let wanted =
            "**W16: start**\n\n| | milena | kafka |\n|---|---|---|\n| empty | 10.0 ms | 2800 ms |\n| only ours | 0.250 |  |\n\n";
        assert_eq!(markdown(output), wanted);
    }

    #[test]
    fn the_median_round_is_told_and_ratios_are_to_ours() {
        let line = |system: &str, rate: u32, micros: u32| {
            format!(
                r#"{{"workload":"W2a","system":"{system}","requests_per_second":{rate},"records_per_second":{rate},"megabytes_per_second":1,"micros_per_request":{micros},"micros_per_record":{micros},"seconds_per_gigabyte":1,"p50_micros":1000,"p99_micros":2000}}"#
            )
        };
        let output = [line("milena", 10, 50), line("milena", 30, 70), line("milena", 20, 60), line("kafka", 5, 120)].join("\n");
        let table = markdown(&output);
        assert!(table.contains("| milena | 20.0 | 20.0 | 1.0 | 60.00 |") && table.ends_with("| 2.00 x |\n\n"), "{table}");
    }
}
