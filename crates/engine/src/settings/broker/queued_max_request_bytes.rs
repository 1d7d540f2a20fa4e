//! The memory of all connections together.

use super::{Resolved, socket_request_max_bytes};
use crate::settings::setting::{Bearing, Check, Kind, Reach, Setting};

pub(super) const SETTING: Setting = Setting {
    name: "queued.max.request.bytes",
    kind: Kind::Long,
    default: Some("-1"),
    check: Check::Any,
    reach: Reach::AtStart,
    fallbacks: &[],
    prose: "How many bytes all connections together may hold: requests under way, and (other than in Kafka) answers that clients \
            have not taken. -1 is 256 MiB, and it is never less than twice `socket.request.max.bytes`. At the limit, connections that \
            hold more than 16 KiB are not read from and long answers wait; one that has not moved for two seconds may be closed. HTTP \
            connections may hold as much again, and are answered 503 where these wait.",
    bearing: Bearing::Honoured { since: "0.1.0" },
};

/// Kafka's -1 is no limit.
const UNSET: usize = 256 << 20;

/// Bytes. Two requests of the largest size fit, so that one that is half sent cannot keep out the other.
pub(super) fn read(from: &Resolved<'_>) -> usize {
    let asked = usize::try_from(from.integer(&SETTING)).ok().filter(|bytes| *bytes > 0).unwrap_or(UNSET);
    asked.max(socket_request_max_bytes::read(from).saturating_mul(2))
}
