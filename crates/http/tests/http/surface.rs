//! Every operation of the REST proxy is there: v2's routes and v3's fifty, each with the status of its success.

use milena_http::Surface;
use serde_json::{Value, json};

use crate::server::Server;

const V2: &str = "application/vnd.kafka.v2+json";

#[test]
fn nobody_makes_the_topic_of_kafkas_controllers() {
    let server = Server::start(Surface::Common);
    let words = "Creation of internal topic __cluster_metadata is prohibited.";
    let topics = format!("{}/topics", server.cluster());
    let made = server.post(&topics, &json!({"topic_name": "__cluster_metadata"}));
    assert!(made.status == 400 && made.body.contains(words), "{}", made.body);
    let record = json!({"value": {"type": "JSON", "data": 1}});
    let used = server.post(&format!("{topics}/__cluster_metadata/records"), &record);
    assert!(used.body.contains(words), "{}", used.body);
    let used = server.post("/q/v1/topics/__cluster_metadata/messages", &json!({"value": 1}));
    assert!(used.status >= 400 && used.body.contains(words), "{}", used.body);
    assert_eq!(server.get(&format!("{topics}/__cluster_metadata")).status, 404);
}

/// Method, path, body, status.
type Step = (&'static str, &'static str, Value, u16);

fn steps_of_v2() -> Vec<Step> {
    let none = || Value::Null;
    let all = || json!({"partitions": [{"topic": "t", "partition": 0}]});
    let at = || json!({"offsets": [{"topic": "t", "partition": 0, "offset": 0}]});
    vec![
        ("GET", "/", none(), 200),
        ("POST", "/", none(), 200),
        ("POST", "/topics/t", json!({"records": [{"value": "AA=="}]}), 200),
        ("POST", "/topics/t/partitions/0", json!({"records": [{"value": "AA=="}]}), 200),
        ("GET", "/topics", none(), 200),
        ("GET", "/topics/t", none(), 200),
        ("GET", "/topics/t/partitions", none(), 200),
        ("GET", "/topics/t/partitions/0", none(), 200),
        ("GET", "/topics/t/partitions/0/offsets", none(), 200),
        ("GET", "/brokers", none(), 200),
        ("POST", "/consumers/g", json!({"name": "i", "format": "binary", "auto.offset.reset": "earliest"}), 200),
        ("POST", "/consumers/g/instances/i/subscription", json!({"topics": ["t"]}), 204),
        ("GET", "/consumers/g/instances/i/subscription", none(), 200),
        ("GET", "/consumers/g/instances/i/assignments", none(), 200),
        ("GET", "/consumers/g/instances/i/records?timeout=1", none(), 200),
        ("POST", "/consumers/g/instances/i/offsets", none(), 200),
        ("POST", "/consumers/g/instances/i/offsets?async=true", at(), 200),
        ("GET", "/consumers/g/instances/i/offsets", all(), 200),
        ("POST", "/consumers/g/instances/i/positions", at(), 204),
        ("POST", "/consumers/g/instances/i/positions/beginning", all(), 204),
        ("POST", "/consumers/g/instances/i/positions/end", all(), 204),
        ("DELETE", "/consumers/g/instances/i/subscription", none(), 204),
        ("POST", "/consumers/g/instances/i/assignments", all(), 204),
        ("DELETE", "/consumers/g/instances/i", none(), 204),
    ]
}

