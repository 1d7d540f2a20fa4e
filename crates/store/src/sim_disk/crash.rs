//! What a power cut can leave behind: disks made from what was synced and a choice of what was not.
//! Knows operations and content, and nothing of who wrote them.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use super::{
    Inode, Op,
    content::{Content, PAGE, mix},
};
use crate::dice::Dice;

/// A disk at rest: names, and the bytes behind them.
#[derive(Clone, Default)]
pub struct Image {
    pub(super) files: BTreeMap<Inode, Content>,
    pub(super) names: BTreeMap<String, Inode>,
}

/// The disk just before one operation, or at the end.
#[derive(Clone)]
pub struct Moment {
    durable: Image,
    unsynced: Vec<Arc<Op>>,
    in_flight: Option<Arc<Op>>,
    noted: u64,
    operation: u64,
}

/// How many images of one moment are made where there is a choice.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Depth {
    /// Torn variants of the write in flight, or of the last one that was not synced.
    pub tears: usize,
    /// Random subsets of the unsynced operations; up to eight operations all subsets, if that is not more than this.
    pub subsets: usize,
    /// Prefixes and single drops, evenly spread when there are more operations.
    pub spread: usize,
}

impl Image {
    /// Names of the files, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.keys().map(String::as_str)
    }

    /// The whole file; `None` when there is no such name.
    pub fn bytes(&self, name: &str) -> Option<Vec<u8>> {
        let content = self.files.get(self.names.get(name)?)?;
        let mut bytes = vec![0; content.len() as usize];
        content.read(&mut bytes, 0);
        Some(bytes)
    }

    /// Puts other bytes in place of a file's, or makes the file: damage at rest.
    pub fn put(&mut self, name: &str, bytes: &[u8]) {
        let mut content = Content::default();
        content.write(bytes, 0);
        let next = self.files.keys().next_back().map_or(0, |last| last + 1);
        let inode = *self.names.entry(name.to_owned()).or_insert(next);
        self.files.insert(inode, content);
    }

    /// Takes a file away.
    pub fn remove(&mut self, name: &str) {
        self.names.remove(name);
    }

    /// Changes some bytes of a file where they stand; the rest stays shared.
    pub fn overwrite(&mut self, name: &str, at: u64, bytes: &[u8]) {
        if let Some(content) = self.names.get(name).and_then(|inode| self.files.get_mut(inode)) {
            content.write(bytes, at);
        }
    }

    /// Shortens a file.
    pub fn truncate(&mut self, name: &str, len: u64) {
        if let Some(content) = self.names.get(name).and_then(|inode| self.files.get_mut(inode)) {
            content.set_len(len);
        }
    }

    pub fn len(&self, name: &str) -> Option<u64> {
        self.files.get(self.names.get(name)?).map(Content::len)
    }

    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// A number for what can be seen: names and bytes.
    pub fn digest(&self) -> u64 {
        let mut hash = 1;
        for (name, inode) in &self.names {
            hash = name.bytes().fold(hash, |h, b| mix(h, u64::from(b)));
            hash = self.files.get(inode).map_or(hash, |content| content.digest(hash));
        }
        hash
    }

    pub(super) fn apply(&mut self, op: &Op) {
        match op {
            Op::Create { name, inode } => {
                self.names.insert(name.clone(), *inode);
                self.files.entry(*inode).or_default();
            }
            Op::Rename { from, to, inode } => {
                if self.names.get(from) == Some(inode) {
                    self.names.remove(from);
                }
                self.names.insert(to.clone(), *inode);
                self.files.entry(*inode).or_default();
            }
            Op::Unlink { name } => {
                self.names.remove(name);
            }
            Op::Write { inode, .. } | Op::SetLen { inode, .. } | Op::Allocate { inode, .. } | Op::Punch { inode, .. } => {
                apply(self.files.entry(*inode).or_default(), op);
            }
        }
    }

    /// Forgets files that nobody can reach again.
    pub(super) fn forget_lost<T>(&mut self, unsynced: &[Arc<Op>], seen: &BTreeMap<Inode, T>) {
        let named: HashSet<Inode> = self.names.values().copied().collect();
        let touched: HashSet<Inode> = unsynced.iter().filter_map(|op| op.inode()).collect();
        self.files.retain(|inode, _| named.contains(inode) || seen.contains_key(inode) || touched.contains(inode));
    }
}

pub(super) fn apply(content: &mut Content, op: &Op) {
    match op {
        Op::Write { at, bytes, .. } => content.write(bytes, *at),
        Op::SetLen { len, .. } => content.set_len(*len),
        Op::Allocate { at, len, .. } => content.allocate(*at, *len),
        Op::Punch { at, len, .. } => content.punch(*at, *len),
        Op::Create { .. } | Op::Rename { .. } | Op::Unlink { .. } => {}
    }
}

impl Moment {
    pub(super) fn new(durable: Image, unsynced: Vec<Arc<Op>>, in_flight: Option<Arc<Op>>, noted: u64, operation: u64) -> Self {
        Self { durable, unsynced, in_flight, noted, operation }
    }

    /// What the harness had noted by then.
    pub fn noted(&self) -> u64 {
        self.noted
    }

    /// Exactly what was synced.
    pub fn durable(&self) -> Image {
        self.durable.clone()
    }

