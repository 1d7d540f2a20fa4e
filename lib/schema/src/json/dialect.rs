//! The drafts of JSON Schema: which one a text speaks, and whether it speaks it well.

use serde_json::Value;

use crate::Flaw;

/// A draft that is understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Draft {
    Draft4,
    Draft6,
    Draft7,
    Draft201909,
    Draft202012,
}

/// The bytes of one regular expression that are read. Real ones have tens; a megabyte of it is a weapon.
pub(super) const PATTERN: usize = 8 << 10;

/// What `$schema` may say, without scheme and a trailing `#`.
const NAMES: [(&str, Draft); 5] = [
    ("json-schema.org/draft-04/schema", Draft::Draft4),
    ("json-schema.org/draft-06/schema", Draft::Draft6),
    ("json-schema.org/draft-07/schema", Draft::Draft7),
    ("json-schema.org/draft/2019-09/schema", Draft::Draft201909),
    ("json-schema.org/draft/2020-12/schema", Draft::Draft202012),
];

impl Draft {
    fn named(uri: &str) -> Option<Self> {
        let name = uri.trim_end_matches('#');
        let name = name.strip_prefix("https://").or_else(|| name.strip_prefix("http://"))?;
        NAMES.iter().find(|(known, _)| *known == name).map(|(_, draft)| *draft)
    }

    /// The crate's name for it.
    pub(super) fn engine(self) -> referencing::Draft {
        match self {
            Self::Draft4 => referencing::Draft::Draft4,
            Self::Draft6 => referencing::Draft::Draft6,
            Self::Draft7 => referencing::Draft::Draft7,
            Self::Draft201909 => referencing::Draft::Draft201909,
            Self::Draft202012 => referencing::Draft::Draft202012,
        }
    }

    /// The keyword that names a schema: `id` once, `$id` since draft 6.
    pub(super) fn id(self) -> &'static str {
        if self == Self::Draft4 { "id" } else { "$id" }
    }
}

/// The draft of a text: what `$schema` names, or draft 7, which the registry takes for granted.
pub(super) fn of(tree: &Value) -> Draft {
    tree.get("$schema").and_then(Value::as_str).and_then(Draft::named).unwrap_or(Draft::Draft7)
}

/// A copy without the `$schema` of an unknown dialect, if it has one.
pub(super) fn without_unknown(tree: &Value) -> Result<Option<Value>, Flaw> {
    let Some(named) = tree.get("$schema").and_then(Value::as_str) else { return Ok(None) };
    if named.contains("draft-03") || named.contains("draft-02") {
        return Err(Flaw::new(format!("$schema {named}: drafts before 4 are not supported")).at("/$schema"));
    }
    if Draft::named(named).is_some() {
        return Ok(None);
    }
    let mut copy = tree.clone();
    if let Some(members) = copy.as_object_mut() {
        members.shift_remove("$schema");
    }
    Ok(Some(copy))
}

/// Whether the text follows its meta-schema, and its patterns are of a size that people write.
pub(super) fn check(draft: Draft, tree: &Value) -> Result<(), Flaw> {
    patterns(tree)?;
    let outcome = match draft {
        Draft::Draft4 => jsonschema::draft4::meta::validate(tree),
        Draft::Draft6 => jsonschema::draft6::meta::validate(tree),
        Draft::Draft7 => jsonschema::draft7::meta::validate(tree),
        Draft::Draft201909 => jsonschema::draft201909::meta::validate(tree),
        Draft::Draft202012 => jsonschema::draft202012::meta::validate(tree),
    };
    outcome.map_err(|error| {
        let place = error.instance_path().to_string();
        Flaw::new(super::validate::shortened(&error.to_string())).at(place)
    })
}

/// Refuses a pattern that is too long to be meant well. Counts every pattern's bytes.
pub(super) fn patterns(tree: &Value) -> Result<(usize, usize), Flaw> {
    let (mut count, mut bytes) = (0, 0);
    let mut rest = vec![tree];
    while let Some(value) = rest.pop() {
        match value {
            Value::Array(items) => rest.extend(items),
            Value::Object(members) => {
                let one = members.get("pattern").and_then(Value::as_str);
                let many = members.get("patternProperties").and_then(Value::as_object);
                for pattern in one.into_iter().chain(many.into_iter().flat_map(|m| m.keys().map(String::as_str))) {
                    if pattern.len() > PATTERN {
                        let size = pattern.len();
                        return Err(Flaw::new(format!("a pattern has {size} bytes; at most {PATTERN} are read")));
                    }
                    count += 1;
                    bytes += pattern.len();
                }
                rest.extend(members.values());
            }
            _ => {}
        }
    }
    Ok((count, bytes))
}