/// Below `/v3/clusters/{cluster}`. Lists and looks come between what makes and what removes their things.
fn steps_of_v3() -> Vec<Step> {
    let none = || Value::Null;
    let value = |text: &str| json!({"value": text});
    let alter = |name: &str, value: &str| json!({"data": [{"name": name, "value": value}]});
    let acl = || json!({"resource_type": "TOPIC", "resource_name": "t"});
    let record = || json!({"value": {"type": "JSON", "data": 1}});
    vec![
        ("GET", "", none(), 200),
        // As a cluster without an authorizer answers.
        ("GET", "/acls", none(), 400),
        ("POST", "/acls", acl(), 400),
        ("DELETE", "/acls", none(), 400),
        ("POST", "/acls:batch", json!({"data": [acl()]}), 400),
        ("PUT", "/broker-configs/log.retention.ms", value("70000"), 204),
        ("GET", "/broker-configs", none(), 200),
        ("GET", "/broker-configs/log.retention.ms", none(), 200),
        ("POST", "/broker-configs:alter", alter("log.retention.ms", "80000"), 204),
        ("DELETE", "/broker-configs/log.retention.ms", none(), 204),
        ("GET", "/brokers", none(), 200),
        ("GET", "/brokers/1", none(), 200),
        ("GET", "/brokers/-/configs", none(), 200),
        ("GET", "/brokers/1/configs", none(), 200),
        ("GET", "/brokers/1/configs/log.retention.ms", none(), 200),
        ("PUT", "/brokers/1/configs/log.retention.ms", value("70000"), 204),
        ("POST", "/brokers/1/configs:alter", alter("log.retention.ms", "80000"), 204),
        ("DELETE", "/brokers/1/configs/log.retention.ms", none(), 204),
        ("POST", "/topics", json!({"topic_name": "u", "partitions_count": 2}), 201),
        ("GET", "/topics", none(), 200),
        ("GET", "/topics/u?include_authorized_operations=true", none(), 200),
        ("PATCH", "/topics/u", json!({"partitions_count": 3}), 200),
        ("GET", "/topics/-/configs", none(), 200),
        ("GET", "/topics/u/configs", none(), 200),
        ("GET", "/topics/u/configs/retention.ms", none(), 200),
        ("PUT", "/topics/u/configs/retention.ms", value("70000"), 204),
        ("POST", "/topics/u/configs:alter", alter("retention.ms", "80000"), 204),
        ("DELETE", "/topics/u/configs/retention.ms", none(), 204),
        ("GET", "/topics/u/partitions", none(), 200),
        ("GET", "/topics/u/partitions/2", none(), 200),
        ("GET", "/topics/u/partitions/2/offset?offset_type=latest", none(), 200),
        ("GET", "/topics/u/partitions/2/replicas", none(), 200),
        ("GET", "/topics/u/partitions/2/replicas/1", none(), 200),
        ("GET", "/brokers/1/partition-replicas", none(), 200),
        ("GET", "/topics/-/partitions/-/reassignment", none(), 200),
        ("GET", "/topics/u/partitions/-/reassignment", none(), 200),
        // Nothing is ever reassigned.
        ("GET", "/topics/u/partitions/2/reassignment", none(), 404),
        ("POST", "/topics/u/records", record(), 200),
        ("POST", "/topics/u/records:batch", json!({"entries": [{"id": "a", "value": {"type": "JSON", "data": 1}}]}), 207),
        ("GET", "/consumer-groups", none(), 200),
        ("GET", "/consumer-groups/g", none(), 200),
        ("GET", "/consumer-groups/g/consumers", none(), 200),
        ("GET", "/consumer-groups/g/consumers/i", none(), 200),
        ("GET", "/consumer-groups/g/consumers/i/assignments", none(), 200),
        ("GET", "/consumer-groups/g/consumers/i/assignments/t/partitions/0", none(), 200),
        ("GET", "/consumer-groups/g/lag-summary", none(), 200),
        ("GET", "/consumer-groups/g/lags", none(), 200),
        ("GET", "/consumer-groups/g/lags/t/partitions/0", none(), 200),
        ("DELETE", "/topics/u", none(), 204),
    ]
}

fn walk(server: &Server, base: &str, media: &str, steps: &[Step]) {
    for (method, path, body, status) in steps {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let reply = server.send(method, &format!("{base}{path}"), &[("Content-Type", media)], body.as_bytes());
        assert_eq!(reply.status, *status, "{method} {path}: {}", reply.body);
        let told = reply.status == 204 || serde_json::from_str::<Value>(&reply.body).is_ok();
        assert!(told, "{method} {path}: {}", reply.body);
        // What is not there is said of the thing, and not of the path.
        assert!(!reply.body.contains("HTTP 404 Not Found"), "{method} {path}: no such route");
    }
}

#[test]
fn every_route_of_v2_is_there() {
    let server = Server::start(Surface::Rest);
    walk(&server, "", V2, &steps_of_v2());
}

#[test]
fn every_one_of_the_fifty_operations_of_v3_is_there() {
    let server = Server::start(Surface::Rest);
    walk(&server, "", V2, &steps_of_v2()[..16]);
    assert_eq!(server.get("/v3/clusters").status, 200);
    let steps = steps_of_v3();
    assert_eq!(steps.len() + 1, 50, "with the list of clusters");
    walk(&server, &server.cluster(), "application/json", &steps);
}

/// Here a page that may not; the same holds for requests that are not complete in time, and looks that find no memory.
#[test]
fn refusals_that_no_route_made_are_in_the_envelope_of_their_path() {
    let server = Server::start(Surface::Common);
    let page = [("Origin", "http://elsewhere")];
    let refused = |path: &str| {
        let refused = server.send("POST", path, &page, b"{}");
        assert_eq!(refused.status, 403, "{path}: {}", refused.body);
        assert!(refused.body.contains("access.control.allow.origin"), "{path}: {}", refused.body);
        refused.json()
    };
    let queue = refused("/q/v1/topics/t/messages");
    assert_eq!((&queue["error_code"], &queue["retriable"]), (&json!("forbidden"), &json!(false)));
    for path in ["/subjects/s/versions", "/topics/t", "/v3/clusters/c/topics"] {
        assert_eq!(refused(path)["error_code"], 403, "{path}");
    }
    assert!(refused("/admin/v1/topics/t/restore")["fix"].is_string());
}
