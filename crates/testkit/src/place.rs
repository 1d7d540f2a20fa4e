//! Where a kit's broker keeps its data: in memory, in a directory that goes with the kit, or in one that stays.

use std::{io, path::PathBuf, sync::Arc, time::Duration};

use milena_store::{
    disk::{Disk, RealDisk},
    local,
    sim_disk::SimDisk,
};
use tempfile::TempDir;

use crate::disk::{FaultDisk, Faults};

/// Where data rest, as a test asks for it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Place {
    /// On a disk that is simulated in memory, which can lose power.
    #[default]
    Memory,
    /// In a directory of its own among the system's temporary ones, removed when the kit is dropped. What is synced is not: a
    /// kill takes nothing from the system's cache, and the machine's own end is not tested here.
    Temporary,
    /// In this directory, which is made when it is not there, and stays. What is synced is synced.
    Directory(PathBuf),
}

/// Bytes that a simulated disk holds at most.
const MEMORY: u64 = 256 << 20;

/// A place that was taken.
pub(crate) enum Ground {
    Memory(SimDisk),
    Temporary { disk: Arc<RealDisk>, dir: TempDir },
    Directory { disk: Arc<RealDisk>, path: PathBuf },
}

impl Ground {
    pub(crate) fn take(place: &Place) -> io::Result<Self> {
        Ok(match place {
            Place::Memory => {
                let disk = SimDisk::default();
                disk.set_quota(Some(MEMORY));
                Self::Memory(disk)
            }
            Place::Temporary => {
                let dir = tempfile::Builder::new().prefix("milena-").tempdir()?;
                Self::Temporary { disk: Arc::new(RealDisk::open(dir.path())?), dir }
            }
            Place::Directory(path) => Self::Directory { disk: Arc::new(RealDisk::open(path)?), path: path.clone() },
        })
    }

    /// A life of a broker here.
    pub(crate) fn life(&self, faults: &Faults) -> FaultDisk {
        let (inner, lazy): (Arc<dyn Disk>, bool) = match self {
            Self::Memory(disk) => (Arc::new(disk.clone()), false),
            Self::Temporary { disk, .. } => (disk.clone(), true),
            Self::Directory { disk, .. } => (disk.clone(), false),
        };
        FaultDisk::new(inner, faults.clone(), lazy)
    }

    /// The power goes: what was not synced is lost.
    pub(crate) fn lose_power(&mut self) {
        if let Self::Memory(disk) = self {
            *disk = SimDisk::from_image(disk.go_dark().durable());
            disk.set_quota(Some(MEMORY));
        }
    }

    /// Whether this place can lose power: a directory is in the hands of the system.
    pub(crate) fn can_lose_power(&self) -> bool {
        matches!(self, Self::Memory(_))
    }

    pub(crate) fn path(&self) -> Option<PathBuf> {
        match self {
            Self::Memory(_) => None,
            Self::Temporary { dir, .. } => Some(dir.path().into()),
            Self::Directory { path, .. } => Some(path.clone()),
        }
    }

    /// Whether anything is to be kept of it.
    pub(crate) fn stays(&self) -> bool {
        matches!(self, Self::Directory { .. })
    }

    /// Sizes of the store: smaller than a server's, so that many kits fit beside each other.
    pub(crate) fn options(&self, files: usize) -> local::Options {
        local::Options {
            log_max: 64 << 20,
            memory: 96 << 20,
            files,
            reserve: 1 << 20,
            // A disk that a test fills is full at once.
            look: 0,
            direct: !matches!(self, Self::Temporary { .. }),
            idle: Duration::from_secs(10),
            ..local::Options::default()
        }
    }
}
