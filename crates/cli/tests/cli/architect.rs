//! The architect who left Kafka had seven complaints. Each is a test here, against the real binary.

use std::{
    process::Command,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{
    http::{Answer, ask, send},
    server::{Server, bare},
};

fn http(server: &Server) -> &str {
    server.ready["http"].as_str().expect("the ready line names the HTTP door")
}

fn post(server: &Server, path: &str, body: &Value) -> Answer {
    ask(http(server), "POST", path, &[("Content-Type", "application/json")], body.to_string().as_bytes())
}

fn get(server: &Server, path: &str) -> Value {
    ask(http(server), "GET", path, &[], b"").json()
}

fn put(server: &Server, topic: &str, value: &Value) {
    let told = post(server, &format!("/q/v1/topics/{topic}/messages"), &json!({ "value": value }));
    assert_eq!(told.status, 201, "{told:?}");
}

fn take(server: &Server, topic: &str, wait_ms: i64) -> Answer {
    let wish = json!({ "wait_ms": wait_ms, "lease_ms": 600_000 });
    post(server, &format!("/q/v1/topics/{topic}/groups/workers:receive"), &wish)
}

/// One taken message: its value and its lease.
fn taken(answer: &Answer) -> (Value, String) {
    assert_eq!(answer.status, 200, "{answer:?}");
    let message = &answer.json()["messages"][0];
    (message["value"].clone(), message["lease"].as_str().expect("a lease").to_owned())
}

fn ack(server: &Server, lease: &str) -> Answer {
    post(server, "/q/v1/groups/workers:ack", &json!({ "lease": lease }))
}

fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begin = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begin.elapsed() < Duration::from_secs(30), "{what} did not come");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Fetches came back empty although data was there.
#[test]
fn complaint_1_a_fetch_is_not_empty_while_there_is_something() {
    let server = Server::ephemeral();
    put(&server, "orders", &json!(1));
    // The very first call of a group that never was brings it.
    let (value, lease) = taken(&take(&server, "orders", 0));
    assert_eq!(value, 1);
    // An empty answer says why it is empty.
    let leased = take(&server, "orders", 0);
    assert_eq!(
        (leased.status, leased.header("queue-state"), leased.header("queue-in-flight")),
        (204, Some("all-leased"), Some("1"))
    );
    assert_eq!(ack(&server, &lease).status, 200);
    let empty = take(&server, "orders", 0);
    assert_eq!((empty.status, empty.header("queue-state"), empty.header("queue-depth")), (204, Some("empty"), Some("0")));
    // And who waits has the next message when it comes, not at some later turn.
    let wish = json!({ "wait_ms": 20_000 }).to_string();
    let path = "/q/v1/topics/orders/groups/workers:receive";
    let waiting =
        send(http(&server), "POST", path, &[("Content-Type", "application/json")], wish.as_bytes()).expect("it listens");
    std::thread::sleep(Duration::from_millis(300));
    let begin = Instant::now();
    put(&server, "orders", &json!(2));
    assert_eq!(taken(&waiting.answer().expect("an answer")).0, 2);
    assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
}

/// Retention removed a whole file, new messages with it; the only cure was a segment of one kibibyte.
#[test]
fn complaint_2_retention_takes_what_is_old_and_waits_for_readers() {
    let server = Server::ephemeral();
    server.out(&["topic", "create", "orders", "-s", "retention.ms=1500"], b"");
    put(&server, "orders", &json!("old"));
    std::thread::sleep(Duration::from_millis(900));
    put(&server, "orders", &json!("new"));
    let look = || get(&server, "/q/v1/topics/orders/partitions/0/messages");
    // The old one goes alone, whatever the size of a file.
    let left = until("the end of the old message", || Some(look()).filter(|seen| seen["start"] == 1));
    assert_eq!(left["messages"][0]["value"], "new");
    // Retention waits for a queue that is named, for as long as it takes.
    let held = ["topic", "create", "held", "-s", "retention.ms=500", "-s", "milena.retention.until.consumed=workers"];
    server.out(&held, b"");
    put(&server, "held", &json!("unread"));
    std::thread::sleep(Duration::from_millis(2_000));
    let (value, lease) = taken(&take(&server, "held", 0));
    assert_eq!(value, "unread");
    assert_eq!(ack(&server, &lease).status, 200);
    let seen = || get(&server, "/q/v1/topics/held/partitions/0/messages");
    until("the end of what was acknowledged", || (seen()["start"] == 1).then_some(()));
}

/// Offsets were committed before the work was done, nobody could take one message, and a crash lost the rest.
#[test]
fn complaint_3_one_message_is_taken_and_a_crash_at_work_loses_nothing() {
    let data = tempfile::tempdir().expect("a directory");
    let server = Server::on(data.path());
    (0..3).for_each(|n| put(&server, "orders", &json!(n)));
    let first = take(&server, "orders", 0);
    assert_eq!(first.json()["messages"].as_array().map(Vec::len), Some(1), "one, strictly");
    assert_eq!(ack(&server, &taken(&first).1).status, 200);
    // The worker has the second one in its hands when everything dies.
    assert_eq!(taken(&take(&server, "orders", 0)).0, 1);
    server.kill();
    let server = Server::on(data.path());
    let mut left = Vec::new();
    loop {
        let answer = take(&server, "orders", 0);
        if answer.status == 204 {
            break;
        }
        let (value, lease) = taken(&answer);
        left.push(value);
        assert_eq!(ack(&server, &lease).status, 200);
    }
    assert_eq!(left, [json!(1), json!(2)], "what was not acknowledged comes, and nothing else");
}

