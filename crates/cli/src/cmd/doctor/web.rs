//! The HTTP door as clients use it: D13 the registry, D14 REST proxy and queue, D15 the console. A broker without them is not
//! ill, nor is one whose door is for its own machine only; both are said.

use std::time::Instant;

use milena_client::Cluster;

use super::finding::Finding;
use crate::{failure::Kind, web::Web};

pub(super) async fn check(cluster: &Cluster) -> Vec<Finding> {
    let console = Finding::skipped("D15", "not in this release");
    let web = match Web::of(cluster, "doctor").await {
        Ok(web) => web,
        Err(why) => {
            let why = format!("because {}", why.what());
            return vec![Finding::skipped("D13", why.clone()), Finding::skipped("D14", why), console];
        }
    };
    let apart = web.is_only_there(cluster);
    let (registry, rest) = tokio::join!(
        door(&web, apart, "D13", "/subjects", "the schema registry"),
        door(&web, apart, "D14", "/topics", "the REST proxy")
    );
    vec![registry, rest, console]
}

/// One route that answers a list where the door has it. `apart`: the door is not meant to be reached from here.
async fn door(web: &Web, apart: bool, id: &'static str, path: &str, what: &str) -> Finding {
    let begin = Instant::now();
    let finding = match web.get(path).await {
        Ok(list) if list.is_array() => {
            Finding::ok(id, format!("{what} answers, with {} entries", list.as_array().map_or(0, Vec::len)))
        }
        Ok(_) => Finding::failure(id, format!("{what} answers something else: is there a proxy in front of it?"))
            .fix(format!("curl -i http://HOST:PORT{path}")),
        Err(failure) if failure.kind() == Kind::NotFound => {
            Finding::skipped(id, format!("this broker has no {}", what.trim_start_matches("the ")))
        }
        Err(failure) if apart && failure.kind() == Kind::Unreachable => {
            Finding::skipped(id, format!("because the HTTP door is at {}, for the broker's own machine", web.address()))
        }
        Err(failure) => Finding::failure(id, failure.what().to_string()).fix("milena status   on the server"),
    };
    finding.took(begin.elapsed())
}
