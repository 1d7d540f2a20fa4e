//! What is said of readers over HTTP: why one finds nothing, and the life of a record, for queues and REST instances too; and
//! what a request of the REST proxy costs in commits.

use milena_http::Surface;
use serde_json::{Value, json};

use crate::server::Server;

const JSON: &str = "application/vnd.kafka.json.v2+json";

fn produce(server: &Server, topic: &str, values: std::ops::Range<i64>) {
    let records: Vec<Value> = values.map(|n| json!({"value": n})).collect();
    let body = json!({"records": records}).to_string();
    let told = server.send("POST", &format!("/topics/{topic}"), &[("Content-Type", JSON)], body.as_bytes());
    assert_eq!(told.status, 200, "{}", told.body);
}

fn reader(server: &Server, group: &str, name: &str, topic: &str, more: &Value) {
    let mut settings = json!({"name": name, "format": "json", "auto.offset.reset": "earliest", "auto.commit.enable": false});
    let (own, more) = (settings.as_object_mut().expect("an object"), more.as_object().expect("an object"));
    own.extend(more.clone());
    assert_eq!(server.post(&format!("/consumers/{group}"), &settings).status, 200);
    let path = format!("/consumers/{group}/instances/{name}/subscription");
    assert_eq!(server.post(&path, &json!({"topics": [topic]})).status, 204);
}

fn fetch(server: &Server, group: &str, name: &str, query: &str) -> crate::server::Reply {
    server.send("GET", &format!("/consumers/{group}/instances/{name}/records?timeout=1{query}"), &[("Accept", JSON)], b"")
}

fn why(server: &Server, group: &str) -> Value {
    server.get(&format!("/admin/v1/topics/orders/why?group={group}")).json()["partitions"][0].clone()
}

fn says(found: &Value, words: &str) {
    let because = found["because"].as_str().unwrap_or_default();
    assert!(because.contains(words), "{because:?} does not say {words:?}");
}

fn take(server: &Server) -> String {
    let taken = server.post("/q/v1/topics/orders/groups/workers:receive", &json!({"wait_ms": 0, "lease_ms": 20_000}));
    taken.json()["messages"][0]["lease"].as_str().expect("a lease").to_owned()
}

#[test]
fn why_tells_what_a_queue_waits_for_and_a_receipt_what_it_did() {
    let server = Server::start(Surface::Common);
    produce(&server, "orders", 0..2);
    let unknown = server.get("/admin/v1/topics/orders/why?group=workers").json();
    assert_eq!((&unknown["group_known"], &unknown["kind"]), (&json!(false), &Value::Null));
    let first = take(&server);
    says(&why(&server, "workers"), "1 records can be taken");
    let second = take(&server);
    let found = why(&server, "workers");
    says(&found, "all are leased: 2 records");
    assert_eq!((&found["leased"], &found["waiting"]), (&json!(2), &json!(0)));
    assert!(found["lease_ends_at"].is_i64(), "{found}");
    let life = |offset: i64| {
        let record = server.get(&format!("/admin/v1/topics/orders/partitions/0/records/{offset}")).json();
        (record["queues"][0]["state"].clone(), record["queues"][0]["deliveries"].clone())
    };
    let finished = |offset: i64| {
        let queue = server.get(&format!("/admin/v1/topics/orders/partitions/0/records/{offset}")).json()["queues"][0].clone();
        (queue["finished_at"].as_i64(), queue["finished_by"].as_str().map(str::to_owned), queue["why"].clone())
    };
    assert_eq!(life(1), (json!("leased"), json!(1)));
    let settle = json!({"ack": [second], "release": [first]});
    assert_eq!(server.post("/q/v1/groups/workers:settle", &settle).status, 200);
    assert_eq!((life(0), life(1)), ((json!("waiting"), json!(1)), (json!("acknowledged"), json!(1))));
    let ack = json!({"lease": take(&server)});
    assert_eq!(server.post("/q/v1/groups/workers:ack", &ack).status, 200);
    says(&why(&server, "workers"), "the end is reached: the queue is done with everything up to 2");
    assert_eq!(life(0), (json!("acknowledged"), json!(2)));
    let (at, by, why) = finished(0);
    assert!(at.is_some_and(|at| at > 1_700_000_000_000) && by.is_some() && why.is_null(), "{at:?} {by:?} {why}");
    produce(&server, "orders", 2..3);
    let reject = json!({"reject": [{"lease": take(&server), "reason": "no such customer"}]});
    assert_eq!(server.post("/q/v1/groups/workers:settle", &reject).status, 200);
    let (at, by, why) = finished(2);
    assert!(at.is_some() && by.is_some(), "{at:?} {by:?}");
    assert_eq!(why, "rejected");
}

