//! Many records on their way at once: reading goes on while those before it are acknowledged, and what ends it is told with the
//! number of the first record that was not.

use std::collections::VecDeque;

use milena_client::{Delivery, Error, Placed, Result as Sending};

use crate::{
    failure::{Failure, Kind},
    screen::counted,
};

/// Records under way; reading goes on while they are acknowledged, and memory stays bounded.
const WINDOW: usize = 10_000;

/// Where records come from, and what is done with each.
pub(crate) trait Work {
    type Item;
    /// What is remembered of a record until it is acknowledged.
    type Note;

    /// The next one. May be dropped at any await, and loses nothing then.
    async fn next(&mut self) -> Result<Option<Self::Item>, Failure>;
    /// Makes a record of it, and sends it on its way.
    async fn send(&mut self, item: Self::Item) -> Result<(Delivery, Self::Note), Failure>;
    /// It is acknowledged.
    async fn placed(&mut self, placed: Placed, note: Self::Note) -> Result<(), Failure>;
    fn progress(&mut self) -> &mut Progress;
}

/// A record on its way, and which of all it is, from 1.
struct Sent<N> {
    delivery: Delivery,
    note: N,
    number: u64,
}

/// What cannot be read, made or written ends the reading; what left before that is waited for, so that it is counted.
pub(crate) async fn send_all<W: Work>(work: &mut W) -> Result<(), Failure> {
    let mut under_way: VecDeque<Sent<W::Note>> = VecDeque::new();
    let mut more = true;
    while more || !under_way.is_empty() {
        tokio::select! {
            biased;
            fate = front(&mut under_way), if !under_way.is_empty() => {
                let Some(sent) = under_way.pop_front() else { continue };
                match fate {
                    Ok(placed) => {
                        work.progress().acknowledged += 1;
                        work.placed(placed, sent.note).await?;
                    }
                    Err(error) => {
                        more = false;
                        work.progress().refused(sent.number, error)?;
                    }
                }
            }
            next = work.next(), if more && under_way.len() < WINDOW => match next {
                Ok(None) => more = false,
                Ok(Some(item)) => {
                    work.progress().taken += 1;
                    let number = work.progress().taken;
                    match work.send(item).await {
                        Ok((delivery, note)) => under_way.push_back(Sent { delivery, note, number }),
                        Err(failure) => {
                            more = false;
                            work.progress().unsent(failure)?;
                        }
                    }
                }
                Err(failure) => {
                    more = false;
                    work.progress().unread(failure);
                }
            }
        }
    }
    work.progress().stopped()
}

/// The fate of the oldest record under way.
async fn front<N>(under_way: &mut VecDeque<Sent<N>>) -> Sending<Placed> {
    match under_way.front_mut() {
        Some(sent) => (&mut sent.delivery).await,
        None => std::future::pending().await,
    }
}

/// How far it came.
pub(crate) struct Progress {
    /// What one is called: message, record.
    what: &'static str,
    /// Read so far.
    pub(crate) taken: u64,
    pub(crate) acknowledged: u64,
    stop: Option<Stop>,
}

/// What ended the writing before the input's end.
struct Stop {
    failure: Failure,
    /// Which record was refused; `None` where it was never sent.
    number: Option<u64>,
    /// Acknowledged in front of it.
    before: u64,
    /// That are known not to be written: what was refused, and what was read but not sent.
    unwritten: u64,
    /// Nobody answered in time, rather than with a refusal.
    silent: bool,
}

impl Progress {
    pub(crate) fn new(what: &'static str) -> Self {
        Self { what, taken: 0, acknowledged: 0, stop: None }
    }

    /// A record was not taken. Without a connection nothing more is to be heard; else the fates of those behind it are.
    fn refused(&mut self, number: u64, error: Error) -> Result<(), Failure> {
        // Of what was not answered in time nobody knows.
        let silent = matches!(error, Error::Expired { .. }) || error.is_connection();
        let failure = Failure::from(error);
        if self.stop.is_none() && failure.kind() == Kind::Unreachable {
            return Err(failure);
        }
        let unwritten = self.stop.as_ref().map_or(0, |stop| stop.unwritten) + u64::from(!silent);
        match &mut self.stop {
            Some(stop) if stop.number.is_some() => stop.unwritten = unwritten,
            // It stands in front of what could not be read or sent, so it is the first hole.
            stop => *stop = Some(Stop { failure, number: Some(number), before: self.acknowledged, unwritten, silent }),
        }
        Ok(())
    }

