//! `/compatibility`: whether a schema could be registered, and why not.

use hyper::Method;
use milena_node::engine::subject::{Among, Verdict};
use serde_json::json;

use super::{Outcome, asking::Call, shape::ok};

pub(super) async fn route(call: &Call, method: &Method, path: &[&str]) -> Option<Outcome> {
    if method != Method::POST {
        return None;
    }
    Some(match path {
        ["subjects", subject, "versions"] => compare(call, subject, None).await,
        ["subjects", subject, "versions", version] => compare(call, subject, Some(version)).await,
        _ => return None,
    })
}

async fn compare(call: &Call, subject: &str, version: Option<&str>) -> Outcome {
    let among = match version {
        None => Among::All,
        Some(version) => Among::One(call.version(version)?),
    };
    let asked = call.schema(call.resolved(subject).await?)?;
    let verbose = call.flag("verbose");
    let verdict = call.door.node.compare_schema(asked, among, verbose).await?;
    let Verdict { compatible, messages } = verdict.map_err(|refusal| call.fault(&refusal))?;
    Ok(ok(&match verbose {
        true => json!({"is_compatible": compatible, "messages": messages}),
        false => json!({"is_compatible": compatible}),
    }))
}
