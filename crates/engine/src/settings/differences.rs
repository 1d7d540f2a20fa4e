//! Defaults that differ from Kafka's on purpose, in one place. A test holds that there are no others.

/// One default that is not Kafka's.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Difference {
    pub name: &'static str,
    /// What Apache Kafka has (4.3.1 unless the reason names another); set this to get its behaviour.
    pub kafka: &'static str,
    pub ours: &'static str,
    pub because: &'static str,
}

/// All of them.
pub const DIFFERENCES: &[Difference] = &[
    Difference {
        name: "retention.ms",
        kafka: "604800000",
        ours: "-1",
        because: "Nothing unread may vanish by itself: topics keep their data until somebody says how long.",
    },
    Difference {
        name: "log.retention.hours",
        kafka: "168",
        ours: "-1",
        because: "It is where topics get that default from; minutes and milliseconds are unset, as in Kafka.",
    },
    Difference {
        name: "group.initial.rebalance.delay.ms",
        kafka: "3000",
        ours: "0",
        because: "A group of one consumer should read at once; a second one costs one short rebalance.",
    },
    Difference {
        name: "share.auto.offset.reset",
        kafka: "latest",
        ours: "earliest",
        because: "A queue that drops what was sent before its first worker came is no queue.",
    },
    Difference {
        name: "errors.deadletterqueue.copy.record.enable",
        kafka: "false",
        ours: "true",
        because: "A letter that only names its record is worth nothing once retention took the record. (Apache Kafka 4.4.)",
    },
    Difference {
        name: "errors.deadletterqueue.auto.create.topics.enable",
        kafka: "false",
        ours: "true",
        because: "A record that nobody could work on is kept without having been asked to. (Apache Kafka 4.4.)",
    },
    Difference {
        name: "errors.deadletterqueue.group.enable",
        kafka: "false",
        ours: "true",
        because: "Likewise; `false` on a topic keeps letters out of it. (Apache Kafka 4.4.)",
    },
    Difference {
        name: "offsets.retention.minutes",
        kafka: "10080",
        ours: "2147483647",
        because: "A job that runs once a month must find its position. Kafka's range has no word for never, so the largest \
                  number, four thousand years, means it: tools that read and write settings back stay within the range.",
    },
];
