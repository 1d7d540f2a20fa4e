//! `schema export` and `schema import`: a whole registry as the records of its topic, so that one can take over from another.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    io::{BufRead, BufReader, Read},
    path::Path,
    time::Duration,
};

use milena_client::{Cluster, From, OutOfRange, Reader, ReaderConfig, Selection, Until};
use milena_engine::subject::{GLOBAL_CONTEXT, record::TOPIC};
use serde_json::{Value, json};

use super::reading::pages;
use crate::{
    cmd::read::is_unknown,
    failure::{Failure, Kind},
    screen::{self, counted},
    told::Told,
    web::{Web, escaped},
};

/// Where the registry is a broker's own, `cluster` is that broker.
pub(super) async fn export(web: &Web, cluster: Option<&Cluster>) -> Result<(), Failure> {
    let mut all = pages(web, "/schemas?subjectPrefix=%3A*%3A&deleted=true&aliases=true").await?;
    let mut scopes = scopes(web, &mut all).await?;
    if let Some(cluster) = cluster {
        scopes.extend(set(cluster).await?);
    }
    let live = pages(web, "/schemas?subjectPrefix=%3A*%3A&deleted=false").await?;
    let live: HashSet<(String, i64)> = live.iter().map(place).collect();
    for mut version in all {
        let (subject, number) = place(&version);
        let deleted = !live.contains(&(subject.clone(), number));
        version["deleted"] = deleted.into();
        screen::line(format_args!(
            r#"{{"keytype":"SCHEMA","subject":{},"version":{number},"magic":1}}	{version}"#,
            json!(subject)
        ))?;
    }
    for (keytype, path) in [("CONFIG", "config"), ("MODE", "mode")] {
        settings(web, keytype, path, &scopes).await?;
    }
    Ok(())
}

