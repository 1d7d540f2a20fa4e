//! What stands on a simulated disk and is put through it: a kind of store, and how it is opened.

use std::sync::Arc;

use milena_store::{
    Recovered, Replay, Store,
    dice::Dice,
    disk::Disk,
    laws::{Harness, Session},
    local::{Leading, Local, Options},
    plant::{Plant, Plants},
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
    /// With a planted bug, or without.
    Local(Option<Plant>),
    /// The local store, told to go on without what it cannot name.
    AcceptLoss,
    /// The local store in the sizes that users have, without its threads.
    Grown,
    /// The local store where files cannot be opened past the page cache.
    Buffered,
    /// The local store with its threads, and with a planted bug or without.
    Threads(Leading, Option<Plant>),
}

/// An open store, with what is not in the seam.
pub(crate) struct Open {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) recovered: Recovered,
    pub(crate) local: Option<Arc<Local>>,
}

/// Everything small, so that a short workload meets every seam, and no threads, so that every run is the same.
fn small(plant: Option<Plant>) -> Options {
    Options {
        log_min: 64 << 10,
        log_max: 128 << 10,
        memory: 4 << 20,
        reserve: 64 << 10,
        own_file: 16 << 10,
        runs: 3,
        manifest_slack: 3 << 10,
        background: false,
        leading: Leading::Callers,
        plants: plant.map_or(Plants::default(), planted),
        ..Options::default()
    }
}

#[cfg(debug_assertions)]
fn planted(plant: Plant) -> Plants {
    Plants::only(plant)
}

/// A release build has no switches, and its tests do not ask for any.
#[cfg(not(debug_assertions))]
fn planted(_plant: Plant) -> Plants {
    Plants::default()
}

fn open_local(disk: &SimDisk, options: Options, replay: &mut dyn Replay) -> Result<Open, String> {
    let (local, recovered) = Local::open(Arc::new(disk.clone()), options, replay).map_err(|e| e.to_string())?;
    let local = Arc::new(local);
    Ok(Open { store: local.clone(), recovered, local: Some(local) })
}

impl Subject {
    /// For the names of reports: nothing for the local store as it is.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Subject::Plain(_) => "plain journal, ",
            Subject::Local(None) => "",
            Subject::Local(Some(_)) => "planted, ",
            Subject::AcceptLoss => "losses accepted, ",
            Subject::Grown => "sizes of users, ",
            Subject::Buffered => "buffered, ",
            Subject::Threads(..) => "threads, ",
        }
    }

    pub(crate) fn open(self, disk: &SimDisk, replay: &mut dyn Replay) -> Result<Open, String> {
        match self {
            Subject::Plain(flaw) => {
                let disk: &dyn Disk = disk;
                let (store, recovered) = Plain::open(disk, flaw, replay)?;
                Ok(Open { store: Arc::new(store), recovered, local: None })
            }
            Subject::Local(plant) => open_local(disk, small(plant), replay),
            Subject::AcceptLoss => open_local(disk, Options { accept_loss: true, ..small(None) }, replay),
            Subject::Grown => {
                let options = Options { background: false, leading: Leading::Callers, ..Options::default() };
                open_local(disk, options, replay)
            }
            Subject::Buffered => {
                disk.refuse_direct();
                open_local(disk, small(None), replay)
            }
            Subject::Threads(leading, plant) => open_local(disk, Options { background: true, leading, ..small(plant) }, replay),
        }
    }
}

impl Subject {
    /// Did the workload reach what it is there for? More was written than the log holds, so it went round.
    pub(crate) fn assert_busy(self, session: &Session, workload: Workload) -> Result<(), String> {
        let gauges = session.store().gauges();
        let busy = gauges.checkpoints >= 2 && gauges.recycled > 0 && gauges.committed_bytes > gauges.log_bytes;
        match self {
            // Has no checkpoints and recycles nothing.
            Subject::Plain(_) => Ok(()),
            _ if busy => Ok(()),
            _ => Err(format!("{workload:?} crosses too little: {gauges:?}")),
        }
    }
}

/// A subject on a simulated disk, as the laws see it.
pub(crate) struct OnSimDisk {
    pub(crate) subject: Subject,
    pub(crate) disk: SimDisk,
    pub(crate) dice: Dice,
    local: Option<Arc<Local>>,
}

impl OnSimDisk {
    pub(crate) fn new(subject: Subject, disk: SimDisk, seed: u64) -> Self {
        Self { subject, disk, dice: Dice::new(seed), local: None }
    }
}

impl Harness for OnSimDisk {
    fn open(&mut self, replay: &mut dyn Replay) -> Result<(Arc<dyn Store>, Recovered), String> {
        // The last life lets its directory go first.
        self.local = None;
        let open = self.subject.open(&self.disk, replay)?;
        self.local = open.local;
        Ok((open.store, open.recovered))
    }

    fn cut(&mut self, store: Arc<dyn Store>) {
        let moment = self.disk.go_dark();
        drop(store);
        self.local = None;
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

    fn checkpoint(&mut self, _store: &Arc<dyn Store>) -> Result<(), String> {
        let Some(local) = &self.local else { return Ok(()) };
        match local.checkpoint() {
            // On a disk that fails a checkpoint may fail; what follows is judged by what is acknowledged.
            Err(_) if self.disk.hits() > 0 => Ok(()),
            other => other.map_err(|e| format!("checkpoint: {e}")),
        }
    }
}
