//! Share sessions (KIP-932): which partitions a member of a share group reads on a connection, so that it need not say it
//! again. Pure protocol state; a session's end is told to the group by whoever ends it.

use std::collections::{HashMap, HashSet};

use milena_wire::Uuid;

/// As `group.share.max.share.sessions` of Kafka.
const SESSIONS_MAX: usize = 2_000;
/// Partitions of one session: what `limits::SHARE_PARTITIONS_MAX` lets a group begin with.
const PARTITIONS_MAX: usize = 10_000;
/// Partitions of all sessions together: sixty megabytes.
const PLACES_MAX: usize = 1_000_000;

/// Begins a session.
pub(crate) const INITIAL: i32 = 0;
/// Ends it.
pub(crate) const FINAL: i32 = -1;

/// Group and member.
pub(crate) type Name = (Box<str>, Box<str>);

/// A partition as share requests name it.
pub(crate) type Place = (Uuid, i32);

#[derive(Debug)]
struct Session {
    /// The connection that it lives on.
    home: u64,
    next_epoch: i32,
    places: Vec<Place>,
    /// The same, to find one among thousands.
    known: HashSet<Place>,
    /// Whose turn it is to be read first.
    turn: usize,
}

/// Why a request is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Refusal {
    /// SHARE_SESSION_NOT_FOUND (122).
    NotFound,
    /// INVALID_SHARE_SESSION_EPOCH (123).
    BadEpoch,
    /// SHARE_SESSION_LIMIT_REACHED (133).
    TooMany,
}

/// What a fetch has to look at, in order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Turn {
    pub(crate) places: Vec<Place>,
    /// The session is new, so that everything is told.
    pub(crate) all: bool,
}

/// All share sessions of the node.
#[derive(Debug, Default)]
pub(crate) struct ShareSessions {
    sessions: HashMap<Name, Session>,
    /// Partitions of all of them.
    places: usize,
}

impl ShareSessions {
    /// A fetch: begins a session or goes on with it. `added` and `forgotten` change what it reads.
    pub(crate) fn fetch(
        &mut self,
        name: &Name,
        home: u64,
        epoch: i32,
        added: Vec<Place>,
        forgotten: &[Place],
    ) -> Result<Turn, Refusal> {
        let room = self.places + added.len() <= PLACES_MAX;
        if epoch == INITIAL {
            if !room || (!self.sessions.contains_key(name) && self.sessions.len() >= SESSIONS_MAX) {
                return Err(Refusal::TooMany);
            }
            self.end(name, None);
            let mut session = Session { home, next_epoch: 1, places: Vec::new(), known: HashSet::new(), turn: 0 };
            session.update(added, &[]);
            let turn = Turn { places: session.places.clone(), all: true };
            self.places += session.places.len();
            self.sessions.insert(name.clone(), session);
            return Ok(turn);
        }
        let session = go_on(&mut self.sessions, name, epoch)?;
        if epoch == FINAL {
            return Ok(Turn { places: Vec::new(), all: false });
        }
        if !room {
            return Err(Refusal::TooMany);
        }
        session.home = home;
        let before = session.places.len();
        session.update(added, forgotten);
        self.places = self.places - before + session.places.len();
        Ok(session.turn())
    }

    /// An acknowledgement: only goes on with a session.
    pub(crate) fn acknowledge(&mut self, name: &Name, epoch: i32) -> Result<(), Refusal> {
        if epoch == INITIAL {
            return Err(Refusal::BadEpoch);
        }
        go_on(&mut self.sessions, name, epoch).map(|_| ())
    }

    /// Ends a session. Answers whether there was one; of `home` only, if that is given.
    pub(crate) fn end(&mut self, name: &Name, home: Option<u64>) -> bool {
        let theirs = self.sessions.get(name).is_some_and(|session| home.is_none_or(|home| session.home == home));
        let ended = if theirs { self.sessions.remove(name) } else { None };
        self.places -= ended.as_ref().map_or(0, |session| session.places.len());
        ended.is_some()
    }
}

fn go_on<'a>(sessions: &'a mut HashMap<Name, Session>, name: &Name, epoch: i32) -> Result<&'a mut Session, Refusal> {
    let session = sessions.get_mut(name).ok_or(Refusal::NotFound)?;
    if epoch != FINAL {
        if session.next_epoch != epoch {
            return Err(Refusal::BadEpoch);
        }
        session.next_epoch = if epoch == i32::MAX { 1 } else { epoch + 1 };
    }
    Ok(session)
}