/// What is set on the scopes. What holds where no scope is named is told as it is: another registry may have another default.
/// But where all contexts have settings, these are not told as the default context's own.
async fn settings(web: &Web, keytype: &str, path: &str, scopes: &BTreeSet<String>) -> Result<(), Failure> {
    let of_all = own(web, path, &of_all()).await?;
    for scope in scopes {
        let default = if of_all.is_some() { DEFAULT } else { "" };
        let Some(value) = own(web, path, if scope.is_empty() { default } else { scope }).await? else { continue };
        let subject = if scope.is_empty() { Value::Null } else { scope.as_str().into() };
        screen::line(format_args!(r#"{{"keytype":"{keytype}","subject":{subject},"magic":0}}	{value}"#))?;
    }
    Ok(())
}

/// The default context by its name.
const DEFAULT: &str = ":.:";

fn of_all() -> String {
    format!(":{GLOBAL_CONTEXT}:")
}

/// Whatever may have settings of its own and can be seen in lists: the default context (the empty one), all contexts, each of
/// them, subjects, and the names that stand for one of these.
async fn scopes(web: &Web, versions: &mut [Value]) -> Result<BTreeSet<String>, Failure> {
    let mut scopes = BTreeSet::from([String::new(), of_all()]);
    let contexts = web.get("/contexts").await?;
    let contexts = contexts.as_array().into_iter().flatten().filter_map(Value::as_str).filter(|context| *context != ".");
    scopes.extend(contexts.map(|context| format!(":{context}:")));
    for version in versions {
        scopes.insert(place(version).0);
        let aliases = version.as_object_mut().and_then(|version| version.remove("aliases"));
        let aliases = aliases.as_ref().and_then(Value::as_array).into_iter().flatten();
        scopes.extend(aliases.filter_map(Value::as_str).map(str::to_owned));
    }
    Ok(scopes)
}

/// The scopes whose settings stand in the topic: no list shows a subject that has settings and no versions.
async fn set(cluster: &Cluster) -> Result<BTreeSet<String>, Failure> {
    let selection = Selection { topic: TOPIC.into(), partitions: None, from: From::Start, until: Until::End };
    let config = ReaderConfig { out_of_range: OutOfRange::Start, ..ReaderConfig::default() };
    let mut scopes = BTreeSet::new();
    let mut reader = match Reader::open(cluster.clone(), &[selection], config).await {
        Ok(reader) => reader,
        // It is there from the first change on.
        Err(error) if is_unknown(&error) => return Ok(scopes),
        Err(error) => return Err(error.into()),
    };
    while let Some(message) = reader.next().await? {
        let key: Value = message.key.and_then(|key| serde_json::from_slice(&key).ok()).unwrap_or_default();
        if matches!(key["keytype"].as_str(), Some("CONFIG" | "MODE")) {
            scopes.extend(key["subject"].as_str().map(str::to_owned));
        }
    }
    Ok(scopes)
}

/// The configuration or mode of a scope, if it has one of its own.
async fn own(web: &Web, what: &str, scope: &str) -> Result<Option<Value>, Failure> {
    let reply = web.reply("GET", &scoped(what, scope), &Value::Null, Duration::ZERO).await?;
    if reply.status() == 404 { Ok(None) } else { reply.judged().map(Some) }
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
    /// The same of modes.
    modes: BTreeMap<String, Value>,
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
            "MODE" if value.is_null() => {
                self.modes.remove(&subject);
            }
            "MODE" => {
                self.modes.insert(subject, value);
            }
            // A context is there with its first schema.
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
    let live: HashSet<(String, i64)> = live.iter().map(place).collect();
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

pub(super) async fn import(web: &Web, file: Option<&Path>, told: Told) -> Result<(), Failure> {
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
    let facts = json!({"versions": versions, "records": replay.lines});
    told.tell(facts, format_args!("imported {} from {}", counted(versions, "version"), counted(replay.lines as i64, "record")))
}

/// A version of a subject.
type Place = (String, i64);

/// Each subject in import mode while its versions come, and in the mode it had when that is over, however it ended.
async fn put(web: &Web, replay: &Replay) -> Result<i64, Failure> {
    let subjects: BTreeSet<&str> = replay.versions.keys().map(|(subject, _)| subject.as_str()).collect();
    let mut former = Vec::new();
    let mut done = Ok(());
    for subject in subjects {
        let mode = own(web, "mode", subject).await?;
        done = web.send("PUT", &format!("/mode/{}?force=true", escaped(subject)), &json!({"mode": "IMPORT"})).await.map(drop);
        if done.is_err() {
            break;
        }
        former.push((subject, mode));
    }
    if done.is_ok() {
        done = put_versions(web, replay).await;
    }
    for (subject, mode) in former {
        let path = format!("/mode/{}", escaped(subject));
        let back = match mode {
            Some(mode) => web.send("PUT", &format!("{path}?force=true"), &mode).await,
            None => web.call("DELETE", &path).await,
        };
        done = done.and(back.map(drop));
    }
    done?;
    for (subject, config) in &replay.configs {
        let mut body = config.clone();
        body["compatibility"] = config["compatibilityLevel"].clone();
        web.send("PUT", &scoped("config", subject), &body).await?;
    }
    // The last, since some of them let nothing in any more.
    for (subject, mode) in &replay.modes {
        web.send("PUT", &format!("{}?force=true", scoped("mode", subject)), mode).await?;
    }
    Ok(replay.versions.len() as i64)
}

/// The route of a scope's configuration or mode.
fn scoped(what: &str, scope: &str) -> String {
    if scope.is_empty() { format!("/{what}") } else { format!("/{what}/{}", escaped(scope)) }
}

/// What others refer to comes first, and goes last.
async fn put_versions(web: &Web, replay: &Replay) -> Result<(), Failure> {
    let order = replay.order();
    for place @ (subject, number) in &order {
        let mut body = replay.versions[*place].clone();
        body["version"] = (*number).into();
        let outcome = web.send("POST", &format!("/subjects/{}/versions", escaped(subject)), &body).await;
        outcome.map_err(|failure| {
            failure.hint(format!("at version {number} of {subject}; what came before is there, and may be sent again"))
        })?;
    }
    let deleted = order.iter().rev().filter(|place| replay.versions[**place]["deleted"] == true);
    for (subject, number) in deleted {
        web.call("DELETE", &format!("/subjects/{}/versions/{number}", escaped(subject))).await?;
    }
    Ok(())
}

impl Replay {
    /// Versions in the order of their ids, each behind what it refers to, be that in another context.
    fn order(&self) -> Vec<&Place> {
        let mut by_id: Vec<(&Place, &Value)> = self.versions.iter().collect();
        by_id.sort_by_key(|(place, version)| (version["id"].as_i64(), *place));
        let (mut seen, mut order) = (HashSet::new(), Vec::with_capacity(by_id.len()));
        for (first, _) in by_id {
            // Whoever is left behind its own references is on the stack with a mark.
            let mut stack = vec![(first, false)];
            while let Some((place, ready)) = stack.pop() {
                if ready {
                    order.push(place);
                } else if seen.insert(place) {
                    stack.push((place, true));
                    stack.extend(self.referred(place).map(|place| (place, false)));
                }
            }
        }
        order
    }

    fn referred(&self, place: &Place) -> impl Iterator<Item = &Place> {
        let context = context_of(&place.0).to_owned();
        let references = self.versions[place]["references"].as_array();
        references.into_iter().flatten().filter_map(move |reference| {
            let subject = reference["subject"].as_str()?;
            let subject = if subject.starts_with(':') { subject.to_owned() } else { format!("{context}{subject}") };
            let wanted = (subject.strip_prefix(":.:").unwrap_or(&subject).to_owned(), reference["version"].as_i64()?);
            self.versions.get_key_value(&wanted).map(|(place, _)| place)
        })
    }
}

/// `:.context:` in front of a subject, if it has one.
fn context_of(subject: &str) -> &str {
    let end = subject.strip_prefix(':').and_then(|rest| rest.find(':')).map_or(0, |at| at + 2);
    &subject[..end]
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
        replay.line(r#"{"keytype":"MODE","subject":"a","magic":0}	{"mode":"READONLY"}"#).expect("a record");
        assert_eq!(replay.modes["a"]["mode"], "READONLY");
        assert!(replay.line("nonsense").is_err());
        assert!(replay.line("{}").is_err());
    }

    #[test]
    fn what_is_referred_to_comes_first() {
        let mut replay = Replay::default();
        let mut add = |subject: &str, id: i64, refers: &[&str]| {
            let references: Vec<Value> =
                refers.iter().map(|subject| json!({"name": subject, "subject": subject, "version": 1})).collect();
            replay.versions.insert((subject.into(), 1), json!({"id": id, "references": references}));
        };
        // Ids of two contexts say nothing about each other.
        add(":.a:x", 1, &[":.:far", "near"]);
        add(":.a:near", 2, &[]);
        add("far", 4, &[]);
        add("near", 3, &[":.a:x"]);
        let order: Vec<&str> = replay.order().into_iter().map(|(subject, _)| subject.as_str()).collect();
        let at = |subject: &str| order.iter().position(|s| *s == subject).expect("all of them");
        assert_eq!(order.len(), 4);
        assert!(at("far") < at(":.a:x") && at(":.a:near") < at(":.a:x") && at(":.a:x") < at("near"), "{order:?}");
    }
}
