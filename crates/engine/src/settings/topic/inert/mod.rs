//! Topic settings that change nothing here: a table a reason. A test holds that each has words and that Kafka's list is complete.

mod codec_levels;
mod compaction;
mod files;
mod replication;
mod tiering;

use crate::settings::setting::Setting;

/// All of them.
pub(super) fn all() -> impl Iterator<Item = &'static Setting> {
    [codec_levels::SETTINGS, compaction::SETTINGS, files::SETTINGS, replication::SETTINGS, tiering::SETTINGS]
        .into_iter()
        .flatten()
}
