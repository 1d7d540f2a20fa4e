//! Doctor and ping against a server that is well, one that tells a wrong address, one that is gone, and things that are no
//! broker at all.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    process::Output,
};

use milena_client::wire::{
    ApiVersionsRequest, MetadataRequest, Request, Response,
    api_versions::{ApiVersion, ApiVersionsResponse},
    bytes::{Bytes, BytesMut},
    frame,
    metadata::{MetadataResponse, MetadataResponseBroker},
};
use serde_json::Value;

use crate::server::{Server, bare};

fn doctor(target: &str, arguments: &[&str]) -> (Option<i32>, Vec<Value>) {
    let output = bare(&[&["doctor", target, "-o", "json"], arguments].concat()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let report: Value =
        serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}{}", String::from_utf8_lossy(&output.stderr)));
    (output.status.code(), report["checks"].as_array().unwrap().clone())
}

fn of<'a>(checks: &'a [Value], id: &str) -> &'a Value {
    checks.iter().find(|c| c["id"] == id).unwrap_or_else(|| panic!("{id} is told: {checks:?}"))
}

#[test]
fn a_server_that_is_well_passes_and_keeps_no_trace() {
    let server = Server::ephemeral();
    let (code, checks) = doctor(server.kafka(), &[]);
    assert_eq!(code, Some(0), "{checks:?}");
    for id in ["D01", "D03", "D04", "D07", "D08", "D09", "D10", "D11", "D12", "D13", "D14", "D16"] {
        assert_eq!(of(&checks, id)["verdict"], "ok", "{id}: {}", of(&checks, id));
    }
    let ids: Vec<&str> = checks.iter().filter_map(|c| c["id"].as_str()).collect();
    assert_eq!(ids, (1..=16).map(|n| format!("D{n:02}")).collect::<Vec<_>>());
    assert_eq!(server.out(&["topic", "ls", "-o", "jsonl"], b""), "", "the probe's topic is gone");
    let (_, trash) = crate::metrics::get(&server, "/admin/v1/trash");
    assert_eq!(trash.trim(), "[]", "and not in the trash");
    let words = |checks: &[Value], id: &str| of(checks, id)["words"].as_str().unwrap().to_owned();
    assert!(words(&checks, "D14").contains("the queue gave a message out and took it back done"), "{checks:?}");
    assert!(words(&checks, "D09").contains("classic, share; not served: consumer"), "{checks:?}");
    let (_, checks) = doctor(server.kafka(), &["--write", "--only", "D13"]);
    assert!(words(&checks, "D13").contains("a schema was registered, checked and deleted"), "{checks:?}");
    assert_eq!(crate::metrics::get(&server, "/subjects?deleted=true").1.trim(), "[]", "and forgotten");
    let (_, checks) = doctor(server.kafka(), &["--no-write", "--only", "d10,D12"]);
    assert_eq!(checks.len(), 2);
    assert!(of(&checks, "D10")["words"].as_str().unwrap().contains("--no-write"));
}

#[test]
fn a_wrong_advertised_address_is_named_with_its_fix() {
    let server = Server::start(&["--ephemeral", "--advertise", "localhost:1"]);
    let (code, checks) = doctor(server.kafka(), &[]);
    assert_eq!(code, Some(2));
    let address = of(&checks, "D08");
    assert_eq!(address["verdict"], "failure");
    assert_eq!(address["words"], "the server tells clients to connect to localhost:1");
    assert!(
        address["detail"][0].as_str().unwrap().contains("THIS machine; nothing listens there (connection refused)"),
        "{address}"
    );
    assert_eq!(address["fix"], "on the server: milena serve --advertise auto");
    assert_eq!(of(&checks, "D10")["verdict"], "skipped");
    // A name that does not resolve on the server is refused at its start; one for other networks may still be wrong here.
    let server = Server::start(&["--ephemeral", "--advertise", "127.0.0.0/8=broker.invalid:9092"]);
    let (_, checks) = doctor(server.kafka(), &[]);
    assert!(of(&checks, "D08")["detail"][0].as_str().unwrap().contains("the name does not resolve"), "{checks:?}");
}

#[test]
fn another_cluster_at_the_advertised_address_is_noticed() {
    let other = Server::ephemeral();
    let server = Server::start(&["--ephemeral", "--advertise", other.kafka()]);
    let (code, checks) = doctor(server.kafka(), &[]);
    assert_eq!(code, Some(2));
    assert!(of(&checks, "D08")["detail"][0].as_str().unwrap().contains("another cluster answers there"), "{checks:?}");
}

/// A broker that knows another, which is gone.
fn with_a_dead_second_node() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let dead = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || converse(stream, port, dead));
        }
    });
    format!("127.0.0.1:{port}")
}

fn converse(mut stream: TcpStream, port: u16, dead: u16) -> Option<()> {
    loop {
        let mut length = [0; 4];
        stream.read_exact(&mut length).ok()?;
        let mut request = vec![0; u32::from_be_bytes(length) as usize];
        stream.read_exact(&mut request).ok()?;
        let (key, version) = (i16::from_be_bytes([request[0], request[1]]), i16::from_be_bytes([request[2], request[3]]));
        let correlation = i32::from_be_bytes([request[4], request[5], request[6], request[7]]);
        let broker = |id, port: u16| MetadataResponseBroker {
            node_id: id,
            host: "127.0.0.1".into(),
            port: port.into(),
            ..Default::default()
        };
        let api = |key, max_version| ApiVersion { api_key: key, min_version: 0, max_version, ..Default::default() };
        let answer = match key {
            18 => answered::<ApiVersionsRequest>(
                &ApiVersionsResponse {
                    api_keys: [0, 1, 2, 10].map(|key| api(key, 4)).into_iter().chain([api(3, 9), api(18, 3)]).collect(),
                    ..Default::default()
                },
                version,
                correlation,
            ),
            _ => answered::<MetadataRequest>(
                &MetadataResponse {
                    brokers: vec![broker(1, port), broker(2, dead)],
                    cluster_id: Some("two".into()),
                    ..Default::default()
                },
                version,
                correlation,
            ),
        };
        stream.write_all(&answer).ok()?;
    }
}

