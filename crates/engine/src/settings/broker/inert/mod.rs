//! Broker settings that change nothing here: a table a reason. A test holds that each has words and that Kafka's list is complete.

mod codec_levels;
mod compaction;
mod consumer_groups;
mod coordination;
mod files;
mod identity;
mod oauth;
mod plugins;
mod quorum;
mod quotas;
pub(in crate::settings) mod replication;
mod sasl;
mod share_groups;
mod sockets;
mod streams_groups;
mod tiering;
mod tls;
mod transactions;

use crate::settings::setting::Setting;

/// All of them.
pub(super) fn all() -> impl Iterator<Item = &'static Setting> {
    [
        codec_levels::SETTINGS,
        compaction::SETTINGS,
        consumer_groups::SETTINGS,
        coordination::SETTINGS,
        files::SETTINGS,
        identity::SETTINGS,
        oauth::SETTINGS,
        plugins::SETTINGS,
        quorum::SETTINGS,
        quotas::SETTINGS,
        replication::SETTINGS,
        replication::THROTTLES,
        sasl::SETTINGS,
        share_groups::SETTINGS,
        sockets::SETTINGS,
        streams_groups::SETTINGS,
        tiering::SETTINGS,
        tls::SETTINGS,
        transactions::SETTINGS,
    ]
    .into_iter()
    .flatten()
}
