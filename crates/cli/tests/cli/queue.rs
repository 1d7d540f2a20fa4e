//! A worker of the queue against a server that is killed at every step of take, work, acknowledge. A ledger holds what was
//! put in, what was handed out, and whose acknowledgement was answered: nothing is lost, and nothing comes back.

use std::{
    collections::BTreeMap,
    io::{Read, Write},
    net::TcpStream,
};

use serde_json::{Value, json};

use crate::server::Server;

const KILLS: usize = 40;
const TOPIC: &str = "/q/v1/topics/jobs/messages";
const RECEIVE: &str = "/q/v1/topics/jobs/groups/workers:receive";
const SETTLE: &str = "/q/v1/groups/workers:settle";

/// Where in a message's life the server dies.
#[derive(Clone, Copy, Debug)]
enum Step {
    Put,
    Taken,
    /// The acknowledgement was sent, its answer not awaited.
    Acknowledging,
    Acknowledged,
}

#[derive(Default)]
struct Ledger {
    put: i64,
    /// By number: how often it was handed out.
    seen: BTreeMap<i64, usize>,
    acknowledged: Vec<i64>,
}

fn connect(server: &Server) -> TcpStream {
    TcpStream::connect(server.ready["http"].as_str().expect("an address")).expect("it listens")
}

fn send(stream: &mut TcpStream, path: &str, body: &Value) {
    let body = body.to_string();
    let head = format!("POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len());
    stream.write_all(format!("{head}{body}").as_bytes()).expect("it reads");
}

fn post(server: &Server, path: &str, body: &Value) -> (u16, Value) {
    let mut stream = connect(server);
    send(&mut stream, path, body);
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    let status = head.get(9..12).and_then(|text| text.parse().ok()).expect("a status");
    (status, serde_json::from_str(body).unwrap_or(Value::Null))
}

/// Takes one message, if there is one: its number and its lease.
fn take(server: &Server, ledger: &mut Ledger) -> Option<(i64, String)> {
    let (status, body) = post(server, RECEIVE, &json!({"wait_ms": 0, "lease_ms": 600_000}));
    if status == 204 {
        return None;
    }
    assert_eq!(status, 200, "{body}");
    let message = &body["messages"][0];
    let number = message["value"].as_i64().expect("a number");
    assert!(!ledger.acknowledged.contains(&number), "{number} was acknowledged and came back");
    *ledger.seen.entry(number).or_default() += 1;
    Some((number, message["lease"].as_str().expect("a lease").to_owned()))
}

fn put(server: &Server, ledger: &mut Ledger) {
    let (status, body) = post(server, TOPIC, &json!({"value": ledger.put}));
    assert_eq!(status, 201, "{body}");
    ledger.put += 1;
}

/// One life of the server, up to the step at which it is killed.
fn live(data: &std::path::Path, ledger: &mut Ledger, step: Step) {
    let server = Server::on(data);
    put(&server, ledger);
    if matches!(step, Step::Put) {
        return server.kill();
    }
    let (number, lease) = take(&server, ledger).expect("there is at least what was just put in");
    match step {
        Step::Acknowledging => {
            let mut stream = connect(&server);
            send(&mut stream, SETTLE, &json!({"ack": [lease]}));
        }
        Step::Acknowledged => {
            let (status, body) = post(&server, SETTLE, &json!({"ack": [lease]}));
            assert_eq!(status, 200, "{body}");
            ledger.acknowledged.push(number);
        }
        Step::Put | Step::Taken => {}
    }
    server.kill();
}

#[test]
fn nothing_is_lost_and_nothing_acknowledged_comes_back_over_forty_kills() {
    let data = tempfile::tempdir().expect("a directory");
    let mut ledger = Ledger::default();
    let steps = [Step::Put, Step::Taken, Step::Acknowledging, Step::Acknowledged];
    for kill in 0..KILLS {
        live(data.path(), &mut ledger, steps[kill % steps.len()]);
    }
    let server = Server::on(data.path());
    while let Some((number, lease)) = take(&server, &mut ledger) {
        let (status, body) = post(&server, SETTLE, &json!({"ack": [lease]}));
        assert_eq!(status, 200, "{body}");
        ledger.acknowledged.push(number);
    }
    let seen: Vec<i64> = ledger.seen.keys().copied().collect();
    assert_eq!(seen, (0..ledger.put).collect::<Vec<_>>(), "each was handed out at least once");
}

#[test]
fn a_lease_outlives_the_server_that_gave_it() {
    let data = tempfile::tempdir().expect("a directory");
    let mut ledger = Ledger::default();
    let server = Server::on(data.path());
    put(&server, &mut ledger);
    let (number, lease) = take(&server, &mut ledger).expect("it was just put in");
    server.kill();
    let server = Server::on(data.path());
    let (status, body) = post(&server, SETTLE, &json!({"ack": [lease]}));
    assert_eq!((status, &body["results"][0]["status"]), (200, &json!("ok")), "{body}");
    ledger.acknowledged.push(number);
    assert!(take(&server, &mut ledger).is_none());
}

/// A sender that hears no answer sends again under the same key, whatever became of the server meanwhile.
#[test]
fn a_request_with_a_key_is_done_once_whatever_dies() {
    let data = tempfile::tempdir().expect("a directory");
    let keyed = |server: &Server, number: i64| {
        let body = json!([{"value": number}, {"value": -number - 1}]).to_string();
        let mut stream = connect(server);
        let head = format!("POST {TOPIC} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nIdempotency-Key: job-{number}\r\n");
        let text = format!("{head}Content-Length: {}\r\n\r\n{body}", body.len());
        stream.write_all(text.as_bytes()).expect("it reads");
        stream
    };
    const REQUESTS: i64 = 12;
    for number in 0..REQUESTS {
        let server = Server::on(data.path());
        let _unheard = keyed(&server, number);
        // More or less far on its way.
        std::thread::sleep(std::time::Duration::from_micros(300 * number as u64));
        server.kill();
        let server = Server::on(data.path());
        let mut answer = String::new();
        keyed(&server, number).read_to_string(&mut answer).expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
        server.kill();
    }
    let server = Server::on(data.path());
    let mut ledger = Ledger::default();
    while let Some((_, lease)) = take(&server, &mut ledger) {
        assert_eq!(post(&server, SETTLE, &json!({"ack": [lease]})).0, 200);
    }
    let expected: BTreeMap<i64, usize> = (-REQUESTS..REQUESTS).map(|number| (number, 1)).collect();
    assert_eq!(ledger.seen, expected, "each once");
}
