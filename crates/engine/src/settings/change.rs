//! Changing settings: the four operations of IncrementalAlterConfigs, the whole replacement of AlterConfigs, and every way
//! in which either is refused. Knows no setting by name.

use std::collections::BTreeMap;

use super::{
    parse::{self, Value},
    setting::{Kind, Setting},
};

/// The longest value, in bytes, as Kafka's own records allow.
pub const VALUE_BYTES_MAX: usize = i16::MAX as usize;

/// What was set on something, by name, as DescribeConfigs would show it. Only known names, so it is bounded.
pub type Overrides = BTreeMap<String, String>;

/// One operation of IncrementalAlterConfigs (KIP-339).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Op {
    Set,
    Delete,
    Append,
    Subtract,
}

/// One asked-for change.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Change {
    pub name: String,
    pub op: Op,
    /// Ignored by [`Op::Delete`].
    pub value: Option<String>,
}

impl Change {
    pub fn set(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self { name: name.into(), op: Op::Set, value: Some(value.into()) }
    }
    pub fn delete(name: impl Into<String>) -> Self {
        Self { name: name.into(), op: Op::Delete, value: None }
    }
}

/// Why a change is declined.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refusal {
    /// INVALID_CONFIG. For a broker a deliberate difference: Kafka keeps any name and shows it as null.
    #[error("unknown {noun} config name: {name}")]
    Unknown { noun: &'static str, name: String },
    /// INVALID_CONFIG on a topic, INVALID_REQUEST on a broker.
    #[error("invalid value {value} for configuration {name}: {why}")]
    BadValue { name: String, value: String, why: String },
    /// INVALID_REQUEST.
    #[error("a null value is not supported for {name}; delete it instead")]
    NullValue { name: String },
    /// INVALID_REQUEST.
    #[error("{name} is given more than once")]
    Twice { name: String },
    /// INVALID_CONFIG.
    #[error("{name} is not a list, so nothing can be appended to it or subtracted from it")]
    NotAList { name: String },
    /// INVALID_REQUEST.
    #[error("cannot update {name} while the broker runs; set it in milena.toml and restart")]
    ReadOnly { name: String },
    /// INVALID_REQUEST.
    #[error("cannot update {name} for the whole cluster; name the broker")]
    NeedsBroker { name: String },
    /// INVALID_REQUEST.
    #[error("{name} can be updated only under a listener's prefix, and listeners here have no settings of their own")]
    NeedsListener { name: String },
    /// INVALID_REQUEST.
    #[error("unknown client metrics configuration: {name}")]
    UnknownMetrics { name: String },
    /// INVALID_REQUEST.
    #[error("invalid value {ms} for interval.ms, interval must be between 100 and 3600000 (1 hour)")]
    BadInterval { ms: i64 },
    /// INVALID_REQUEST: a number of threads that is too far from what it was.
    #[error("{0}")]
    Step(String),
    /// POLICY_VIOLATION. Nothing else bounds them: they may be set on groups that nobody ever joins.
    #[error(
        "{resources} groups and metrics subscriptions with settings of their own take {bytes} bytes; delete some of those first"
    )]
    TooManyResources { resources: usize, bytes: usize },
    /// INVALID_CONFIG.
    #[error("conflicting values: {0}")]
    Conflict(String),
}

/// Applies incremental changes to what was set, in order. `find` knows the noun's settings and refuses the others.
pub(super) fn incremental(
    current: &Overrides,
    changes: &[Change],
    find: impl Fn(&str) -> Result<&'static Setting, Refusal>,
) -> Result<Overrides, Refusal> {
    refuse_twice(changes.iter().map(|c| c.name.as_str()))?;
    let mut next = current.clone();
    for change in changes {
        if change.op == Op::Delete {
            // Deleting what was never known succeeds, as in Kafka.
            next.remove(&change.name);
            continue;
        }
        let Some(text) = &change.value else { return Err(Refusal::NullValue { name: change.name.clone() }) };
        let setting = find(&change.name)?;
        let text = match change.op {
            Op::Append | Op::Subtract => edited(setting, next.get(&change.name), change.op, text)?,
            Op::Set | Op::Delete => text.clone(),
        };
        next.insert(change.name.clone(), checked(setting, &text)?);
    }
    Ok(next)
}

/// Everything that should be set from now on, in place of what was (AlterConfigs, CreateTopics).
pub(super) fn whole(
    asked: &[(String, Option<String>)],
    find: impl Fn(&str) -> Result<&'static Setting, Refusal>,
) -> Result<Overrides, Refusal> {
    refuse_twice(asked.iter().map(|(name, _)| name.as_str()))?;
    let mut next = Overrides::new();
    for (name, text) in asked {
        let Some(text) = text else { return Err(Refusal::NullValue { name: name.clone() }) };
        next.insert(name.clone(), checked(find(name)?, text)?);
    }
    Ok(next)
}

/// The value as it is kept and shown, or why it cannot be.
pub(super) fn checked(setting: &Setting, text: &str) -> Result<String, Refusal> {
    let bad = |value: &str, why: String| Refusal::BadValue { name: setting.name.into(), value: value.into(), why };
    if text.len() > VALUE_BYTES_MAX {
        return Err(bad(
            "(too long to repeat)",
            format!("a value has at most {VALUE_BYTES_MAX} bytes, this one has {}", text.len()),
        ));
    }
    let shown = if setting.sensitive() { "[hidden]" } else { text };
    setting.value(text).map(|v| v.to_string()).map_err(|why| bad(shown, why))
}

/// A list after APPEND or SUBTRACT. What was never set starts from the default.
fn edited(setting: &Setting, current: Option<&String>, op: Op, text: &str) -> Result<String, Refusal> {
    if setting.kind != Kind::List {
        return Err(Refusal::NotAList { name: setting.name.into() });
    }
    let mut items = parse::list(current.map(String::as_str).or(setting.default).unwrap_or_default());
    let named: Vec<&str> = text.split(',').map(str::trim).collect();
    match op {
        Op::Subtract => items.retain(|i| !named.contains(&i.as_str())),
        _ => {
            for item in named {
                if !items.iter().any(|i| i == item) {
                    items.push(item.into());
                }
            }
        }
    }
    Ok(Value::List(items).to_string())
}

fn refuse_twice<'a>(names: impl Iterator<Item = &'a str>) -> Result<(), Refusal> {
    let mut seen = std::collections::BTreeSet::new();
    for name in names {
        if !seen.insert(name) {
            return Err(Refusal::Twice { name: name.into() });
        }
    }
    Ok(())
}
