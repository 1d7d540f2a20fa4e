//! What stands on a simulated disk and is put through it: a kind of store, and how it is opened.

use std::sync::Arc;

use milena_store::{
    LogId, Recovered, Replay, Store,
    dice::Dice,
    disk::Disk,
    laws::{Harness, Session},
    sim_disk::{Depth, Failure, Image, Kind, Rule, SimDisk},
};

use crate::{
    plain::{Flaw, Plain},
    workload::Workload,
};

/// A store that can be opened on a disk.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Subject {
    Plain(Flaw),
}

/// An open store, with what is not in the seam.
pub(crate) struct Open {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) recovered: Recovered,
}

impl Subject {
    pub(crate) fn open(self, disk: &SimDisk, replay: &mut dyn Replay) -> Result<Open, String> {
        match self {
            Subject::Plain(flaw) => {
                let disk: &dyn Disk = disk;
                let (store, recovered) = Plain::open(disk, flaw, replay)?;
                Ok(Open { store: Arc::new(store), recovered })
            }
        }
    }
}

impl Subject {
    /// Does this line of a damage report speak of that log?
    pub(crate) fn names(self, line: &str, log: LogId) -> bool {
        line.split(|c: char| !c.is_ascii_digit()).any(|number| number.parse() == Ok(log.0))
    }

    /// Did the workload reach what it is there for?
    pub(crate) fn assert_busy(self, _session: &Session, _workload: Workload) -> Result<(), String> {
        match self {
            // Has no checkpoints and recycles nothing.
            Subject::Plain(_) => Ok(()),
        }
    }
}

/// A subject on a simulated disk, as the laws see it.
pub(crate) struct OnSimDisk {
    pub(crate) subject: Subject,
    pub(crate) disk: SimDisk,
    pub(crate) dice: Dice,
}

impl OnSimDisk {
    pub(crate) fn new(subject: Subject, disk: SimDisk, seed: u64) -> Self {
        Self { subject, disk, dice: Dice::new(seed) }
    }
}

impl Harness for OnSimDisk {
    fn open(&mut self, replay: &mut dyn Replay) -> Result<(Arc<dyn Store>, Recovered), String> {
        let open = self.subject.open(&self.disk, replay)?;
        Ok((open.store, open.recovered))
    }

    fn cut(&mut self, store: Arc<dyn Store>) {
        let moment = self.disk.moment();
        self.disk.go_dark();
        drop(store);
        let mut images: Vec<Image> = Vec::new();
        let depth = Depth { tears: 4, subsets: 4, spread: 4 };
        moment.images(depth, &mut self.dice, &mut |_, image| {
            images.push(image);
            true
        });
        let chosen = self.dice.below(images.len() as u64) as usize;
        self.disk = SimDisk::from_image(images.swap_remove(chosen));
    }

    fn fail(&mut self, _store: &Arc<dyn Store>) {
        for kind in [Kind::Write, Kind::Sync, Kind::Open, Kind::Rename, Kind::SetLen, Kind::Allocate] {
            self.disk.inject(Rule { kind, nth: 1, failure: Failure::Eio, lasting: true });
        }
    }
}
