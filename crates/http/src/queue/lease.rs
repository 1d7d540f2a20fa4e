//! A lease as a token: which record, which delivery, until when, signed with the group's own secret. Any call may bring it,
//! to any broker, after any restart; nobody can make one, and one of another group is none.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
use hmac::{Hmac, KeyInit, Mac};
use milena_node::engine::{
    ids::{TopicId, Uuid},
    share::{At, KEY_LEN, Lease as Judged},
};
use sha2::Sha256;

/// 2 says when the group began.
const VERSION: u8 = 2;
/// Version, topic, partition, offset, delivery, life, grant, begin, expiry.
const FIXED: usize = 1 + 16 + 4 + 8 + 2 + 8 + 4 + 8 + 8;
/// Bytes of the signature that are kept.
const TAG: usize = 16;
/// Longer names of groups have no leases.
pub(super) const GROUP_MAX: usize = 255;

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Lease {
    pub(super) group: String,
    pub(super) at: At,
    pub(super) offset: i64,
    pub(super) delivery: u16,
    /// Which life of the broker gave it.
    pub(super) life: u64,
    pub(super) grant: u32,
    /// When the group began with the partition, in wall-clock milliseconds: a reset ends what was given before it.
    pub(super) since: i64,
    /// Wall-clock milliseconds.
    pub(super) expires: i64,
}

impl Lease {
    pub(super) fn sign(&self, key: &[u8; KEY_LEN]) -> String {
        let mut bytes = self.bytes();
        let tag = tag(key, &bytes);
        bytes.extend_from_slice(&tag);
        BASE64.encode(bytes)
    }

    /// What the token says of itself; nothing of it is true before its signature was verified.
    pub(super) fn read(token: &str) -> Option<Unverified> {
        if token.len() > 2 * (FIXED + GROUP_MAX + TAG) {
            return None;
        }
        let bytes = BASE64.decode(token).ok()?;
        let (signed, tag) = bytes.split_at_checked(bytes.len().checked_sub(TAG)?)?;
        let (fixed, group) = signed.split_at_checked(FIXED)?;
        let at = |from: usize| fixed.get(from..);
        let lease = Lease {
            group: std::str::from_utf8(group).ok()?.to_owned(),
            at: At { topic: TopicId(Uuid::from_slice(fixed.get(1..17)?).ok()?), partition: i32::from_be_bytes(take(at(17)?)?) },
            offset: i64::from_be_bytes(take(at(21)?)?),
            delivery: u16::from_be_bytes(take(at(29)?)?),
            life: u64::from_be_bytes(take(at(31)?)?),
            grant: u32::from_be_bytes(take(at(39)?)?),
            since: i64::from_be_bytes(take(at(43)?)?),
            expires: i64::from_be_bytes(take(at(51)?)?),
        };
        let sane = fixed[0] == VERSION && lease.offset >= 0 && lease.offset < i64::MAX / 2;
        sane.then(|| Unverified { lease, signed: signed.to_vec(), tag: tag.to_vec() })
    }

    fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(FIXED + self.group.len() + TAG);
        bytes.push(VERSION);
        bytes.extend_from_slice(self.at.topic.0.as_bytes());
        bytes.extend_from_slice(&self.at.partition.to_be_bytes());
        bytes.extend_from_slice(&self.offset.to_be_bytes());
        bytes.extend_from_slice(&self.delivery.to_be_bytes());
        bytes.extend_from_slice(&self.life.to_be_bytes());
        bytes.extend_from_slice(&self.grant.to_be_bytes());
        bytes.extend_from_slice(&self.since.to_be_bytes());
        bytes.extend_from_slice(&self.expires.to_be_bytes());
        bytes.extend_from_slice(self.group.as_bytes());
        bytes
    }

    /// In the engine's words. `None`: it was given in another life, and its time is over.
    pub(super) fn judged(&self, life: u64, now: i64) -> Option<Judged> {
        let (here, runs) = (self.life == life, now < self.expires);
        let Self { at, offset, delivery, since, .. } = *self;
        (here || runs).then(|| Judged { at, offset, delivery, grant: here.then_some(self.grant), since, runs, key: None })
    }
}

/// A token that was read and not believed yet.
pub(super) struct Unverified {
    lease: Lease,
    signed: Vec<u8>,
    tag: Vec<u8>,
}

impl Unverified {
    /// Whose secret it wants to be signed with.
    pub(super) fn group(&self) -> &str {
        &self.lease.group
    }
    pub(super) fn verify(&self, key: &[u8; KEY_LEN]) -> Option<Lease> {
        mac(key, &self.signed).verify_truncated_left(&self.tag).ok().map(|()| self.lease.clone())
    }
}

fn mac(key: &[u8; KEY_LEN], bytes: &[u8]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap_or_else(|_| unreachable!("a key may have any length"));
    mac.update(bytes);
    mac
}

fn tag(key: &[u8; KEY_LEN], bytes: &[u8]) -> [u8; TAG] {
    let whole = mac(key, bytes).finalize().into_bytes();
    let mut tag = [0; TAG];
    tag.copy_from_slice(&whole[..TAG]);
    tag
}

fn take<const N: usize>(bytes: &[u8]) -> Option<[u8; N]> {
    bytes.first_chunk().copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; KEY_LEN] = [7; KEY_LEN];

    fn lease() -> Lease {
        let at = At { topic: TopicId(Uuid::from_u128(9)), partition: 3 };
        Lease { group: "g".into(), at, offset: 42, delivery: 2, life: 5, grant: 6, since: 77, expires: 1_000 }
    }

    #[test]
    fn what_was_signed_is_read() {
        let read = Lease::read(&lease().sign(&KEY)).expect("a token");
        assert_eq!(read.group(), "g");
        assert_eq!(read.verify(&KEY), Some(lease()));
    }

    #[test]
    fn forged_cut_and_foreign_tokens_are_none() {
        let token = lease().sign(&KEY);
        assert!(Lease::read(&token).unwrap().verify(&[8; KEY_LEN]).is_none(), "another group's secret");
        let bytes = BASE64.decode(&token).unwrap();
        for at in 0..bytes.len() {
            let mut forged = bytes.clone();
            forged[at] ^= 1;
            let read = Lease::read(&BASE64.encode(&forged)).and_then(|read| read.verify(&KEY));
            assert!(read.is_none(), "byte {at}");
            let cut = Lease::read(&BASE64.encode(&bytes[..at])).and_then(|read| read.verify(&KEY));
            assert!(cut.is_none(), "cut at {at}");
        }
        for text in ["", "!", &"A".repeat(100_000)] {
            assert!(Lease::read(text).is_none());
        }
    }

    #[test]
    fn a_lease_of_another_life_counts_until_its_time_is_over() {
        assert_eq!(lease().judged(5, 9_999).unwrap().grant, Some(6));
        assert_eq!(lease().judged(8, 999).unwrap().grant, None);
        assert_eq!(lease().judged(8, 1_000), None);
    }
}
