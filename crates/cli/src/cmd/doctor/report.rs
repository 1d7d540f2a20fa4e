//! Findings as people and programs read them: text, JSON, JUnit, Prometheus' text file, a Nagios line, a page of HTML.

use std::fmt::Write;

use clap::ValueEnum;
use serde_json::json;

use super::finding::{Finding, Verdict};
use crate::{
    cmd::ping::spent,
    screen::{counted, lines},
};

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Form {
    #[value(alias = "table")]
    Text,
    Json,
    Junit,
    Prometheus,
    Nagios,
    Html,
}

pub(crate) fn write(form: Form, of: &str, findings: &[Finding], verbose: bool) -> String {
    let without = findings.iter().find(|f| f.verdict == Verdict::Failure && f.fix.is_none());
    debug_assert!(without.is_none(), "a failure names one thing to do: {without:?}");
    match form {
        Form::Text => lines(&text(of, findings, verbose)),
        Form::Json => as_json(of, findings),
        Form::Junit => junit(of, findings),
        Form::Prometheus => prometheus(of, findings),
        Form::Nagios => nagios(of, findings),
        Form::Html => html(of, findings),
    }
}

fn count(findings: &[Finding], verdict: Verdict) -> usize {
    findings.iter().filter(|f| f.verdict == verdict).count()
}

fn text(of: &str, findings: &[Finding], verbose: bool) -> String {
    let (failures, warnings) = (count(findings, Verdict::Failure), count(findings, Verdict::Warning));
    let mut out = String::new();
    if failures + warnings == 0 && !verbose {
        let made = count(findings, Verdict::Ok);
        let _ = writeln!(out, "{of} - all good ({})", counted(made as i64, "check"));
        for finding in findings.iter().filter(|f| f.verdict == Verdict::Ok) {
            let _ = writeln!(out, "  {:<12} {}", finding.name(), finding.words);
        }
        return out;
    }
    for finding in findings.iter().filter(|f| verbose || f.verdict != Verdict::Skipped) {
        one(&mut out, finding, verbose);
    }
    let skipped = count(findings, Verdict::Skipped);
    if skipped > 0 && !verbose {
        let _ = writeln!(out, " - {} skipped   (-v says why)", counted(skipped as i64, "check"));
    }
    let _ = writeln!(out, "{of}: {}, {}", counted(failures as i64, "failure"), counted(warnings as i64, "warning"));
    out
}

pub(crate) fn one(out: &mut String, finding: &Finding, verbose: bool) {
    let took = if verbose && !finding.took.is_zero() { format!("   ({})", spent(finding.took)) } else { String::new() };
    let id = if verbose { format!("{} ", finding.id) } else { String::new() };
    let _ = writeln!(out, " {} {id}{:<12} {}{took}", finding.verdict.mark(), finding.name(), finding.words);
    for line in &finding.detail {
        let _ = writeln!(out, "                  {line}");
    }
    if let Some(fix) = &finding.fix {
        let _ = writeln!(out, "                fix: {fix}");
    }
}

fn as_json(of: &str, findings: &[Finding]) -> String {
    let one = |f: &Finding| {
        json!({
            "id": f.id,
            "name": f.name(),
            "verdict": f.verdict.word(),
            "words": f.words,
            "detail": f.detail,
            "fix": f.fix,
            "ms": f.took.as_secs_f64() * 1e3,
        })
    };
    let all = json!({
        "of": of,
        "failures": count(findings, Verdict::Failure),
        "warnings": count(findings, Verdict::Warning),
        "checks": findings.iter().map(one).collect::<Vec<_>>(),
    });
    format!("{}\n", serde_json::to_string_pretty(&all).unwrap_or_default())
}

/// What XML and HTML want written otherwise.
fn escaped(text: &str) -> String {
    let visible = text.chars().filter(|c| !c.is_control() || *c == '\n');
    let mut out = String::new();
    for c in visible {
        match c {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '"' => out += "&quot;",
            c => out.push(c),
        }
    }
    out
}

fn junit(of: &str, findings: &[Finding]) -> String {
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"milena doctor {}\" tests=\"{}\" failures=\"{}\" skipped=\"{}\">\n",
        escaped(of),
        findings.len(),
        count(findings, Verdict::Failure),
        count(findings, Verdict::Skipped)
    );
    for f in findings {
        let _ = write!(out, "  <testcase classname=\"{}\" name=\"{}\" time=\"{:.3}\"", f.id, f.name(), f.took.as_secs_f64());
        let words = escaped(&f.words);
        let more = f.detail.iter().chain(&f.fix).map(|l| escaped(l)).collect::<Vec<_>>().join("\n");
        let _ = match f.verdict {
            Verdict::Failure => writeln!(out, "><failure message=\"{words}\">{more}</failure></testcase>"),
            Verdict::Skipped => writeln!(out, "><skipped message=\"{words}\"/></testcase>"),
            _ => writeln!(out, "><system-out>{words}\n{more}</system-out></testcase>"),
        };
    }
    out + "</testsuite>\n"
}

