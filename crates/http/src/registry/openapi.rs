//! The table of endpoints, and the OpenAPI page that is made from it.

use serde_json::{Map, Value, json};

/// One route of the API.
#[derive(Clone, Copy, Debug)]
pub struct Endpoint {
    pub method: &'static str,
    /// With names in braces where a path has values.
    pub path: &'static str,
    pub summary: &'static str,
    query: &'static [&'static str],
    body: Option<Sent>,
    answers: &'static [u16],
}

/// What a request carries.
#[derive(Clone, Copy, Debug)]
enum Sent {
    Schema,
    Config,
    Mode,
    Tags,
    Association,
}

impl Endpoint {
    /// Whether a path is this one's.
    pub(super) fn fits(&self, path: &[&str]) -> bool {
        let parts: Vec<&str> = self.path.trim_start_matches('/').split('/').collect();
        let same = |(part, given): (&&str, &&str)| part.starts_with('{') || part == given;
        parts.len() == path.len() && parts.iter().zip(path).all(same)
    }
}

const fn get(path: &'static str, summary: &'static str, query: &'static [&'static str], answers: &'static [u16]) -> Endpoint {
    Endpoint { method: "GET", path, summary, query, body: None, answers }
}
const fn delete(path: &'static str, summary: &'static str, query: &'static [&'static str], answers: &'static [u16]) -> Endpoint {
    Endpoint { method: "DELETE", path, summary, query, body: None, answers }
}
const fn send(
    method: &'static str,
    path: &'static str,
    summary: &'static str,
    query: &'static [&'static str],
    body: Sent,
    answers: &'static [u16],
) -> Endpoint {
    Endpoint { method, path, summary, query, body: Some(body), answers }
}

const LIST: &[u16] = &[200, 400];
const FOUND: &[u16] = &[200, 404, 422];
const LISTED: &[u16] = &[200, 400, 404, 422];
const WRITTEN: &[u16] = &[200, 400, 404, 409, 413, 415, 422];
const NONE: &[u16] = &[404];

