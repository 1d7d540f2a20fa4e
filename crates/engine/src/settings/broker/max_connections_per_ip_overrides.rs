//! The same for named addresses.

use super::Resolved;
use crate::settings::Value;
use crate::settings::setting::{Bearing, Check, Kind, Reach, Setting};

pub(super) const SETTING: Setting = Setting {
    name: "max.connections.per.ip.overrides",
    kind: Kind::Text,
    default: Some(""),
    check: Check::With(parses, "address:count pairs separated by commas"),
    reach: Reach::Cluster,
    fallbacks: &[],
    prose: "Addresses that may hold another number of connections than max.connections.per.ip says, as address:count pairs separated by commas.",
    bearing: Bearing::Honoured { since: "0.1.0" },
};

fn parses(value: &Value) -> bool {
    matches!(value, Value::Text(text) if pairs(text).is_some())
}

fn pairs(text: &str) -> Option<Vec<(String, usize)>> {
    let pair = |item: &str| {
        // The last colon: an IPv6 address has colons of its own.
        let (address, count) = item.trim().rsplit_once(':')?;
        Some((address.trim_matches(['[', ']']).to_owned(), count.trim().parse().ok()?))
    };
    text.split(',').filter(|item| !item.trim().is_empty()).map(pair).collect()
}

/// Address and count.
pub(super) fn read(from: &Resolved<'_>) -> Vec<(String, usize)> {
    pairs(&from.text(&SETTING)).unwrap_or_default()
}
