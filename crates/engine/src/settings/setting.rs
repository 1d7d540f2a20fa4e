//! What a setting is: name, kind, default, range, where it may be changed, and whether it bears on anything here.
//! Knows nothing of who asks or of protocol codes beyond the nine kinds that clients see.

use super::parse::{self, Value};

/// Kafka's type of a setting's value. The numbers are those of DescribeConfigs (v3 and later).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(i8)]
pub enum Kind {
    Boolean = 1,
    Text = 2,
    Int = 3,
    Short = 4,
    Long = 5,
    Double = 6,
    List = 7,
    Class = 8,
    Password = 9,
}

/// Where a setting may be changed while the broker runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reach {
    /// On a topic.
    Topic,
    /// On one group (resource type 32).
    Group,
    /// On a client-metrics subscription (resource type 16).
    ClientMetrics,
    /// Nowhere: read when the broker starts.
    AtStart,
    /// On a broker named by its id, not on the cluster default.
    Broker,
    /// On the cluster default or on one broker.
    Cluster,
    /// Only under a listener's prefix (`listener.name.…`), which this broker does not have.
    Listener,
}

/// Which values are allowed, beyond being of the kind.
#[derive(Clone, Copy, Debug)]
pub enum Check {
    Any,
    /// At least this (integers and doubles alike, as Kafka words it).
    AtLeast(i64),
    /// Both ends included.
    Between(i64, i64),
    /// A closed range, or one value outside of it.
    BetweenOr(i64, i64, i64),
    /// A double in a closed range.
    Ratio(f64, f64),
    /// Text that is one of these.
    OneOf(&'static [&'static str]),
    /// Text that is one of these, whatever the case.
    OneOfAnyCase(&'static [&'static str]),
    /// A list of only these, without empty items.
    Each(&'static [&'static str]),
    /// Text or list that is not empty.
    NotEmpty,
    /// `*`, nothing, or `partition:broker` pairs (KIP-73).
    ThrottledReplicas,
    /// What no shape above says. The text is what was expected, for the refusal.
    With(fn(&Value) -> bool, &'static str),
}

/// Whether a setting changes what this broker does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Bearing {
    /// It does, and a test sees the effect.
    Honoured { since: &'static str },
    /// It tells how the broker was started; the command line or `milena.toml` decides it.
    Reported { because: &'static str },
    /// Accepted for the sake of tools; it cannot matter here, and this is why.
    Inert { because: &'static str },
}

/// Another name that supplies the value when this one is unset, and what one unit of it is worth in this one's unit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fallback {
    pub name: &'static str,
    pub times: i64,
}

/// One setting, as everything that lists, checks, documents or reads settings sees it.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    pub name: &'static str,
    pub kind: Kind,
    /// `None` is Kafka's null: unset.
    pub default: Option<&'static str>,
    pub check: Check,
    pub reach: Reach,
    /// In order of precedence. For a topic: broker settings. For a broker: coarser units of the same thing.
    pub fallbacks: &'static [Fallback],
    /// One or two sentences for people.
    pub prose: &'static str,
    pub bearing: Bearing,
}

/// One row of a table of settings that cannot matter here.
pub(super) const fn inert(
    because: &'static str,
    name: &'static str,
    kind: Kind,
    default: Option<&'static str>,
    reach: Reach,
    check: Check,
    prose: &'static str,
) -> Setting {
    Setting { name, kind, default, check, reach, fallbacks: &[], prose, bearing: Bearing::Inert { because } }
}

/// One row of the table of settings that tell how the broker was started.
pub(super) const fn reported(
    because: &'static str,
    name: &'static str,
    kind: Kind,
    default: Option<&'static str>,
    reach: Reach,
    check: Check,
    prose: &'static str,
) -> Setting {
    Setting { bearing: Bearing::Reported { because }, ..inert(because, name, kind, default, reach, check, prose) }
}