#[test]
fn a_queue_hears_of_what_was_removed_before_it_was_done() {
    let server = Server::start(Surface::Common);
    produce(&server, "orders", 0..3);
    let lost = take(&server);
    server.trim("orders", 2);
    let ack = json!({"lease": take(&server)});
    assert_eq!(server.post("/q/v1/groups/workers:ack", &ack).status, 200);
    let nothing = server.post("/q/v1/topics/orders/groups/workers:receive", &json!({"wait_ms": 0}));
    assert_eq!((nothing.status, nothing.header("queue-state"), nothing.header("queue-lost")), (204, Some("empty"), Some("2")));
    assert_eq!(why(&server, "workers")["lost_to_retention"], 2);
    // Whoever still works on it is not told that it did wrong.
    assert_eq!(server.post("/q/v1/groups/workers:ack", &json!({"lease": lost})).status, 200);
}

#[test]
fn what_is_removed_under_a_lease_is_lost_at_once_and_the_lease_ends() {
    let server = Server::start(Surface::Common);
    produce(&server, "orders", 0..3);
    let lost = take(&server);
    server.trim("orders", 3);
    // Nobody takes anything first.
    let standing = server.get("/q/v1/topics/orders/groups/workers").json();
    assert_eq!((&standing["depth"], &standing["in_flight"], &standing["lost_to_retention"]), (&json!(0), &json!(0), &json!(3)));
    let told = why(&server, "workers");
    says(&told, "3 records were removed before the queue was done with them");
    assert_eq!(told["lost_to_retention"], 3);
    let receive = || server.post("/q/v1/topics/orders/groups/workers:receive", &json!({"wait_ms": 0}));
    let nothing = receive();
    assert_eq!((nothing.status, nothing.header("queue-state"), nothing.header("queue-lost")), (204, Some("empty"), Some("3")));
    let extended = server.post("/q/v1/groups/workers:extend", &json!({"lease": lost}));
    assert_eq!(extended.status, 410, "{}", extended.body);
    produce(&server, "orders", 3..4);
    let given = receive();
    assert_eq!((given.status, given.header("queue-lost")), (200, Some("3")));
}

#[test]
fn why_and_receipts_know_what_a_rest_instance_was_given() {
    let server = Server::start(Surface::Common);
    produce(&server, "orders", 0..3);
    reader(&server, "billing", "job", "orders", &json!({}));
    assert_eq!(fetch(&server, "billing", "job", "&max_records=2").json().as_array().map(Vec::len), Some(2));
    says(&why(&server, "billing"), "the REST instance job was given everything before 2 and has not committed it");
    let given =
        |offset: i64| server.get(&format!("/admin/v1/topics/orders/partitions/0/records/{offset}")).json()["given_to"].clone();
    assert_eq!((given(1), given(2)), (json!([{"group": "billing", "instance": "job"}]), json!([])));
    assert_eq!(server.send("POST", "/consumers/billing/instances/job/offsets", &[], b"").status, 200);
    says(&why(&server, "billing"), "the group stands at 2: 1 records wait for it");
    assert_eq!(given(1), json!([]));
}

