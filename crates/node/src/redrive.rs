//! Dead letters of a share group that are looked at and sent back to where they came from. Knows which letters of a topic are a
//! group's own and which of them went back already; a letter goes back in the same entry that says so.

use std::sync::Arc;

use bytes::Bytes;
use milena_engine::share::{At, Command, Refusal, Share};
use milena_record::{Batch, Limits, RecordHeader, Records};
use milena_store::Slice;

use crate::{
    intake::UNPACKED_MAX,
    letters::{Body, COPIED, Unwritten},
    node::Node,
    partition::{Partition, View},
    sharing::TakeRefusal,
    topics::Topic,
};

/// Bytes of letters that are looked through at a time.
const LOOK_BYTES: usize = 1 << 20;

/// Whose letters: the group's that gave up, of records of one topic.
#[derive(Clone, Copy)]
struct Whose<'a> {
    group: &'a str,
    source: &'a str,
    /// The topic that they lie in, if it is not the one that the group writes its letters to now.
    pile: Option<&'a str>,
}

/// The topic that they lie in, and the share group whose finished records are the letters that went back.
struct Pile {
    dead: Arc<Topic>,
    partition: Arc<Partition>,
    reader: String,
    at: At,
}

/// What one look found.
struct Look {
    /// Their offsets, and the batches that hold them: letters that are still to go back.
    own: Vec<(i64, Bytes)>,
    /// First and last offsets of what is no letter of this group, whatever the topic; gaps among them.
    foreign: Vec<(i64, i64)>,
    next: i64,
}

impl Node {
    /// Puts dead letters of the group back where they came from, oldest first and at most `max`, each in one entry with its end
    /// as a letter. Letters whose topic does not take them stay, and so do those of other groups in the same topic. Answers how
    /// many went back; an error only when none did.
    pub async fn redrive(&self, group: &str, source: &str, pile: Option<&str>, max: u64) -> Result<u64, TakeRefusal> {
        let whose = Whose { group, source, pile };
        let Some((pile, view)) = self.pile(whose) else { return Ok(0) };
        let (mut from, mut back, mut refused) = (self.unsent(&pile, view).await?, 0, None);
        while from < view.stable && back < max {
            let look = self.look_at_letters(whose, &pile, from).await?;
            for (offset, batch) in look.own {
                if back >= max {
                    break;
                }
                match self.send_back(whose, &pile, view, (offset, &batch)).await {
                    Ok(sent) => back += u64::from(sent),
                    Err(error @ TakeRefusal::Refused(_)) => refused = Some(error),
                    Err(error) => return if back > 0 { Ok(back) } else { Err(error) },
                }
            }
            self.pass_foreign(&pile, look.foreign).await?;
            from = look.next;
        }
        refused.filter(|_| back == 0).map_or(Ok(back), Err)
    }

    /// Dead letters of the group that were not sent back, oldest first, at most `max`: the offset of each, and the batch that
    /// holds it. `pile` is the topic they lie in, if that is not where the group writes them now.
    pub async fn dead_letters(
        &self,
        group: &str,
        source: &str,
        pile: Option<&str>,
        max: usize,
    ) -> Result<Vec<(i64, Bytes)>, TakeRefusal> {
        let mut found = Vec::new();
        self.each_letter(Whose { group, source, pile }, max as u64, |letter| found.push(letter)).await?;
        Ok(found)
    }

    /// How many of them there are, counted up to `max`.
    pub async fn count_dead_letters(&self, group: &str, source: &str, pile: Option<&str>, max: u64) -> Result<u64, TakeRefusal> {
        let mut count = 0;
        self.each_letter(Whose { group, source, pile }, max, |_| count += 1).await?;
        Ok(count)
    }

