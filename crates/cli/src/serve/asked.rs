//! Broker settings as somebody asked for them: in `[server.set]` of `milena.toml`, or with `--set`. Where each stands is
//! remembered, so that one that is refused can be found.

use std::{collections::BTreeMap, path::PathBuf};

use milena_node::engine::settings::{Refusal, broker};

use crate::failure::{Failure, Kind};

/// Settings that flags of `serve` say, with an example of each.
const FLAGS: [(&str, &str, &str); 7] = [
    ("listeners", "kafka", "127.0.0.1:9092"),
    ("advertised.listeners", "advertise", "HOST:PORT"),
    ("log.dir", "data", "DIR"),
    ("log.dirs", "data", "DIR"),
    ("metadata.log.dir", "data", "DIR"),
    ("milena.http.address", "http", "127.0.0.1:8080"),
    ("milena.registry.address", "registry", "127.0.0.1:8081"),
];

/// What was asked for; of two that name the same the later counts.
#[derive(Clone, Debug, Default)]
pub(super) struct Asked {
    settings: Vec<(String, Option<String>)>,
    /// The file that the first of them come from, with its text.
    file: Option<(PathBuf, String)>,
    /// So many come from the file.
    of_file: usize,
}

impl Asked {
    /// Those of the file, and behind them those of the command line.
    pub(super) fn new(
        file: Option<(PathBuf, String)>,
        of_file: &BTreeMap<String, toml::Value>,
        flags: Vec<(String, String)>,
    ) -> Result<Self, Failure> {
        let mut settings = Vec::new();
        of_file.iter().for_each(|(name, value)| flatten(name, value, &mut settings));
        let of_file = settings.len();
        settings.extend(flags.into_iter().map(|(name, value)| (name, Some(value))));
        let asked = Self { settings, file, of_file };
        asked.refuse_flags()?;
        Ok(asked)
    }

    pub(super) fn settings(&self) -> &[(String, Option<String>)] {
        &self.settings
    }

    /// What has a flag of its own is not said as a setting: the one would contradict the other.
    fn refuse_flags(&self) -> Result<(), Failure> {
        let said = |(name, _): &(String, Option<String>)| FLAGS.into_iter().find(|(setting, ..)| setting == name);
        let Some((name, flag, example)) = self.settings.iter().find_map(said) else { return Ok(()) };
        Err(Failure::usage(format!("{} is no setting to be given here", self.place(name)))
            .why(format!("--{flag} says it; clients that ask for {name} are told what it came to"))
            .fix(format!("--{flag} {example}   or   {flag} = \"{example}\" below [server] of milena.toml")))
    }

    /// A setting and where it was asked for: `num.partitions (milena.toml, line 3)`.
    fn place(&self, name: &str) -> String {
        let at = self.settings.iter().rposition(|(n, _)| n == name);
        match (&self.file, at) {
            (Some((path, text)), Some(at)) if at < self.of_file => match line(text, name) {
                Some(line) => format!("{name} ({}, line {line})", path.display()),
                None => format!("{name} ({})", path.display()),
            },
            _ => format!("{name} (--set)"),
        }
    }

    /// A setting that is refused, with where it stands, and the one that may have been meant.
    pub(super) fn refused(&self, refusal: &Refusal) -> Failure {
        let what = match named(refusal) {
            Some(name) if self.settings.iter().any(|(n, _)| n == name) => format!("{} is not right", self.place(name)),
            _ => "a broker setting is not right".into(),
        };
        let failure = Failure::new(Kind::Usage, what).why(refusal);
        let near = match refusal {
            Refusal::Unknown { name, .. } => crate::nearest::nearest(name, broker::all().map(|s| s.name)),
            _ => None,
        };
        match near {
            Some(near) => failure.hint(format!("did you mean {near:?}?")),
            None => failure,
        }
    }
}