/// For node_exporter's text files: 0 ok, 1 warning, 2 failure; skipped checks are left out.
fn prometheus(of: &str, findings: &[Finding]) -> String {
    let mut out = String::from("# HELP milena_doctor_check 0 ok, 1 warning, 2 failure\n# TYPE milena_doctor_check gauge\n");
    for f in findings.iter().filter(|f| f.verdict != Verdict::Skipped) {
        let value = f.verdict as u8 - Verdict::Ok as u8;
        let of = of.replace(['\\', '"', '\n'], "_");
        let _ = writeln!(out, "milena_doctor_check{{of=\"{of}\",id=\"{}\",name=\"{}\"}} {value}", f.id, f.name());
    }
    out
}

fn nagios(of: &str, findings: &[Finding]) -> String {
    let worst = findings.iter().max_by_key(|f| f.verdict);
    let state = match worst.map(|f| f.verdict) {
        Some(Verdict::Failure) => "CRITICAL",
        Some(Verdict::Warning) => "WARNING",
        Some(Verdict::Ok) => "OK",
        _ => "UNKNOWN",
    };
    let words =
        worst.filter(|f| f.verdict > Verdict::Ok).map_or("all good".to_string(), |f| format!("{}: {}", f.name(), f.words));
    let (failures, warnings) = (count(findings, Verdict::Failure), count(findings, Verdict::Warning));
    format!("MILENA {state} - {of} {} | failures={failures} warnings={warnings}\n", words.replace('|', "/"))
}

fn html(of: &str, findings: &[Finding]) -> String {
    let mut out = format!(
        "<!doctype html>\n<meta charset=\"utf-8\">\n<title>milena doctor {0}</title>\n<style>body{{font-family:sans-serif}}td{{padding:.3em;vertical-align:top}}.failure{{background:#fdd}}.warning{{background:#ffd}}.skipped{{color:#777}}</style>\n<h1>milena doctor {0}</h1>\n<table>\n",
        escaped(of)
    );
    for f in findings {
        let more = f.detail.iter().map(|l| format!("<br>{}", escaped(l))).collect::<String>();
        let fix = f.fix.as_ref().map_or(String::new(), |fix| format!("<br>fix: <code>{}</code>", escaped(fix)));
        let _ = writeln!(
            out,
            "<tr class=\"{}\"><td>{}</td><td>{} {}</td><td>{}{more}{fix}</td></tr>",
            f.verdict.word(),
            f.verdict.mark(),
            f.id,
            f.name(),
            escaped(&f.words)
        );
    }
    out + "</table>\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings() -> Vec<Finding> {
        vec![
            Finding::ok("D01", "a <b> & \"c\""),
            Finding::warning("D02", "slow"),
            Finding::failure("D08", "wrong | bad").detail("why").fix("do this"),
            Finding::skipped("D09", "because it is so"),
        ]
    }

    #[test]
    fn text_has_one_line_a_check_and_the_fix() {
        let text = text("h:1", &findings(), false);
        let expected = " ✓ name         a <b> & \"c\"\n ! ping         slow\n ✗ address      wrong | bad\n                  why\n                fix: do this\n - 1 check skipped   (-v says why)\nh:1: 1 failure, 1 warning\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn programs_get_what_they_can_parse() {
        let parsed: serde_json::Value = serde_json::from_str(&as_json("h", &findings())).unwrap();
        assert_eq!((parsed["failures"].as_u64(), parsed["checks"][2]["fix"].as_str()), (Some(1), Some("do this")));
        assert!(
            junit("h", &findings())
                .contains("<testcase classname=\"D01\" name=\"name\" time=\"0.000\"><system-out>a &lt;b&gt; &amp; &quot;c&quot;")
        );
        assert!(prometheus("h", &findings()).ends_with("milena_doctor_check{of=\"h\",id=\"D08\",name=\"address\"} 2\n"));
        assert_eq!(nagios("h", &findings()), "MILENA CRITICAL - h address: wrong / bad | failures=1 warnings=1\n");
        assert_eq!(nagios("h", &[]), "MILENA UNKNOWN - h all good | failures=0 warnings=0\n");
        assert!(html("h", &findings()).contains("<code>do this</code>"));
    }
}
