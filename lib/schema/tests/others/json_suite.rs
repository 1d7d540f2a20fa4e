//! The JSON Schema Test Suite, whole, for our five drafts: it travels in the source distribution of Python's `jsonschema`.
//! What we are known to judge otherwise stands in a list that must be exact, so that it can only shrink.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use milena_schema::{Resolved, json::Schema};
use serde_json::{Value, json};

use crate::python::{downloads, or_skip, run};

const ADDRESS: &str = "http://localhost:1234/";

const RELEASE: &str = "4.26.0";

/// Directory of the suite and the `$schema` of its tests.
const DRAFTS: [(&str, &str); 5] = [
    ("draft4", "http://json-schema.org/draft-04/schema#"),
    ("draft6", "http://json-schema.org/draft-06/schema#"),
    ("draft7", "http://json-schema.org/draft-07/schema#"),
    ("draft2019-09", "https://json-schema.org/draft/2019-09/schema"),
    ("draft2020-12", "https://json-schema.org/draft/2020-12/schema"),
];

fn suite() -> Result<PathBuf, String> {
    let dir = downloads();
    let name = format!("jsonschema-{RELEASE}");
    if !dir.join(&name).join("json/tests").exists() {
        fs::create_dir_all(&dir).map_err(|error| error.to_string())?;
        let pip = ["-m", "pip", "download", "-q", "--disable-pip-version-check", "--no-deps", "--no-binary", ":all:", "-d"];
        run(Command::new("python3").args(pip).arg(&dir).arg(format!("jsonschema=={RELEASE}")))?;
        run(Command::new("tar").arg("-xzf").arg(dir.join(format!("{name}.tar.gz"))).arg("-C").arg(&dir))?;
    }
    Ok(dir.join(name).join("json"))
}

fn files(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|e| e == "json") {
            found.push(path);
        }
    }
    found.sort();
}

/// Documents that the tests refer to, by the address at which they pretend to be.
fn remotes(suite: &Path) -> Vec<(String, String)> {
    let root = suite.join("remotes");
    let mut found = Vec::new();
    files(&root, &mut found);
    let named = found.iter().filter_map(|path| Some((path.strip_prefix(&root).ok()?.display().to_string(), path)));
    named.map(|(name, path)| (format!("{ADDRESS}{name}"), fs::read_to_string(path).unwrap())).collect()
}

/// The documents that a text, or one that it needs, seems to name: as a registry would be given them.
fn needed<'a>(text: &str, remotes: &[Resolved<'a>]) -> Vec<Resolved<'a>> {
    let mut kept: Vec<Resolved<'a>> = Vec::new();
    let named = |text: &str, name: &str| {
        let path = name.strip_prefix(ADDRESS).unwrap_or(name);
        let (dir, file) = (path.split('/').next().unwrap_or(path), path.rsplit('/').next().unwrap_or(path));
        text.contains(file) && (!dir.starts_with("draft") || text.contains(&format!("{dir}/")))
    };
    loop {
        let more = |remote: &&Resolved<'a>| {
            let met = named(text, remote.name) || kept.iter().any(|kept| named(kept.text, remote.name));
            met && !kept.iter().any(|kept| kept.name == remote.name)
        };
        let more: Vec<_> = remotes.iter().filter(more).copied().collect();
        if more.is_empty() {
            return kept;
        }
        kept.extend(more);
    }
}

/// Judges one group; what differs is put down as `draft/file: group: test`.
fn judge(group: &Value, place: &str, dialect: &str, remotes: &[Resolved<'_>], failed: &mut BTreeSet<String>) -> usize {
    let mut schema = group["schema"].clone();
    if let Some(members) = schema.as_object_mut().filter(|members| !members.contains_key("$schema")) {
        members.insert("$schema".into(), json!(dialect));
    }
    let text = schema.to_string();
    let remotes = needed(&text, remotes);
    let tests = group["tests"].as_array().unwrap();
    let validator = Schema::parse(&text, &remotes).and_then(|schema| schema.validator());
    if let Err(flaw) = &validator {
        println!("{place}: {}: {flaw}", group["description"]);
    }
    for test in tests {
        let wanted = test["valid"].as_bool().unwrap();
        let right = validator.as_ref().is_ok_and(|validator| {
            let valid = validator.is_valid(&test["data"]);
            assert_eq!(valid, validator.validate(&test["data"]).is_ok(), "{place}: two ways of asking disagree");
            valid == wanted
        });
        if !right {
            let (group, test) = (group["description"].as_str().unwrap(), test["description"].as_str().unwrap());
            failed.insert(format!("{place}: {group}: {test}"));
        }
    }
    tests.len()
}

#[test]
fn the_suite_is_judged_as_its_authors_do() {
    let Some(suite) = or_skip(suite(), "the JSON Schema Test Suite") else { return };
    let (mut failed, mut count) = (BTreeSet::new(), 0);
    let remotes = remotes(&suite);
    let remotes: Vec<_> = remotes.iter().map(|(name, text)| Resolved { name, text }).collect();
    for (draft, dialect) in DRAFTS {
        let mut found = Vec::new();
        let root = suite.join("tests").join(draft);
        files(&root, &mut found);
        // Since 2019-09 `format` says something and demands nothing, unless a validator is told otherwise.
        found.retain(|path| !(draft.starts_with("draft20") && path.parent().is_some_and(|dir| dir.ends_with("optional/format"))));
        for path in found {
            let place = format!("{draft}/{}", path.strip_prefix(&root).unwrap().display());
            let groups: Vec<Value> = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
            count += groups.iter().map(|group| judge(group, &place, dialect, &remotes, &mut failed)).sum::<usize>();
        }
    }
    println!("{} of {count} tests of the suite are judged as its authors do", count - failed.len());
    assert!(count > 5_000, "{count} tests are not the whole suite");
    let known: BTreeSet<String> = include_str!("json_suite_exceptions.txt")
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(str::to_owned)
        .collect();
    let news: Vec<_> = failed.difference(&known).collect();
    let mended: Vec<_> = known.difference(&failed).collect();
    assert!(news.is_empty() && mended.is_empty(), "failed: {news:#?}\nno longer fails, strike it out: {mended:#?}");
}