    async fn each_letter(&self, whose: Whose<'_>, max: u64, mut each: impl FnMut((i64, Bytes))) -> Result<(), TakeRefusal> {
        let Some((pile, view)) = self.pile(whose) else { return Ok(()) };
        let (mut from, mut left) = (self.unsent(&pile, view).await?, max);
        while from < view.stable && left > 0 {
            let look = self.look_at_letters(whose, &pile, from).await?;
            for letter in look.own.into_iter().take(usize::try_from(left).unwrap_or(usize::MAX)) {
                left -= 1;
                each(letter);
            }
            from = look.next;
        }
        Ok(())
    }

    fn pile(&self, Whose { group, source, pile }: Whose<'_>) -> Option<(Pile, View)> {
        let dead = match pile {
            Some(name) => self.topic(name)?,
            None => self.topic(&self.letter_topic_name(group, source))?,
        };
        let partition = dead.partition(0)?.clone();
        let (view, at) = (partition.view()?, At { topic: dead.id, partition: 0 });
        Some((Pile { dead, partition, reader: format!("{group}.redrive"), at }, view))
    }

    /// Everything below it went back, or is none of this group's.
    async fn unsent(&self, pile: &Pile, view: View) -> Result<i64, TakeRefusal> {
        let at = pile.at;
        let finished = self.ask_share(&pile.reader, move |share| share.finished_below(at)).await?.flatten();
        Ok(finished.map_or(view.start, |below| below.max(view.start)))
    }

    async fn look_at_letters(&self, whose: Whose<'_>, pile: &Pile, from: i64) -> Result<Look, TakeRefusal> {
        let read = self.read_whole(&pile.dead, &pile.partition, from, LOOK_BYTES).await?;
        let next = (read.upto + 1).max(from + 1);
        let mut look = Look { own: Vec::new(), foreign: Vec::new(), next };
        let mut seen = from;
        for slice in &read.slices {
            let Slice::Memory(bytes) = slice else { continue };
            look.sort(bytes, whose, &mut seen);
        }
        let (at, offsets) = (pile.at, look.own.iter().map(|(offset, _)| *offset).collect::<Vec<_>>());
        let open = move |share: &Share| -> Vec<bool> {
            let is_open = |offset: &i64| !share.has_begun(at) || share.available(at, *offset, *offset + 1) == Some(*offset);
            offsets.iter().map(is_open).collect()
        };
        if let Some(open) = self.ask_share(&pile.reader, open).await? {
            let mut open = open.into_iter();
            look.own.retain(|_| open.next().unwrap_or(false));
        }
        Ok(look)
    }

    /// What is of no concern to this group is not looked at again, once anything of it went back.
    async fn pass_foreign(&self, pile: &Pile, foreign: Vec<(i64, i64)>) -> Result<(), TakeRefusal> {
        let at = pile.at;
        if self.look_share(&pile.reader, |share| share.has_begun(at)) != Some(true) {
            return Ok(());
        }
        for (first, last) in foreign {
            let _ = self.share_command(&pile.reader, &Command::Finish { at, first, last, as_work: false }).await?;
        }
        Ok(())
    }

    /// One letter. `false`: it stays where it is, or went back just now by somebody else's hand.
    async fn send_back(
        &self,
        whose: Whose<'_>,
        pile: &Pile,
        view: View,
        (offset, batch): (i64, &Bytes),
    ) -> Result<bool, TakeRefusal> {
        let Some(body) = Body::within(batch, offset) else { return Ok(false) };
        // Anybody may write such headers: what producers may not write to, they may not have written to.
        let Some(home) = self.topic(whose.source).filter(|home| self.may_append(home).is_ok()) else { return Ok(false) };
        let index = told(&body, "__dlq.errors.partition").and_then(|text| text.parse().ok()).unwrap_or(0);
        let index = if home.partition(index).is_some() { index } else { 0 };
        let whole = match (told(&body, COPIED).as_deref(), home.partition(index)) {
            (Some("false"), Some(partition)) => {
                let offset = told(&body, "__dlq.errors.offset").and_then(|text| text.parse().ok()).unwrap_or(-1);
                // What retention took since then cannot go back.
                let Some(found) = self.body(&home, partition, offset).await.map_err(refusal)? else { return Ok(false) };
                found
            }
            _ => body,
        };
        // The first of all makes the group that remembers what went back.
        let begin = Command::Begin(vec![(pile.at, view.start)]);
        let _ = self.share_command(&pile.reader, &begin).await??;
        let Some(cell) = self.0.shares.find(&pile.reader) else { return Ok(false) };
        let finish = Command::Finish { at: pile.at, first: offset, last: offset, as_work: true };
        if !self.both(&cell, &finish, (&home, index), &returned_batch(&whole)).await.map_err(refusal)? {
            return Ok(false);
        }
        let lsn = cell.state.hold().noun.lsn;
        self.released(lsn).await?;
        Ok(true)
    }
}

