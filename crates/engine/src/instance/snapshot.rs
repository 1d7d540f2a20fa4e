//! All instances in one piece: what replaying their facts would have brought, in bytes that later releases read.

use std::collections::BTreeMap;

use super::{
    Instance, InstanceKey, Instances, LastFetch, Reading, Settings,
    fact::{
        At, read_key, read_places,
        records_delivered::{read_ranges, write_ranges},
        write_key, write_places,
    },
};
use crate::{
    fact::{
        BadFact,
        codec::{Reader, Writer},
    },
    ids::{Offset, TopicId},
    limits,
};

/// 2 says whether what an instance was given was taken back.
const VERSION: u8 = 2;

type Places = BTreeMap<(TopicId, i32), Offset>;

impl Instances {
    pub fn snapshot(&self, into: &mut Vec<u8>) {
        let w = &mut Writer::new(into);
        w.u8(VERSION);
        w.count(self.count);
        for (group, instances) in &self.groups {
            for (name, instance) in instances {
                write_key(w, &InstanceKey { group: group.clone(), name: name.clone() });
                instance.write(w);
            }
        }
    }

    pub fn restore(bytes: &[u8]) -> Result<Self, BadFact> {
        let r = &mut Reader::new(bytes);
        let version = r.version("snapshot of consumer instances", VERSION)?;
        let count = r.count("instances", limits::INSTANCES_MAX, 16)?;
        let mut all = Self::default();
        for _ in 0..count {
            let key = read_key(r)?;
            all.insert(&key, Instance::read(version, r)?);
        }
        r.clone().end()?;
        Ok(all)
    }
}

fn listed(places: &Places) -> Vec<At> {
    places.iter().map(|((topic, partition), offset)| (*topic, *partition, *offset)).collect()
}

fn places(r: &mut Reader<'_>) -> Result<Places, BadFact> {
    Ok(read_places(r)?.into_iter().map(|(topic, partition, offset)| ((topic, partition), offset)).collect())
}

impl Instance {
    fn write(&self, w: &mut Writer<'_>) {
        self.settings.write(w);
        self.reading.write(w);
        write_places(w, &listed(&self.begins));
        write_places(w, &listed(&self.positions));
        w.option(self.last.as_ref(), |w, last| {
            w.str(&last.name);
            write_ranges(w, &last.ranges);
        });
        w.bool(self.voided);
        w.bool(self.awake);
        w.i64(self.seen);
        w.u64(self.version);
    }

    fn read(version: u8, r: &mut Reader<'_>) -> Result<Self, BadFact> {
        let (settings, reading) = (Settings::read(r)?, Reading::read(r)?);
        let (begins, positions) = (places(r)?, places(r)?);
        let last = r.option(|r| {
            let name = r.str("bytes of a fetch's name", limits::FETCH_NAME_BYTES_MAX)?.into();
            Ok(LastFetch { name, ranges: read_ranges(r)? })
        })?;
        let voided = version >= 2 && r.bool()?;
        let (awake, seen, version, reads) = (r.bool()?, r.i64()?, r.u64()?, reading.weight());
        Ok(Self { settings, reading, begins, positions, last, voided, awake, seen, version, turn: 0, reads })
    }
}
