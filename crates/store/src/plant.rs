//! Planted bugs: mistakes that a harness must catch, or the harness proves nothing.
//!
//! Each is a run-time switch of one store, so that one debug build holds them all. A release build has no switches: there
//! [`Plants::has`] is the constant `false` and the compiler drops what stands behind it.

/// One mistake, and in its documentation what a user would lose by it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
#[repr(u8)]
pub enum Plant {
    /// The proof of a commit is given before the frame is durable: acknowledged entries vanish at a power cut.
    AcknowledgeBeforeSync,
    /// New file names are not made durable: a segment that the manifest names is not there after a power cut.
    SkipDirectorySync,
    /// A failed write or sync of the log is taken as done: acknowledged entries were never on disk.
    IgnoreSyncError,
    /// Log space is given back before the manifest edit is durable: replay starts at frames that were overwritten.
    RecycleTooEarly,
    /// A read starts one payload too late: a fetch skips a batch.
    IndexOffByOne,
    /// The body of a frame is replayed without looking at its checksum: torn bytes are served as records.
    SkipReplayChecksum,
    /// A torn tail is cut one good frame too early: the last acknowledged entries vanish.
    CutOneTooMany,
    /// A checkpoint leaves out the snapshot of one changed log: its facts are gone after the next start.
    ForgetSnapshot,
    /// The new manifest takes its name before its bytes are durable: an empty manifest after a power cut.
    ManifestSwapWithoutSync,
    /// The term stays as it was at a start: frames of a cut tail come back behind new ones.
    TermNotRaised,
    /// A trim is forgotten by the checkpoint that follows: trimmed payloads come back.
    TrimResurrects,
    /// Numbers of files start again at each start: a new file collides with one that the manifest names.
    ReuseFileId,
    /// Payloads read back from segments are not verified: rotten bytes are served.
    SkipReadChecksum,
    /// A file is unlinked before the manifest edit that forgets it is durable: the manifest names a file that is gone.
    UnlinkTooEarly,
    /// A checkpoint makes its own rows before it takes what changed beside it: a trim between the two is told and then
    /// untold by the same edit, and the manifest names a file that the next unlink takes away.
    RowsBeforeChanges,
    /// A log is put on the list of the next checkpoint when its entry has its place already: a checkpoint that passes the
    /// entry in between leaves the log out, and what was acknowledged is gone after a power cut.
    ListedTooLate,
}

impl Plant {
    /// Every plant, for the harness that must catch each.
    pub const ALL: [Plant; 16] = [
        Plant::AcknowledgeBeforeSync,
        Plant::SkipDirectorySync,
        Plant::IgnoreSyncError,
        Plant::RecycleTooEarly,
        Plant::IndexOffByOne,
        Plant::SkipReplayChecksum,
        Plant::CutOneTooMany,
        Plant::ForgetSnapshot,
        Plant::ManifestSwapWithoutSync,
        Plant::TermNotRaised,
        Plant::TrimResurrects,
        Plant::ReuseFileId,
        Plant::SkipReadChecksum,
        Plant::UnlinkTooEarly,
        Plant::RowsBeforeChanges,
        Plant::ListedTooLate,
    ];
}

/// The plants that are switched on in one store.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Plants {
    #[cfg(debug_assertions)]
    bits: u32,
}

impl Plants {
    /// One mistake switched on.
    #[cfg(debug_assertions)]
    pub fn only(plant: Plant) -> Self {
        Self { bits: 1 << plant as u8 }
    }
    /// Is this mistake switched on?
    #[cfg(debug_assertions)]
    pub fn has(self, plant: Plant) -> bool {
        self.bits & (1 << plant as u8) != 0
    }
    /// A release build makes no mistakes on purpose.
    #[cfg(not(debug_assertions))]
    #[inline(always)]
    pub fn has(self, _plant: Plant) -> bool {
        false
    }
}
