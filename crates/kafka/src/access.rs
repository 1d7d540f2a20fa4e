//! What a client may do, as bits of Kafka's ACL operations. Until logins exist everybody may do everything, and who asks about the
//! rules is told what Apache Kafka tells without an authorizer.

use milena_wire::{ErrorCode, Text};

/// Bit `n` stands for the operation with code `n` (KIP-430).
const fn bits(operations: &[u32]) -> i32 {
    let (mut bits, mut at) = (0, 0);
    while at < operations.len() {
        bits |= 1 << operations[at];
        at += 1;
    }
    bits
}

const READ: u32 = 3;
const WRITE: u32 = 4;
const CREATE: u32 = 5;
const DELETE: u32 = 6;
const ALTER: u32 = 7;
const DESCRIBE: u32 = 8;
const CLUSTER_ACTION: u32 = 9;
const DESCRIBE_CONFIGS: u32 = 10;
const ALTER_CONFIGS: u32 = 11;
const IDEMPOTENT_WRITE: u32 = 12;

pub(crate) const TOPIC: i32 = bits(&[READ, WRITE, CREATE, DELETE, ALTER, DESCRIBE, DESCRIBE_CONFIGS, ALTER_CONFIGS]);
pub(crate) const CLUSTER: i32 =
    bits(&[CREATE, ALTER, DESCRIBE, CLUSTER_ACTION, DESCRIBE_CONFIGS, ALTER_CONFIGS, IDEMPOTENT_WRITE]);
pub(crate) const GROUP: i32 = bits(&[READ, DELETE, DESCRIBE, DESCRIBE_CONFIGS, ALTER_CONFIGS]);

/// Error code and words for whoever asks about access rules.
pub(crate) fn no_rules() -> (i16, Option<Text>) {
    (ErrorCode::SECURITY_DISABLED.into(), Some(Text::from_static("No Authorizer is configured.")))
}

/// The field of an answer: the operations if they were asked for, else the value that says they were not.
pub(crate) fn told(asked: bool, operations: i32) -> i32 {
    if asked { operations } else { i32::MIN }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_bits_are_those_that_kafka_answers() {
        assert_eq!((super::TOPIC, super::CLUSTER, super::GROUP), (3576, 8096, 3400));
        assert_eq!(super::told(false, super::TOPIC), i32::MIN);
    }
}