fn answered<R: Request>(response: &R::Response, version: i16, correlation: i32) -> Bytes
where
    R::Response: Response,
{
    let mut out = BytesMut::new();
    frame::response(&mut out, version, correlation, response).unwrap();
    out.freeze()
}

#[test]
fn a_second_node_that_is_gone_is_named() {
    let (code, checks) = doctor(&with_a_dead_second_node(), &["--no-write"]);
    assert_eq!(code, Some(2));
    let address = of(&checks, "D08");
    assert!(address["detail"][0].as_str().unwrap().starts_with("node 2: "), "{address}");
    assert_eq!(address["fix"], "start node 2 again, or correct its advertised address");
}

#[test]
fn what_is_no_broker_is_told_from_what_is_not_there() {
    let server = Server::ephemeral();
    let (code, checks) = doctor(server.ready["http"].as_str().unwrap(), &[]);
    assert_eq!(code, Some(2));
    assert!(of(&checks, "D04")["words"].as_str().unwrap().contains("HTTP"), "{checks:?}");
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let (code, checks) = doctor(&nobody, &[]);
    assert_eq!(code, Some(3));
    assert!(of(&checks, "D03")["words"].as_str().unwrap().starts_with("nothing listens on"), "{checks:?}");
    let (code, checks) = doctor("broker.invalid", &[]);
    assert_eq!((code, of(&checks, "D01")["verdict"].as_str()), (Some(3), Some("failure")));
    assert!(
        checks.iter().skip(1).all(|c| c["verdict"] == "skipped" && c["words"] == "because the name has no address"),
        "{checks:?}"
    );
}

#[test]
fn the_servers_own_machine_is_looked_at() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::on(dir.path());
    let (_, checks) = doctor(server.kafka(), &["--local"]);
    let ids: Vec<&str> = checks.iter().filter_map(|c| c["id"].as_str()).collect();
    assert_eq!(ids, (1..=13).map(|n| format!("S{n:02}")).collect::<Vec<_>>());
    assert_eq!(of(&checks, "S01")["verdict"], "ok", "{checks:?}");
    assert!(of(&checks, "S02")["words"].as_str().unwrap().contains("other machines cannot connect"), "{checks:?}");
    assert!(of(&checks, "S05")["words"].as_str().unwrap().contains("p50"), "{checks:?}");
    assert_eq!(of(&checks, "S08")["verdict"], "ok", "{checks:?}");
    assert_eq!(of(&checks, "S11")["words"], "only this machine can connect");
    assert!(of(&checks, "S01")["words"].as_str().unwrap().contains("user "), "{checks:?}");
    server.out(&["produce", "orders", "spoiled"], b"");
    let taken = server.out(&["take", "orders", "-g", "packing"], b"");
    server.out(&["nack", "--reject", "-"], taken.as_bytes());
    let (_, checks) = doctor(server.kafka(), &["--local", "--only", "S10"]);
    assert_eq!(of(&checks, "S10")["words"], "1 group with dead letters", "{checks:?}");
    assert!(of(&checks, "S10")["fix"].as_str().unwrap().starts_with("milena queue dead orders -g packing"), "{checks:?}");
    let kafka = server.kafka().to_string();
    server.kill();
    let (code, checks) = doctor(&kafka, &["--local"]);
    assert_eq!((code, of(&checks, "S01")["verdict"].as_str()), (Some(2), Some("failure")));
    assert!(of(&checks, "S02")["words"].as_str().unwrap().contains("nothing listens"), "{checks:?}");
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let (_, checks) = doctor(&other.local_addr().unwrap().to_string(), &["--local", "--only", "S02"]);
    let words = of(&checks, "S02")["words"].as_str().unwrap();
    assert!(words.contains("is held by") && words.contains(&format!("pid {}", std::process::id())), "{checks:?}");
}

fn ping(arguments: &[&str]) -> Output {
    bare(&[&["ping", "-i", "200ms"], arguments].concat()).output().unwrap()
}

#[test]
fn ping_speaks_kafka_to_a_broker_and_says_what_was_lost() {
    let server = Server::ephemeral();
    let output = ping(&[server.kafka(), "-c", "2"]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.contains("kafka api-versions") && text.contains("2 sent, 2 answered, 0 % lost"), "{text}");
    let output = ping(&[server.kafka(), "-c", "2", "--produce", "pings"]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("stored") && text.contains("@1"), "{text}");
    let kafka = server.kafka().to_string();
    server.kill();
    let output = ping(&[&kafka, "-c", "2"]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(text.contains("2 sent, 0 answered, 100 % lost") && text.contains("longest silence"), "{text}");
}

/// By whichever socket is allowed here: a datagram socket, a raw one, or connections.
#[test]
fn ping_sends_echoes_to_a_host() {
    let output = ping(&["127.0.0.1", "-c", "2", "-s", "100"]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{text}{}", String::from_utf8_lossy(&output.stderr));
    assert!(
        text.contains("2 sent, 2 answered") && (text.contains("108 bytes") || text.contains("icmp is not allowed")),
        "{text}"
    );
    assert_eq!(ping(&["127.0.0.1", "-i", "1ms"]).status.code(), Some(64), "it is no flood");
}