/// One row of a table of settings that change what this broker does.
pub(super) const fn honoured(
    since: &'static str,
    name: &'static str,
    kind: Kind,
    default: Option<&'static str>,
    reach: Reach,
    check: Check,
    prose: &'static str,
) -> Setting {
    Setting { bearing: Bearing::Honoured { since }, ..inert(since, name, kind, default, reach, check, prose) }
}

impl Setting {
    /// The same row with names that supply the value when it is unset.
    pub(super) const fn or(mut self, fallbacks: &'static [Fallback]) -> Self {
        self.fallbacks = fallbacks;
        self
    }

    /// Read only as DescribeConfigs means it.
    pub fn read_only(&self) -> bool {
        self.reach == Reach::AtStart
    }

    /// A value that is never shown, only that it is set.
    pub fn sensitive(&self) -> bool {
        self.kind == Kind::Password
    }

    /// Parses and checks `text`, or says in words what is wrong with it.
    pub fn value(&self, text: &str) -> Result<Value, String> {
        let value = parse::parse(self.kind, text)?;
        self.check.judge(&value)?;
        Ok(value)
    }

    /// The default, parsed. `None` when the setting is unset by default.
    pub fn default_value(&self) -> Option<Value> {
        self.default.map(|text| parse::parse(self.kind, text).expect("a default parses as its kind: a test reads them all"))
    }
}

impl Check {
    fn judge(&self, value: &Value) -> Result<(), String> {
        match (self, value) {
            (Check::AtLeast(min), Value::Integer(v)) if v < min => Err(format!("Value must be at least {min}")),
            (Check::AtLeast(min), Value::Double(v)) if *v < *min as f64 => Err(format!("Value must be at least {min}")),
            (Check::Between(min, _), Value::Integer(v)) if v < min => Err(format!("Value must be at least {min}")),
            (Check::Between(_, max), Value::Integer(v)) if v > max => Err(format!("Value must be no more than {max}")),
            (Check::BetweenOr(min, max, or), Value::Integer(v)) if !(min..=max).contains(&v) && v != or => {
                Err(format!("Value must be between {min} and {max} or equal to {or}"))
            }
            // Written so that NaN passes, as it does in Kafka.
            (Check::Ratio(min, _), Value::Double(v)) if v < min => Err(format!("Value must be at least {min}")),
            (Check::Ratio(_, max), Value::Double(v)) if v > max => Err(format!("Value must be no more than {max}")),
            (Check::OneOf(these), Value::Text(v)) if !these.contains(&v.as_str()) => Err(must_be_one_of(these)),
            (Check::OneOfAnyCase(these), Value::Text(v)) if !these.iter().any(|t| t.eq_ignore_ascii_case(v)) => {
                Err(must_be_one_of(these))
            }
            (Check::Each(these), Value::List(items)) => match items.iter().find(|i| !these.contains(&i.as_str())) {
                Some(item) if item.is_empty() => Err("values must not be empty".into()),
                Some(_) => Err(must_be_one_of(these)),
                None => Ok(()),
            },
            (Check::NotEmpty, Value::Text(v)) if v.is_empty() => Err("String must be non-empty".into()),
            (Check::NotEmpty, Value::List(v)) if v.is_empty() => Err("the list must not be empty".into()),
            (Check::ThrottledReplicas, Value::List(items)) if !throttled_replicas(items) => {
                Err("must be '*' or a list of partition:broker pairs, such as 0:1,1:1".into())
            }
            (Check::With(holds, expected), value) if !holds(value) => Err((*expected).into()),
            _ => Ok(()),
        }
    }
}

fn must_be_one_of(these: &[&str]) -> String {
    format!("String must be one of: {}", these.join(", "))
}

fn throttled_replicas(items: &[String]) -> bool {
    let pair = |item: &String| {
        item.split_once(':').is_some_and(|(p, b)| p.trim().parse::<u32>().is_ok() && b.trim().parse::<u32>().is_ok())
    };
    items.is_empty() || items == ["*"] || items.iter().all(pair)
}
