//! A registry on loopback that keeps schemas and says them again: enough to see what a client asks, and how often.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
};

use serde_json::{Value, json};

#[derive(Clone)]
pub(crate) struct Shelf {
    pub(crate) url: String,
    kept: Arc<Mutex<Kept>>,
}

/// What the shelf calls every schema.
const GUID: &str = "00112233-4455-6677-8899-aabbccddeeff";

#[derive(Default)]
struct Kept {
    /// Subject, body and id is place + 1.
    schemas: Vec<(String, Value)>,
    asked: Vec<String>,
    association: Option<String>,
}

impl Shelf {
    pub(crate) fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://who:secret@{}", listener.local_addr().unwrap());
        let kept = Arc::new(Mutex::new(Kept::default()));
        let shelf = Self { url, kept: kept.clone() };
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                answer(stream, &kept);
            }
        });
        shelf
    }

    /// What was asked since the last time.
    pub(crate) fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.kept.lock().unwrap().asked)
    }

    pub(crate) fn keep(&self, subject: &str, body: Value) -> u32 {
        let mut kept = self.kept.lock().unwrap();
        kept.schemas.push((subject.into(), body));
        kept.schemas.len() as u32
    }

    pub(crate) fn associate(&self, subject: &str) {
        self.kept.lock().unwrap().association = Some(subject.into());
    }
}

fn answer(stream: TcpStream, kept: &Mutex<Kept>) {
    let mut reader = BufReader::new(stream);
    let (mut line, mut length, mut known) = (String::new(), 0, false);
    reader.read_line(&mut line).unwrap();
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).unwrap();
        let header = header.trim().to_ascii_lowercase();
        if let Some(value) = header.strip_prefix("content-length: ") {
            length = value.parse().unwrap();
        }
        known |= header == "authorization: basic d2hvonnly3jlda==";
        if header.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let (status, answer) = if known { judge(&line, &body, kept) } else { (401, json!({"error_code": 401, "message": "who?"})) };
    // In chunks, as some servers answer.
    let text = answer.to_string();
    let (a, b) = text.split_at(text.len() / 2);
    let head = "Content-Type: application/vnd.schemaregistry.v1+json\r\nTransfer-Encoding: chunked\r\n\r\n";
    let chunks = format!("{:x}\r\n{a}\r\n{:x}\r\n{b}\r\n0\r\n\r\n", a.len(), b.len());
    write!(reader.into_inner(), "HTTP/1.1 {status} Something\r\n{head}{chunks}").unwrap();
}

fn judge(line: &str, body: &[u8], kept: &Mutex<Kept>) -> (u16, Value) {
    let line = line.trim().trim_end_matches(" HTTP/1.1");
    let mut kept = kept.lock().unwrap();
    kept.asked.push(line.into());
    let none = |code: i64| (404, json!({"error_code": code, "message": "not found"}));
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let path: Vec<&str> = line.split([' ', '/', '?']).collect();
    let position = |kept: &Kept| kept.schemas.iter().position(|(s, b)| s == path[3] && b["schema"] == body["schema"]);
    match path[..] {
        ["POST", "", "subjects", subject, "versions", ..] => {
            let id = position(&kept).unwrap_or_else(|| {
                kept.schemas.push((subject.into(), body.clone()));
                kept.schemas.len() - 1
            });
            (200, json!({"id": id + 1, "guid": GUID}))
        }
        ["POST", "", "subjects", _] => position(&kept).map_or(none(40403), |id| (200, json!({"id": id + 1, "version": 1}))),
        ["GET", "", "schemas", "ids", id] => {
            let found = kept.schemas.get(id.parse::<usize>().unwrap() - 1);
            found.map_or(none(40403), |(_, body)| (200, body.clone()))
        }
        ["GET", "", "schemas", "guids", _, "ids"] => (200, json!([{"context": ".", "id": 1}])),
        ["GET", "", "subjects", subject, "versions", _] => {
            let found = kept.schemas.iter().enumerate().rev().find(|(_, (s, _))| s == subject);
            found.map_or(none(40401), |(place, (_, body))| {
                let mut body = body.clone();
                body["id"] = (place + 1).into();
                (200, body)
            })
        }
        ["GET", "", "associations", ..] => match &kept.association {
            Some(subject) => (200, json!([{"subject": subject}])),
            None => none(404),
        },
        _ => none(404),
    }
}