fn named(refusal: &Refusal) -> Option<&str> {
    match refusal {
        Refusal::Unknown { name, .. }
        | Refusal::BadValue { name, .. }
        | Refusal::NullValue { name }
        | Refusal::Twice { name }
        | Refusal::NotAList { name } => Some(name),
        _ => None,
    }
}

/// TOML reads `num.partitions = 3` as a table in a table: Kafka's name is the way to the value.
fn flatten(name: &str, value: &toml::Value, into: &mut Vec<(String, Option<String>)>) {
    match value {
        toml::Value::Table(table) => table.iter().for_each(|(below, value)| flatten(&format!("{name}.{below}"), value, into)),
        other => into.push((name.to_string(), Some(plain(other)))),
    }
}

/// A value of `[server.set]` as Kafka's properties spell it.
fn plain(value: &toml::Value) -> String {
    match value {
        toml::Value::String(text) => text.clone(),
        toml::Value::Array(list) => list.iter().map(plain).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}

/// The line of a file on which a setting is given, as one name or below a table's head.
fn line(text: &str, name: &str) -> Option<usize> {
    let mut above = String::new();
    for (n, line) in text.lines().enumerate() {
        let code = line.split('#').next().unwrap_or_default();
        let bare: String = code.chars().filter(|c| !matches!(c, '"' | '\'' | ' ' | '\t')).collect();
        if let Some(head) = bare.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            above = head.to_string();
        } else if let Some((key, _)) = bare.split_once('=')
            && format!("{above}.{key}") == format!("server.set.{name}")
        {
            return Some(n + 1);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(text: &str, flags: &[(&str, &str)]) -> Result<Asked, Failure> {
        let file: crate::config::File = toml::from_str(text).unwrap();
        let flags = flags.iter().map(|(n, v)| ((*n).to_string(), (*v).to_string())).collect();
        Asked::new(Some(("milena.toml".into(), text.to_string())), &file.server.set, flags)
    }

    #[test]
    fn names_need_no_quotes() {
        let text = "[server.set]\nnum.partitions = 3\n\"message.max.bytes\" = 5\nlog.retention.ms = \"7\"\n[server.set.log.cleanup]\npolicy = [\"compact\", \"delete\"]\n";
        let of_file = asked(text, &[]).unwrap();
        let mut settings = of_file.settings.clone();
        settings.sort();
        let expected = [
            ("log.cleanup.policy", "compact,delete"),
            ("log.retention.ms", "7"),
            ("message.max.bytes", "5"),
            ("num.partitions", "3"),
        ];
        assert_eq!(settings, expected.map(|(n, v)| (n.to_string(), Some(v.to_string()))));
        for (name, at) in [("num.partitions", 2), ("message.max.bytes", 3), ("log.cleanup.policy", 6)] {
            assert_eq!(of_file.place(name), format!("{name} (milena.toml, line {at})"));
        }
        assert_eq!(asked(text, &[("num.partitions", "4")]).unwrap().place("num.partitions"), "num.partitions (--set)");
    }

    #[test]
    fn what_has_a_flag_names_it() {
        for (name, flag) in [("listeners", "--kafka"), ("advertised.listeners", "--advertise"), ("log.dirs", "--data")] {
            let failure = asked("", &[(name, "x")]).unwrap_err().to_string();
            assert!(failure.contains(&format!("fix:  {flag} ")), "{failure}");
        }
        let failure = asked("[server.set]\nlisteners = \"x\"\n", &[]).unwrap_err().to_string();
        assert!(failure.starts_with("error: listeners (milena.toml, line 2) "), "{failure}");
    }

    #[test]
    fn a_refusal_says_where_it_stands() {
        let asked = asked("[server.set]\n# one more\nnum.partition = 3\n", &[]).unwrap();
        let refusal = Refusal::Unknown { noun: "broker", name: "num.partition".into() };
        let failure = asked.refused(&refusal).to_string();
        assert!(failure.starts_with("error: num.partition (milena.toml, line 3) is not right\n"), "{failure}");
        assert!(failure.contains("did you mean \"num.partitions\"?"), "{failure}");
    }
}
