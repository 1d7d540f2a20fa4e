//! Errors on their way out: what an answer tells that went wrong is noted in the node's ring before the client reads it.
//!
//! Knows which errors are part of how the protocol works. Costs a request that succeeds nothing but a look at its codes.

use std::net::{IpAddr, SocketAddr};

use milena_node::{Node, errors::Told};
use milena_wire::{ErrorCode, Message, Place, Request};

use crate::peer::{Door, Peer};

/// Places of one answer that are noted apart. One request about a thousand topics must not push out everything else.
const NAMED: usize = 16;

/// The errors of one answer, on their way into the ring.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    noted: usize,
    /// The last code of those that are not noted apart, and how many they are.
    more: Option<(ErrorCode, u64)>,
}

impl Notes {
    pub(crate) fn add(&mut self, peer: &Peer, key: i16, place: Place<'_>, code: ErrorCode, words: Option<&str>) {
        if self.noted == NAMED {
            return self.more = Some((code, self.more.map_or(1, |(_, times)| times + 1)));
        }
        self.noted += 1;
        note(peer, key, subject(place), (code, words), 1);
    }

    /// Those that were not noted apart become one event.
    pub(crate) fn end(self, peer: &Peer, key: i16) {
        if let Some((code, times)) = self.more {
            note(peer, key, format!("{times} more in one request"), (code, None), times);
        }
    }
}

/// Notes every error of an answer. `request` is read again only if there is one that does not say what it is about.
pub(crate) fn answered<Q: Request>(peer: &Peer, request: impl Fn() -> Option<Q>, response: &Q::Response) {
    let (mut notes, mut about) = (Notes::default(), None);
    response.errors(&mut |place, code, words| {
        if notes.noted == NAMED || place.name.is_some() || !place.id.is_nil() {
            return notes.add(peer, Q::KEY, place, ErrorCode(code), words);
        }
        let about = about.get_or_insert_with(|| request().and_then(|r| r.subject().map(ToOwned::to_owned)).unwrap_or_default());
        notes.add(peer, Q::KEY, Place { name: Some(about), ..place }, ErrorCode(code), words);
    });
    notes.end(peer, Q::KEY);
}

/// Notes the error of an answer that is written by hand.
pub(crate) fn one(peer: &Peer, key: i16, code: ErrorCode) {
    note(peer, key, String::new(), (code, None), 1);
}

fn subject(place: Place<'_>) -> String {
    let named = match place.name {
        Some(name) if !name.is_empty() => name.to_owned(),
        _ if !place.id.is_nil() => place.id.to_string(),
        _ => return String::new(),
    };
    match place.index {
        Some(index) => format!("{named}/{index}"),
        None => named,
    }
}

fn note(peer: &Peer, key: i16, subject: String, (code, words): (ErrorCode, Option<&str>), times: u64) {
    let told = Told {
        door: "kafka",
        api: milena_wire::api(key).map_or("unknown", |api| api.name).to_owned(),
        code: code.name().to_owned(),
        client: peer.client().to_owned(),
        address: peer.remote.ip().to_canonical(),
        principal: "ANONYMOUS",
        subject,
        cause: words.unwrap_or(code.words()).to_owned(),
        expected: is_expected(key, code),
    };
    put(peer.node(), told, times);
}

/// Notes that a connection was ended from this side.
pub(crate) fn closed(door: &Door, remote: SocketAddr, client: &str, why: String, expected: bool) {
    put(&door.node, ended(remote.ip(), client, "CONNECTION_CLOSED", why, expected), 1);
}

/// Notes that a connection was not let in.
pub(crate) fn not_admitted(door: &Door, ip: IpAddr, limit: &str) {
    put(&door.node, ended(ip, "", "CONNECTION_REFUSED", format!("{limit} is reached"), false), 1);
}

fn ended(ip: IpAddr, client: &str, code: &str, cause: String, expected: bool) -> Told {
    Told {
        door: "kafka",
        api: "connection".into(),
        code: code.into(),
        client: client.into(),
        address: ip.to_canonical(),
        principal: "ANONYMOUS",
        subject: String::new(),
        cause,
        expected,
    }
}

fn put(node: &Node, told: Told, times: u64) {
    tracing::debug!(
        api = told.api,
        code = told.code,
        client = told.client,
        address = %told.address,
        subject = told.subject,
        expected = told.expected,
        "{}",
        told.cause
    );
    node.errors().note(node.now().wall, told, times);
}

/// Errors by which the protocol works: a first join, a rebalance, a session that was forgotten, a newer client stepping down.
fn is_expected(key: i16, code: ErrorCode) -> bool {
    match code {
        ErrorCode::MEMBER_ID_REQUIRED
        | ErrorCode::REBALANCE_IN_PROGRESS
        | ErrorCode::NOT_COORDINATOR
        | ErrorCode::COORDINATOR_NOT_AVAILABLE
        | ErrorCode::COORDINATOR_LOAD_IN_PROGRESS
        | ErrorCode::FETCH_SESSION_ID_NOT_FOUND
        | ErrorCode::INVALID_FETCH_SESSION_EPOCH
        | ErrorCode::LEADER_NOT_AVAILABLE
        | ErrorCode::NOT_LEADER_OR_FOLLOWER
        | ErrorCode::CONCURRENT_TRANSACTIONS
        | ErrorCode::UNSTABLE_OFFSET_COMMIT => true,
        ErrorCode::UNSUPPORTED_VERSION => key == 18,
        _ => false,
    }
}