    /// What was read could not be made into a record, or not be sent. Without a connection that is the end of all.
    fn unsent(&mut self, failure: Failure) -> Result<(), Failure> {
        if failure.kind() == Kind::Unreachable {
            return Err(failure);
        }
        self.stop.get_or_insert(Stop { failure, number: None, before: 0, unwritten: 1, silent: false });
        Ok(())
    }

    /// The input could not be read on.
    fn unread(&mut self, failure: Failure) {
        self.stop.get_or_insert(Stop { failure, number: None, before: 0, unwritten: 0, silent: false });
    }

    /// The failure that ended it, once all fates are known. How it is told is [`Self::spoilt`]'s.
    fn stopped(&self) -> Result<(), Failure> {
        match &self.stop {
            Some(stop) => Err(stop.failure.clone()),
            None => Ok(()),
        }
    }

    /// A failure, told with how far it came. `again` says how one goes on from the record of a number, where records on their way
    /// were not acknowledged.
    pub(crate) fn spoilt(&self, failure: Failure, again: impl Fn(u64) -> Option<String>) -> Failure {
        if failure.kind() == Kind::Unheard || (self.taken <= 1 && self.acknowledged == 0) {
            return failure;
        }
        let (told, first) = match &self.stop {
            // Fates are awaited in order, so everything in front of the first without one is written.
            None => {
                let unknown = self.taken.saturating_sub(self.acknowledged);
                let words =
                    format!("connection lost after {}; {unknown} not known to be written", self.words_of(self.acknowledged));
                (Failure::new(failure.kind(), words).why(failure.what()), Some(self.acknowledged + 1))
            }
            Some(stop) => (failure.within(self.words(stop)), stop.number),
        };
        match first.and_then(again) {
            Some(fix) => told.fix(fix),
            None => told,
        }
    }

    /// Whether a failure is the connection's, so that nothing is known of what was on its way.
    pub(crate) fn is_lost(&self) -> bool {
        self.stop.is_none()
    }

    fn words_of(&self, n: u64) -> String {
        counted(i64::try_from(n).unwrap_or(i64::MAX), &format!("acknowledged {}", self.what))
    }

    /// How many are written, which is not, and of how many nobody knows.
    fn words(&self, stop: &Stop) -> String {
        let unknown = self.taken.saturating_sub(self.acknowledged + stop.unwritten);
        let mut words = match stop.number {
            None => format!("stopped after {}", self.words_of(self.acknowledged)),
            Some(number) => {
                let more = match self.acknowledged - stop.before {
                    0 => String::new(),
                    n => format!(", and {n} behind it written"),
                };
                let fate = if stop.silent { "not acknowledged" } else { "refused" };
                format!("stopped after {}; {} {number} was {fate}{more}", self.words_of(stop.before), self.what)
            }
        };
        if unknown > 0 {
            words += &format!("; {unknown} not known to be written");
        }
        words
    }
}

#[cfg(test)]
mod tests {
    use milena_client::wire::ErrorCode;

    use super::*;

    #[test]
    fn how_far_it_came_is_told_without_claims() {
        let told = |number, before, unwritten, acknowledged, taken| {
            let failure = Failure::new(Kind::Failed, "x");
            let stop = Stop { failure, number, before, unwritten, silent: unwritten == 0 };
            Progress { what: "message", taken, acknowledged, stop: None }.words(&stop)
        };
        assert_eq!(
            told(Some(2), 1, 0, 1, 3),
            "stopped after 1 acknowledged message; message 2 was not acknowledged; 2 not known to be written"
        );
        assert_eq!(told(None, 0, 1, 5, 6), "stopped after 5 acknowledged messages");
        assert_eq!(told(Some(2), 1, 1, 1, 2), "stopped after 1 acknowledged message; message 2 was refused");
        assert_eq!(
            told(Some(2), 1, 1, 3, 6),
            "stopped after 1 acknowledged message; message 2 was refused, and 2 behind it written; 2 not known to be written"
        );
    }

    #[test]
    fn the_first_hole_is_told_although_the_input_broke_off_before_it_was_known() {
        let mut progress = Progress { taken: 9, acknowledged: 4, ..Progress::new("record") };
        progress.unsent(Failure::new(Kind::Failed, "record 9 has no key")).unwrap();
        progress.refused(5, Error::server(ErrorCode(10), "t/0", None)).unwrap();
        progress.acknowledged += 3;
        let failure = progress.stopped().unwrap_err();
        let told = progress.spoilt(failure, |first| Some(format!("from {first}"))).to_string();
        assert!(told.contains("after 4 acknowledged records; record 5 was refused, and 3 behind it written\n"), "{told}");
        assert!(told.contains("fix:  from 5"), "{told}");
    }
}
