//! A group's durable state in one piece: what replaying its facts would have brought, in bytes that later releases read.
//! Sessions and who waits are not in it.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use super::{
    Group, GroupId, Rules, Settled,
    fact::{GenerationSettled, GroupEmptied, TopicNamed},
    positions::{Past, Position, Positions, Topic},
    roster::Roster,
};
use crate::{
    fact::{
        BadFact, Content,
        codec::{Reader, Writer},
    },
    limits,
};

const VERSION: u8 = 1;

impl Group {
    /// Appends the snapshot, the group's name included.
    pub fn snapshot(&self, into: &mut Vec<u8>) {
        let w = &mut Writer::new(into);
        w.u8(VERSION);
        w.str(self.id.as_str());
        w.i32(self.used);
        match &self.settled {
            Settled::Nothing => w.u8(0),
            Settled::Generation(fact) => {
                w.u8(1);
                fact.write(w);
            }
            Settled::Emptied(fact) => {
                w.u8(2);
                fact.write(w);
            }
        }
        write_positions(w, &self.positions);
    }

    /// Reads what [`Group::snapshot`] wrote. Apply the facts that came after it, and then look at the deadline.
    pub fn restore(bytes: &[u8], rules: Rules) -> Result<Self, BadFact> {
        let r = &mut Reader::new(bytes);
        r.version("group snapshot", VERSION)?;
        let id = GroupId::from(r.str("bytes of a group name", limits::GROUP_NAME_BYTES_MAX)?);
        let used = r.i32()?;
        let (settled, roster) = match r.u8()? {
            0 => (Settled::Nothing, Roster::empty(0)),
            1 => {
                let fact = GenerationSettled::read(VERSION, r)?;
                let roster = Roster::settled(&fact);
                (Settled::Generation(Arc::new(fact)), roster)
            }
            2 => {
                let fact = GroupEmptied::read(VERSION, r)?;
                let roster = Roster::emptied(&fact);
                (Settled::Emptied(fact), roster)
            }
            _ => return Err(BadFact::Invalid { what: "state of a group" }),
        };
        let positions = read_positions(r)?;
        r.clone().end()?;
        Ok(Self { id, rules, roster: Arc::new(roster), settled, positions, used, sends: Vec::new() })
    }
}

fn write_positions(w: &mut Writer<'_>, positions: &Positions) {
    w.count(positions.topics.len());
    for (id, topic) in &positions.topics {
        TopicNamed { topic: *id, name: topic.name.clone() }.write(w);
        w.count(topic.partitions.len());
        for (partition, position) in &topic.partitions {
            w.i32(*partition);
            write_position(w, position);
        }
    }
}

fn write_position(w: &mut Writer<'_>, position: &Position) {
    w.i64(position.offset);
    w.i32(position.leader_epoch);
    w.str(&position.metadata);
    w.i64(position.at);
    w.u32(position.writer);
    w.count(position.history.len());
    for past in &position.history {
        w.i64(past.offset);
        w.i64(past.at);
        w.u32(past.writer);
    }
}

fn read_positions(r: &mut Reader<'_>) -> Result<Positions, BadFact> {
    let count = r.count("topics", limits::PARTITIONS_MAX, 18)?;
    let mut topics = BTreeMap::new();
    for _ in 0..count {
        let named = TopicNamed::read(VERSION, r)?;
        let count = r.count("positions", limits::PARTITIONS_MAX, 7)?;
        let partitions = (0..count).map(|_| Ok((r.i32()?, read_position(r)?))).collect::<Result<_, BadFact>>()?;
        topics.insert(named.topic, Topic { name: named.name, partitions });
    }
    Ok(Positions { topics })
}

fn read_position(r: &mut Reader<'_>) -> Result<Position, BadFact> {
    let (offset, leader_epoch) = (r.i64()?, r.i32()?);
    let metadata = r.str("bytes of a note", limits::POSITION_METADATA_BYTES_MAX)?.into();
    let (at, writer) = (r.i64()?, r.u32()?);
    let count = r.count("former positions", limits::POSITION_HISTORY, 3)?;
    let past = |r: &mut Reader<'_>| Ok(Past { offset: r.i64()?, at: r.i64()?, writer: r.u32()? });
    let history = (0..count).map(|_| past(r)).collect::<Result<VecDeque<_>, BadFact>>()?;
    Ok(Position { offset, leader_epoch, metadata, at, writer, history })
}
