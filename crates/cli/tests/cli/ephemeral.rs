//! `milena serve --ephemeral`: faults for tests of any language, there and nowhere else.

use std::{net::TcpStream, path::PathBuf};

use serde_json::Value;

use crate::{
    http::{Answer, ask},
    server::Server,
};

const ROOT: &str = "/ephemeral/v1";

struct Control<'a> {
    server: &'a Server,
    token: String,
}

impl<'a> Control<'a> {
    fn of(server: &'a Server) -> Self {
        let kit = &server.ready["ephemeral"];
        let http = server.ready["http"].as_str().unwrap();
        assert_eq!(kit["control"], format!("http://{http}{ROOT}"));
        Self { server, token: kit["token"].as_str().unwrap().into() }
    }

    fn ask(&self, method: &str, path: &str) -> Answer {
        let authorization = format!("Bearer {}", self.token);
        let door = self.server.ready["http"].as_str().unwrap();
        ask(door, method, &format!("{ROOT}/{path}"), &[("Authorization", &authorization)], b"")
    }

    fn done(&self, method: &str, path: &str) -> Value {
        let answer = self.ask(method, path);
        assert_eq!(answer.status, 200, "{method} {path}: {}", String::from_utf8_lossy(&answer.body));
        answer.json()
    }
}

#[test]
fn a_plain_server_has_no_such_routes() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::on(data.path());
    assert_eq!(server.ready["ephemeral"], Value::Null);
    let token = "Bearer 00000000000000000000000000000000";
    for door in ["http", "registry", "rest"] {
        let door = server.ready[door].as_str().unwrap();
        for path in [ROOT.to_string(), format!("{ROOT}/kill"), format!("{ROOT}/disk?full=true")] {
            for method in ["GET", "POST", "DELETE"] {
                for headers in [&[][..], &[("Authorization", token)]] {
                    let answer = ask(door, method, &path, headers, b"");
                    assert_eq!(answer.status, 404, "{method} {path} at {door}: {}", String::from_utf8_lossy(&answer.body));
                }
            }
        }
    }
    server.out(&["produce", "alive", "still"], b"");
}

#[test]
fn the_token_opens_and_nothing_else_does() {
    let server = Server::ephemeral();
    let door = server.ready["http"].as_str().unwrap();
    for headers in [&[][..], &[("Authorization", "Bearer nonsense")], &[("Authorization", "")]] {
        assert_eq!(ask(door, "POST", &format!("{ROOT}/kill"), headers, b"").status, 401);
    }
    let control = Control::of(&server);
    assert_eq!(control.done("GET", "")["up"], true);
    assert!(!server.out(&["status"], b"").contains(&control.token), "the token is told in the ready line alone");
}

#[test]
fn what_was_acknowledged_outlives_a_kill_and_a_power_cut() {
    for place in ["--ephemeral", "--ephemeral=directory"] {
        let server = Server::start(&[place]);
        let control = Control::of(&server);
        server.out(&["produce", "orders", "first"], b"");
        control.done("POST", "kill");
        let kafka = server.kafka().to_string();
        assert!(TcpStream::connect(&kafka).is_err(), "nobody listens");
        assert_eq!(server.run(&["wait", "ready", "--timeout", "200ms"], b"").status.code(), Some(3));
        control.done("POST", "start");
        assert!(server.out(&["read", "orders"], b"").contains("first"));
        match place {
            "--ephemeral" => control.done("POST", "expect/nothing-lost?end=power-cut"),
            _ => {
                assert_eq!(control.ask("POST", "power-cut").status, 409, "a directory cannot lose power");
                control.done("POST", "expect/nothing-lost?end=kill")
            }
        };
        server.out(&["produce", "orders", "second"], b"");
        assert_eq!(server.out(&["read", "orders"], b"").lines().count(), 2);
    }
}

#[test]
fn a_full_disk_is_told_and_heals() {
    let server = Server::ephemeral();
    let control = Control::of(&server);
    server.out(&["produce", "orders", "first"], b"");
    let disk = &control.done("POST", "disk?full=true&slow=1ms")["disk"];
    assert_eq!((&disk["full"], &disk["slow_ms"]), (&Value::Bool(true), &1.into()));
    control.done("DELETE", "disk");
    server.out(&["produce", "orders", "second"], b"");
    let record = control.ask("GET", "record");
    assert!(String::from_utf8_lossy(&record.body).lines().any(|line| line.contains("\"api\":\"Produce\"")));
}

#[test]
fn a_temporary_directory_goes_with_the_process() {
    let server = Server::start(&["--ephemeral=directory"]);
    let data = PathBuf::from(server.ready["data"].as_str().unwrap());
    assert!(data.join("manifest").is_file());
    server.terminate();
    assert!(!data.exists());
}
