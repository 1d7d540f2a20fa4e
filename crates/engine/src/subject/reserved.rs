//! Names that a subject keeps free: the metadata property `confluent:reserved` lists them, and where fields are validated
//! no version may use one, or give one free again.

use std::collections::BTreeSet;

use super::Metadata;

/// The property with the names, commas between them.
const PROPERTY: &str = "confluent:reserved";

/// What is wrong with the outermost fields of a new schema, an object in words each.
pub(super) fn broken(fields: &[String], metadata: Option<&Metadata>, before: Option<&Metadata>) -> Vec<String> {
    let (now, before) = (names(metadata), names(before));
    let freed = before.difference(&now).map(|name| {
        format!(
            "{{errorType:'RESERVED_FIELD_REMOVED', description:'The new schema has reserved field {name} removed from its metadata which is present in the old schema's metadata.'}}"
        )
    });
    let used = now.iter().filter(|name| fields.iter().any(|field| field == *name)).map(|name| {
        format!(
            "{{errorType:'FIELD_CONFLICTS_WITH_RESERVED_FIELD', description:'The new schema has field that conflicts with the reserved field {name}.'}}"
        )
    });
    freed.chain(used).collect()
}

fn names(metadata: Option<&Metadata>) -> BTreeSet<&str> {
    let list = metadata.and_then(|metadata| metadata.property(PROPERTY)).unwrap_or_default();
    list.split(',').map(str::trim).filter(|name| !name.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reserving(names: &str) -> Metadata {
        serde_json::from_value(serde_json::json!({"properties": {PROPERTY: names}})).expect("metadata")
    }

    #[test]
    fn a_reserved_name_is_neither_used_nor_freed() {
        let fields = ["a".to_string(), "b".to_string()];
        let (cd, c) = (reserving("c, d"), reserving("c"));
        assert!(broken(&fields, Some(&cd), Some(&c)).is_empty());
        assert!(broken(&fields, Some(&c), Some(&cd))[0].contains("reserved field d removed"));
        assert!(broken(&fields, Some(&reserving("b")), None)[0].contains("conflicts with the reserved field b"));
        assert!(broken(&fields, None, None).is_empty());
    }
}