impl Session {
    fn update(&mut self, added: Vec<Place>, forgotten: &[Place]) {
        if !forgotten.is_empty() {
            let known = &mut self.known;
            forgotten.iter().for_each(|place| {
                known.remove(place);
            });
            self.places.retain(|place| known.contains(place));
        }
        for place in added {
            if self.places.len() < PARTITIONS_MAX && self.known.insert(place) {
                self.places.push(place);
            }
        }
    }

    /// Everything, beginning with another one each time: a busy partition must not starve those behind it.
    fn turn(&mut self) -> Turn {
        self.turn = self.turn.wrapping_add(1);
        let mut places = self.places.clone();
        if !places.is_empty() {
            let first = self.turn % places.len();
            places.rotate_left(first);
        }
        Turn { places, all: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(n: i32) -> Place {
        (Uuid::from_u128(1), n)
    }
    fn name() -> Name {
        ("g".into(), "m".into())
    }

    #[test]
    fn a_session_goes_on_by_epochs_and_takes_turns() {
        let mut sessions = ShareSessions::default();
        assert_eq!(sessions.fetch(&name(), 1, 1, vec![], &[]), Err(Refusal::NotFound));
        let all = sessions.fetch(&name(), 1, INITIAL, vec![place(0), place(1)], &[]).unwrap();
        assert_eq!((all.places.len(), all.all), (2, true));
        let first = sessions.fetch(&name(), 1, 1, vec![], &[]).unwrap().places[0];
        let second = sessions.fetch(&name(), 1, 2, vec![], &[]).unwrap().places[0];
        assert_ne!(first, second);
        assert_eq!(sessions.fetch(&name(), 1, 2, vec![], &[]), Err(Refusal::BadEpoch));
        assert_eq!(sessions.acknowledge(&name(), INITIAL), Err(Refusal::BadEpoch));
        assert_eq!(sessions.acknowledge(&name(), 3), Ok(()));
        let left = sessions.fetch(&name(), 1, 4, vec![place(2)], &[place(0), place(1)]).unwrap();
        assert_eq!(left.places, [place(2)]);
    }

    #[test]
    fn partitions_are_counted_over_all_sessions() {
        let mut sessions = ShareSessions::default();
        let many = || (0..PARTITIONS_MAX as i32).map(place).collect::<Vec<_>>();
        let named = |n: usize| -> Name { ("g".into(), n.to_string().into()) };
        for n in 0..PLACES_MAX / PARTITIONS_MAX {
            sessions.fetch(&named(n), 1, INITIAL, many(), &[]).unwrap();
        }
        assert_eq!(sessions.fetch(&name(), 1, INITIAL, vec![place(0)], &[]), Err(Refusal::TooMany));
        assert_eq!(sessions.fetch(&named(0), 1, 1, vec![place(0)], &[]), Err(Refusal::TooMany));
        sessions.fetch(&named(0), 1, 2, vec![], &many()).unwrap();
        assert!(sessions.end(&named(1), None));
        sessions.fetch(&name(), 1, INITIAL, many(), &[]).unwrap();
        assert_eq!(sessions.places, PLACES_MAX - PARTITIONS_MAX);
    }

    #[test]
    fn a_connection_ends_only_its_own_sessions() {
        let mut sessions = ShareSessions::default();
        sessions.fetch(&name(), 1, INITIAL, vec![], &[]).unwrap();
        sessions.fetch(&name(), 2, INITIAL, vec![], &[]).unwrap();
        assert!(!sessions.end(&name(), Some(1)));
        assert!(sessions.end(&name(), Some(2)) && !sessions.end(&name(), None));
    }

    #[test]
    fn there_is_room_for_so_many() {
        let mut sessions = ShareSessions::default();
        for n in 0..SESSIONS_MAX {
            sessions.fetch(&("g".into(), n.to_string().into()), 1, INITIAL, vec![], &[]).unwrap();
        }
        assert_eq!(sessions.fetch(&name(), 1, INITIAL, vec![], &[]), Err(Refusal::TooMany));
    }
}
