//! One request of the registry: the context that its path or its subject names, its parameters, its body.

use std::{collections::BTreeSet, sync::Arc};

use bytes::Bytes;
use hyper::{Method, header::HeaderName};
use milena_node::engine::subject::{
    Asked as Schema, DEFAULT_CONTEXT, EVERY_CONTEXT, Format, Metadata, Part, Reference, Refusal, Retagging, RuleSet, Subject,
    Tagged, Wanted, Which,
};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::{BODY, Fault, shape::Form};
use crate::{asked::Asked, serve::Door};

/// Clients that understand fields which they do not know say so, and get the newer form.
const UNKNOWN_FIELDS: HeaderName = HeaderName::from_static("confluent-accept-unknown-properties");
/// Python's client says that only where it sends a body, and needs the GUID in answers to others too; this it always sends.
const CLIENT_VERSION: HeaderName = HeaderName::from_static("confluent-client-version");

/// The form that a request is answered in.
pub(super) fn form_for(door: &Door, asked: &Asked) -> Form {
    let unknown = asked.header(&UNKNOWN_FIELDS).is_some_and(|value| value.eq_ignore_ascii_case("true"));
    let unknown = unknown || asked.header(&CLIENT_VERSION).is_some();
    Form::of(&door.node.settings().registry_profile, unknown)
}

/// A request whose body was read.
pub(super) struct Call {
    pub(super) door: Arc<Door>,
    pub(super) method: Method,
    /// Without the context that it may begin with.
    pub(super) path: Vec<String>,
    /// The context that the path begins with.
    context: Option<String>,
    pub(super) form: Form,
    query: Vec<(String, String)>,
    body: Bytes,
}

impl Call {
    pub(super) async fn of(door: &Arc<Door>, asked: Asked) -> Result<Self, Fault> {
        let (context, path) = split_context(&asked.segments);
        let form = form_for(door, &asked);
        let query = asked.all_queries().map(|(k, v)| (k.to_string(), v.to_string())).collect();
        let (method, door) = (asked.method.clone(), door.clone());
        let body = asked.whole(BODY).await.map_err(|error| Fault::plain(error.status(), error.to_string()))?;
        Ok(Self { door, method, path, context, form, query, body })
    }

    pub(super) fn fault(&self, refusal: &Refusal) -> Fault {
        Fault::of(refusal, self.form)
    }

