//! The life of one record: who wrote it, when it was stored, in what batch, when it goes, and how far groups, queues and REST
//! instances were with it. Nothing is kept for this: it is what the batch's envelope, the groups' positions and their history,
//! and the queues' runs say.

use std::sync::Arc;

use milena_engine::{
    group::Position,
    ids::TopicId,
    producer::writers::Writer,
    share::{At, Standing},
};
use milena_store::{Query, ReadError};

use crate::{
    append::WriterId, fetch::io_fault, node::Node, partition::Partition, retention::entry, shares::ShareCell, topics::Topic,
};

/// One group and one record.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Dealt {
    pub group: Arc<str>,
    /// The group's position in the partition.
    pub position: i64,
    /// When a position behind the record was first committed, in wall-clock milliseconds, and by whom; `None`: not yet.
    pub at: Option<i64>,
    pub by: Option<Writer>,
    /// The history of positions does not go back to it: it was then or earlier.
    pub or_earlier: bool,
}

/// What is known of one record.
#[derive(Clone, Debug)]
pub struct Receipt {
    /// Offsets of the batch that it came in.
    pub first: i64,
    pub last: i64,
    /// Bytes of the batch, as they are stored.
    pub bytes: u32,
    /// When the batch was stored, in wall-clock milliseconds.
    pub stored_at: i64,
    /// Who wrote it, unless that was forgotten.
    pub writer: Option<Writer>,
    /// When it goes by time, if nobody holds it up.
    pub expires_at: Option<i64>,
    /// Groups that have a position in the partition, by name.
    pub groups: Vec<Dealt>,
    /// Queues that have begun with the partition, by name.
    pub queues: Vec<(Arc<str>, Standing)>,
    /// REST instances that it was given, by group and name, whose group has not committed it.
    pub given: Vec<(Arc<str>, Arc<str>)>,
}

impl Node {
    /// The life of the record at an offset. `None`: there is no such record, or not any more.
    pub async fn receipt(&self, topic: &Topic, partition: &Partition, offset: i64) -> Result<Option<Receipt>, ReadError> {
        let Some(view) = partition.view() else { return Err(ReadError::NoLog) };
        if !(view.start..view.high).contains(&offset) {
            return Ok(None);
        }
        let (store, log) = (self.hub().store().clone(), partition.log());
        let find = move || store.lookup(log, Query::At(offset));
        let found = self.0.pool.run(find).await.unwrap_or_else(|lost| Err(io_fault("look-up", &lost.to_string())))?;
        let Some(stored) = found.filter(|stored| stored.base <= offset) else { return Ok(None) };
        let groups = self.0.groups.all();
        let dealt = groups.iter().filter_map(|cell| {
            let state = cell.state.hold();
            let machine = &state.noun.machine;
            let position = machine.position(topic.id, partition.index())?;
            Some(self.dealt(machine.id().as_str().into(), position, offset))
        });
        Ok(Some(Receipt {
            first: stored.base,
            last: stored.last,
            bytes: stored.bytes,
            stored_at: stored.at,
            writer: self.who(WriterId(stored.writer)),
            expires_at: topic.policy.expires_at(&entry(&stored)),
            groups: dealt.collect(),
            queues: self.standings(At { topic: topic.id, partition: partition.index() }, offset),
            given: self.given((topic.id, partition.index()), offset),
        }))
    }

    fn standings(&self, at: At, offset: i64) -> Vec<(Arc<str>, Standing)> {
        let now = self.now();
        let standing = |cell: &Arc<ShareCell>| {
            let standing = cell.state.hold().noun.machine.standing(now, at, offset)?;
            Some((cell.name().clone(), standing))
        };
        self.0.shares.all().iter().filter_map(standing).collect()
    }

    /// Instances that were given a record which their group has not committed.
    fn given(&self, at: (TopicId, i32), offset: i64) -> Vec<(Arc<str>, Arc<str>)> {
        let given: Vec<(Arc<str>, Arc<str>)> = {
            let held = self.0.instances.hold();
            let all = &held.machine;
            let got = |group| all.of_group(group).filter(|(_, i)| i.positions.get(&at).is_some_and(|next| *next > offset));
            all.groups().flat_map(|group| got(group).map(|(name, _)| (group.clone(), name.clone()))).collect()
        };
        let committed = |group: &str| {
            let cell = self.0.groups.find(group)?;
            let state = cell.state.hold();
            state.noun.machine.position(at.0, at.1).map(|position| position.offset)
        };
        given.into_iter().filter(|(group, _)| committed(group).is_none_or(|position| position <= offset)).collect()
    }

    fn dealt(&self, group: Arc<str>, position: &Position, offset: i64) -> Dealt {
        let steps = position.history.iter().map(|past| (past.offset, past.at, past.writer));
        let mut steps = steps.chain([(position.offset, position.at, position.writer)]).enumerate();
        // A group that was moved back has not dealt with it any more.
        let behind = (position.offset > offset).then(|| steps.find(|(_, (to, ..))| *to > offset)).flatten();
        let by = behind.and_then(|(_, (.., writer))| self.who(WriterId(writer)));
        let or_earlier =
            behind.is_some_and(|(nth, _)| nth == 0 && position.history.len() == milena_engine::limits::POSITION_HISTORY);
        Dealt { group, position: position.offset, at: behind.map(|(_, (_, at, _))| at), by, or_earlier }
    }
}