/// Every route, in the order of the manual.
pub const ENDPOINTS: &[Endpoint] = &[
    get("/", "A sign of life", &[], &[200]),
    Endpoint { method: "POST", path: "/", summary: "A sign of life", query: &[], body: None, answers: &[200] },
    get("/schemas", "All versions", &["subjectPrefix", "aliases", "deleted", "latestOnly", "ruleType", "offset", "limit"], LIST),
    get("/schemas/types", "The formats", &[], &[200]),
    get("/schemas/ids/{id}", "A schema by id", &["subject", "format", "referenceFormat", "findTags", "fetchMaxId"], FOUND),
    get("/schemas/ids/{id}/schema", "Its text", &["subject", "format"], FOUND),
    get("/schemas/ids/{id}/subjects", "The subjects that have it", &["subject", "deleted", "offset", "limit"], LISTED),
    get("/schemas/ids/{id}/versions", "The versions that are it", &["subject", "deleted", "offset", "limit"], LISTED),
    get("/schemas/guids/{guid}", "A schema by GUID", &["format"], FOUND),
    get("/schemas/guids/{guid}/ids", "The ids of a GUID, by context", &[], FOUND),
    get("/subjects", "The subjects", &["subjectPrefix", "deleted", "deletedOnly", "offset", "limit"], LIST),
    send("POST", "/subjects/{subject}", "Look a schema up", &["normalize", "format", "deleted"], Sent::Schema, WRITTEN),
    delete("/subjects/{subject}", "Delete all versions", &["permanent"], FOUND),
    get(
        "/subjects/{subject}/metadata",
        "The newest version with these properties",
        &["key", "value", "format", "deleted"],
        FOUND,
    ),
    get(
        "/subjects/{subject}/versions",
        "The numbers of its versions",
        &["deleted", "deletedOnly", "deletedAsNegative", "offset", "limit"],
        LISTED,
    ),
    send("POST", "/subjects/{subject}/versions", "Register a schema", &["normalize", "format", "force"], Sent::Schema, WRITTEN),
    get("/subjects/{subject}/versions/{version}", "One version", &["format", "referenceFormat", "deleted", "findTags"], FOUND),
    get("/subjects/{subject}/versions/{version}/schema", "Its text", &["format", "deleted"], FOUND),
    get(
        "/subjects/{subject}/versions/{version}/referencedby",
        "The ids of schemas that refer to it",
        &["deleted", "offset", "limit"],
        LISTED,
    ),
    delete("/subjects/{subject}/versions/{version}", "Delete one version", &["permanent"], FOUND),
    send(
        "POST",
        "/subjects/{subject}/versions/{version}/tags",
        "The same schema with other tags, metadata or rules",
        &[],
        Sent::Tags,
        WRITTEN,
    ),
    send(
        "POST",
        "/compatibility/subjects/{subject}/versions",
        "Could it be registered?",
        &["normalize", "verbose"],
        Sent::Schema,
        WRITTEN,
    ),
    send(
        "POST",
        "/compatibility/subjects/{subject}/versions/{version}",
        "Would it get along with this version?",
        &["normalize", "verbose"],
        Sent::Schema,
        WRITTEN,
    ),
    get("/config", "What holds where nothing else is set", &[], &[200]),
    send("PUT", "/config", "Set it", &[], Sent::Config, WRITTEN),
    delete("/config", "Go back to what is built in", &[], &[200, 422]),
    get("/config/{subject}", "What is set for a subject", &["defaultToGlobal"], FOUND),
    send("PUT", "/config/{subject}", "Set it", &[], Sent::Config, WRITTEN),
    delete("/config/{subject}", "Unset it", &[], FOUND),
    get("/mode", "The mode where nothing else is set", &[], &[200]),
    send("PUT", "/mode", "Set it", &["force"], Sent::Mode, WRITTEN),
    delete("/mode", "Go back to READWRITE", &["recursive"], &[200, 422]),
    get("/mode/{subject}", "The mode of a subject", &["defaultToGlobal"], FOUND),
    send("PUT", "/mode/{subject}", "Set it", &["force"], Sent::Mode, WRITTEN),
    delete("/mode/{subject}", "Unset it", &["recursive"], FOUND),
    get("/contexts", "The contexts", &["contextPrefix", "offset", "limit"], LIST),
    delete("/contexts/{context}", "End an empty context", &[], &[204, 404, 422]),
    get("/v1/metadata/id", "Which cluster this is", &[], &[200]),
    get("/v1/metadata/version", "Which release this is", &[], &[200]),
    get("/v1/metadata/deployment", "How it runs", &[], &[200]),
    get("/associations/subjects/{subject}", "None", &[], &[200]),
    get("/associations/resources/{id}", "None: serializers fall back to the topic's name", &[], NONE),
    get("/associations/resources/{namespace}/{name}", "None: serializers fall back to the topic's name", &[], NONE),
    send("PUT", "/associations/resources/{id}", "Not kept", &[], Sent::Association, &[400, 404, 413, 415]),
    delete("/associations/resources/{id}", "None", &[], NONE),
    send("POST", "/associations", "Not kept", &[], Sent::Association, &[400, 404, 413, 415]),
    send("POST", "/associations:batch", "Not kept", &[], Sent::Association, &[400, 404, 413, 415]),
    get("/openapi/registry.json", "This page", &[], &[200]),
];

const FLAGS: [&str; 12] = [
    "deleted",
    "deletedOnly",
    "deletedAsNegative",
    "latestOnly",
    "fetchMaxId",
    "permanent",
    "normalize",
    "force",
    "verbose",
    "recursive",
    "defaultToGlobal",
    "aliases",
];

/// The page of the whole API.
pub(super) fn page(version: &str) -> Value {
    let mut paths = Map::new();
    for endpoint in ENDPOINTS {
        let path = paths.entry(endpoint.path).or_insert_with(|| json!({}));
        path[endpoint.method.to_ascii_lowercase()] = operation(endpoint);
    }
    json!({
        "openapi": "3.0.3",
        "info": {"title": "Milena: Schema Registry", "version": version},
        "paths": paths,
        "components": {"schemas": components()},
    })
}

