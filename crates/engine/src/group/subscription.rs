//! The one thing that a group reads of its members' metadata: which topics a consumer subscribes to (KIP-496 refuses to
//! forget positions of those). The layout is the consumer protocol's: a version, then names.

use std::{collections::BTreeSet, sync::Arc};

use super::Blob;

/// The protocol type of consumers; others keep their metadata to themselves.
pub(super) const CONSUMER: &str = "consumer";

/// Every topic that any of `members` reads, or `None` when they are no consumers or one cannot be understood.
pub(super) fn topics(protocol_type: &str, members: impl Iterator<Item = Blob>) -> Option<Arc<BTreeSet<String>>> {
    if protocol_type != CONSUMER {
        return None;
    }
    let mut all = BTreeSet::new();
    for metadata in members {
        all.extend(parse(&metadata)?);
    }
    Some(Arc::new(all))
}

fn parse(metadata: &[u8]) -> Option<Vec<String>> {
    let (version, rest) = metadata.split_first_chunk::<2>()?;
    if i16::from_be_bytes(*version) < 0 {
        return None;
    }
    let (count, mut rest) = rest.split_first_chunk::<4>()?;
    let count = usize::try_from(i32::from_be_bytes(*count)).ok()?;
    // Each name takes two bytes of length at least.
    let mut names = Vec::with_capacity(count.min(rest.len() / 2));
    for _ in 0..count {
        let (len, after) = rest.split_first_chunk::<2>()?;
        let (name, after) = after.split_at_checked(usize::try_from(i16::from_be_bytes(*len)).ok()?)?;
        names.push(String::from_utf8(name.to_vec()).ok()?);
        rest = after;
    }
    Some(names)
}
