//! The Schema Registry API, trap by trap.

use milena_http::Surface;
use serde_json::{Value, json};

use crate::server::Server;

fn avro(text: &str) -> Value {
    json!({"schema": text})
}

/// A record with these fields; those in capitals have a default.
fn record(fields: &str) -> Value {
    let field = |name: char| match name.is_uppercase() {
        true => json!({"name": name, "type": "long", "default": 0}),
        false => json!({"name": name, "type": "long"}),
    };
    avro(&json!({"type": "record", "name": "R", "fields": fields.chars().map(field).collect::<Value>()}).to_string())
}

fn registry() -> Server {
    Server::start(Surface::Registry)
}

#[test]
fn a_schema_is_registered_found_read_and_deleted() {
    let server = registry();
    assert_eq!(server.get("/").json(), json!({}));
    assert_eq!(server.get("/subjects").json(), json!([]));
    assert_eq!(server.post("/subjects/people-value/versions", &record("a")).json(), json!({"id": 1}));
    assert_eq!(server.post("/subjects/people-value/versions", &record("a")).json(), json!({"id": 1}));
    assert_eq!(server.post("/subjects/people-value/versions", &record("aB")).json(), json!({"id": 2}));
    let text = record("a")["schema"].clone();
    assert_eq!(server.get("/schemas/ids/1").json(), json!({"schema": text}));
    assert_eq!(server.get("/schemas/ids/1/schema").body, text.as_str().expect("text"));
    let found = server.post("/subjects/people-value", &record("a")).json();
    assert_eq!(found, json!({"subject": "people-value", "version": 1, "id": 1, "schema": text}));
    assert_eq!(server.get("/subjects/people-value/versions/latest").json()["id"], 2);
    assert_eq!(server.get("/subjects/people-value/versions/-1").json()["id"], 2);
    assert_eq!(server.get("/subjects/people-value/versions/LATEST/schema").status, 200);
    assert_eq!(server.get("/schemas/ids/1/versions").json(), json!([{"subject": "people-value", "version": 1}]));
    assert_eq!(server.get("/schemas/ids/1/subjects").json(), json!(["people-value"]));
    assert_eq!(server.get("/schemas/types").json(), json!(["JSON", "PROTOBUF", "AVRO"]));
    let deleted = server.delete("/subjects/people-value/versions/1");
    assert_eq!(deleted.body, "1", "a bare number");
    assert_eq!(server.get("/subjects/people-value/versions").json(), json!([2]));
    assert_eq!(server.get("/subjects/people-value/versions?deletedAsNegative=true&deleted=true").json(), json!([-1, 2]));
    assert_eq!(server.delete("/subjects/people-value").json(), json!([2]));
    assert_eq!(server.get("/subjects?deleted=true").json(), json!(["people-value"]));
    assert_eq!(server.get("/subjects?deletedOnly=true").json(), json!(["people-value"]));
    assert_eq!(server.get("/schemas/ids/1").status, 200, "consumers go on");
    assert_eq!(server.delete("/subjects/people-value?permanent=true").json(), json!([1, 2]));
    assert_eq!(server.get("/schemas/ids/1").code(), (404, 40403));
}

