//! `schema export` and `schema import`: a whole registry as the records of its topic, so that one can take over from another.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read},
    path::Path,
};

use serde_json::{Value, json};

use super::reading::pages;
use crate::{
    failure::{Failure, Kind},
    screen::{self, counted},
    web::{Web, escaped},
};

pub(super) async fn export(web: &Web) -> Result<(), Failure> {
    let all = pages(web, "/schemas?subjectPrefix=%3A*%3A&deleted=true").await?;
    let live = pages(web, "/schemas?subjectPrefix=%3A*%3A&deleted=false").await?;
    let live: std::collections::HashSet<(String, i64)> = live.iter().map(place).collect();
    for mut version in all {
        let (subject, number) = place(&version);
        let deleted = !live.contains(&(subject.clone(), number));
        version["deleted"] = deleted.into();
        screen::line(format_args!(
            r#"{{"keytype":"SCHEMA","subject":{},"version":{number},"magic":1}}	{version}"#,
            json!(subject)
        ))?;
    }
    Ok(())
}

fn place(version: &Value) -> (String, i64) {
    (version["subject"].as_str().unwrap_or_default().to_string(), version["version"].as_i64().unwrap_or(0))
}

/// What the records of a topic come to.
#[derive(Default)]
pub(crate) struct Replay {
    versions: BTreeMap<(String, i64), Value>,
    /// By subject; the empty one is everything.
    configs: BTreeMap<String, Value>,
    lines: usize,
}

impl Replay {
    pub(crate) fn is_empty(&self) -> bool {
        self.versions.is_empty() && self.configs.is_empty()
    }

    pub(crate) fn line(&mut self, line: &str) -> Result<(), String> {
        let (key, value) = record(line)?;
        let subject = key["subject"].as_str().unwrap_or_default().to_string();
        match key["keytype"].as_str().ok_or("its key has no keytype")? {
            "SCHEMA" => {
                let number = key["version"].as_i64().ok_or("its key has no version")?;
                match value {
                    Value::Null => self.versions.remove(&(subject, number)),
                    value => self.versions.insert((subject, number), value),
                };
            }
            "DELETE_SUBJECT" => {
                let last = value["version"].as_i64().unwrap_or(0);
                let of = self.versions.iter_mut().filter(|((s, number), _)| *s == subject && *number <= last);
                of.for_each(|(_, version)| version["deleted"] = true.into());
            }
            "CLEAR_SUBJECT" => self.versions.retain(|(s, _), version| *s != subject || version["deleted"] != true),
            "CONFIG" if value.is_null() => {
                self.configs.remove(&subject);
            }
            "CONFIG" => {
                self.configs.insert(subject, value);
            }
            _ => {}
        }
        self.lines += 1;
        Ok(())
    }
}

/// Everything that a registry has.
pub(crate) async fn of_registry(web: &Web) -> Result<Replay, Failure> {
    let mut replay = Replay::default();
    let live = pages(web, "/schemas?subjectPrefix=%3A*%3A&deleted=false").await?;
    let live: std::collections::HashSet<(String, i64)> = live.iter().map(place).collect();
    for mut version in pages(web, "/schemas?subjectPrefix=%3A*%3A&deleted=true").await? {
        version["deleted"] = (!live.contains(&place(&version))).into();
        replay.versions.insert(place(&version), version);
    }
    Ok(replay)
}

/// Takes the versions that are not there yet, under their ids. Gives how many there are.
pub(crate) async fn take(web: &Web, replay: &Replay) -> Result<i64, Failure> {
    put(web, replay).await
}

/// Key and value of a line: parted by a tab, as console consumers print them, or an object with `key` and `value` or `payload`.
fn record(line: &str) -> Result<(Value, Value), String> {
    let json = |text: &str| {
        serde_json::from_str::<Value>(text)
            .map_err(|e| format!("{:?} is no JSON: {e}", text.chars().take(60).collect::<String>()))
    };
    if let Some((key, value)) = line.split_once('\t') {
        let value = if matches!(value.trim(), "" | "null") { Value::Null } else { json(value)? };
        return Ok((json(key)?, value));
    }
    let whole = json(line)?;
    let part = |name: &str| match &whole[name] {
        Value::String(text) => json(text),
        other => Ok(other.clone()),
    };
    match (part("key")?, part("value")?, part("payload")?) {
        (Value::Null, ..) => Err("it has no key".into()),
        (key, Value::Null, payload) => Ok((key, payload)),
        (key, value, _) => Ok((key, value)),
    }
}