#[test]
fn a_receipt_says_how_a_record_is_encoded() {
    let server = Server::start(Surface::Common);
    let body = json!({"value_schema": "\"string\"", "records": [{"key": null, "value": "hello"}]}).to_string();
    let avro = [("Content-Type", "application/vnd.kafka.avro.v2+json")];
    assert_eq!(server.send("POST", "/topics/orders", &avro, body.as_bytes()).status, 200);
    let record = server.get("/admin/v1/topics/orders/partitions/0/records/0").json()["record"].clone();
    let schema = json!({"id": 1, "type": "AVRO", "subject": "orders-value", "version": 1});
    assert_eq!((&record["key"], &record["value"]), (&Value::Null, &json!({"bytes": 11, "schema": schema})));
    assert_eq!((&record["codec"], &record["headers"]), (&json!("none"), &json!(0)));
}

#[test]
fn a_topic_decides_whether_a_careful_reader_goes_on_behind_a_gap() {
    let server = Server::start(Surface::Common);
    produce(&server, "orders", 0..3);
    reader(&server, "g", "i", "orders", &json!({"auto.offset.reset": "none"}));
    let commit = json!({"offsets": [{"topic": "orders", "partition": 0, "offset": 0}]});
    assert_eq!(server.post("/consumers/g/instances/i/offsets", &commit).status, 200);
    server.trim("orders", 2);
    assert_eq!(fetch(&server, "g", "i", "").code(), (410, 410));
    let path = format!("{}/topics/orders/configs/milena.retention.gap.policy", server.cluster());
    let put = |value: &str| server.put(&path, &json!({"value": value})).status;
    assert_eq!((put("sometimes"), put("next")), (400, 204));
    let goes_on = fetch(&server, "g", "i", "");
    assert_eq!((goes_on.status, goes_on.header("x-data-loss")), (200, Some("orders-0:1-1")));
    assert_eq!(goes_on.json()[0]["value"], 2);
}

/// Slow was a request that was many small ones. What counts is counted: each request that changes something is one commit,
/// whatever is in it, and one that changes nothing is none.
#[test]
fn cause_12_slow_a_request_is_one_commit_whatever_is_in_it() {
    let server = Server::start(Surface::Common);
    produce(&server, "orders", 0..1);
    reader(&server, "g", "i", "orders", &json!({}));
    let commits = |what: &dyn Fn()| {
        let before = server.commits();
        what();
        server.commits() - before
    };
    assert_eq!(commits(&|| produce(&server, "orders", 1..1_000)), 1, "999 records");
    let one_by_one = commits(&|| (0..20).for_each(|n| produce(&server, "orders", n..n + 1)));
    assert_eq!(one_by_one, 20, "nothing is looked up or noted down for a request beside its records");
    // All of it in one answer, and the note of what was given is one fact.
    let read = commits(&|| assert_eq!(fetch(&server, "g", "i", "").json().as_array().map(Vec::len), Some(1_020)));
    assert_eq!(read, 1);
    assert_eq!(commits(&|| assert_eq!(fetch(&server, "g", "i", "").json(), json!([]))), 0, "an empty answer");
    let offsets = "/consumers/g/instances/i/offsets";
    assert_eq!(commits(&|| assert_eq!(server.send("POST", offsets, &[], b"").status, 200)), 1);
    assert_eq!(commits(&|| assert_eq!(server.send("POST", offsets, &[], b"").status, 200)), 0, "nothing is new");
}

/// Nothing but a fetch of the reader's own moves it on: no look at its headers, and no page in a browser, however it spells the path.
#[test]
fn only_a_fetch_moves_a_reader() {
    let server = Server::start(Surface::Common);
    produce(&server, "orders", 0..3);
    reader(&server, "billing", "job", "orders", &json!({"auto.commit.enable": true}));
    let records = "/consumers/billing/instances/job/records";
    assert_eq!(server.send("HEAD", records, &[("Accept", JSON)], b"").status, 405);
    for path in [
        records,
        &format!("{records}/"),
        "/consumers/billing/instances/job/%72ecords",
        "/%63onsumers/billing/instances/job/records",
    ] {
        let page = server.send("GET", path, &[("Accept", JSON), ("Sec-Fetch-Site", "cross-site")], b"");
        assert_eq!(page.status, 403, "{path}: {}", page.body);
    }
    for path in
        ["/q/v1/topics/orders/groups/g/events", "/q/v1/topics/orders/groups/g/events/", "/q/v1/topics/orders/groups/g/%65vents"]
    {
        assert_eq!(server.send("GET", path, &[("Sec-Fetch-Site", "cross-site")], b"").status, 403, "{path}");
    }
    assert_eq!(fetch(&server, "billing", "job", "").json().as_array().map(Vec::len), Some(3));
}

