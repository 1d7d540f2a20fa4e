//! `/schemas`: schemas by id and by GUID, and the list of all.

use std::sync::Arc;

use hyper::Method;
use milena_node::engine::{
    ids::Uuid,
    subject::{Content, Refusal, Registry, Shown, Sought},
};
use serde_json::{Value, json};

use super::{
    Outcome,
    asking::Call,
    fault::Fault,
    shape::{Seen, Writing, ok, raw},
};

/// Schemas in one answer of the list.
const LISTED_MOST: usize = 1000;

pub(super) async fn route(call: &Call, method: &Method, path: &[&str]) -> Option<Outcome> {
    if method != Method::GET {
        return None;
    }
    Some(match path {
        [] => list(call).await,
        ["types"] => Ok(ok(&json!(["JSON", "PROTOBUF", "AVRO"]))),
        ["ids", id] => by_id(call, id).await,
        ["ids", id, "schema"] => text(call, id).await,
        ["ids", id, "subjects"] => uses(call, id, true).await,
        ["ids", id, "versions"] => uses(call, id, false).await,
        ["guids", guid] => by_guid(call, guid).await,
        ["guids", guid, "ids"] => ids(call, guid).await,
        _ => return None,
    })
}

impl Call {
    pub(super) fn writing(&self) -> Writing {
        Writing { form: self.form, qualified: self.query("referenceFormat").is_some_and(|f| f.eq_ignore_ascii_case("qualified")) }
    }

    /// A version as this request wants to see it: in the spelling that `format` names, and with the tags that `findTags`
    /// asks for. A spelling that the schema's language does not have leaves the stored text, so that clients which name
    /// one for all languages get an answer for each.
    pub(super) async fn seen(&self, shown: Shown) -> Result<Seen, Fault> {
        let format = self.query("format").unwrap_or_default().to_ascii_lowercase();
        let spelling = Some(format).filter(|format| !matches!(format.as_str(), "" | "default"));
        let wanted: Vec<&str> = self.queries("findTags").flat_map(|list| list.split(',')).filter(|t| !t.is_empty()).collect();
        if spelling.is_none() && wanted.is_empty() {
            return Ok(Seen { shown, tagged: None });
        }
        let sought = Sought { spelling, tags: !wanted.is_empty() };
        let found = self.door.node.read_schema(&shown, sought).await?.map_err(|refusal| self.fault(&refusal))?;
        let content = match found.text {
            Some(text) => Arc::new(Content { text: text.into(), ..Content::clone(&shown.content) }),
            None => shown.content.clone(),
        };
        let named = |tag: &String| wanted.iter().any(|wanted| wanted == tag || *wanted == "*");
        let tagged = found.tagged.into_iter().filter(|tagged| tagged.tags.iter().any(named)).collect();
        Ok(Seen { shown: Shown { content, ..shown }, tagged: (!wanted.is_empty()).then_some(tagged) })
    }

    async fn found_by_id(&self, id: &str) -> Result<Seen, Fault> {
        let number: i32 = id.parse().map_err(|_| not_found(id))?;
        let hint = self.hint().await?;
        let found = self.door.node.ask_schemas(|registry| registry.by_id(number, &hint)).await?;
        self.seen(found.map_err(|refusal| self.fault(&refusal))?).await
    }
}

/// An id that is no number names nothing, as the reference registry's router has it.
fn not_found(id: &str) -> Fault {
    let id: String = id.chars().take(40).collect();
    Fault::new(40403, Refusal::NoId(id).to_string())
}

async fn by_id(call: &Call, id: &str) -> Outcome {
    let seen = call.found_by_id(id).await?;
    let mark = match call.flag("fetchMaxId") {
        true => Some(call.door.node.ask_schemas(|registry| registry.mark(&seen.shown.subject.context)).await?),
        false => None,
    };
    Ok(ok(&call.writing().by_id(&seen, call.query("subject").is_some(), mark)))
}

async fn text(call: &Call, id: &str) -> Outcome {
    Ok(raw(&call.found_by_id(id).await?.shown.content.text))
}

/// The subjects of an id, or their versions too.
async fn uses(call: &Call, id: &str, only_subjects: bool) -> Outcome {
    let number: i32 = id.parse().map_err(|_| not_found(id))?;
    let (hint, deleted) = (call.hint().await?, call.flag("deleted"));
    let uses = call.door.node.ask_schemas(|registry| registry.uses(number, &hint, deleted)).await?;
    let uses = uses.map_err(|refusal| call.fault(&refusal))?;
    let mut shown: Vec<Value> = match only_subjects {
        true => uses.iter().map(|(subject, _)| subject.to_string().into()).collect(),
        false => uses.iter().map(|(subject, version)| json!({"subject": subject.to_string(), "version": version})).collect(),
    };
    shown.dedup();
    Ok(ok(&call.page(shown, usize::MAX)?.into()))
}

async fn by_guid(call: &Call, guid: &str) -> Outcome {
    let found = match guid.parse::<Uuid>() {
        Ok(guid) => call.door.node.ask_schemas(|registry| registry.by_guid(guid)).await?,
        Err(_) => None,
    };
    let seen = call.seen(found.ok_or_else(|| not_found(guid))?).await?;
    Ok(ok(&call.writing().by_id(&seen, false, None)))
}

async fn ids(call: &Call, guid: &str) -> Outcome {
    let ids = match guid.parse::<Uuid>() {
        Ok(guid) => call.door.node.ask_schemas(|registry| registry.ids_of(guid)).await?,
        Err(_) => Vec::new(),
    };
    if ids.is_empty() {
        return Err(not_found(guid));
    }
    Ok(ok(&ids.iter().map(|(context, id)| json!({"context": &**context, "id": id})).collect()))
}

async fn list(call: &Call) -> Outcome {
    let (prefix, which, latest) = (call.prefix(""), call.which(), call.flag("latestOnly"));
    let rule = call.query("ruleType").map(str::to_string);
    let all = call.door.node.ask_schemas(|registry| registry.list(&prefix, which, latest)).await?;
    let kept = all.into_iter().filter(|shown| rule.as_deref().is_none_or(|rule| has_rule(shown, rule))).collect();
    let page = call.page(kept, LISTED_MOST)?;
    let mut written: Vec<Value> = page.iter().map(|shown| call.writing().schema(&Seen::stored(shown.clone()))).collect();
    if call.flag("aliases") {
        let aliases = call.door.node.ask_schemas(Registry::aliases).await?;
        for (schema, shown) in written.iter_mut().zip(&page) {
            if let Some(aliases) = aliases.get(&shown.subject) {
                schema["aliases"] = aliases.iter().map(ToString::to_string).collect();
            }
        }
    }
    Ok(ok(&written.into()))
}

fn has_rule(shown: &Shown, wanted: &str) -> bool {
    let Some(rules) = &shown.content.rules else { return false };
    let lists = [&rules.migration_rules, &rules.domain_rules, &rules.encoding_rules];
    lists.into_iter().flatten().flatten().any(|rule| rule.rule_type.as_deref() == Some(wanted))
}