#[test]
fn every_refusal_has_its_code() {
    let server = registry();
    server.post("/subjects/a/versions", &record("a"));
    server.post("/subjects/a/versions", &record("aB"));
    let code = |method: &str, path: &str, body: &str| server.send(method, path, &[], body.as_bytes()).code();
    let record_bc = record("bc").to_string();
    assert_eq!(code("GET", "/subjects/no/versions", ""), (404, 40401));
    assert_eq!(code("GET", "/subjects/a/versions/9", ""), (404, 40402));
    assert_eq!(code("GET", "/schemas/ids/9", ""), (404, 40403));
    assert_eq!(code("POST", "/subjects/a", &record_bc), (404, 40403));
    assert_eq!(code("POST", "/subjects/no", &record_bc), (404, 40401));
    assert_eq!(code("GET", "/config/a", ""), (404, 40408));
    assert_eq!(code("GET", "/mode/a", ""), (404, 40409));
    assert_eq!(code("DELETE", "/config/a", ""), (404, 40401));
    assert_eq!(code("POST", "/subjects/a/versions", &record_bc), (409, 409));
    let newer = server.new_form("POST", "/subjects/a/versions", &record("bc"));
    assert_eq!(newer.code(), (409, 40901));
    let words = newer.json()["message"].as_str().expect("words").to_string();
    assert!(
        words.starts_with("Schema being registered is incompatible with an earlier schema for subject \"a\", details: ["),
        "{words}"
    );
    assert_eq!(code("POST", "/subjects/a/versions", r#"{"schema":"{}"}"#), (422, 42201));
    assert_eq!(code("POST", "/subjects/a/versions", r#"{"schema":"\"int\"","schemaType":"XML"}"#), (422, 42201));
    for version in ["0", "x", "-2", "2147483648", "99999999999999999999"] {
        assert_eq!(code("GET", &format!("/subjects/a/versions/{version}"), ""), (422, 42202), "{version}");
    }
    assert_eq!(code("PUT", "/config", r#"{"compatibility":"SIDEWAYS"}"#), (422, 42203));
    assert_eq!(code("PUT", "/mode", r#"{"mode":"SIDEWAYS"}"#), (422, 42204));
    assert_eq!(code("POST", "/subjects/a/versions", r#"{"schema":"\"int\"","id":7,"version":3}"#), (422, 42205));
    assert_eq!(code("PUT", "/mode", r#"{"mode":"IMPORT"}"#), (422, 42205));
    assert_eq!(code("POST", "/subjects/__GLOBAL/versions", r#"{"schema":"\"int\""}"#), (422, 42208));
    assert_eq!(code("DELETE", "/subjects/a/versions/1?permanent=true", ""), (404, 40407));
    assert_eq!(code("DELETE", "/subjects/a?permanent=true", ""), (404, 40405));
    server.delete("/subjects/a/versions/1");
    assert_eq!(code("DELETE", "/subjects/a/versions/1", ""), (404, 40406));
    server.delete("/subjects/a");
    assert_eq!(code("DELETE", "/subjects/a", ""), (404, 40404));
    assert_eq!(code("GET", "/subjects/a/versions", ""), (404, 40401));
    let rules = json!({"schema": "\"int\"", "ruleSet": {"domainRules": [{"name": "1", "type": "CEL"}]}});
    assert_eq!(server.post("/subjects/b/versions", &rules).code(), (422, 42210));
    let large = json!({"schema": format!("\"{}\"", "x".repeat(2 << 20))});
    assert_eq!(server.post("/subjects/b/versions", &large).code(), (422, 42209));
}

#[test]
fn references_are_resolved_and_hold() {
    let server = registry();
    server.post("/subjects/name/versions", &avro(r#"{"type":"record","name":"N","fields":[]}"#));
    let referring = |version: i32| json!({"schema": r#"{"type":"array","items":"N"}"#, "references": [{"name": "N", "subject": "name", "version": version}]});
    assert_eq!(server.post("/subjects/list/versions", &referring(-1)).json(), json!({"id": 2}));
    assert_eq!(server.post("/subjects/list/versions", &referring(1)).json(), json!({"id": 2}));
    assert_eq!(server.post("/subjects/list/versions", &referring(8)).code(), (422, 42201));
    assert_eq!(server.get("/subjects/name/versions/1/referencedby").json(), json!([2]));
    assert_eq!(server.delete("/subjects/name").code(), (422, 42206));
    assert_eq!(server.get("/schemas/ids/2").json()["references"], json!([{"name": "N", "subject": "name", "version": 1}]));
}

#[test]
fn compatibility_is_asked_in_every_way() {
    let server = registry();
    let ask = |path: &str, schema: &Value| server.post(&format!("/compatibility/subjects/a/versions{path}"), schema);
    assert_eq!(ask("/latest", &record("a")).json(), json!({"is_compatible": true}), "no history");
    assert_eq!(ask("", &record("a")).json(), json!({"is_compatible": true}));
    assert_eq!(ask("/1", &record("a")).code(), (404, 40402));
    server.post("/subjects/a/versions", &record("a"));
    assert_eq!(ask("/latest", &record("aB")).json(), json!({"is_compatible": true}));
    assert_eq!(ask("/1", &record("ab")).json(), json!({"is_compatible": false}));
    let verbose = ask("?verbose=true", &record("ab")).json();
    assert_eq!(verbose["is_compatible"], false);
    let messages = verbose["messages"].as_array().expect("a list").clone();
    assert!(messages[0].as_str().expect("words").contains("READER_FIELD_MISSING_DEFAULT_VALUE"), "{messages:?}");
    assert_eq!(ask("/latest?verbose=true", &record("aB")).json(), json!({"is_compatible": true, "messages": []}));
    assert_eq!(ask("/latest", &avro("{")).code(), (422, 42201));
    assert_eq!(ask("/latest?verbose=true", &avro("{")).json()["is_compatible"], false, "in words, it is an answer");
    let json_schema = json!({"schema": "{}", "schemaType": "PROTOBUF"});
    assert!(ask("/latest", &json_schema).status < 500);
}

#[test]
fn settings_are_asked_and_set_under_different_names() {
    let server = registry();
    assert_eq!(server.get("/config").json(), json!({"compatibilityLevel": "BACKWARD"}));
    assert_eq!(server.put("/config", &json!({"compatibility": "full"})).json(), json!({"compatibility": "full"}));
    assert_eq!(server.get("/config").json(), json!({"compatibilityLevel": "FULL"}));
    assert_eq!(server.get("/config/a?defaultToGlobal=true").json(), json!({"compatibilityLevel": "FULL"}));
    let all = json!({
        "alias": "b",
        "normalize": true,
        "validateFields": true,
        "compatibility": "NONE",
        "compatibilityPolicy": "LENIENT",
        "compatibilityGroup": "major",
        "defaultMetadata": {"properties": {"owner": "us"}},
        "overrideRuleSet": {"domainRules": [{"name": "r", "type": "CEL", "disabled": false}]},
        "somethingNew": 7,
    });
    let echo = server.put("/config/a", &all).json();
    assert_eq!(echo.get("somethingNew"), None);
    assert_eq!(echo["compatibility"], "NONE");
    let stored = server.get("/config/a").json();
    assert_eq!(stored["compatibilityLevel"], "NONE");
    assert_eq!(stored["defaultMetadata"], json!({"properties": {"owner": "us"}}));
    assert_eq!(server.put("/config/a", &json!({"normalize": null})).status, 200);
    assert_eq!(server.get("/config/a").json().get("normalize"), None);
    assert_eq!(server.delete("/config/a").json()["compatibilityLevel"], "NONE", "the old one");
    assert_eq!(server.get("/config/a").code(), (404, 40408));
    assert_eq!(server.get("/mode").json(), json!({"mode": "READWRITE"}));
    assert_eq!(server.put("/mode/a", &json!({"mode": "READONLY"})).json(), json!({"mode": "READONLY"}));
    assert_eq!(server.post("/subjects/a/versions", &record("a")).code(), (422, 42205));
    assert_eq!(server.delete("/mode/a").json(), json!({"mode": "READONLY"}));
    assert_eq!(server.post("/subjects/a/versions", &record("a")).status, 200);
}

#[test]
fn a_wider_configuration_shows_through_where_it_holds() {
    let server = registry();
    let wide = json!({"compatibility": "FULL", "compatibilityGroup": "major", "normalize": true,
        "defaultMetadata": {"properties": {"owner": "us"}}});
    assert_eq!(server.put("/config", &wide).json(), wide, "what was sent comes back");
    assert_eq!(server.put("/config/a", &json!({"validateFields": true})).json(), json!({"validateFields": true}));
    assert_eq!(server.get("/config/a").json(), json!({"validateFields": true}), "what is its own");
    let holds = json!({"compatibilityLevel": "FULL", "compatibilityGroup": "major", "normalize": true, "validateFields": true});
    assert_eq!(server.get("/config/a?defaultToGlobal=true").json(), holds);
    assert_eq!(server.get("/config/b?defaultToGlobal=true").json(), server.get("/config").json());
    assert_eq!(server.get("/config/b").code(), (404, 40408));
}

#[test]
fn lists_say_which_versions_they_are_of() {
    let server = registry();
    for (subject, fields) in [("a", "a"), ("a", "aB"), ("b", "a")] {
        assert_eq!(server.post(&format!("/subjects/{subject}/versions"), &record(fields)).status, 200);
    }
    let versions = |query: &str| server.get(&format!("/subjects/a/versions{query}"));
    assert_eq!((versions("?deletedOnly=true").status, versions("?deletedOnly=true").json()), (200, json!([])), "none is deleted");
    server.delete("/subjects/a/versions/1");
    assert_eq!(versions("?deletedOnly=true").json(), json!([1]));
    assert_eq!(versions("?deletedAsNegative=true").json(), json!([-1, 2]), "deleted ones are shown");
    assert_eq!(versions("?deletedAsNegative=true&deletedOnly=true").json(), json!([-1]));
    assert_eq!(server.get("/subjects/no/versions?deletedOnly=true").code(), (404, 40401));
    assert_eq!(versions("?deleted=true&limit=1").json(), json!([1]));
    assert_eq!(versions("?deleted=true&limit=0").json(), json!([1, 2]), "a limit of nothing is none");
    assert_eq!(server.get("/schemas?limit=0").json().as_array().map(Vec::len), Some(2));
    assert_eq!(server.get("/schemas/ids/1/subjects?deleted=true").json(), json!(["a", "b"]));
    assert_eq!(server.get("/schemas/ids/1/subjects?deleted=true&subject=a").json(), json!(["a"]), "of the subject that is named");
    assert_eq!(server.get("/schemas/ids/1/versions?subject=b").json(), json!([{"subject": "b", "version": 1}]));
    assert_eq!(server.get("/schemas/ids/2/subjects?subject=b").json(), json!([]));
}

#[test]
fn a_context_has_three_spellings() {
    let server = registry();
    assert_eq!(server.post("/subjects/:.eu:a/versions", &record("a")).json(), json!({"id": 1}));
    assert_eq!(server.post("/subjects/%3A.eu%3Aa/versions", &record("aB")).json(), json!({"id": 2}));
    assert_eq!(server.post("/contexts/.eu/subjects/a/versions", &record("aBC")).json(), json!({"id": 3}));
    assert_eq!(server.post("/subjects/b/versions", &record("z")).json(), json!({"id": 1}), "ids of a context are its own");
    assert_eq!(server.get("/contexts").json(), json!([".", ".eu"]));
    assert_eq!(server.get("/contexts/.eu/subjects").json(), json!([":.eu:a"]));
    assert_eq!(server.get("/subjects?subjectPrefix=:.eu:").json(), json!([":.eu:a"]));
    assert_eq!(server.get("/subjects").json(), json!(["b", ":.eu:a"]));
    assert_eq!(server.get("/contexts/.eu/schemas/ids/3").status, 200);
    assert_eq!(server.get("/schemas/ids/3").code(), (404, 40403));
    assert_eq!(server.get("/schemas/ids/3?subject=:.eu:").status, 200);
    assert_eq!(server.get("/schemas/ids/3?subject=a").status, 200, "it is looked for elsewhere");
    assert_eq!(server.get("/subjects/a/versions/1").json()["subject"], ":.eu:a");
    server.put("/contexts/.eu/config", &json!({"compatibility": "NONE"}));
    assert_eq!(server.get("/config/:.eu:a?defaultToGlobal=true").json()["compatibilityLevel"], "NONE");
    assert_eq!(server.get("/config").json()["compatibilityLevel"], "BACKWARD");
    assert_eq!(server.delete("/contexts/.eu").code(), (422, 42211));
    server.delete("/subjects/:.eu:a");
    server.delete("/subjects/:.eu:a?permanent=true");
    assert_eq!(server.delete("/contexts/.eu").status, 204);
    assert_eq!(server.get("/contexts").json(), json!(["."]));
}

#[test]
fn a_name_without_a_context_means_what_is_its_own() {
    let server = registry();
    let put = |subject: &str, text: &str| server.post(&format!("/subjects/{subject}/versions"), &avro(text)).json();
    assert_eq!((put("b", "\"int\""), put(":.eu:a", "\"string\"")), (json!({"id": 1}), json!({"id": 1})));
    assert_eq!(server.get("/schemas/ids/1?subject=a").json()["schema"], "\"string\"");
    assert_eq!(server.get("/schemas/ids/1/versions?subject=a").json(), json!([{"subject": ":.eu:a", "version": 1}]));
    assert_eq!(server.get("/schemas/ids/1?subject=b").json()["schema"], "\"int\"");
    put("a", "\"long\"");
    put(":.eu:a", "\"bytes\"");
    assert_eq!(server.post("/subjects/a", &avro("\"string\"")).json()["subject"], ":.eu:a", "a miss is looked for elsewhere");
    assert_eq!(server.get("/subjects/a/versions/2").json()["subject"], ":.eu:a");
    put(":.eu:c", "\"int\"");
    put(":.us:c", "\"int\"");
    server.delete("/subjects/:.eu:c");
    assert_eq!(server.post("/subjects/c", &avro("\"long\"")).code(), (404, 40403), "the one that is there has another");
    server.delete("/subjects/:.us:c");
    assert_eq!(server.post("/subjects/c", &avro("\"long\"")).code(), (404, 40401));
    assert_eq!(server.get("/subjects/a/versions/3").code(), (404, 40402));
    for path in ["/config/:.eu:", "/contexts/.eu/config"] {
        assert_eq!(server.get(path).code(), (404, 40408), "{path}");
    }
    assert_eq!((server.get("/contexts/.eu/mode").code(), server.delete("/mode/:.eu:").code()), ((404, 40409), (404, 40401)));
    assert_eq!(server.put("/mode/:.__GLOBAL:", &json!({"mode": "IMPORT"})).code(), (422, 42205), "there are subjects");
}

#[test]
fn a_schema_that_was_registered_in_parts_is_known_when_it_comes_whole() {
    let server = registry();
    let name = r#"{"type":"record","name":"N","fields":[{"name":"first","type":"string"}]}"#;
    server.post("/subjects/name/versions", &avro(name));
    let reference = json!([{"name": "N", "subject": "name", "version": 1}]);
    let parts = json!({"schema": r#"{"type":"array","items":"N"}"#, "references": reference});
    assert_eq!(server.post("/subjects/list/versions", &parts).json(), json!({"id": 2}));
    let whole = avro(&format!(r#"{{"type":"array","items":{name}}}"#));
    assert_eq!(server.post("/subjects/list", &whole).json()["version"], 1);
    assert_eq!(server.post("/subjects/list/versions", &whole).json(), json!({"id": 2}));
    let other = avro(&format!(r#"{{"type":"array","items":{}}}"#, name.replace("first", "last")));
    assert_eq!(server.post("/subjects/list", &other).code(), (404, 40403));
}

#[test]
fn an_empty_schema_is_none_and_a_version_is_meant() {
    let server = registry();
    server.post("/subjects/a/versions", &avro("\"int\""));
    assert_eq!(server.post("/subjects/a", &json!({})).code(), (404, 40403));
    let compare = |query: &str| server.post(&format!("/compatibility/subjects/a/versions/latest{query}"), &json!({}));
    assert_eq!((compare("").code(), compare("?verbose=true").json()["is_compatible"].clone()), ((422, 42201), json!(false)));
    let again = server.post("/subjects/a/versions", &json!({"schema": "\"int\"", "version": 7}));
    assert_eq!(again.code(), (422, 42201));
    server.delete("/subjects/a");
    server.post("/subjects/a/versions", &avro("\"int\""));
    assert_eq!(server.get("/subjects/a/versions?deleted=true").json(), json!([2]), "the same schema, deleted, went");
}

#[test]
fn subjects_may_have_slashes_and_aliases() {
    let server = registry();
    assert_eq!(server.post("/subjects/a%2Fb%20c/versions", &record("a")).json(), json!({"id": 1}));
    assert_eq!(server.get("/subjects").json(), json!(["a/b c"]));
    assert_eq!(server.get("/subjects/a%2Fb%20c/versions/1").json()["subject"], "a/b c");
    server.put("/config/short", &json!({"alias": "a/b c"}));
    assert_eq!(server.get("/subjects/short/versions/latest").json()["subject"], "a/b c");
    assert_eq!(server.get("/subjects/a%252Fb/versions").code(), (404, 40401), "decoded once");
}

#[test]
fn both_forms_are_answered() {
    let server = registry();
    let null = Value::Null;
    let registered = server.new_form("POST", "/subjects/a/versions", &record("a")).json();
    assert_eq!((&registered["id"], &registered["version"], &registered["schemaType"]), (&json!(1), &json!(1), &json!("AVRO")));
    let guid = registered["guid"].as_str().expect("a GUID").to_string();
    assert!(registered["schema"].is_string() && registered["ts"].is_number());
    assert_eq!(server.get("/subjects/a/versions/1").json().get("schemaType"), None);
    assert_eq!(server.new_form("GET", "/subjects/a/versions/1", &null).json()["schemaType"], "AVRO");
    assert_eq!(server.new_form("GET", "/schemas/ids/1?subject=a", &null).json()["version"], 1);
    assert_eq!(server.get("/schemas/ids/1?fetchMaxId=true").json()["maxId"], 1);
    assert_eq!(server.new_form("GET", &format!("/schemas/guids/{guid}"), &null).json()["guid"], guid);
    assert_eq!(server.get(&format!("/schemas/guids/{guid}/ids")).json(), json!([{"context": ".", "id": 1}]));
    assert_eq!(server.get("/schemas/guids/00000000-0000-0000-0000-000000000000").code(), (404, 40403));
    let seven = Server::with(Surface::Registry, &[("milena.registry.profile", "7")]);
    assert_eq!(seven.new_form("POST", "/subjects/a/versions", &record("a")).json(), json!({"id": 1}));
    let eight = Server::with(Surface::Registry, &[("milena.registry.profile", "8")]);
    assert!(eight.post("/subjects/a/versions", &record("a")).json()["guid"].is_string());
}

#[test]
fn metadata_and_rules_are_kept() {
    let server = registry();
    let sent = json!({
        "schema": record("a")["schema"],
        "metadata": {"properties": {"owner": "us"}, "tags": {"**.a": ["PII"]}},
        "ruleset": {"domainRules": [{"name": "check", "kind": "CONDITION", "type": "CEL", "mode": "WRITE", "expr": "true"}]},
        "somethingNew": true,
    });
    assert_eq!(server.post("/subjects/a/versions", &sent).status, 200);
    let stored = server.get("/subjects/a/versions/1").json();
    assert_eq!(stored["metadata"], sent["metadata"]);
    assert_eq!(stored["ruleSet"]["domainRules"][0]["expr"], "true");
    assert_eq!(server.get("/subjects/a/metadata?key=owner&value=us").json()["version"], 1);
    assert_eq!(server.get("/subjects/a/metadata?key=owner&value=them").code(), (404, 40403));
    let tagged = server.post("/subjects/a/versions/1/tags", &json!({"metadata": {"properties": {"owner": "them"}}}));
    assert_eq!(tagged.json()["metadata"], json!({"properties": {"owner": "them", "confluent:version": "2"}}));
    assert_eq!(server.get("/subjects/a/versions").json(), json!([1, 2]));
    assert_eq!(server.get("/schemas?ruleType=CEL&latestOnly=true").json().as_array().map(Vec::len), Some(1));
}

#[test]
fn what_the_server_merged_into_metadata_is_told_in_both_forms() {
    let server = registry();
    let owned = |text: &str, owner: &str| json!({"schema": text, "metadata": {"properties": {"owner": owner}}});
    let (a, ab) = (record("a")["schema"].clone(), record("aB")["schema"].clone());
    let (a, ab) = (a.as_str().expect("text"), ab.as_str().expect("text"));
    assert_eq!(server.post("/subjects/a/versions", &owned(a, "us")).json(), json!({"id": 1}), "nothing was added");
    server.put("/config/a", &json!({"overrideMetadata": {"properties": {"place": "here"}}}));
    let merged = json!({"properties": {"owner": "us", "place": "here"}});
    for told in [server.post("/subjects/a/versions", &owned(ab, "us")), server.post("/subjects/a/versions", &owned(ab, "us"))] {
        assert_eq!(told.json()["metadata"], merged);
        assert_eq!(told.json()["version"], 2);
    }
    let mut latest = owned(record("aBC")["schema"].as_str().expect("text"), "us");
    latest["version"] = json!(-1);
    assert_eq!(server.post("/subjects/a/versions", &latest).json()["metadata"]["properties"]["confluent:version"], "3");
}

#[test]
fn an_import_gives_ids_and_versions() {
    let server = registry();
    assert_eq!(server.put("/mode", &json!({"mode": "IMPORT"})).status, 200);
    let with = |text: &str, id: i32, version: i32| json!({"schema": text, "id": id, "version": version});
    assert_eq!(server.post("/subjects/a/versions", &with("\"int\"", 40, 3)).json(), json!({"id": 40}));
    assert_eq!(server.post("/subjects/a/versions", &with("\"int\"", 40, 3)).json(), json!({"id": 40}), "once more is fine");
    assert_eq!(server.post("/subjects/a/versions", &with("\"long\"", 40, 4)).code(), (422, 42205));
    assert_eq!(server.post("/subjects/a/versions", &avro("\"long\"")).code(), (422, 42205));
    assert_eq!(server.post("/subjects/a/versions", &with("\"long\"", i32::MAX, 4)).code(), (422, 42205), "none could follow");
    assert_eq!(server.post("/subjects/a/versions", &with("\"long\"", 41, i32::MAX)).code(), (422, 42205), "none could follow");
    server.put("/mode", &json!({"mode": "READWRITE"}));
    assert_eq!(server.post("/subjects/a/versions", &avro("\"long\"")).json(), json!({"id": 41}));
    assert_eq!(server.get("/subjects/a/versions").json(), json!([3, 4]));
}

#[test]
fn types_numbers_and_ways_round_it() {
    let server = registry();
    let asked = |accept: &str| server.send("GET", "/subjects", &[("Accept", accept)], b"");
    assert_eq!(asked("*/*").header("content-type"), Some("application/vnd.schemaregistry.v1+json"));
    assert_eq!(asked("application/json").header("content-type"), Some("application/json"));
    assert_eq!(asked("text/html").code(), (406, 406));
    let typed =
        |kind: &str| server.send("POST", "/subjects/a/versions", &[("Content-Type", kind)], record("a").to_string().as_bytes());
    assert_eq!(typed("application/json; charset=utf-8").status, 200);
    assert_eq!(typed("application/octet-stream").status, 200);
    assert_eq!(typed("text/plain").code(), (415, 415));
    assert_eq!(server.send("GET", "/subjects", &[("X-Request-ID", "abc")], b"").header("x-request-id"), Some("abc"));
    assert!(server.get("/subjects").header("x-request-id").is_some_and(|id| id.len() == 36));
    assert_eq!(server.get("/nothing/here").code(), (404, 404));
    assert_eq!(server.get("/metrics").code(), (404, 404), "only the registry lives here");
    let wrong = server.send("PATCH", "/subjects/a/versions", &[], b"");
    assert_eq!((wrong.code(), wrong.header("allow")), ((405, 405), Some("GET, POST")));
    assert_eq!(server.get("/subjects/%zz/versions").code(), (400, 400));
    assert_eq!(server.get("/associations/resources/-/people?resourceType=topic").code(), (404, 40410));
    assert_eq!(server.get("/dek-registry/v1/keks/k").code(), (404, 40470));
    assert_eq!(server.get("/exporters").code(), (404, 404));
    assert_eq!(server.get("/v1/metadata/id").json()["scope"]["clusters"]["schema-registry-cluster"], "schema-registry");
    assert_eq!(server.send("HEAD", "/subjects", &[], b"").status, 200);
    let origin = server.send("POST", "/subjects/a/versions", &[("Origin", "http://evil.example")], b"{}");
    assert_eq!(origin.code(), (403, 403));
}

#[test]
fn lists_come_in_pages() {
    let server = registry();
    for subject in ["a", "b", "c", "d"] {
        server.post(&format!("/subjects/{subject}/versions"), &record("a"));
    }
    assert_eq!(server.get("/subjects?offset=1&limit=2").json(), json!(["b", "c"]));
    assert_eq!(server.get("/subjects?offset=9").json(), json!([]));
    assert_eq!(server.get("/subjects?limit=x").code(), (400, 400));
    assert_eq!(server.get("/schemas?subjectPrefix=c").json().as_array().map(Vec::len), Some(1));
    assert_eq!(server.get("/schemas?limit=3").json().as_array().map(Vec::len), Some(3));
}

#[test]
fn the_common_listener_serves_it_too() {
    let server = Server::start(Surface::Common);
    assert_eq!(server.post("/subjects/a/versions", &record("a")).json(), json!({"id": 1}));
    assert_eq!(server.post("/contexts/.eu/subjects/a/versions", &record("a")).json(), json!({"id": 1}));
    assert_eq!(server.get("/schemas/ids/1").status, 200);
    assert_eq!(server.get("/openapi/registry.json").json()["openapi"], "3.0.3");
    assert_eq!(server.get("/healthz").status, 200);
    assert_eq!(server.post("/", &json!({})).json(), json!({}));
}

#[test]
fn a_schema_is_shown_in_other_spellings() {
    let server = registry();
    server.post("/subjects/name/versions", &avro(r#"{"type":"record","name":"N","fields":[]}"#));
    let list =
        json!({"schema": r#"{"type":"array","items":"N"}"#, "references": [{"name": "N", "subject": "name", "version": 1}]});
    server.post("/subjects/list/versions", &list);
    let resolved = r#"{"type":"array","items":{"type":"record","name":"N","fields":[]}}"#;
    assert_eq!(server.get("/schemas/ids/2").json()["schema"], r#"{"type":"array","items":"N"}"#);
    for path in ["/schemas/ids/2", "/subjects/list/versions/1", "/subjects/list/versions/latest"] {
        assert_eq!(server.get(&format!("{path}?format=resolved")).json()["schema"], resolved, "{path}");
    }
    assert_eq!(server.get("/schemas/ids/2/schema?format=resolved").body, resolved);
    assert_eq!(server.get("/subjects/list/versions/1/schema?format=RESOLVED").body, resolved);
    assert_eq!(server.get("/schemas/ids/1?format=serialized").status, 200, "a spelling of another language changes nothing");
    let looked_up = server.post("/subjects/list?format=resolved", &list).json();
    assert_eq!((&looked_up["schema"], &looked_up["id"]), (&json!(resolved), &json!(2)));

    let proto = "syntax = \"proto2\";\nimport \"confluent/meta.proto\";\nmessage P {\n  extensions 5;\n  optional string a = 1 [deprecated = true, (confluent.field_meta) = { tags: \"PII\" }];\n}\nextend P { optional int32 b = 5; }\n";
    let sent = json!({"schema": proto, "schemaType": "PROTOBUF"});
    let id = server.post("/subjects/p/versions", &sent).json()["id"].clone();
    let plain =
        server.get(&format!("/schemas/ids/{id}?format=ignore_extensions")).json()["schema"].as_str().expect("text").to_string();
    assert!(!plain.contains("extend ") && !plain.contains("field_meta") && plain.contains("deprecated"), "{plain}");
    let descriptor =
        server.get(&format!("/schemas/ids/{id}?format=serialized")).json()["schema"].as_str().expect("text").to_string();
    let again = json!({"schema": descriptor, "schemaType": "PROTOBUF"});
    assert_eq!(server.post("/subjects/p?normalize=true", &again).json()["id"], id, "the descriptor is the same schema");
}

#[test]
fn tags_are_put_on_parts_and_found_again() {
    let server = registry();
    let field = |path: &str, tags: &[&str]| json!({"schemaEntity": {"entityPath": path, "entityType": "sr_field"}, "tags": tags});
    server.post("/subjects/a/versions", &record("ab"));
    let tagged = server.post("/subjects/a/versions/1/tags", &json!({"tagsToAdd": [field("R.a", &["PII", "SECRET"])]}));
    let text = tagged.json()["schema"].as_str().expect("told, since the server changed it").to_string();
    assert!(text.contains(r#""confluent:tags":["PII","SECRET"]"#), "{text}");
    assert_eq!(server.get("/subjects/a/versions").json(), json!([1, 2]));
    let found = server.get("/subjects/a/versions/2?findTags=*").json()["schemaTags"].clone();
    assert_eq!(found, json!([field("R.a", &["PII", "SECRET"])]));
    assert_eq!(server.get("/schemas/ids/2?findTags=OTHER").json()["schemaTags"], json!([]));
    assert_eq!(server.get("/schemas/ids/2").json().get("schemaTags"), None);
    let fewer = server.post("/subjects/a/versions/latest/tags", &json!({"tagsToRemove": [field("R.a", &["PII", "SECRET"])]}));
    assert_eq!(fewer.json()["id"], 1, "without tags it is the first again");
    let strange = server.post("/subjects/a/versions/1/tags", &json!({"tagsToAdd": [field("R.z", &["PII"])]}));
    assert_eq!(strange.code(), (422, 42201));
    assert_eq!(server.post("/subjects/a/versions/1/tags", &json!({"tagsToAdd": [{"tags": []}]})).code(), (400, 400));

    let mut sent = json!({"schema": "syntax = \"proto3\";\npackage x;\nmessage P {\n  message Q {\n    int32 c = 1;\n  }\n  string a = 1;\n}\n", "schemaType": "PROTOBUF"});
    sent["schemaTagsToAdd"] = json!([field(".x.P.a", &["PII"]), field("x.P.Q.c", &["B"])]);
    let made = server.post("/subjects/p/versions", &sent).json()["schema"].as_str().expect("text").to_string();
    assert!(made.contains("import \"confluent/meta.proto\"") && made.contains("tags: \"PII\""), "{made}");
    let found = server.get("/subjects/p/versions/1?findTags=PII,B").json()["schemaTags"].clone();
    assert_eq!(found, json!([field("x.P.Q.c", &["B"]), field("x.P.a", &["PII"])]));

    let object = r#"{"type":"object","properties":{"a":{"type":"object","properties":{"b":{"type":"string"}}}}}"#;
    let sent = json!({"schema": object, "schemaType": "JSON", "schemaTagsToAdd": [field("object.a.object.b", &["PII"])]});
    let made = server.post("/subjects/j/versions", &sent).json()["schema"].as_str().expect("text").to_string();
    assert!(made.contains(r#""b":{"type":"string","confluent:tags":["PII"]}"#), "{made}");
}

#[test]
fn rules_are_merged_and_removed_by_name() {
    let server = registry();
    let rule = |name: &str| json!({"name": name, "kind": "CONDITION", "type": "CEL", "mode": "WRITE", "expr": "true"});
    let mut sent = record("a");
    sent["ruleSet"] = json!({"domainRules": [rule("one"), rule("two")]});
    server.post("/subjects/a/versions", &sent);
    let change = json!({"rulesToMerge": {"domainRules": [rule("three")]}, "rulesToRemove": ["one"]});
    let rules = server.post("/subjects/a/versions/latest/tags", &change).json()["ruleSet"]["domainRules"].clone();
    let names: Vec<&str> = rules.as_array().expect("rules").iter().filter_map(|rule| rule["name"].as_str()).collect();
    assert_eq!(names, ["two", "three"]);
}

#[test]
fn reserved_names_stay_free_where_fields_are_validated() {
    let server = registry();
    let reserving = |fields: &str, names: &str| {
        let mut sent = record(fields);
        sent["metadata"] = json!({"properties": {"confluent:reserved": names}});
        sent
    };
    server.put("/config/a", &json!({"validateFields": true, "compatibility": "NONE"}));
    assert_eq!(server.post("/subjects/a/versions", &reserving("ab", "b")).code(), (409, 409), "it uses what it reserves");
    assert_eq!(server.post("/subjects/a/versions", &reserving("a", "b,c")).status, 200);
    assert_eq!(server.post("/subjects/a/versions", &record("ab")).code(), (409, 409), "the reservation is inherited");
    let freed = server.post("/compatibility/subjects/a/versions?verbose=true", &reserving("a", "b")).json();
    assert_eq!(freed["is_compatible"], false);
    assert!(freed["messages"].to_string().contains("reserved field c removed"), "{freed}");
    server.put("/config/a", &json!({"validateFields": false}));
    assert_eq!(server.post("/subjects/a/versions", &record("ab")).status, 200, "nobody looks");
}

#[test]
fn some_modes_are_for_contexts_only() {
    let server = registry();
    for mode in ["READONLY_OVERRIDE", "FORWARD"] {
        assert_eq!(server.put("/mode/a", &json!({"mode": mode})).code(), (422, 42205), "{mode}");
    }
    server.put("/mode/a", &json!({"mode": "READWRITE"}));
    assert_eq!(server.put("/mode", &json!({"mode": "READONLY_OVERRIDE"})).status, 200);
    assert_eq!(server.post("/subjects/a/versions", &record("a")).code(), (422, 42205), "it goes before the subject's own");
    assert_eq!(server.put("/mode/:.eu:", &json!({"mode": "READWRITE"})).status, 200);
    assert_eq!(server.post("/subjects/:.eu:a/versions", &record("a")).code(), (422, 42205), "and before every context's");
    assert_eq!(server.delete("/mode?recursive=true").status, 200);
    assert_eq!(server.post("/subjects/a/versions", &record("a")).status, 200);
    assert_eq!(server.get("/mode/a").code(), (404, 40409), "what stood below went with it");
}

#[test]
fn an_answer_that_was_kept_is_dropped_by_the_next_change() {
    let server = registry();
    server.post("/subjects/a/versions", &record("a"));
    for _ in 0..3 {
        assert_eq!(server.get("/subjects/a/versions/latest").json()["id"], 1);
        assert_eq!(server.get("/schemas/ids/2").code(), (404, 40403));
    }
    server.post("/subjects/a/versions", &record("aB"));
    assert_eq!(server.get("/subjects/a/versions/latest").json()["id"], 2);
    assert_eq!(server.get("/schemas/ids/2").status, 200);
    let newer = server.new_form("GET", "/subjects/a/versions/latest", &Value::Null).json();
    assert_eq!(newer["schemaType"], "AVRO", "each form has answers of its own");
    assert_eq!(server.get("/subjects/a/versions/latest").json().get("schemaType"), None);
    let typed = server.send("GET", "/subjects/a/versions/latest", &[("Accept", "application/json")], b"");
    assert_eq!(typed.header("content-type"), Some("application/json"));
    server.delete("/subjects/a/versions/2");
    assert_eq!(server.get("/subjects/a/versions/latest").json()["id"], 1);
}

#[test]
fn aliases_are_listed_where_they_are_asked_for() {
    let server = registry();
    server.post("/subjects/long.name/versions", &record("a"));
    server.put("/config/short", &json!({"alias": "long.name"}));
    assert_eq!(server.get("/schemas?aliases=true").json()[0]["aliases"], json!(["short"]));
    assert_eq!(server.get("/schemas").json()[0].get("aliases"), None);
}
