//! Every bound of the engine's nouns, each with the sentence that justifies it. Settings are not limits: nobody tunes these.

/// Partitions that one request may create. Apache Kafka's controller refuses more ("Excessively large number of partitions per request.").
pub const PARTITIONS_A_REQUEST_MAX: usize = 10_000;
/// Partitions of all topics together, trash included: what the start-up and memory goals were measured for, times ten.
pub const PARTITIONS_MAX: usize = 1_000_000;
/// Groups that have a log of their own; as many as partitions, since a test that makes a group a run is as common as one that makes a topic.
pub const GROUPS_MAX: usize = 1_000_000;
/// Length of a topic's name, as in Kafka.
pub const TOPIC_NAME_BYTES_MAX: usize = 249;
/// Length of a group's name: a Kafka string holds at most this many bytes.
pub const GROUP_NAME_BYTES_MAX: usize = 32_767;
/// Groups and metrics subscriptions that carry settings of their own. They may exist without members, so nothing else bounds them.
pub const RESOURCES_WITH_SETTINGS_MAX: usize = 10_000;
/// Names and values of all those together: ordinary names take a hundred bytes each.
pub const RESOURCE_SETTINGS_BYTES_MAX: usize = 16 << 20;
/// Settings that one owner may carry; Kafka 4.3 lists about 40 for a topic and 250 for a broker.
pub const SETTINGS_AN_OWNER_MAX: usize = 1_024;
/// Length of a setting's name.
pub const SETTING_NAME_BYTES_MAX: usize = 255;
/// Length of a setting's value: lists of addresses or patterns are the longest that Kafka knows.
pub const SETTING_VALUE_BYTES_MAX: usize = 32_767;
/// Batches of one producer that a partition remembers. Clients keep at most five requests in flight; KIP-98 chose the same.
pub const PRODUCER_BATCHES: usize = 5;
/// Producers that one partition remembers (about 1.5 MB). Beyond it the one that was silent longest is forgotten,
/// as if its `producer.id.expiration.ms` had passed. Kafka has no bound here and can be filled up (KIP-936).
pub const PRODUCERS_A_PARTITION_MAX: usize = 10_000;
/// Leader epochs that a partition remembers. One is added by a restore or a loss, so even 256 is a long and sad history;
/// the oldest two are merged then.
pub const EPOCHS_A_PARTITION_MAX: usize = 256;
/// Producer ids taken from the log at once, as Kafka's controller hands them out.
pub const PRODUCER_ID_BLOCK: i64 = 1_000;
/// Writers (client id, address, principal) that can be looked up at a time (about 10 MB at worst with usual names).
pub const WRITERS_MAX: usize = 65_536;
/// Length of a writer's client id, address or principal; longer ones are cut, since this is for people to read.
pub const WRITER_FIELD_BYTES_MAX: usize = 255;
/// Milliseconds for which a deleted topic can be restored.
pub const TRASH_MS: i64 = 24 * 60 * 60 * 1_000;
/// Batches that one retention step looks at before it gives the thread back.
pub const RETENTION_STEP_BATCHES: usize = 4_096;
/// When the wall clock and the steady clock part by this much, nobody knows what time it is, and no space is freed.
pub const CLOCKS_PART_MS: i64 = 60_000;
/// Space is given back this long after its data expired, so that a wrong clock or a wrong setting can be noticed first.
pub const FREEING_TRAILS_MS: i64 = 10 * 60 * 1_000;
/// Members that stored bytes may claim for one group. `group.max.size` is what refuses them; this bounds what a reader believes.
pub const GROUP_MEMBERS_MAX: usize = 1_000_000;
/// Protocols that one member may offer. Consumers offer one to four assignors.
pub const MEMBER_PROTOCOLS_MAX: usize = 1_000;
/// Length of a member's id: a client's name (a Kafka string) and a number.
pub const MEMBER_NAME_BYTES_MAX: usize = GROUP_NAME_BYTES_MAX + 64;
/// What the members of one group may take together, metadata and assignments: the group is one entry of the log.
/// Kafka allows about 1 MiB (one record); 8 MiB is room for 10,000 members with long assignments.
pub const GROUP_BYTES_MAX: usize = 8 << 20;
/// Length of a note on a position, whatever `offset.metadata.max.bytes` says.
pub const POSITION_METADATA_BYTES_MAX: usize = 1 << 20;
/// Distinct commits of one partition that a group remembers, for rewinding. 16 covers a minute of auto-commit and costs 256 bytes.
pub const POSITION_HISTORY: usize = 16;
/// Milliseconds a member that has never been answered may wait for its first generation, as in Kafka: it cannot send heartbeats yet.
pub const NEW_MEMBER_JOIN_MS: i64 = 5 * 60 * 1_000;
/// Milliseconds that a group without members and positions is kept; Kafka looks for those every ten minutes.
pub const EMPTY_GROUP_MS: i64 = 10 * 60 * 1_000;
/// Partitions that one share group may have begun with: ten for each of the thousand topics of a large house.
pub const SHARE_PARTITIONS_MAX: usize = 10_000;
/// Runs that a share group keeps of one partition; beyond it only the first unfinished records are handed out, which makes room
/// when they are finished. 32 bytes each.
pub const SHARE_RUNS_MAX: usize = 2_000_000;
/// Records of one partition that may wait for their dead letters: each is remembered by itself. Where letters cannot be
/// written, nothing more is handed out beyond it.
pub const SHARE_LETTERS_MAX: i64 = 100_000;
/// Records of one partition that may rest before their next delivery: each is remembered by itself, with its own end. Nothing more
/// is handed out beyond it until some of them are due. 200 bytes each.
pub const SHARE_DELAYED_MAX: i64 = 100_000;
/// What stored bytes may claim of either: what was handed out at the bound ends all the same.
pub const SHARE_STORED_MAX: usize = 2 * SHARE_RUNS_MAX;
/// Runs of finished records whose time and worker are kept of one partition, for receipts, and the least that is kept of one in a
/// group of many. 80 bytes each, and the names of the workers.
pub const SHARE_ENDS_MAX: usize = 256;
pub const SHARE_ENDS_MIN: usize = 16;
/// The same of all partitions of a group, as long as each has the least.
pub const SHARE_ENDS_OF_GROUP: usize = 128 * SHARE_ENDS_MAX;
/// Length of a reason given with a rejected message, for its dead letter.
pub const SHARE_REASON_BYTES_MAX: usize = 1_024;
/// The longest lock, also by renewal at a time: a week.
pub const SHARE_LOCK_MS_MAX: i64 = 7 * 24 * 60 * 60 * 1_000;
/// The most deliveries of one record.
pub const SHARE_DELIVERIES_MAX: i64 = 1_000;
/// Records handed out together once half of their deliveries have failed.
pub const SHARE_CAUTIOUS_RECORDS: i64 = 16;
/// Bytes of one answer that is kept for who asks again: where a few hundred messages went.
pub const ANSWER_BYTES_MAX: usize = 64 << 10;
/// Answers that are kept, and their bytes together. Beyond it the oldest go before their day is over.
pub const ANSWERS_MAX: usize = 200_000;
pub const ANSWERS_BYTES_MAX: usize = 32 << 20;
/// How long an answer is kept: a day.
pub const ANSWER_KEPT_MS: i64 = 24 * 60 * 60 * 1_000;
/// Consumer instances of the REST door. One is a few hundred bytes, and a job has one; who leaves them behind is bounded by this.
pub const INSTANCES_MAX: usize = 10_000;
/// What all instances together may take in memory: 6 kB each when there are as many as there may be, where a usual one takes one.
pub const INSTANCES_BYTES_MAX: usize = 64 << 20;
/// Topics, partitions, or bytes of a pattern that one instance may read.
pub const INSTANCE_READING_MAX: usize = 10_000;
/// Milliseconds of silence after which an instance may be forgotten when there are too many.
pub const INSTANCE_SILENT_MS: i64 = 24 * 60 * 60 * 1_000;
/// Length of the name that a client gives to a fetch, to have it repeated.
pub const FETCH_NAME_BYTES_MAX: usize = 128;
/// Lines of the expiry ledger. A reader that goes on missing records makes its line longer, so a thousand is a long history.
pub const UNREAD_LINES_MAX: usize = 1_000;
/// Groups that one line of the expiry ledger names; who has waited longest comes first.
pub const UNREAD_GROUPS_MAX: usize = 16;