fn committed(server: &Server, name: &str) -> Value {
    let asked = json!({"partitions": [{"topic": "orders", "partition": 0}]}).to_string();
    let path = format!("/consumers/billing/instances/{name}/offsets");
    server.send("GET", &path, &[("Content-Type", "application/json")], asked.as_bytes()).json()["offsets"].clone()
}

/// An answer to a commit means that what was fetched is committed. What was taken back meanwhile cannot be.
#[test]
fn a_commit_of_what_was_taken_back_is_refused_until_the_next_fetch() {
    let server = Server::start(Surface::Common);
    produce(&server, "orders", 0..1);
    reader(&server, "billing", "a", "orders", &json!({}));
    assert_eq!(fetch(&server, "billing", "a", "").json().as_array().map(Vec::len), Some(1));
    reader(&server, "billing", "b", "orders", &json!({}));
    let commit = || server.send("POST", "/consumers/billing/instances/a/offsets", &[], b"");
    let told = commit();
    assert_eq!(told.code(), (409, 40903), "{}", told.body);
    assert!(told.body.contains("nothing was committed") && told.body.contains("fetch again"), "{}", told.body);
    assert_eq!(committed(&server, "b"), json!([]));
    assert_eq!(commit().status, 409, "it has not fetched since");
    assert_eq!(fetch(&server, "billing", "a", "").json().as_array().map(Vec::len), Some(1), "it comes again");
    assert_eq!(commit().status, 200);
    assert_eq!(committed(&server, "b")[0]["offset"], 1);
    // An answer without records is a fetch, too.
    assert_eq!(server.delete("/consumers/billing/instances/b").status, 204);
    assert_eq!(commit().status, 409);
    assert_eq!(fetch(&server, "billing", "a", "").json(), json!([]));
    assert_eq!(commit().status, 200);
    // Who commits by fetching is not stopped by it.
    reader(&server, "billing", "auto", "orders", &json!({"auto.commit.enable": true}));
    assert_eq!(server.delete("/consumers/billing/instances/a").status, 204);
    produce(&server, "orders", 0..1);
    assert_eq!(fetch(&server, "billing", "auto", "").json().as_array().map(Vec::len), Some(1));
    reader(&server, "billing", "z", "orders", &json!({}));
    assert_eq!(fetch(&server, "billing", "auto", "").json().as_array().map(Vec::len), Some(1));
}

#[test]
fn an_empty_answer_says_why() {
    let server = Server::start(Surface::Common);
    let why = |name: &str| fetch(&server, "billing", name, "").header("why-empty").map(str::to_owned);
    reader(&server, "billing", "a", "orders", &json!({}));
    assert_eq!(why("a").as_deref(), Some("no-such-topic"));
    let pattern = json!({"topic_pattern": "letters.*"});
    assert_eq!(server.post("/consumers/billing/instances/a/subscription", &pattern).status, 204);
    assert_eq!(why("a").as_deref(), Some("no-such-topic"));
    let subscription = json!({"topics": ["orders"]});
    assert_eq!(server.post("/consumers/billing/instances/a/subscription", &subscription).status, 204);
    produce(&server, "orders", 0..1);
    reader(&server, "billing", "b", "orders", &json!({}));
    assert_eq!(why("b").as_deref(), Some("no-partition-is-this-instances"));
    assert_eq!(fetch(&server, "billing", "a", "").json().as_array().map(Vec::len), Some(1));
    assert_eq!(why("a").as_deref(), Some("end-reached"));
}

/// A request whose client is gone without a word, which the door cannot know: nobody reads its answer.
fn ghost(server: &Server, path: &str, headers: &str) -> std::net::TcpStream {
    let mut stream = server.connect(0);
    let head = format!("GET {path} HTTP/1.1\r\nHost: milena\r\n{headers}\r\n");
    std::io::Write::write_all(&mut stream, head.as_bytes()).expect("it reads");
    stream
}

