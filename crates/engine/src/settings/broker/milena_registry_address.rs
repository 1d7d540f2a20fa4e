//! Where the registry's own listener is. Ours.

use crate::settings::setting::{Bearing, Check, Kind, Reach, Setting};

pub(super) const SETTING: Setting = Setting {
    name: "milena.registry.address",
    kind: Kind::Text,
    default: None,
    check: Check::Any,
    reach: Reach::AtStart,
    fallbacks: &[],
    prose: "The address of the schema registry's own listener, so that a client that knows only the Kafka address finds the registry where the common HTTP listener is off.",
    bearing: Bearing::Honoured { since: "0.1.0" },
};