/// The proxy's consumers lived and died with one process.
#[test]
fn complaint_4_nothing_lives_and_dies_with_a_process() {
    let data = tempfile::tempdir().expect("a directory");
    let server = Server::on(data.path());
    put(&server, "orders", &json!(1));
    let (_, lease) = taken(&take(&server, "orders", 0));
    let v2 = [("Content-Type", "application/vnd.kafka.v2+json")];
    let instance = json!({ "name": "job", "format": "json", "auto.offset.reset": "earliest" }).to_string();
    assert_eq!(ask(server.rest(), "POST", "/consumers/hourly", &v2, instance.as_bytes()).status, 200);
    let own = "/consumers/hourly/instances/job";
    let topics = json!({ "topics": ["orders"] }).to_string();
    assert_eq!(ask(server.rest(), "POST", &format!("{own}/subscription"), &v2, topics.as_bytes()).status, 204);
    server.kill();
    // Another process, another port: the lease and the consumer are what they were.
    let server = Server::on(data.path());
    assert_eq!(ack(&server, &lease).status, 200);
    assert_eq!(take(&server, "orders", 0).header("queue-state"), Some("empty"));
    let accept = [("Accept", "application/vnd.kafka.json.v2+json")];
    let records = ask(server.rest(), "GET", &format!("{own}/records?timeout=1"), &accept, b"");
    assert_eq!((records.status, &records.json()[0]["value"]), (200, &json!(1)));
}

/// Nobody could see what was in the topic, what would be deleted when, or who had read what.
#[test]
fn complaint_5_one_sees_what_is_there_what_goes_when_and_who_has_read_it() {
    let server = Server::ephemeral();
    server.out(&["topic", "create", "orders", "-s", "retention.ms=3600000"], b"");
    (0..3).for_each(|n| put(&server, "orders", &json!(n)));
    let (_, lease) = taken(&take(&server, "orders", 0));
    ack(&server, &lease);
    take(&server, "orders", 0);
    // What is there, without taking it.
    let seen = get(&server, "/q/v1/topics/orders/partitions/0/messages?offset=0&max=500");
    assert_eq!(seen["messages"].as_array().map(Vec::len), Some(3));
    // Who has read what, and when the oldest goes.
    let standing = get(&server, "/q/v1/topics/orders/groups/workers");
    let number = |name: &str| standing[name].as_i64().expect(name);
    assert_eq!((number("acknowledged"), number("in_flight"), number("waiting")), (1, 1, 1));
    assert!((1..=3_600_000).contains(&number("oldest_expires_ms")), "{standing}");
    let shown = server.out(&["queue", "show", "orders"], b"");
    assert!(shown.lines().nth(1).is_some_and(|line| line.starts_with("workers  1        1          1     0")), "{shown}");
    let leases = get(&server, "/q/v1/topics/orders/groups/workers/leases");
    assert_eq!((&leases["leases"][0]["first"], &leases["leases"][0]["delivery_count"]), (&json!(1), &json!(1)));
}

/// He wanted integration tests that prove that a queue fits before he bet a business on it.
#[test]
fn complaint_6_a_test_proves_that_it_fits() {
    let begin = Instant::now();
    let server = Server::ephemeral();
    assert!(begin.elapsed() < Duration::from_secs(5), "a broker of a test's own is there at once: {:?}", begin.elapsed());
    let numbers: String = (0..20).map(|n| format!("{n}\n")).collect();
    server.out(&["produce", "orders"], numbers.as_bytes());
    // Two workers, a crash at the first touch of every fifth message, and each is done exactly once.
    let script = r#"n=$(cat); if [ $((n % 5)) = 0 ] && [ "$MILENA_DELIVERY" = 1 ]; then kill -9 $$; fi; echo "$n""#;
    let out = server.out(&["work", "orders", "-j", "2", "--until-empty", "--", "sh", "-c", script], b"");
    let mut done: Vec<i64> = out.lines().map(|line| line.parse().expect("a number")).collect();
    done.sort_unstable();
    assert_eq!(done, (0..20).collect::<Vec<_>>());
    let standing = get(&server, "/q/v1/topics/orders/groups/workers");
    assert_eq!(
        (&standing["acknowledged"], &standing["failed_deliveries"], &standing["depth"]),
        (&json!(20), &json!(4), &json!(0))
    );
}

/// He installed Kafka over SSH with sudo, which wants a terminal, and wrote systemd units by hand.
#[test]
fn complaint_7_a_unit_is_written_without_a_terminal() {
    let mut command: Command = bare(&["install", "--systemd", "--print-unit"]);
    let output = command.stdin(std::process::Stdio::null()).output().expect("it runs");
    let unit = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    for line in ["Type=notify", "ExecStart=", "Restart="] {
        assert!(unit.contains(line), "{line} is not in\n{unit}");
    }
    // And it stays up by itself: readiness, a health page, an end in time.
    let server = Server::ephemeral();
    assert_eq!(ask(http(&server), "GET", "/readyz", &[], b"").status, 200);
    assert!(server.terminate() < Duration::from_secs(10));
}
