//! The HTTP door as clients use it: D13 the registry, D14 REST proxy and queue, D15 the console. A broker without them is not
//! ill, nor is one whose door is for its own machine only; both are said.

use std::time::Instant;

use milena_client::Cluster;
use serde_json::json;

use super::{
    client::Terms,
    finding::{Finding, Verdict},
    round,
};
use crate::{
    cmd::ping::spent,
    failure::{Failure, Kind},
    web::Web,
};

pub(super) async fn check(cluster: &Cluster, terms: &Terms) -> Vec<Finding> {
    let console = Finding::skipped("D15", "not in this release");
    let web = match Web::of(cluster, "doctor").await {
        Ok(web) => web,
        Err(why) => {
            let why = format!("because {}", why.what());
            return vec![Finding::skipped("D13", why.clone()), Finding::skipped("D14", why), console];
        }
    };
    let apart = web.is_only_there(cluster);
    let begin = Instant::now();
    let registry = async {
        let found = door(&web, apart, "D13", "/subjects", "the schema registry").await;
        if terms.register && found.verdict == Verdict::Ok { more(found, registered(&web).await) } else { found }
    };
    let rest = async {
        let found = door(&web, apart, "D14", "/topics", "the REST proxy").await;
        if terms.write && found.verdict == Verdict::Ok { more(found, queue(&web, cluster).await) } else { found }
    };
    let (registry, rest) = tokio::join!(registry, rest);
    vec![registry.took(begin.elapsed()), rest.took(begin.elapsed()), console]
}

/// One route that answers a list where the door has it. `apart`: the door is not meant to be reached from here.
async fn door(web: &Web, apart: bool, id: &'static str, path: &str, what: &str) -> Finding {
    match web.get(path).await {
        Ok(list) if list.is_array() => {
            Finding::ok(id, format!("{what} answers, with {} entries", list.as_array().map_or(0, Vec::len)))
        }
        Ok(_) => Finding::failure(id, format!("{what} answers something else: is there a proxy in front of it?"))
            .fix(format!("curl -i http://HOST:PORT{path}")),
        Err(failure) if failure.kind() == Kind::NotFound => {
            Finding::skipped(id, format!("this broker has no {}", what.trim_start_matches("the ")))
        }
        Err(failure) if apart && failure.kind() == Kind::Unreachable => {
            Finding::skipped(id, format!("because the HTTP door is at {}, for the broker's own machine", web.url()))
        }
        Err(failure) => Finding::failure(id, failure.what().to_string()).fix("milena status   on the server"),
    }
}

/// A finding that is well so far, with what was tried behind it.
fn more(found: Finding, tried: Result<String, Failure>) -> Finding {
    match tried {
        Ok(words) => Finding::ok(found.id, format!("{}; {words}", found.words)),
        Err(failure) => Finding::failure(found.id, failure.what().to_string())
            .detail(format!("before that, {}", found.words))
            .fix("milena errors   on the server"),
    }
}

/// A schema is registered, another one is checked against it, and both are forgotten.
async fn registered(web: &Web) -> Result<String, Failure> {
    let subject = round::name("subject");
    let begin = Instant::now();
    let tried = async {
        web.send("POST", &format!("/subjects/{subject}/versions"), &json!({"schema": "\"int\""})).await?;
        let wider = format!("/compatibility/subjects/{subject}/versions/latest");
        let verdict = web.send("POST", &wider, &json!({"schema": "\"long\""})).await?;
        match verdict["is_compatible"].as_bool() {
            Some(true) => Ok(()),
            _ => Err(Failure::new(Kind::Failed, format!("long does not read int, says the registry: {verdict}"))),
        }
    };
    let tried = tried.await;
    for path in [format!("/subjects/{subject}"), format!("/subjects/{subject}?permanent=true")] {
        let _ = web.call("DELETE", &path).await;
    }
    tried.map(|()| format!("a schema was registered, checked and deleted in {}", spent(begin.elapsed())))
}

/// One message is put in, taken, and acknowledged.
async fn queue(web: &Web, cluster: &Cluster) -> Result<String, Failure> {
    let name = round::name("queue");
    round::made(cluster, &name)
        .await
        .map_err(|error| Failure::new(Kind::Failed, "no topic could be made for the queue").why(error))?;
    let begin = Instant::now();
    let tried = async {
        web.send("POST", &format!("/q/v1/topics/{name}/messages"), &json!({"value": "probe"})).await?;
        let receive = format!("/q/v1/topics/{name}/groups/{name}:receive");
        let taken = web.send("POST", &receive, &json!({"wait_ms": 500})).await?;
        let lease = &taken["messages"][0]["lease"];
        if lease.is_null() {
            return Err(Failure::new(Kind::Failed, "a message that was put into a queue does not come out"));
        }
        web.send("POST", &format!("/q/v1/groups/{name}:ack"), &json!({"lease": lease})).await
    };
    let (tried, took) = (tried.await, begin.elapsed());
    let _ = web.call("DELETE", &format!("/q/v1/groups/{name}")).await;
    round::taken_away(cluster, &name).await;
    tried.map(|_| format!("the queue gave a message out and took it back done in {}", spent(took)))
}