pub(super) async fn import(web: &Web, file: Option<&Path>) -> Result<(), Failure> {
    let source: Box<dyn Read> = match file {
        None => Box::new(std::io::stdin()),
        Some(path) => Box::new(
            std::fs::File::open(path)
                .map_err(|e| Failure::new(Kind::NotFound, format!("{} cannot be read", path.display())).why(e))?,
        ),
    };
    let mut replay = Replay::default();
    for (n, line) in BufReader::new(source).lines().enumerate() {
        let line = line.map_err(|e| Failure::new(Kind::Failed, "the records cannot be read").why(e))?;
        if line.trim().is_empty() {
            continue;
        }
        replay
            .line(&line)
            .map_err(|why| Failure::new(Kind::Failed, format!("line {} is no record of _schemas", n + 1)).why(why))?;
    }
    let versions = put(web, &replay).await?;
    screen::line(format_args!("imported {} from {}", counted(versions, "version"), counted(replay.lines as i64, "record")))?;
    Ok(())
}

/// Each subject in import mode while its versions come, in the order of ids: what others refer to is older.
async fn put(web: &Web, replay: &Replay) -> Result<i64, Failure> {
    let subjects: std::collections::BTreeSet<&str> = replay.versions.keys().map(|(subject, _)| subject.as_str()).collect();
    for subject in &subjects {
        web.send("PUT", &format!("/mode/{}?force=true", escaped(subject)), &json!({"mode": "IMPORT"})).await?;
    }
    let mut order: Vec<(&(String, i64), &Value)> = replay.versions.iter().collect();
    order.sort_by_key(|(place, version)| (version["id"].as_i64(), *place));
    for ((subject, number), version) in &order {
        let mut body = (*version).clone();
        body["version"] = (*number).into();
        let outcome = web.send("POST", &format!("/subjects/{}/versions", escaped(subject)), &body).await;
        outcome.map_err(|failure| {
            failure.hint(format!("at version {number} of {subject}; what came before is there, and may be sent again"))
        })?;
    }
    for ((subject, number), _) in order.iter().filter(|(_, version)| version["deleted"] == true) {
        web.call("DELETE", &format!("/subjects/{}/versions/{number}", escaped(subject))).await?;
    }
    for subject in &subjects {
        web.call("DELETE", &format!("/mode/{}", escaped(subject))).await?;
    }
    for (subject, config) in &replay.configs {
        let mut body = config.clone();
        body["compatibility"] = config["compatibilityLevel"].clone();
        let path = if subject.is_empty() { "/config".to_string() } else { format!("/config/{}", escaped(subject)) };
        web.send("PUT", &path, &body).await?;
    }
    Ok(order.len() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dump_is_replayed_as_its_registry_would() {
        let mut replay = Replay::default();
        let schema = |version: i64, deleted: bool| {
            format!(
                r#"{{"keytype":"SCHEMA","subject":"a","version":{version},"magic":1}}	{{"subject":"a","version":{version},"id":{version},"schema":"\"int\"","deleted":{deleted}}}"#
            )
        };
        let lines = [
            r#"{"keytype":"NOOP","magic":0}	"#.to_string(),
            schema(1, false),
            schema(2, false),
            schema(3, false),
            r#"{"keytype":"SCHEMA","subject":"a","version":3,"magic":1}	null"#.to_string(),
            r#"{"keytype":"DELETE_SUBJECT","subject":"a","magic":0}	{"subject":"a","version":1}"#.to_string(),
            r#"{"key":"{\"keytype\":\"CONFIG\",\"subject\":null,\"magic\":0}","payload":"{\"compatibilityLevel\":\"FULL\"}"}"#
                .to_string(),
        ];
        lines.iter().for_each(|line| replay.line(line).expect("a record"));
        let deleted: Vec<bool> = replay.versions.values().map(|v| v["deleted"] == true).collect();
        assert_eq!(deleted, [true, false]);
        assert_eq!(replay.configs[""]["compatibilityLevel"], "FULL");
        assert!(replay.line("nonsense").is_err());
        assert!(replay.line("{}").is_err());
    }
}