    /// Bytes of room that all files take when everything asked for was done.
    pub fn room(&self) -> u64 {
        let image = self.with(&self.unsynced);
        let mut seen = HashSet::new();
        let inodes = image.names.values().filter(|inode| seen.insert(**inode));
        inodes.filter_map(|inode| image.files.get(inode)).map(Content::room).sum()
    }

    /// How many operations came before.
    pub fn operation(&self) -> u64 {
        self.operation
    }

    /// Disks that a power cut now can leave behind, each with the name of the choice. `see` answers false to stop.
    pub fn images(&self, depth: Depth, dice: &mut Dice, see: &mut dyn FnMut(&str, Image) -> bool) {
        let mut ops = self.unsynced.clone();
        ops.extend(self.in_flight.clone());
        let mut out = Out { see, going: true };
        out.give("none", self.with(&[]));
        out.give("all", self.with(&ops));
        self.prefixes_and_drops(&ops, depth, &mut out);
        self.by_kind(&ops, &mut out);
        self.tears(&ops, depth, dice, &mut out);
        self.subsets(&ops, depth, dice, &mut out);
    }

    fn with(&self, ops: &[Arc<Op>]) -> Image {
        let mut image = self.durable.clone();
        ops.iter().for_each(|op| image.apply(op));
        image
    }

    fn prefixes_and_drops(&self, ops: &[Arc<Op>], depth: Depth, out: &mut Out<'_>) {
        let step = ops.len().div_ceil(depth.spread.max(1)).max(1);
        for i in (0..ops.len()).step_by(step) {
            out.give("prefix", self.with(&ops[..i]));
            let mut dropped = ops.to_vec();
            dropped.remove(i);
            out.give("drop", self.with(&dropped));
        }
    }

    /// The file system wrote one kind of thing and not the other.
    fn by_kind(&self, ops: &[Arc<Op>], out: &mut Out<'_>) {
        let (files, names): (Vec<_>, Vec<_>) = ops.iter().cloned().partition(|op| op.inode().is_some());
        if !names.is_empty() && !files.is_empty() {
            out.give("names only", self.with(&names));
            out.give("files only", self.with(&files));
        }
        // Metadata before data: the size has grown, and holds zeros or what an earlier owner of the blocks left.
        let grown: Vec<_> = ops.iter().map(|op| grow_only(op, None)).collect();
        out.give("sizes without data", self.with(&grown));
        let garbage: Vec<_> = ops.iter().map(|op| grow_only(op, Some(0xA5))).collect();
        out.give("sizes with garbage", self.with(&garbage));
    }

    fn tears(&self, ops: &[Arc<Op>], depth: Depth, dice: &mut Dice, out: &mut Out<'_>) {
        let Some(last) = ops.iter().rposition(|op| matches!(**op, Op::Write { .. })) else { return };
        let Op::Write { inode, at, bytes } = &*ops[last] else { return };
        for i in 0..depth.tears {
            let grain = [512, PAGE, 1][i % 3];
            let mut torn = ops.to_vec();
            torn.remove(last);
            let name =
                if i % 4 == 3 {
                    // Sectors in any order: each is old or new.
                    let sectors = bytes.chunks(512).enumerate().filter(|_| dice.chance(1, 2));
                    torn.extend(sectors.map(|(n, sector)| {
                        Arc::new(Op::Write { inode: *inode, at: at + n as u64 * 512, bytes: sector.to_vec() })
                    }));
                    "torn sectors"
                } else {
                    let cut = (dice.below(bytes.len() as u64 + 1) as usize / grain) * grain;
                    torn.push(Arc::new(Op::Write { inode: *inode, at: *at, bytes: bytes[..cut].to_vec() }));
                    "torn"
                };
            out.give(name, self.with(&torn));
        }
    }

    fn subsets(&self, ops: &[Arc<Op>], depth: Depth, dice: &mut Dice, out: &mut Out<'_>) {
        let all = 1usize.checked_shl(ops.len() as u32).unwrap_or(usize::MAX);
        if ops.len() <= 8 && all <= depth.subsets {
            for bits in 0..all {
                out.give("subset", self.with(&pick(ops, |i| bits >> i & 1 == 1)));
            }
            return;
        }
        for _ in 0..depth.subsets {
            out.give("subset", self.with(&pick(ops, |_| dice.chance(1, 2))));
        }
    }
}

fn pick(ops: &[Arc<Op>], mut keep: impl FnMut(usize) -> bool) -> Vec<Arc<Op>> {
    ops.iter().enumerate().filter(|(i, _)| keep(*i)).map(|(_, op)| op.clone()).collect()
}

/// What a write does to the size of its file alone, with `filler` where its bytes would be.
fn grow_only(op: &Arc<Op>, filler: Option<u8>) -> Arc<Op> {
    match (&**op, filler) {
        (Op::Write { inode, at, bytes }, None) => Arc::new(Op::Allocate { inode: *inode, at: at + bytes.len() as u64, len: 0 }),
        (Op::Write { inode, at, bytes }, Some(filler)) => {
            Arc::new(Op::Write { inode: *inode, at: *at, bytes: vec![filler; bytes.len()] })
        }
        _ => op.clone(),
    }
}

struct Out<'a> {
    see: &'a mut dyn FnMut(&str, Image) -> bool,
    going: bool,
}

impl Out<'_> {
    fn give(&mut self, choice: &str, image: Image) {
        self.going = self.going && (self.see)(choice, image);
    }
}