#[test]
fn a_fetch_of_a_dead_client_takes_no_records_from_the_job_that_runs_again() {
    let server = Server::start(Surface::Common);
    produce(&server, "orders", 0..1);
    reader(&server, "billing", "job", "orders", &json!({}));
    assert_eq!(fetch(&server, "billing", "job", "").json().as_array().map(Vec::len), Some(1));
    let offsets = "/consumers/billing/instances/job/offsets";
    assert_eq!(server.send("POST", offsets, &[], b"").status, 200);
    let before = server.turn("billing", "job", 0);
    let mut dead = ghost(&server, "/consumers/billing/instances/job/records?timeout=20000", "Connection: close\r\n");
    let waiting = server.turn("billing", "job", before);
    // The job runs again from the top.
    assert_eq!(server.post("/consumers/billing", &json!({"name": "job"})).status, 409);
    server.turn("billing", "job", waiting);
    produce(&server, "orders", 1..4);
    let mut answer = String::new();
    std::io::Read::read_to_string(&mut dead, &mut answer).expect("text");
    assert!(answer.contains("why-empty: overtaken") && answer.ends_with("[]"), "{answer}");
    assert_eq!(fetch(&server, "billing", "job", "").json().as_array().map(Vec::len), Some(3));
}

#[test]
fn the_same_fetch_again_gives_the_same_records_while_the_first_one_waits() {
    let server = Server::start(Surface::Common);
    produce(&server, "orders", 0..1);
    reader(&server, "billing", "job", "orders", &json!({}));
    fetch(&server, "billing", "job", "");
    let before = server.turn("billing", "job", 0);
    let path = "/consumers/billing/instances/job/records?timeout=20000";
    let named = "Fetch-Id: run-17-3\r\nConnection: close\r\n";
    let mut first = ghost(&server, path, named);
    let waiting = server.turn("billing", "job", before);
    let mut again = ghost(&server, path, named);
    server.turn("billing", "job", waiting);
    produce(&server, "orders", 1..3);
    let told = |stream: &mut std::net::TcpStream| {
        let mut answer = String::new();
        std::io::Read::read_to_string(stream, &mut answer).expect("text");
        answer.split_once("\r\n\r\n").expect("a body").1.to_owned()
    };
    let given = told(&mut again);
    assert_eq!(serde_json::from_str::<Value>(&given).expect("JSON").as_array().map(Vec::len), Some(2));
    let late = told(&mut first);
    assert!(late == given || late == "[]", "{late}");
    let repeated = server.send("GET", path, &[("Accept", JSON), ("Fetch-Id", "run-17-3")], b"");
    assert_eq!(repeated.body, given);
}

fn offsets_of(server: &Server, group: &str, name: &str) -> usize {
    fetch(server, group, name, "").json().as_array().expect("records").len()
}

fn two_partitions(server: &Server, topic: &str) {
    let made = server.post(&format!("{}/topics", server.cluster()), &json!({"topic_name": topic, "partitions_count": 2}));
    assert_eq!(made.status, 201, "{}", made.body);
}

fn produce_to_both(server: &Server, topic: &str) {
    let records: Vec<Value> = (0..4).map(|n| json!({"value": n, "partition": n % 2})).collect();
    let body = json!({"records": records}).to_string();
    assert_eq!(server.send("POST", &format!("/topics/{topic}"), &[("Content-Type", JSON)], body.as_bytes()).status, 200);
}

/// As Java's consumer: a commit before anything came notes where reading goes on.
#[test]
fn a_job_that_begins_at_the_end_and_commits_gets_what_comes_until_it_runs_again() {
    let server = Server::start(Surface::Common);
    two_partitions(&server, "t");
    for auto in [false, true] {
        let (group, more) = (format!("g{auto}"), json!({"auto.offset.reset": "latest", "auto.commit.enable": auto}));
        let own = format!("/consumers/{group}/instances/job");
        reader(&server, &group, "job", "t", &more);
        assert_eq!(offsets_of(&server, &group, "job"), 0);
        if !auto {
            assert_eq!(server.send("POST", &format!("{own}/offsets"), &[], b"").status, 200);
        }
        assert_eq!(server.delete(&own).status, 204);
        produce_to_both(&server, "t");
        reader(&server, &group, "job", "t", &more);
        assert_eq!(offsets_of(&server, &group, "job"), 4, "auto.commit.enable {auto}");
    }
}

