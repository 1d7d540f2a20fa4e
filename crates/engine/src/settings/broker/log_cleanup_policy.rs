//! What may make records go away when a topic does not say so.

use crate::settings::setting::{Bearing, Check, Kind, Reach, Setting};

pub(super) const SETTING: Setting = Setting {
    name: "log.cleanup.policy",
    kind: Kind::List,
    default: Some("delete"),
    check: Check::Each(&["compact", "delete"]),
    reach: Reach::Cluster,
    fallbacks: &[],
    prose: "The cleanup.policy of topics that set none of their own.",
    bearing: Bearing::Honoured { since: "0.1.0" },
};
