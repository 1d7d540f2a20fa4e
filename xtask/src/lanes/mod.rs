//! The lanes beyond cargo's own: each sets up what it needs below `target/lanes/` and owns its servers.

pub(crate) mod fresh;
pub(crate) mod server;
pub(crate) mod typos;

use crate::lane::Lane;

/// Other people's clients against the release binary, each on a fresh directory.
pub(crate) const CONFORMANCE: &[Lane] = &[];
