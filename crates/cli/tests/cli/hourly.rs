//! The story of the architect who left Kafka, as a job: once an hour it makes its instance, subscribes, fetches, works, and
//! commits. At every step somebody dies: the server before the call, the server while the answer is on its way, or the job
//! after it. No message may be missed, and none may be committed that was not delivered before.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::{
    http::{Answer, ask, send},
    server::Server,
};

/// Who dies, at which call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Death {
    ServerBefore(usize),
    /// The request was sent; whether it was dealt with is anybody's guess.
    ServerDuring(usize),
    JobAfter(usize),
    Nobody,
}

const CALLS: usize = 4;

struct World<'a> {
    dir: &'a std::path::Path,
    server: Option<Server>,
    /// What the job has dealt with: outside of Kafka, as an order that was sent.
    worked: BTreeSet<i64>,
    /// What ever arrived at a job.
    delivered: BTreeSet<i64>,
}

impl World<'_> {
    fn server(&mut self) -> &Server {
        let dir = self.dir;
        self.server.get_or_insert_with(|| Server::on(dir))
    }

    /// One call of the job; `None`: somebody died, and this run of the job is over.
    fn call(&mut self, death: Death, nth: usize, (method, path, body): (&str, &str, Value)) -> Option<Answer> {
        if death == Death::ServerBefore(nth) {
            self.server.take().into_iter().for_each(Server::kill);
            // The machine restarts it; the job meets a server that knows nothing of its connection.
            self.server();
        }
        let headers = [("Content-Type", "application/vnd.kafka.v2+json"), ("Accept", "application/vnd.kafka.v2+json")];
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let sent = send(self.server().rest(), method, path, &headers, body.as_bytes()).unwrap();
        if death == Death::ServerDuring(nth) {
            self.server.take().into_iter().for_each(Server::kill);
            return None;
        }
        let answer = sent.answer().unwrap();
        (death != Death::JobAfter(nth)).then_some(answer)
    }

    /// One run. Answers how many messages it got.
    fn run(&mut self, death: Death) -> Option<usize> {
        let settings = json!({"name": "job", "format": "json", "auto.offset.reset": "earliest", "auto.commit.enable": "false"});
        let made = self.call(death, 0, ("POST", "/consumers/hourly", settings))?;
        assert!(matches!(made.status, 200 | 409), "{made:?}");
        let own = "/consumers/hourly/instances/job";
        let subscribed = self.call(death, 1, ("POST", &format!("{own}/subscription"), json!({"topics": ["orders"]})))?;
        assert_eq!(subscribed.status, 204, "{subscribed:?}");
        let records = self.call(death, 2, ("GET", &format!("{own}/records?max_records=3&timeout=10"), Value::Null))?;
        assert_eq!(records.status, 200, "{records:?}");
        let records: Vec<i64> = records.json().as_array().unwrap().iter().map(|r| r["value"].as_i64().unwrap()).collect();
        self.delivered.extend(&records);
        self.worked.extend(&records);
        let committed = self.call(death, 3, ("POST", &format!("{own}/offsets"), Value::Null))?;
        assert_eq!(committed.status, 200, "{committed:?}");
        Some(records.len())
    }

    /// Everything below the committed position was delivered to somebody.
    fn judge(&mut self) {
        let address = self.server().rest().to_owned();
        let clusters = ask(&address, "GET", "/v3/clusters", &[], b"").json();
        let cluster = clusters["data"][0]["cluster_id"].as_str().unwrap();
        let lags = ask(&address, "GET", &format!("/v3/clusters/{cluster}/consumer-groups/hourly/lags"), &[], b"").json();
        let committed = lags["data"][0]["current_offset"].as_i64().unwrap_or(0);
        for value in 0..committed {
            assert!(self.delivered.contains(&value), "{value} was committed and never delivered");
        }
    }
}

#[test]
fn an_hourly_job_misses_nothing_whoever_dies_when() {
    let dir = tempfile::tempdir().unwrap();
    let mut world = World { dir: dir.path(), server: None, worked: BTreeSet::new(), delivered: BTreeSet::new() };
    let mut produced = 0i64;
    let deaths = (0..CALLS).flat_map(|n| [Death::ServerBefore(n), Death::ServerDuring(n), Death::JobAfter(n)]);
    for death in deaths {
        for _ in 0..2 {
            world.server().out(&["produce", "orders", &produced.to_string()], b"");
            produced += 1;
        }
        let _ = world.run(death);
        world.judge();
    }
    // Nothing happens any more, and the job comes until there is nothing left.
    while world.run(Death::Nobody) != Some(0) {
        world.judge();
    }
    assert_eq!(world.worked, (0..produced).collect(), "messages were missed");
    world.judge();
}
