//! Records of v3 over one request, as clients send them that do not read while they send, or that ask first.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use milena_http::Surface;
use serde_json::json;

use crate::server::Server;

fn records(server: &Server) -> String {
    let at = format!("{}/topics", server.cluster());
    assert_eq!(server.post(&at, &json!({"topic_name": "t"})).status, 201);
    format!("{at}/t/records")
}

/// A request that has begun, of a client that takes little at a time.
fn begin(server: &Server, path: &str, headers: &str) -> TcpStream {
    let mut stream = server.connect(4096);
    stream.set_write_timeout(Some(Duration::from_secs(30))).expect("a socket");
    let head = format!("POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n\r\n");
    stream.write_all(head.as_bytes()).expect("it reads");
    stream
}

/// As most clients do with a body that they have: answers are longer than records, and fill every buffer on the way.
#[test]
fn a_client_that_reads_nothing_before_it_has_sent_everything_is_answered() {
    const COUNT: usize = 60_000;
    let server = Server::start(Surface::Common);
    let path = records(&server);
    let body: String = (0..COUNT).map(|n| format!(r#"{{"value":{{"type":"JSON","data":{n}}}}}"#)).collect();
    let chunked = format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
    for (headers, body) in [(format!("Content-Length: {}", body.len()), &body), ("Transfer-Encoding: chunked".into(), &chunked)] {
        let mut stream = begin(&server, &path, &headers);
        stream.write_all(body.as_bytes()).expect("it goes on reading");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("all of the answer");
        assert_eq!(answer.matches(r#""error_code":200"#).count(), COUNT, "{headers}");
    }
    assert_eq!(server.held(), 0);
}

#[test]
fn a_client_that_asks_before_it_sends_is_told_to() {
    let server = Server::start(Surface::Common);
    let path = records(&server);
    let record = r#"{"value":{"type":"JSON","data":1}}"#;
    let mut stream = begin(&server, &path, "Transfer-Encoding: chunked\r\nExpect: 100-continue");
    let mut first = [0; 25];
    stream.read_exact(&mut first).expect("an answer");
    assert_eq!(&first, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(format!("{:x}\r\n{record}\r\n0\r\n\r\n", record.len()).as_bytes()).expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("all of the answer");
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains(r#""offset":0"#), "{answer}");
}

#[test]
fn who_is_refused_in_the_middle_of_a_record_reads_why() {
    let server = Server::start(Surface::Common);
    let path = records(&server);
    let mut stream = begin(&server, &path, "Transfer-Encoding: chunked");
    let piece = vec![b'x'; 1 << 20];
    stream.write_all(b"22\r\n{\"value\":{\"type\":\"STRING\",\"data\":\"\r\n").expect("it reads");
    for _ in 0..16 {
        stream.write_all(&[b"100000\r\n", &piece[..], b"\r\n"].concat()).expect("it hears to the end");
    }
    stream.write_all(b"0\r\n\r\n").expect("it hears to the end");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("all of the answer");
    assert!(answer.contains(r#""error_code":413"#), "{answer}");
}