#[test]
fn partitions_that_change_hands_before_anything_is_committed_lose_nothing() {
    let server = Server::start(Surface::Common);
    two_partitions(&server, "t");
    let latest = json!({"auto.offset.reset": "latest"});
    reader(&server, "g", "a", "t", &latest);
    produce_to_both(&server, "t");
    reader(&server, "g", "b", "t", &latest);
    assert_eq!((offsets_of(&server, "g", "a"), offsets_of(&server, "g", "b")), (2, 2));
    // More to read does not end what is read already.
    let wider = server.post("/consumers/g/instances/a/subscription", &json!({"topics": ["t", "u"]}));
    assert_eq!(wider.status, 204);
    assert_eq!((offsets_of(&server, "g", "a"), offsets_of(&server, "g", "b")), (2, 2));
    // A topic that was not there yet is new to all of them, also to whoever subscribes after it came.
    two_partitions(&server, "u");
    produce_to_both(&server, "u");
    assert_eq!(server.post("/consumers/g/instances/b/subscription", &json!({"topics": ["t", "u"]})).status, 204);
    assert_eq!((offsets_of(&server, "g", "a"), offsets_of(&server, "g", "b")), (4, 4));
}

/// It would take back what the other has committed, or commit what nobody was given.
#[test]
fn a_commit_by_a_list_is_refused_for_partitions_that_another_has_by_now() {
    let server = Server::start(Surface::Common);
    two_partitions(&server, "t");
    produce_to_both(&server, "t");
    reader(&server, "g", "a", "t", &json!({}));
    assert_eq!(offsets_of(&server, "g", "a"), 4);
    reader(&server, "g", "b", "t", &json!({}));
    let commit = |partition: i32| {
        let list = json!({"offsets": [{"topic": "t", "partition": partition, "offset": 0}]});
        server.post("/consumers/g/instances/a/offsets", &list)
    };
    assert_eq!(commit(1).code(), (409, 40903), "it is b's");
    assert_eq!(commit(0).status, 200);
}

#[test]
fn a_seek_by_a_moment_goes_to_the_first_record_that_is_not_older() {
    let server = Server::start(Surface::Common);
    two_partitions(&server, "t");
    for hour in 1..4 {
        let record = json!({"partition_id": 0, "timestamp": format!("2026-01-02T0{hour}:00:00Z"), "value": {"type": "JSON", "data": hour}});
        let told = server.post(&format!("{}/topics/t/records", server.cluster()), &record);
        assert_eq!(told.json()["error_code"], 200, "{}", told.body);
    }
    reader(&server, "g", "i", "t", &json!({}));
    assert_eq!(offsets_of(&server, "g", "i"), 3);
    let positions = "/consumers/g/instances/i/positions";
    let seek =
        |moment: &str| server.post(positions, &json!({"timestamps": [{"topic": "t", "partition": 0, "timestamp": moment}]}));
    assert_eq!(seek("2026-01-02T01:30:00Z").status, 204);
    assert_eq!(offsets_of(&server, "g", "i"), 2);
    assert_eq!(seek("2026-02-01T00:00:00Z").status, 204);
    assert_eq!(offsets_of(&server, "g", "i"), 0);
    assert_eq!(seek("yesterday").code(), (422, 422));
    assert_eq!(server.post(positions, &json!({})).code(), (422, 422));
}

/// Who fell silent while another waits is silent for that one, too.
#[test]
fn a_fetch_that_waits_takes_over_from_an_instance_that_falls_silent() {
    let server = Server::start(Surface::Common);
    produce(&server, "orders", 0..1);
    let idle = json!({"consumer.instance.timeout.ms": 1500});
    reader(&server, "billing", "a", "orders", &idle);
    reader(&server, "billing", "b", "orders", &idle);
    let begin = std::time::Instant::now();
    let path = "/consumers/billing/instances/b/records?timeout=20000";
    let came = server.send("GET", path, &[("Accept", JSON)], b"");
    assert_eq!(came.json().as_array().map(Vec::len), Some(1), "{}", came.body);
    let after = begin.elapsed().as_millis();
    assert!((1000..10_000).contains(&after), "after {after} ms");
}