    pub(super) fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn queries<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.query.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn flag(&self, name: &str) -> bool {
        self.query(name).is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    pub(super) fn number(&self, name: &str, default: i32) -> Result<i32, Fault> {
        let parsed = self.query(name).map_or(Ok(default), str::parse);
        parsed.map_err(|_| Fault::plain(hyper::StatusCode::BAD_REQUEST, format!("the parameter {name} is a whole number")))
    }

    pub(super) fn which(&self) -> Which {
        match (self.flag("deletedOnly"), self.flag("deleted")) {
            (true, _) => Which::OnlyDeleted,
            (false, true) => Which::WithDeleted,
            (false, false) => Which::Live,
        }
    }

    /// A part of a list: `offset` and `limit`, of at most `most`. A limit of nothing is none.
    pub(super) fn page<T>(&self, all: Vec<T>, most: usize) -> Result<Vec<T>, Fault> {
        let offset = usize::try_from(self.number("offset", 0)?).unwrap_or(0);
        let limit = usize::try_from(self.number("limit", -1)?).ok().filter(|limit| *limit > 0);
        Ok(all.into_iter().skip(offset).take(limit.unwrap_or(most).min(most)).collect())
    }

    /// A subject as the path names it: its own context goes before the path's.
    pub(super) fn subject(&self, text: &str) -> Subject {
        Subject::parse_in(self.context.as_deref().unwrap_or(DEFAULT_CONTEXT), text)
    }

    /// The subject of the path, or what it is an alias of.
    pub(super) async fn resolved(&self, text: &str) -> Result<Subject, Fault> {
        let subject = self.subject(text);
        Ok(self.door.node.ask_schemas(|registry| registry.resolve(subject)).await?)
    }

    /// Where ids are looked for: `?subject=`, the path's context, or the default one.
    pub(super) async fn hint(&self) -> Result<Subject, Fault> {
        match self.query("subject") {
            Some(text) => self.resolved(text).await,
            None => Ok(Subject::context(self.context.as_deref().unwrap_or(DEFAULT_CONTEXT))),
        }
    }

    /// The beginning of the names in a list.
    pub(super) fn prefix(&self, default: &str) -> String {
        let given = self.query("subjectPrefix");
        match &self.context {
            // One that says a context goes before the path's.
            Some(_) if given.is_some_and(|p| p.starts_with(":.") || p.starts_with(":*:")) => {
                given.unwrap_or_default().to_string()
            }
            Some(context) => format!(":{context}:{}", given.unwrap_or_default()),
            None => given.unwrap_or(default).to_string(),
        }
    }

    /// Whether the path names a context.
    pub(super) fn names_context(&self) -> bool {
        self.context.is_some()
    }

    /// The context of the path, for what has settings as a whole.
    pub(super) fn scope(&self) -> Subject {
        Subject::context(self.context.as_deref().unwrap_or(DEFAULT_CONTEXT))
    }

    /// The body as a JSON object.
    pub(super) fn object(&self) -> Result<Map<String, Value>, Fault> {
        if self.body.iter().all(u8::is_ascii_whitespace) {
            return Err(Fault::new(422, "the request body may not be empty"));
        }
        match serde_json::from_slice(&self.body).map_err(Fault::malformed)? {
            Value::Object(fields) => Ok(fields),
            _ => Err(Fault::malformed("it is no JSON object")),
        }
    }

    /// The schema in the body.
    pub(super) fn schema(&self, subject: Subject) -> Result<Schema, Fault> {
        let mut fields = self.object()?;
        let text: Option<String> = field(&mut fields, "schema")?;
        let format: Option<String> = field(&mut fields, "schemaType")?;
        let format = format.map_or(Ok(Format::Avro), |name| name.parse::<Format>());
        let format = format.map_err(|flaw| Fault::new(42201, flaw.to_string()))?;
        let version: Option<i32> = field(&mut fields, "version")?;
        let id: Option<i32> = field(&mut fields, "id")?;
        let rules: Option<RuleSet> = field(&mut fields, "ruleSet")?;
        let rules = rules.map_or_else(|| field(&mut fields, "ruleset"), |rules| Ok(Some(rules)))?;
        let metadata: Option<Metadata> = field(&mut fields, "metadata")?;
        let references: Option<Vec<Value>> = field(&mut fields, "references")?;
        let references = references.unwrap_or_default().into_iter().map(reference).collect::<Result<_, _>>()?;
        Ok(Schema {
            subject,
            format,
            text: text.unwrap_or_default().into(),
            references,
            metadata,
            rules,
            version: self.wanted(version)?,
            id: id.filter(|id| *id >= 0),
            tags: Retagging { add: tagged(&mut fields, "schemaTagsToAdd")?, remove: tagged(&mut fields, "schemaTagsToRemove")? },
            normalize: self.flag("normalize"),
            force: self.flag("force"),
        })
    }

    fn wanted(&self, version: Option<i32>) -> Result<Option<Wanted>, Fault> {
        match version {
            None | Some(0) => Ok(None),
            Some(-1) => Ok(Some(Wanted::Latest)),
            Some(number @ 1..) => Ok(Some(Wanted::Number(number))),
            Some(other) => Err(self.fault(&Refusal::BadVersion(other.to_string()))),
        }
    }

    pub(super) fn version(&self, text: &str) -> Result<Wanted, Fault> {
        Wanted::parse(text).map_err(|refusal| self.fault(&refusal))
    }
}

/// Takes a field out; a null is none, and another type than the one that it has is an error.
pub(super) fn field<T: DeserializeOwned>(fields: &mut Map<String, Value>, name: &str) -> Result<Option<T>, Fault> {
    match fields.remove(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => serde_json::from_value(value).map(Some).map_err(|e| Fault::malformed(format!("{name}: {e}"))),
    }
}

fn reference(value: Value) -> Result<Reference, Fault> {
    let Value::Object(mut fields) = value else { return Err(Fault::malformed("a reference is an object")) };
    let (name, subject) = (field(&mut fields, "name")?, field(&mut fields, "subject")?);
    let version = field(&mut fields, "version")?;
    match (name, subject, version) {
        (Some(name), Some(subject), version) => Ok(Reference { name, subject, version: version.unwrap_or(-1) }),
        _ => Err(Fault::new(42201, "a reference has a name, a subject and a version")),
    }
}

/// Parts of a schema with their tags: `[{"schemaEntity": {"entityPath", "entityType"}, "tags": […]}]`.
pub(super) fn tagged(fields: &mut Map<String, Value>, name: &str) -> Result<Vec<Tagged>, Fault> {
    let list: Option<Vec<Map<String, Value>>> = field(fields, name)?;
    list.unwrap_or_default()
        .into_iter()
        .map(|mut tagged| {
            let entity: Option<Map<String, Value>> = field(&mut tagged, "schemaEntity")?;
            let mut entity = entity.ok_or_else(|| Fault::malformed(format!("{name}: a schemaEntity is missing")))?;
            let path: Option<String> = field(&mut entity, "entityPath")?;
            let kind: Option<String> = field(&mut entity, "entityType")?;
            let is_field = match kind.unwrap_or_default().to_ascii_lowercase().as_str() {
                "sr_field" => true,
                "sr_record" => false,
                other => return Err(Fault::malformed(format!("{name}: an entityType is sr_record or sr_field, not {other:?}"))),
            };
            let tags: Option<BTreeSet<String>> = field(&mut tagged, "tags")?;
            Ok(Tagged { part: Part { path: path.unwrap_or_default(), is_field }, tags: tags.unwrap_or_default() })
        })
        .collect()
}

/// `/contexts/{context}/…`: the context, and the path without it.
fn split_context(segments: &[String]) -> (Option<String>, Vec<String>) {
    match segments {
        [contexts, context, rest @ ..] if contexts == "contexts" && !rest.is_empty() => {
            (Some(bare_context(context)), rest.to_vec())
        }
        all => (None, all.to_vec()),
    }
}

/// A context by any of its spellings: `.a`, `a`, `:.a:`.
pub(super) fn bare_context(text: &str) -> String {
    let name = text.trim_matches(':');
    match name {
        "" => DEFAULT_CONTEXT.into(),
        EVERY_CONTEXT => EVERY_CONTEXT.into(),
        _ if name.starts_with('.') => name.into(),
        _ => format!(".{name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_context_is_split_off_the_path() {
        let path = |parts: &[&str]| parts.iter().map(|p| (*p).to_string()).collect::<Vec<_>>();
        let split = |parts: &[&str]| split_context(&path(parts));
        assert_eq!(split(&["contexts", ".eu", "subjects"]), (Some(".eu".into()), path(&["subjects"])));
        assert_eq!(split(&["contexts", ":.eu:", "subjects"]), (Some(".eu".into()), path(&["subjects"])));
        assert_eq!(split(&["contexts", "eu", "config"]), (Some(".eu".into()), path(&["config"])));
        assert_eq!(split(&["contexts", ".eu"]), (None, path(&["contexts", ".eu"])));
        assert_eq!(split(&["subjects"]), (None, path(&["subjects"])));
    }
}
