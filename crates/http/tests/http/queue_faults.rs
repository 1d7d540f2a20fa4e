//! The queue when something goes wrong: clients that go away while they wait, dead letters that find no room, a topic of dead
//! letters that is deleted, and a thousand groups on one topic.

use std::time::{Duration, Instant};

use milena_http::Surface;
use serde_json::{Value, json};

use crate::server::Server;

const MESSAGES: &str = "/q/v1/topics/orders/messages";
const RECEIVE: &str = "/q/v1/topics/orders/groups/workers:receive";
const STANDING: &str = "/q/v1/topics/orders/groups/workers";

fn put(server: &Server, value: &Value) {
    assert_eq!(server.post(MESSAGES, &json!({"value": value})).status, 201);
}

/// Takes what is there and says that it cannot be done.
fn reject_one(server: &Server) {
    let taken = server.post(RECEIVE, &json!({"wait_ms": 5000})).json();
    let rejected = server.post("/q/v1/groups/workers:reject", &json!({"lease": taken["messages"][0]["lease"], "reason": "no"}));
    assert_eq!(rejected.status, 200, "{}", rejected.body);
}

/// Waits until the group stands so: letters that wait for their topic, and those that are there.
fn stands(server: &Server, waiting: u64, buried: u64) {
    let begun = Instant::now();
    loop {
        let standing = server.get(STANDING).json();
        if (&standing["dead_letters_waiting"], &standing["dead_letters"]) == (&json!(waiting), &json!(buried)) {
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "{waiting} should wait and {buried} be there: {standing}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn topics(server: &Server) -> String {
    format!("{}/topics", server.cluster())
}

/// Makes a topic that takes no letter of two thousand bytes.
fn make_small(server: &Server, topic: &str) {
    let small = json!([{"name": "max.message.bytes", "value": "300"}]);
    let made = server.post(&topics(server), &json!({"topic_name": topic, "partitions_count": 1, "configs": small}));
    assert_eq!(made.status, 201, "{}", made.body);
}

fn letters(server: &Server) -> usize {
    let found = server.get("/q/v1/topics/dlq.orders/partitions/0/messages?offset=earliest&max=100");
    if found.status == 200 { found.json()["messages"].as_array().map_or(0, Vec::len) } else { 0 }
}

#[test]
fn a_client_that_goes_away_while_it_waits_never_had_the_message() {
    let server = Server::start(Surface::Common);
    put(&server, &json!("first"));
    let first = server.post(RECEIVE, &json!({"wait_ms": 0})).json();
    server.post("/q/v1/groups/workers:ack", &json!({"lease": first["messages"][0]["lease"]}));
    for round in 0..20 {
        let waiting = server.open("POST", RECEIVE, &json!({"wait_ms": 20_000}));
        std::thread::sleep(Duration::from_millis(round * 3));
        drop(waiting);
        put(&server, &json!(round));
        let got = server.post(RECEIVE, &json!({"wait_ms": 5_000}));
        assert_eq!(got.status, 200, "round {round}: the message is lost to whoever went away: {}", got.body);
        let message = got.json()["messages"][0].clone();
        assert_eq!((&message["value"], &message["delivery_count"]), (&json!(round), &json!(1)), "round {round}");
        assert_eq!(server.post("/q/v1/groups/workers:ack", &json!({"lease": message["lease"]})).status, 200);
    }
}

#[test]
fn a_dead_letter_that_finds_no_room_waits_for_it_and_is_never_dropped() {
    let server = Server::start(Surface::Common);
    make_small(&server, "dlq.orders");
    put(&server, &json!("x".repeat(2_000)));
    reject_one(&server);
    stands(&server, 1, 0);
    let nothing = server.post(RECEIVE, &json!({"wait_ms": 0}));
    assert_eq!((nothing.status, nothing.header("queue-state")), (204, Some("letters-waiting")), "it is nobody's any more");
    assert_eq!(letters(&server), 0);
    // Nobody drops it by the way. Behind it a group may begin only when it wants no letters; at it, it is delivered again.
    let (reset, delete) = ("/q/v1/topics/orders/groups/workers:reset", "/q/v1/groups/workers");
    for refused in [server.post(reset, &json!({"to": "latest"})), server.delete(delete)] {
        assert_eq!((refused.status, &refused.json()["error_code"]), (409, &json!("letters_waiting")), "{}", refused.body);
    }
    stands(&server, 1, 0);
    let larger = format!("{}/dlq.orders/configs/max.message.bytes", topics(&server));
    assert_eq!(server.put(&larger, &json!({"value": "1000000"})).status, 204);
    stands(&server, 0, 1);
    assert_eq!(letters(&server), 1, "once, and whole");
}

/// Whoever wants no letters says so, and the group may go with what was given up; until then it goes on by its settings.
#[test]
fn a_group_ends_by_its_own_settings() {
    let server = Server::start(Surface::Common);
    make_small(&server, "letters");
    let group = "/q/v1/groups/workers";
    assert_eq!(server.put(group, &json!({"dead_letter": {"topic": "letters"}})).status, 204);
    put(&server, &json!("x".repeat(2_000)));
    reject_one(&server);
    stands(&server, 1, 0);
    assert_eq!(server.delete(group).status, 409);
    let standing = server.get(group).body;
    assert!(standing.contains(r#""letters""#), "it stays as it was: {standing}");
    assert_eq!(server.get("/topics/dlq.orders").status, 404, "no letter went elsewhere");
    assert_eq!(server.put(group, &json!({"dead_letter": {"enabled": false}})).status, 204);
    assert_eq!(server.delete(group).status, 204);
    assert_eq!(server.get(group).status, 404);
}

#[test]
fn a_topic_of_dead_letters_that_is_deleted_is_made_again() {
    let server = Server::start(Surface::Common);
    put(&server, &json!(1));
    reject_one(&server);
    stands(&server, 0, 1);
    assert_eq!(server.delete(&format!("{}/dlq.orders", topics(&server))).status, 204);
    put(&server, &json!(2));
    reject_one(&server);
    stands(&server, 0, 2);
    let begun = Instant::now();
    while letters(&server) == 0 {
        assert!(begun.elapsed() < Duration::from_secs(20), "the second letter is nowhere");
        std::thread::sleep(Duration::from_millis(20));
    }
    let found = server.get("/q/v1/topics/dlq.orders/partitions/0/messages?offset=earliest").json();
    assert_eq!(found["messages"][0]["value"], json!(2));
}

#[test]
fn letters_that_were_written_elsewhere_are_named_and_go_back() {
    let server = Server::start(Surface::Common);
    let group = "/q/v1/groups/workers";
    assert_eq!(server.put(group, &json!({"dead_letter": {"topic": "once"}})).status, 204);
    put(&server, &json!(1));
    reject_one(&server);
    stands(&server, 0, 1);
    assert_eq!(server.put(group, &json!({"dead_letter": {"topic": "now"}})).status, 204);
    let dead = server.get(&format!("{STANDING}/dead")).json();
    assert_eq!(dead["letters"], json!([]));
    assert!(dead["note"].as_str().is_some_and(|words| words.contains("1 letters were written")), "{dead}");
    let dead = server.get(&format!("{STANDING}/dead?from=once")).json();
    assert_eq!((&dead["dead_letter_topic"], dead["letters"].as_array().map(Vec::len)), (&json!("once"), Some(1)));
    assert_eq!(server.get(&format!("{STANDING}/dead?from=never")).status, 404);
    let redrive = "/q/v1/topics/orders/groups/workers:redrive";
    assert_eq!(server.post(redrive, &json!({})).json(), json!({"redriven": 0}));
    assert_eq!(server.post(redrive, &json!({"from": "once"})).json(), json!({"redriven": 1}));
    assert_eq!(server.post(redrive, &json!({"from": "once"})).json(), json!({"redriven": 0}), "once");
}

#[test]
fn a_thousand_groups_on_a_topic_each_get_every_message_once() {
    let server = Server::start(Surface::Common);
    (0..3).for_each(|n| put(&server, &json!(n)));
    for group in 0..1_000 {
        let receive = format!("/q/v1/topics/orders/groups/group-{group}:receive");
        let taken = server.post(&receive, &json!({"max": 10, "wait_ms": 0})).json();
        let messages = taken["messages"].as_array().expect("messages");
        let values: Vec<&Value> = messages.iter().map(|message| &message["value"]).collect();
        assert_eq!(values, [&json!(0), &json!(1), &json!(2)], "group {group}");
        let leases: Vec<&Value> = messages.iter().map(|message| &message["lease"]).collect();
        let done = server.post(&format!("/q/v1/groups/group-{group}:settle"), &json!({"ack": leases}));
        assert_eq!(done.status, 200, "{}", done.body);
        assert_eq!(server.post(&receive, &json!({"wait_ms": 0})).header("queue-state"), Some("empty"), "group {group}");
    }
    assert_eq!(server.get("/q/v1/topics/orders/groups").json()["groups"].as_array().map(Vec::len), Some(1_000));
}
