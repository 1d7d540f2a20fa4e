//! `/contexts`: which there are, and the end of an empty one.

use hyper::{Method, StatusCode};
use milena_node::engine::subject::Command;

use super::{
    Outcome,
    asking::{Call, bare_context},
    shape::ok,
};
use crate::answer::empty;

pub(super) async fn route(call: &Call, method: &Method, path: &[&str]) -> Option<Outcome> {
    Some(match (method.as_str(), path) {
        ("GET", []) => list(call).await,
        ("DELETE", [context]) => delete(call, context).await,
        _ => return None,
    })
}

async fn list(call: &Call) -> Outcome {
    let prefix = call.query("contextPrefix").unwrap_or_default();
    let all = call.door.node.ask_schemas(|registry| registry.contexts()).await?;
    let named: Vec<String> = all.iter().filter(|name| name.starts_with(prefix)).map(ToString::to_string).collect();
    Ok(ok(&call.page(named, usize::MAX)?.into()))
}

async fn delete(call: &Call, context: &str) -> Outcome {
    let reply = call.door.node.change_schemas(Command::DeleteContext(bare_context(context))).await?;
    reply.map_err(|refusal| call.fault(&refusal))?;
    Ok(empty(StatusCode::NO_CONTENT))
}
