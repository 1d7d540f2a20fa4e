//! `/subjects`: registering, looking up, reading and deleting versions.

use hyper::Method;
use milena_node::engine::subject::{Command, Refusal, Reply, Shown};
use serde_json::{Value, json};

use super::{
    Outcome,
    asking::Call,
    fault::Fault,
    shape::{ok, raw},
};

pub(super) async fn route(call: &Call, method: &Method, path: &[&str]) -> Option<Outcome> {
    Some(match (method.as_str(), path) {
        ("GET", []) => list(call).await,
        ("POST", [subject]) => look_up(call, subject).await,
        ("DELETE", [subject]) => delete_subject(call, subject).await,
        ("GET", [subject, "metadata"]) => by_metadata(call, subject).await,
        ("GET", [subject, "versions"]) => versions(call, subject).await,
        ("POST", [subject, "versions"]) => register(call, subject).await,
        ("GET", [subject, "versions", version]) => version_of(call, subject, version).await,
        ("GET", [subject, "versions", version, "schema"]) => text(call, subject, version).await,
        ("GET", [subject, "versions", version, "referencedby"]) => referenced_by(call, subject, version).await,
        ("DELETE", [subject, "versions", version]) => delete_version(call, subject, version).await,
        ("POST", [subject, "versions", version, "tags"]) => tags(call, subject, version).await,
        _ => return None,
    })
}

async fn list(call: &Call) -> Outcome {
    let (prefix, which) = (call.prefix(":*:"), call.which());
    let subjects = call.door.node.ask_schemas(|registry| registry.subjects(&prefix, which)).await?;
    let page = call.page(subjects, usize::MAX)?;
    Ok(ok(&page.iter().map(ToString::to_string).collect()))
}

async fn register(call: &Call, subject: &str) -> Outcome {
    let asked = call.schema(call.resolved(subject).await?)?;
    let given = (asked.metadata.is_some(), asked.rules.is_some());
    let shown = call.door.node.register_schema(asked).await?.map_err(|refusal| call.fault(&refusal))?;
    let added = given != (shown.content.metadata.is_some(), shown.content.rules.is_some());
    Ok(ok(&call.writing().registered(&shown, added)))
}

async fn look_up(call: &Call, subject: &str) -> Outcome {
    let asked = call.schema(call.resolved(subject).await?)?;
    let found = call.door.node.find_schema(asked, call.flag("deleted")).await?;
    let shown = found.map_err(|refusal| call.fault(&refusal))?;
    call.judge_format(&shown)?;
    Ok(ok(&call.writing().schema(&shown)))
}

async fn delete_subject(call: &Call, subject: &str) -> Outcome {
    let (subject, permanent) = (call.resolved(subject).await?, call.flag("permanent"));
    let deleted = deleted(call, Command::DeleteSubject { subject, permanent }).await?;
    Ok(ok(&deleted.into()))
}

async fn delete_version(call: &Call, subject: &str, version: &str) -> Outcome {
    let (subject, permanent) = (call.resolved(subject).await?, call.flag("permanent"));
    let version = call.version(version)?;
    let deleted = deleted(call, Command::DeleteVersion { subject, version, permanent }).await?;
    Ok(ok(&deleted.first().copied().into()))
}

async fn deleted(call: &Call, command: Command) -> Result<Vec<i32>, Fault> {
    match call.door.node.change_schemas(command).await?.map_err(|refusal| call.fault(&refusal))? {
        Reply::Deleted(versions) => Ok(versions),
        other => unreachable!("a deletion is answered with versions, not {other:?}"),
    }
}

async fn by_metadata(call: &Call, subject: &str) -> Outcome {
    let (subject, deleted) = (call.resolved(subject).await?, call.flag("deleted"));
    let pairs = call.queries("key").zip(call.queries("value"));
    let wanted: Vec<(String, String)> = pairs.map(|(key, value)| (key.to_string(), value.to_string())).collect();
    let found = call.door.node.ask_schemas(|registry| registry.with_properties(&subject, &wanted, deleted)).await?;
    let shown = found.map_err(|refusal| call.fault(&refusal))?;
    call.judge_format(&shown)?;
    Ok(ok(&call.writing().schema(&shown)))
}

