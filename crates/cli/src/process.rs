//! What the process asks of the kernel before it serves. Knows limits of a process, and nothing of what is served.

use rustix::process::{Resource, Rlimit, Signal, getrlimit, setrlimit};
use tokio::signal::unix::{SignalKind, signal};

/// What the process has open whatever it does: the log, the manifest, listeners, threads' queues, standard streams.
const OWN: usize = 64;
/// Below this nothing useful would be left for clients.
pub(crate) const LEAST: usize = 128;
/// Files of data that are kept open for reading, at most.
const FILES: usize = 512;

/// How the descriptors of this process are shared out, so that clients can never take those that the store needs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Descriptors {
    pub(crate) files: usize,
    /// Of all doors together.
    pub(crate) sockets: usize,
}

impl Descriptors {
    /// `None`: there are too few.
    fn share(all: usize) -> Option<Self> {
        let rest = all.checked_sub(OWN).filter(|_| all >= LEAST)?;
        let files = (rest / 4).min(FILES);
        Some(Self { files, sockets: rest - files })
    }
}

/// Called once, before memory is taken and files are opened. What the kernel refuses is left as it was: then less fits. `Err`
/// with the limit when that is too little.
pub(crate) fn prepare() -> Result<Descriptors, usize> {
    raise_descriptors();
    outlive_large_files();
    let all = getrlimit(Resource::Nofile).current.map_or(usize::MAX, |n| usize::try_from(n).unwrap_or(usize::MAX));
    Descriptors::share(all).ok_or(all)
}

/// A connection is a descriptor, and shells give a thousand; what the administrator allows is the hard limit.
fn raise_descriptors() {
    let limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum
        && let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum })
    {
        tracing::debug!(%error, "the limit of open files stays at {:?}", limit.current);
    }
}

/// A write beyond the largest file that is allowed (`ulimit -f`) ends a process without a word, unless it hears the signal:
/// then the write fails as any other, and the store names it. Heard once, it is heard until the process ends.
fn outlive_large_files() {
    let heard = tokio::runtime::Builder::new_current_thread().enable_io().build().and_then(|runtime| {
        let _inside = runtime.enter();
        signal(SignalKind::from_raw(Signal::XFSZ.as_raw())).map(drop)
    });
    if let Err(error) = heard {
        tracing::debug!(%error, "a write beyond the largest file that is allowed would end the process");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_never_get_the_descriptors_of_the_store() {
        assert_eq!(Descriptors::share(LEAST - 1), None);
        assert_eq!(Descriptors::share(128), Some(Descriptors { files: 16, sockets: 48 }));
        for all in [128, 1000, 1024, 65_536, 1 << 30] {
            let Descriptors { files, sockets } = Descriptors::share(all).unwrap();
            assert_eq!(files + sockets + OWN, all);
        }
    }

    #[test]
    fn a_write_beyond_the_largest_file_does_not_end_the_process() {
        outlive_large_files();
        // Ends this test's whole process where nobody hears it.
        rustix::process::kill_process(rustix::process::getpid(), Signal::XFSZ).unwrap();
    }
}
