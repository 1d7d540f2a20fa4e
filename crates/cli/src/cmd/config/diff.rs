//! `milena config diff`: what two brokers, or one topic at two brokers, are set to differently.

use std::collections::BTreeMap;

use milena_client::{Admin, Cluster, Config, Endpoint, admin::Resource};
use serde_json::{Value, json};

use super::Of;
use crate::{
    failure::{Failure, Kind},
    table::{self, Output},
};

/// Names that differ because they are two brokers.
const OWN: &[&str] = &[
    "listeners",
    "advertised.listeners",
    "log.dir",
    "log.dirs",
    "milena.http.address",
    "milena.registry.address",
    "node.id",
    "broker.id",
    "controller.quorum.voters",
];

pub(super) async fn run(here: &Admin, of: &Of, other: &str, output: Output) -> Result<(), Failure> {
    let endpoints =
        Endpoint::list(other).map_err(|e| Failure::usage(format!("{other:?} is no address")).why(e).fix("HOST:PORT"))?;
    let mut config = Config::new(endpoints);
    // The other one is met as the same user.
    config.options.security = here.cluster().config().options.security.clone();
    let there = Admin::new(Cluster::connect(config).await?);
    let (a, b) = (values(here, &of.resource(here).await?).await?, values(&there, &of.resource(&there).await?).await?);
    let names = a.keys().chain(b.keys()).filter(|name| !OWN.contains(&name.as_str()));
    // What one of them does not know says nothing about the other.
    let differs = |name: &&String| matches!((a.get(*name), b.get(*name)), (Some(x), Some(y)) if x != y);
    let mut names: Vec<&String> = names.filter(differs).collect();
    names.sort();
    names.dedup();
    let rows: Vec<Value> = names.iter().map(|name| json!({"name": name, "here": a[*name], "there": b[*name]})).collect();
    let count = rows.len();
    table::rows(output, &["name", "here", "there"], rows)?;
    match count {
        0 => Ok(()),
        n => Err(Failure::new(Kind::No, format!("{} differ", crate::screen::counted(n as i64, "setting")))),
    }
}

async fn values(admin: &Admin, resource: &Resource) -> Result<BTreeMap<String, Value>, Failure> {
    let entries = admin.configs(resource, None, false).await?;
    let shown = entries.into_iter().filter(|e| !e.sensitive);
    Ok(shown.map(|e| (e.name.to_string(), json!(e.value.as_deref()))).collect())
}