/// Numbers; with `deletedAsNegative` those of deleted versions below zero.
async fn versions(call: &Call, subject: &str) -> Outcome {
    let (subject, which, negative) = (call.resolved(subject).await?, call.which(), call.flag("deletedAsNegative"));
    let answer = call.door.node.ask_schemas(|registry| {
        let numbers = registry.versions(&subject, which)?;
        let sign = |number: i32| if negative && registry.is_deleted(&subject, number) { -number } else { number };
        Ok(numbers.into_iter().map(sign).collect::<Vec<_>>())
    });
    let numbers = answer.await?.map_err(|refusal: Refusal| call.fault(&refusal))?;
    Ok(ok(&call.page(numbers, usize::MAX)?.into()))
}

async fn found(call: &Call, subject: &str, version: &str) -> Result<Shown, Fault> {
    let (wanted, subject) = (call.version(version)?, call.resolved(subject).await?);
    let deleted = call.flag("deleted");
    let found = call.door.node.ask_schemas(|registry| registry.version(&subject, wanted, deleted)).await?;
    let shown = found.map_err(|refusal| call.fault(&refusal))?;
    call.judge_format(&shown)?;
    Ok(shown)
}

async fn version_of(call: &Call, subject: &str, version: &str) -> Outcome {
    Ok(ok(&call.writing().schema(&found(call, subject, version).await?)))
}

async fn text(call: &Call, subject: &str, version: &str) -> Outcome {
    Ok(raw(&found(call, subject, version).await?.content.text))
}

async fn referenced_by(call: &Call, subject: &str, version: &str) -> Outcome {
    let (wanted, subject) = (call.version(version)?, call.resolved(subject).await?);
    let deleted = call.flag("deleted");
    let answer = call.door.node.ask_schemas(|registry| {
        let shown = registry.version(&subject, wanted, true)?;
        Ok(registry.referenced_by(&shown.subject, shown.version, deleted))
    });
    let ids = answer.await?.map_err(|refusal: Refusal| call.fault(&refusal))?;
    Ok(ok(&call.page(ids, usize::MAX)?.into()))
}

/// A new version with the same text, and other metadata or rules. Tags inside of the text are not written here.
async fn tags(call: &Call, subject: &str, version: &str) -> Outcome {
    let shown = found(call, subject, version).await?;
    let mut fields = call.object()?;
    for unwritten in ["tagsToAdd", "tagsToRemove", "rulesToMerge", "rulesToRemove"] {
        let given = fields.remove(unwritten).unwrap_or(Value::Null);
        if given != Value::Null && given != json!([]) && given != json!({}) {
            return Err(Fault::new(
                422,
                format!("{unwritten} is not supported; send the schema with its tags, or the whole ruleSet"),
            ));
        }
    }
    let content = &shown.content;
    let metadata = super::asking::field(&mut fields, "metadata")?.or_else(|| content.metadata.as_deref().cloned());
    let rules = super::asking::field(&mut fields, "ruleSet")?.or_else(|| content.rules.as_deref().cloned());
    let version: Option<i32> = super::asking::field(&mut fields, "newVersion")?;
    let asked = milena_node::engine::subject::Asked {
        subject: shown.subject.clone(),
        format: content.format,
        text: (&*content.text).into(),
        references: content.references.to_vec(),
        metadata,
        rules,
        version: version.filter(|v| *v > 0).map(milena_node::engine::subject::Wanted::Number),
        id: None,
        normalize: false,
        force: false,
    };
    let shown = call.door.node.register_schema(asked).await?.map_err(|refusal| call.fault(&refusal))?;
    Ok(ok(&call.writing().registered(&shown, true)))
}
