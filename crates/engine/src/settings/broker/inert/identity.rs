//! What the broker is and where it listens: reported as it was started.

use crate::settings::setting::{Check, Kind, Reach, Setting, reported};

const WHY: &str =
    "Says how this broker was started; the command line and milena.toml decide it, and changing it takes a restart.";

#[rustfmt::skip]
pub(super) const SETTINGS: &[Setting] = &[
    reported(WHY, "node.id", Kind::Int, None, Reach::AtStart, Check::AtLeast(0), "The number of this broker."),
    reported(WHY, "broker.id", Kind::Int, Some("-1"), Reach::AtStart, Check::Any, "The number of this broker, under its older name."),
    reported(WHY, "broker.rack", Kind::Text, None, Reach::AtStart, Check::Any, "The failure domain that this broker stands in; there is one broker, so nothing is spread over racks."),
    reported(WHY, "listeners", Kind::List, Some("PLAINTEXT://:9092"), Reach::Broker, Check::Any, "The addresses on which this broker accepts Kafka connections."),
    reported(WHY, "advertised.listeners", Kind::List, None, Reach::AtStart, Check::Any, "The addresses that clients are told. With automatic advertising each connection is told the address it dialled."),
    reported(WHY, "listener.security.protocol.map", Kind::Text, Some("SASL_SSL:SASL_SSL,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT"), Reach::Broker, Check::Any, "Which security protocol each listener name stands for."),
    reported(WHY, "early.start.listeners", Kind::List, None, Reach::AtStart, Check::Any, "Listeners that accept connections before the broker is ready; here none does."),
    reported(WHY, "inter.broker.listener.name", Kind::Text, None, Reach::AtStart, Check::Any, "The listener over which brokers would talk to each other."),
    reported(WHY, "controller.listener.names", Kind::List, None, Reach::AtStart, Check::Any, "The listeners that a controller would use."),
    reported(WHY, "process.roles", Kind::List, None, Reach::AtStart, Check::Each(&["broker", "controller"]), "The roles of this process: it is broker and controller in one."),
    reported(WHY, "log.dir", Kind::List, Some("/tmp/kafka-logs"), Reach::AtStart, Check::Any, "The data directory, when only one is named."),
    reported(WHY, "log.dirs", Kind::List, None, Reach::AtStart, Check::Any, "The data directory."),
    reported(WHY, "metadata.log.dir", Kind::Text, None, Reach::AtStart, Check::Any, "Where metadata would be kept; here it is in the same log as everything else."),
];
