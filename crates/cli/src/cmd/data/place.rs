//! A directory that is looked at: kept from servers meanwhile, read once, with the names of what lies in it.

use std::{collections::HashMap, path::Path, sync::Arc};

use milena_node::{Inhabitant, Recovery};
use milena_store::{
    LogId,
    disk::{Lock, RealDisk},
    local::{AtRest, OpenError},
};

use crate::failure::{Failure, Kind};

/// A directory that no server can take while this is there.
pub(crate) struct Place {
    pub(crate) rest: AtRest,
    inhabitants: HashMap<u64, Inhabitant>,
    /// State that this release does not understand, in words.
    pub(crate) foreign: Option<String>,
    _lock: Option<Box<dyn Lock>>,
}

/// Why a directory cannot be looked at.
pub(crate) enum Closed {
    /// Its manifest, or what it cannot do without, is damaged: that is a finding.
    Damaged {
        file: String,
        what: String,
    },
    Failure(Failure),
}

impl Place {
    pub(crate) fn open(dir: &Path) -> Result<Self, Closed> {
        let (disk, lock) = hold(dir).map_err(Closed::Failure)?;
        let mut recovery = Recovery::accepting_loss(true);
        let rest = AtRest::open(Arc::new(disk), &mut recovery).map_err(|error| match error {
            OpenError::Damaged { file, what, .. } => Closed::Damaged { file, what },
            OpenError::NoManifest { example, .. } => Closed::Damaged {
                file: "manifest".into(),
                what: format!("it is missing, and {example} is there: without it nobody knows what the other files hold"),
            },
            empty @ OpenError::Empty { .. } => Closed::Failure(Failure::new(Kind::NotFound, empty.to_string())),
            other => Closed::Failure(Failure::new(Kind::Failed, format!("{} cannot be read", dir.display())).why(other)),
        })?;
        let foreign = recovery.broken().map(ToString::to_string);
        Ok(Self { rest, inhabitants: recovery.inhabitants(), foreign, _lock: lock })
    }

    pub(crate) fn inhabitant(&self, log: LogId) -> Option<&Inhabitant> {
        self.inhabitants.get(&log.0)
    }

    /// What people call a log.
    pub(crate) fn name(&self, log: LogId) -> String {
        match self.inhabitant(log) {
            Some(inhabitant) => inhabitant.to_string(),
            None => format!("log {} (of what is gone, or of a catalog that cannot be read)", log.0),
        }
    }
}

/// The directory, and its lock if there is one to be had.
pub(crate) fn hold(dir: &Path) -> Result<(RealDisk, Option<Box<dyn Lock>>), Failure> {
    let cannot = |e: &std::io::Error| match e.kind() {
        std::io::ErrorKind::NotFound => Failure::new(Kind::NotFound, format!("there is no directory {}", dir.display())),
        _ => Failure::new(Kind::Failed, format!("{} cannot be opened", dir.display())).why(e),
    };
    let disk = RealDisk::existing(dir).map_err(|e| cannot(&e))?;
    let lock = disk.lock_to_look().map_err(|e| match e.kind() {
        std::io::ErrorKind::WouldBlock => Failure::new(Kind::Failed, format!("{} is in use by a server", dir.display()))
            .why("it writes while we would read, and what is half written looks damaged")
            .fix("stop the server first; a running one is looked at with milena status and milena doctor"),
        _ => cannot(&e),
    })?;
    Ok((disk, lock))
}