#[test]
fn a_pattern_is_one_by_itself() {
    let server = Server::start(Surface::Common);
    assert_eq!(server.post("/consumers/billing", &json!({"name": "job", "format": "json"})).status, 200);
    let subscribe =
        |pattern: &str| server.post("/consumers/billing/instances/job/subscription", &json!({"topic_pattern": pattern})).status;
    assert_eq!(subscribe("orders|letters"), 204);
    // Only between the anchors that are put around it would this be one, of everything.
    assert!((400..500).contains(&subscribe("a)|(.*")));
}

#[test]
fn an_instance_in_a_share_group_and_a_queue_of_a_group_with_instances_are_refused_at_once() {
    let server = Server::start(Surface::Common);
    produce(&server, "orders", 0..2);
    take(&server);
    let made = server.post("/consumers/workers", &json!({"name": "i"}));
    assert_eq!(made.code(), (409, 40903), "{}", made.body);
    reader(&server, "readers", "i", "orders", &json!({}));
    let receive = "/q/v1/topics/orders/groups/readers:receive";
    let taken = server.post(receive, &json!({"wait_ms": 0}));
    assert_eq!((taken.status, &taken.json()["error_code"]), (409, &json!("other_kind_of_group")));
    assert_eq!(server.delete("/consumers/readers/instances/i").status, 204);
    assert_eq!(server.post(receive, &json!({"wait_ms": 0})).status, 200, "the name is free again");
}

#[test]
fn patterns_of_a_group_are_compiled_once_and_not_at_each_fetch() {
    let server = Server::start(Surface::Common);
    produce(&server, "orders", 0..1);
    for n in 0..100 {
        let settings = json!({"name": format!("i{n}"), "auto.offset.reset": "earliest"});
        assert_eq!(server.post("/consumers/many", &settings).status, 200);
        let path = format!("/consumers/many/instances/i{n}/subscription");
        assert_eq!(server.post(&path, &json!({"topic_pattern": format!("[a-z]\\w{{12}}{n}")})).status, 204);
    }
    let time = |path: &str| {
        let begun = std::time::Instant::now();
        assert_eq!(server.get(path).status, 200);
        begun.elapsed()
    };
    let first = time("/consumers/many/instances/i0/assignments");
    let later = (0..5).map(|_| time("/consumers/many/instances/i0/assignments")).min().expect("some");
    assert!(later < first / 4, "{first:?} for the first time, and {later:?} after that");
}

/// Base64 is a third longer than what it stands for, and an answer is as long as its text.
#[test]
fn an_answer_is_bounded_as_it_is_sent_and_what_did_not_fit_comes_next() {
    const BINARY: &str = "application/vnd.kafka.binary.v2+json";
    let server = Server::start(Surface::Common);
    let record = json!({"records": [{"value": "A".repeat(1_300_000)}]}).to_string();
    for _ in 0..15 {
        assert_eq!(server.send("POST", "/topics/long", &[("Content-Type", BINARY)], record.as_bytes()).status, 200);
    }
    reader(&server, "g", "i", "long", &json!({"format": "binary"}));
    let fetch = |query: &str| {
        let path = format!("/consumers/g/instances/i/records?timeout=1{query}");
        let fetched = server.send("GET", &path, &[("Accept", BINARY)], b"");
        assert_eq!(fetched.status, 200, "{}", fetched.body);
        let offsets = fetched.json().as_array().expect("records").iter().filter_map(|r| r["offset"].as_i64()).collect();
        (fetched.body.len(), offsets)
    };
    let (bytes, first): (usize, Vec<i64>) = fetch("");
    assert!(bytes <= 16 << 20, "{bytes} bytes");
    let (_, rest): (usize, Vec<i64>) = fetch("");
    assert_eq!([first, rest].concat(), (0..15).collect::<Vec<i64>>());
}
