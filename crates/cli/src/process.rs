//! What the process asks of the kernel before it serves. Knows limits of a process, and nothing of what is served.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Called once, before memory is taken and files are opened. What the kernel refuses is left as it was: then less fits.
pub(crate) fn prepare() {
    raise_descriptors();
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
