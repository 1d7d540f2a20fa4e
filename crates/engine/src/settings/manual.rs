//! The manual's page of settings, made from the settings themselves so that it cannot say anything else. `docs/settings.md`
//! is this text; a test compares.

use std::fmt::Write;

use super::{
    broker,
    differences::DIFFERENCES,
    offered::Offered,
    setting::{Bearing, Check, Kind, Reach, Setting},
    topic,
};

/// The whole page, in Markdown.
pub fn page() -> String {
    let topic: Vec<_> = topic::all().collect();
    let broker: Vec<_> = broker::all().collect();
    let mut page = String::from(HEAD);
    differences(&mut page);
    honoured(&mut page, "Topic settings that matter", &topic);
    honoured(&mut page, "Broker settings that matter", &broker);
    others(&mut page, "Topic settings that are accepted and change nothing", &topic);
    others(&mut page, "Broker settings that are accepted and change nothing", &broker);
    others(
        &mut page,
        "Group settings that are accepted and change nothing",
        &Offered::Group.settings().iter().collect::<Vec<_>>(),
    );
    let metrics: Vec<_> = Offered::ClientMetrics.settings().iter().collect();
    others(&mut page, "Client metrics settings that are accepted and change nothing", &metrics);
    page
}

const HEAD: &str = "\
# Settings

Every topic and broker setting that Apache Kafka 4.3.1 lists is known here by the same name, with the same type, range and
(but for the list below) default. A topic's own value wins over the broker's: first what was set for this broker while it ran,
then for the cluster, then in `milena.toml`, then the default. `kafka-configs` and `milena config` show where a value comes from.
Unknown names are refused. Names that begin with `milena.` are ours.

This page is made from the source (`crates/engine/src/settings`); a test fails when it is stale, and
`UPDATE_DOCS=1 cargo test -p milena-engine manual` writes it.

";

fn differences(page: &mut String) {
    page.push_str("## Defaults that differ from Kafka's\n\n| setting | Kafka | here | why |\n|---|---|---|---|\n");
    for d in DIFFERENCES {
        let _ = writeln!(page, "| `{}` | {} | {} | {} |", d.name, d.kafka, d.ours, d.because);
    }
    page.push('\n');
}

fn honoured(page: &mut String, title: &str, settings: &[&Setting]) {
    let _ = writeln!(page, "## {title}\n");
    for s in settings {
        let Bearing::Honoured { since } = s.bearing else { continue };
        let default = s.default.map_or_else(|| "unset".into(), |d| format!("`{d}`"));
        let _ = writeln!(page, "### `{}`\n\n{}\n", s.name, s.prose);
        let _ = writeln!(page, "{}, default {default}{}; {}. Since {since}.\n", kind(s.kind), range(&s.check), reach(s.reach));
        if let Some(first) = s.fallbacks.first() {
            let whose = if s.reach == Reach::Topic { "the broker's " } else { "" };
            let _ = writeln!(page, "When it is not set, {whose}`{}` counts.\n", first.name);
        }
    }
}

/// By reason, since that is what one wants to know about them.
fn others(page: &mut String, title: &str, settings: &[&Setting]) {
    let mut reasons: Vec<(&str, Vec<&Setting>)> = Vec::new();
    for s in settings {
        let (Bearing::Inert { because } | Bearing::Reported { because }) = s.bearing else { continue };
        match reasons.iter_mut().find(|(reason, _)| *reason == because) {
            Some((_, rows)) => rows.push(s),
            None => reasons.push((because, vec![s])),
        }
    }
    let count: usize = reasons.iter().map(|(_, rows)| rows.len()).sum();
    let _ = writeln!(page, "## {title} ({count})\n");
    for (reason, rows) in reasons {
        let _ = writeln!(page, "{reason}\n\n| setting | default | |\n|---|---|---|");
        for s in rows {
            let _ = writeln!(page, "| `{}` | {} | {} |", s.name, s.default.unwrap_or("unset"), s.prose);
        }
        page.push('\n');
    }
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Boolean => "Boolean",
        Kind::Text => "String",
        Kind::Int => "Int (32 bits)",
        Kind::Short => "Short (16 bits)",
        Kind::Long => "Long (64 bits)",
        Kind::Double => "Double",
        Kind::List => "List",
        Kind::Class => "Class",
        Kind::Password => "Password",
    }
}

fn range(check: &Check) -> String {
    match check {
        Check::Any => String::new(),
        Check::AtLeast(min) => format!(", at least {min}"),
        Check::Between(min, max) => format!(", {min} to {max}"),
        Check::BetweenOr(min, max, or) => format!(", {min} to {max} or {or}"),
        Check::Ratio(min, max) => format!(", {min} to {max}"),
        Check::OneOf(these) | Check::OneOfAnyCase(these) => format!(", one of {}", these.join(", ")),
        Check::Each(these) => format!(", any of {}", these.join(", ")),
        Check::NotEmpty => ", not empty".into(),
        Check::ThrottledReplicas => ", `*` or partition:broker pairs".into(),
        Check::With(_, expected) => format!(", {expected}"),
    }
}

fn reach(reach: Reach) -> &'static str {
    match reach {
        Reach::Topic => "set on a topic",
        Reach::Group => "set on a group",
        Reach::ClientMetrics => "set on a metrics subscription",
        Reach::AtStart => "read when the broker starts",
        Reach::Broker => "may be changed for one broker while it runs",
        Reach::Cluster => "may be changed while the broker runs",
        Reach::Listener => "may be changed under a listener's prefix only",
    }
}
