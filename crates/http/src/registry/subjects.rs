//! `/subjects`: registering, looking up, reading and deleting versions.

use hyper::Method;
use milena_node::engine::subject::{Asked, Command, Refusal, Reply, Retagging, RuleSet, Shown, Wanted, Which};

use super::{
    Outcome,
    asking::{Call, field, tagged},
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
    let given = (asked.metadata.clone(), asked.rules.clone());
    let retagged = !asked.tags.is_empty();
    let shown = call.door.node.register_schema(asked).await?.map_err(|refusal| call.fault(&refusal))?;
    let stored = (shown.content.metadata.as_deref(), shown.content.rules.as_deref());
    let added = retagged || (given.0.as_ref(), given.1.as_ref()) != stored;
    Ok(ok(&call.writing().registered(&call.seen(shown).await?.shown, added)))
}

async fn look_up(call: &Call, subject: &str) -> Outcome {
    let asked = call.schema(call.resolved(subject).await?)?;
    let found = call.door.node.find_schema(asked, call.flag("deleted")).await?;
    let seen = call.seen(found.map_err(|refusal| call.fault(&refusal))?).await?;
    Ok(ok(&call.writing().schema(&seen)))
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
    let seen = call.seen(found.map_err(|refusal| call.fault(&refusal))?).await?;
    Ok(ok(&call.writing().schema(&seen)))
}

/// Numbers; with `deletedAsNegative` also those of deleted versions, below zero.
async fn versions(call: &Call, subject: &str) -> Outcome {
    let (subject, negative) = (call.resolved(subject).await?, call.flag("deletedAsNegative"));
    let which = match call.which() {
        Which::Live if negative => Which::WithDeleted,
        which => which,
    };
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
    found.map_err(|refusal| call.fault(&refusal))
}

async fn version_of(call: &Call, subject: &str, version: &str) -> Outcome {
    let found = found(call, subject, version).await?;
    Ok(ok(&call.writing().schema(&call.seen(found).await?)))
}

async fn text(call: &Call, subject: &str, version: &str) -> Outcome {
    let found = found(call, subject, version).await?;
    Ok(raw(&call.seen(found).await?.shown.content.text))
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

/// A new version: the same schema with other tags, metadata or rules.
async fn tags(call: &Call, subject: &str, version: &str) -> Outcome {
    let shown = found(call, subject, version).await?;
    let mut fields = call.object()?;
    let content = &shown.content;
    let metadata = field(&mut fields, "metadata")?.or_else(|| content.metadata.as_deref().cloned());
    let rules: Option<RuleSet> = field(&mut fields, "ruleSet")?.or_else(|| content.rules.as_deref().cloned());
    let merged: Option<RuleSet> = field(&mut fields, "rulesToMerge")?;
    let removed: Option<Vec<String>> = field(&mut fields, "rulesToRemove")?;
    let rules = RuleSet::edited(rules, merged, &removed.unwrap_or_default());
    let version: Option<i32> = field(&mut fields, "newVersion")?;
    let tags = Retagging { add: tagged(&mut fields, "tagsToAdd")?, remove: tagged(&mut fields, "tagsToRemove")? };
    let asked = Asked {
        subject: shown.subject.clone(),
        format: content.format,
        text: (&*content.text).into(),
        references: content.references.to_vec(),
        metadata,
        rules,
        // Whatever comes of it is a version that was asked for, and says so.
        version: Some(version.filter(|v| *v > 0).map_or(Wanted::Latest, Wanted::Number)),
        id: None,
        tags,
        normalize: false,
        force: false,
    };
    let shown = call.door.node.register_schema(asked).await?.map_err(|refusal| call.fault(&refusal))?;
    Ok(ok(&call.writing().registered(&shown, true)))
}