fn operation(endpoint: &Endpoint) -> Value {
    let in_path = endpoint.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let path = in_path.map(|name| {
        let schema = if name == "id" && endpoint.path.starts_with("/schemas") {
            json!({"type": "integer"})
        } else {
            json!({"type": "string"})
        };
        json!({"name": name, "in": "path", "required": true, "schema": schema})
    });
    let query = endpoint.query.iter().map(|name| json!({"name": name, "in": "query", "schema": parameter(name)}));
    let answers: Map<String, Value> = endpoint.answers.iter().map(|status| (status.to_string(), answer(*status))).collect();
    let mut operation = json!({
        "summary": endpoint.summary,
        "operationId": format!("{} {}", endpoint.method, endpoint.path),
        "parameters": path.chain(query).collect::<Vec<_>>(),
        "responses": answers,
    });
    if let Some(sent) = endpoint.body {
        let schema = json!({"$ref": format!("#/components/schemas/{sent:?}")});
        operation["requestBody"] =
            json!({"required": true, "content": {"application/vnd.schemaregistry.v1+json": {"schema": schema}}});
    }
    operation
}

fn parameter(name: &str) -> Value {
    match name {
        "offset" | "limit" => json!({"type": "integer", "format": "int32"}),
        _ if FLAGS.contains(&name) => json!({"type": "boolean"}),
        _ => json!({"type": "string"}),
    }
}

fn answer(status: u16) -> Value {
    let schema = match status {
        204 => return json!({"description": "Done"}),
        200 => json!({}),
        _ => json!({"$ref": "#/components/schemas/Error"}),
    };
    let description = if status == 200 { "Done" } else { "Refused" };
    json!({"description": description, "content": {"application/vnd.schemaregistry.v1+json": {"schema": schema}}})
}

fn components() -> Value {
    let text = json!({"type": "string"});
    let number = json!({"type": "integer", "format": "int32"});
    let reference = json!({
        "type": "object",
        "required": ["name", "subject", "version"],
        "properties": {"name": text, "subject": text, "version": number},
    });
    let tagged = json!({"type": "object", "required": ["schemaEntity", "tags"], "properties": {
        "schemaEntity": {"type": "object", "required": ["entityPath", "entityType"], "properties": {
            "entityPath": text, "entityType": {"type": "string", "enum": ["sr_record", "sr_field"]},
        }},
        "tags": {"type": "array", "items": text},
    }});
    json!({
        "Error": {"type": "object", "required": ["error_code", "message"], "properties": {"error_code": number, "message": text}},
        "Schema": {"type": "object", "properties": {
            "schema": text,
            "schemaType": {"type": "string", "enum": ["AVRO", "JSON", "PROTOBUF"]},
            "references": {"type": "array", "items": reference},
            "metadata": {"type": "object"},
            "ruleSet": {"type": "object"},
            "version": number,
            "id": number,
            "schemaTagsToAdd": {"type": "array", "items": tagged},
            "schemaTagsToRemove": {"type": "array", "items": tagged},
        }},
        "Config": {"type": "object", "properties": {
            "compatibility": text,
            "compatibilityPolicy": text,
            "compatibilityGroup": text,
            "alias": text,
            "normalize": {"type": "boolean"},
            "validateFields": {"type": "boolean"},
            "validateNewSchemas": {"type": "boolean"},
            "validateRules": {"type": "boolean"},
            "defaultMetadata": {"type": "object"},
            "overrideMetadata": {"type": "object"},
            "defaultRuleSet": {"type": "object"},
            "overrideRuleSet": {"type": "object"},
        }},
        "Mode": {"type": "object", "required": ["mode"], "properties": {"mode": text}},
        "Tags": {"type": "object", "properties": {
            "newVersion": number,
            "tagsToAdd": {"type": "array", "items": tagged},
            "tagsToRemove": {"type": "array", "items": tagged},
            "metadata": {"type": "object"},
            "ruleSet": {"type": "object"},
            "rulesToMerge": {"type": "object"},
            "rulesToRemove": {"type": "array", "items": text},
        }},
        "Association": {"type": "object"},
    })
}