fn refusal(why: Unwritten) -> TakeRefusal {
    match why {
        Unwritten::NoRoom(no_room) => TakeRefusal::NoRoom(no_room),
        Unwritten::Read(error) => TakeRefusal::Read(error),
        Unwritten::Topic(_) | Unwritten::Declined(_) => TakeRefusal::Refused(Refusal::Invalid("the topic does not take it back")),
    }
}

/// The last header of that name, as text.
fn told(body: &Body, name: &str) -> Option<String> {
    let header = body.headers.iter().rfind(|(key, _)| key == name.as_bytes())?;
    String::from_utf8(header.1.clone()?).ok()
}

impl Look {
    /// Sorts the records that were not `seen` yet: the group's letters of that topic, each with its batch, and what is none of
    /// the group's. What cannot be read is neither.
    fn sort(&mut self, bytes: &Bytes, whose: Whose<'_>, seen: &mut i64) {
        for entry in milena_record::split(bytes).map_while(Result::ok) {
            let Ok(batch) = Batch::parse(entry.bytes) else { continue };
            let header = batch.header();
            let last = header.base_offset() + i64::from(header.last_offset_delta());
            let Ok(payload) = batch.payload(&Limits::new(UNPACKED_MAX)) else { continue };
            let from = *seen;
            for record in Records::new(&header, &payload).map_while(Result::ok).filter(|record| record.offset >= from) {
                let offset = record.offset;
                let (group, source) = whose_letter(record.headers);
                if group != Some(whose.group.as_bytes()) {
                    continue;
                }
                self.pass(*seen, offset - 1);
                *seen = offset + 1;
                if source == Some(whose.source.as_bytes()) {
                    self.own.push((offset, bytes.slice_ref(entry.bytes)));
                }
            }
            self.pass(*seen, last);
            *seen = (last + 1).max(*seen);
        }
    }

    fn pass(&mut self, first: i64, last: i64) {
        match self.foreign.last_mut() {
            _ if first > last => {}
            Some((_, end)) if *end + 1 == first => *end = last,
            _ => self.foreign.push((first, last)),
        }
    }
}

/// The group that gave the record up, and the topic that it comes from.
fn whose_letter<'a>(headers: impl Iterator<Item = RecordHeader<'a>>) -> (Option<&'a [u8]>, Option<&'a [u8]>) {
    headers.fold((None, None), |said, header| match header.key {
        b"__dlq.errors.group" => (header.value, said.1),
        b"__dlq.errors.topic" => (said.0, header.value),
        _ => said,
    })
}

/// The record as it was, and a header that says that it was back from the dead letters.
fn returned_batch(body: &Body) -> Vec<u8> {
    let own = body.headers.iter().filter(|(key, _)| !key.starts_with(b"__dlq."));
    let own = own.map(|(key, value)| RecordHeader { key, value: value.as_deref() });
    let ours = RecordHeader { key: b"__dlq.redriven", value: Some(b"true") };
    let headers: Vec<RecordHeader<'_>> = own.chain([ours]).collect();
    body.alone(&headers)
}
