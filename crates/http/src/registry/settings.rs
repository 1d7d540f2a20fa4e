//! `/config` and `/mode`: of everything, of a context, of a subject.

use hyper::Method;
use milena_node::engine::subject::{Command, Config, Level, Mode, Refusal, Reply, Subject};
use serde_json::{Map, Value, json};

use super::{
    Outcome,
    asking::{Call, field},
    fault::Fault,
    shape::ok,
};

const LEVELS: &str = "Invalid compatibility level. Valid values are none, backward, forward, full, backward_transitive, forward_transitive, and full_transitive";
const MODES: &str = "Invalid mode. Valid values are READWRITE, READONLY, READONLY_OVERRIDE, IMPORT, FORWARD";

/// The subject that settings are of, when the path names one; never an alias, which is a setting itself.
fn scope(call: &Call, path: &[&str]) -> Option<(Subject, bool)> {
    match path {
        // A context in the path is one that is named.
        [] => Some((call.scope(), call.names_context())),
        [subject] => Some((call.subject(subject), true)),
        _ => None,
    }
}

pub(super) async fn config(call: &Call, method: &Method, path: &[&str]) -> Option<Outcome> {
    let (scope, named) = scope(call, path)?;
    Some(match method.as_str() {
        "GET" => show_config(call, scope, named).await,
        "PUT" => set_config(call, scope).await,
        "DELETE" => delete_config(call, scope).await,
        _ => return None,
    })
}

async fn show_config(call: &Call, scope: Subject, named: bool) -> Outcome {
    let own = named && !call.flag("defaultToGlobal");
    let config = call.door.node.ask_schemas(|registry| match own {
        true => registry.config(&scope).cloned().ok_or_else(|| Refusal::NoConfig(scope.clone())),
        false => Ok(registry.effective_config(&scope)),
    });
    Ok(ok(&json!(config.await?.map_err(|refusal| call.fault(&refusal))?)))
}

/// Echoes what was sent, whose level has another name than in the answer to a question.
async fn set_config(call: &Call, scope: Subject) -> Outcome {
    let sent = call.object()?;
    let mut changes = sent.clone();
    changes.remove("compatibilityLevel");
    if let Some(level) = changes.remove("compatibility") {
        changes.insert("compatibilityLevel".into(), read_level(&level)?);
    }
    if let Some(policy) = changes.get_mut("compatibilityPolicy").filter(|policy| policy.is_string()) {
        *policy = policy.as_str().unwrap_or_default().to_ascii_uppercase().into();
    }
    let command = Command::SetConfig { scope, changes: Box::new(changes) };
    call.door.node.change_schemas(command).await?.map_err(|refusal| call.fault(&refusal))?;
    Ok(ok(&echoed(sent)))
}

fn read_level(level: &Value) -> Result<Value, Fault> {
    match level {
        Value::Null => Ok(Value::Null),
        Value::String(name) => Level::parse(name).map(|level| level.name().into()).ok_or_else(|| Fault::new(42203, LEVELS)),
        _ => Err(Fault::new(42203, LEVELS)),
    }
}

/// The fields that a configuration has, as they were sent.
fn echoed(sent: Map<String, Value>) -> Value {
    const KNOWN: [&str; 13] = [
        "alias",
        "aliasForDeks",
        "normalize",
        "validateFields",
        "validateNewSchemas",
        "validateRules",
        "compatibility",
        "compatibilityPolicy",
        "compatibilityGroup",
        "defaultMetadata",
        "overrideMetadata",
        "defaultRuleSet",
        "overrideRuleSet",
    ];
    sent.into_iter().filter(|(name, value)| KNOWN.contains(&name.as_str()) && !value.is_null()).collect()
}

async fn delete_config(call: &Call, scope: Subject) -> Outcome {
    let reply = call.door.node.change_schemas(Command::DeleteConfig(scope)).await?;
    match reply.map_err(|refusal| call.fault(&refusal))? {
        Reply::Config(before) => Ok(ok(&json!(Config::clone(&before)))),
        other => unreachable!("deleting a configuration is answered with it, not {other:?}"),
    }
}

pub(super) async fn mode(call: &Call, method: &Method, path: &[&str]) -> Option<Outcome> {
    let (scope, named) = scope(call, path)?;
    Some(match method.as_str() {
        "GET" => show_mode(call, scope, named).await,
        "PUT" => set_mode(call, scope).await,
        "DELETE" => {
            let recursive = call.flag("recursive");
            changed_mode(call, Command::DeleteMode { scope, recursive }).await
        }
        _ => return None,
    })
}

async fn show_mode(call: &Call, scope: Subject, named: bool) -> Outcome {
    let own = named && !call.flag("defaultToGlobal");
    let mode = call.door.node.ask_schemas(|registry| match own {
        true => registry.mode(&scope).ok_or_else(|| Refusal::NoMode(scope.clone())),
        false => Ok(registry.effective_mode(&scope)),
    });
    let mode = mode.await?.map_err(|refusal| call.fault(&refusal))?;
    Ok(ok(&json!({"mode": mode.name()})))
}

async fn set_mode(call: &Call, scope: Subject) -> Outcome {
    let mut fields = call.object()?;
    let name: Option<String> = field(&mut fields, "mode").map_err(|_| Fault::new(42204, MODES))?;
    let mode = name.as_deref().and_then(Mode::parse).ok_or_else(|| Fault::new(42204, MODES))?;
    changed_mode(call, Command::SetMode { scope, mode, force: call.flag("force") }).await
}

async fn changed_mode(call: &Call, command: Command) -> Outcome {
    let reply = call.door.node.change_schemas(command).await?;
    match reply.map_err(|refusal| call.fault(&refusal))? {
        Reply::Mode(mode) => Ok(ok(&json!({"mode": mode.name()}))),
        other => unreachable!("a change of mode is answered with one, not {other:?}"),
    }
}
