//! Produce in v3: one record, a stream of records over one request with an answer for each in its order, or a small batch.

use bytes::Bytes;
use hyper::{
    StatusCode,
    header::{CONTENT_LENGTH, EXPECT},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize, de::IgnoredAny};
use serde_json::value::RawValue;
use std::{rc::Rc, sync::Arc, time::Duration};

use super::{
    data::{Coder, DataIn, DataOut, bad, binary},
    pieces::Pieces,
    resource::told,
};
use crate::{
    answer::{self, Answer, Gone, Sender, bytes},
    asked::{Asked, Unreadable},
    coding::Part,
    coming::Coming,
    memory::Loan,
    peer::Peer,
    rest::{
        BODY, Object,
        fault::{Fault, Told},
        media::Family,
        parsed,
        produce::{Author, NewRecord, Placed},
    },
    serve::Door,
};

/// Largest record of a stream as JSON, in bytes.
const RECORD: usize = 8 << 20;
/// Records of a body that is read whole, and records that are written together.
const RECORDS: usize = 100_000;
const SLICE: usize = 10_000;
/// Bytes of such a body that are looked through at a time.
const PIECE: usize = 64 << 10;
/// A body of this size is read whole and answered at once.
const AT_ONCE: u64 = 1 << 20;
/// Of a body of a known length, up to this one, answers are kept until it has come: who says how much he sends mostly reads
/// nothing before he has sent it.
const KEPT: u64 = BODY as u64;
/// Bytes of answers that wait for a peer who does not read them.
const ANSWERS: usize = 64 << 20;
/// A stream that says nothing for this long is over.
const SILENCE: Duration = Duration::from_secs(600);
/// A stream is over after this long, whatever it says.
const STREAM: Duration = Duration::from_secs(86_400);
/// Entries of one batch.
const ENTRIES: usize = 10;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RecordIn<'a> {
    /// Entries of a batch have one, which is looked at by itself.
    id: Option<IgnoredAny>,
    partition_id: Option<i32>,
    headers: Option<Vec<Object<HeaderIn>>>,
    #[serde(borrow)]
    key: Option<Object<DataIn<'a>>>,
    #[serde(borrow)]
    value: Option<Object<DataIn<'a>>>,
    timestamp: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HeaderIn {
    name: String,
    value: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BatchIn<'a> {
    #[serde(borrow)]
    entries: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct EntryId {
    id: Option<String>,
}

#[derive(Serialize)]
struct Told200<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_code: Option<u32>,
    cluster_id: &'a str,
    topic_name: &'a str,
    partition_id: i32,
    offset: i64,
    timestamp: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a DataOut>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<&'a DataOut>,
}

#[derive(Serialize)]
struct ToldNot<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    error_code: u32,
    message: &'a str,
}

/// How records come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Stream,
    Batch,
}

impl Form {
    fn read(self, json: &[u8]) -> Told<RecordIn<'_>> {
        let read = parsed::<RecordIn<'_>>(json);
        if self == Self::Batch {
            return read;
        }
        // Of a stream the proxy says all that is wrong with one record's JSON by one number.
        match read {
            Ok(record) if record.id.is_none() => Ok(record),
            Ok(_) => Err(bad("Unrecognized field: id")),
            Err(fault) => Err(bad(fault.message)),
        }
    }
}

/// A record that can be written, and what is told of its parts.
struct Ready {
    record: NewRecord,
    key: Option<DataOut>,
    value: Option<DataOut>,
}

/// Where records of one request go, and who sends them.
struct Target {
    door: Arc<Door>,
    topic: String,
    cluster: String,
    peer: Rc<Peer>,
}

pub(super) async fn produce(door: &Arc<Door>, asked: Asked, topic: &str) -> Told<Answer> {
    let target = Target { door: door.clone(), topic: topic.to_owned(), cluster: door.cluster_id(), peer: asked.peer.clone() };
    let length = asked.header(&CONTENT_LENGTH).and_then(|text| text.parse::<u64>().ok());
    let packed = asked.headers.contains_key(hyper::header::CONTENT_ENCODING);
    if packed || length.is_some_and(|length| length <= AT_ONCE) {
        let body = asked.whole(BODY).await?;
        return whole(&target, &body).await;
    }
    let (sender, answer) = answer::stream(&door.memory, StatusCode::OK, Family::V3.media_type());
    let kept = length.is_some_and(|length| length <= KEPT);
    let answers = Answers { sender, kept, out: Vec::new(), loan: door.memory.loan(), full: false };
    let asks_first = asked.headers.contains_key(EXPECT);
    let mut body = asked.take_body();
    // Whoever asks before he sends is told to when his body is looked at, and not any more once the answer has begun.
    let first = if asks_first { body.next().await? } else { None };
    tokio::task::spawn_local(async move {
        // A peer that goes away ends it; whatever was answered stays true.
        let _ = tokio::time::timeout(STREAM, stream(&target, body, first, answers)).await;
    });
    Ok(answer)
}

async fn whole(target: &Target, body: &[u8]) -> Told<Answer> {
    let mut pieces = Pieces::new(RECORD);
    let mut records = Vec::new();
    let broken = body.chunks(PIECE).try_for_each(|piece| {
        pieces.push(piece, &mut records)?;
        match records.len() > RECORDS {
            true => Err(Fault::plain(
                StatusCode::PAYLOAD_TOO_LARGE,
                format!("a request has at most {RECORDS} records; send a stream"),
            )),
            false => Ok(()),
        }
    });
    let broken = broken.err().or_else(|| pieces.rest());
    let mut out = Vec::new();
    if let Some(fault) = broken {
        if records.is_empty() {
            return Err(fault);
        }
        target.write(&records, &mut out).await;
        refuse(&mut out, &fault);
    } else if records.is_empty() {
        return Err(Fault::plain(StatusCode::BAD_REQUEST, "the body has no record"));
    } else {
        target.write(&records, &mut out).await;
    }
    Ok(bytes(StatusCode::OK, Family::V3.media_type(), out))
}

/// Answers of a stream that the peer has not taken yet. Some clients read nothing before they have sent everything, and sending
/// would never end if nothing was read meanwhile: as long as there is memory, answers wait and reading goes on.
struct Answers {
    sender: Sender,
    kept: bool,
    out: Vec<u8>,
    loan: Loan,
    /// There is no memory for more of them.
    full: bool,
}

impl Answers {
    /// Whether some are to be given now.
    fn due(&self) -> bool {
        !self.out.is_empty() && (self.full || !self.kept)
    }

    /// Notes that there are more than before.
    fn grown(&mut self) {
        self.full = self.out.len() > ANSWERS || self.loan.hold(self.out.len()).is_err();
    }

    /// Gives them all, once the peer has taken what came before. What is cut short has given nothing.
    async fn give(&mut self) -> Result<(), Gone> {
        let place = self.sender.place().await?;
        place.take(std::mem::take(&mut self.out).into(), self.loan.rest());
        self.full = false;
        Ok(())
    }
}

/// What has come of a body: first what was read of it before.
async fn next(first: &mut Option<Bytes>, body: &mut Coming) -> Result<Option<Bytes>, Unreadable> {
    match first.take() {
        Some(data) => Ok(Some(data)),
        None => body.next().await,
    }
}

/// Reads as much as there is, writes it in one commit, answers each, and reads on.
async fn stream(target: &Target, mut body: Coming, mut first: Option<Bytes>, mut answers: Answers) {
    let mut pieces = Pieces::new(RECORD);
    let last = loop {
        let (due, full) = (answers.due(), answers.full);
        let data = tokio::select! {
            biased;
            given = answers.give(), if due => match given {
                Ok(()) => continue,
                Err(Gone) => return,
            },
            next = tokio::time::timeout(SILENCE, next(&mut first, &mut body)), if !full => match next {
                Ok(Ok(Some(data))) => data,
                Ok(Ok(None)) => break pieces.rest(),
                Ok(Err(given_up @ Unreadable::Still)) => break Some(given_up.into()),
                // What was written is told all the same: whoever hears nothing writes it again.
                Ok(Err(_)) | Err(_) => break None,
            },
        };
        let mut records = Vec::new();
        let broken = pieces.push(&data, &mut records).err();
        // A record that has begun is held until its end comes.
        let broken = broken.or_else(|| body.hold(pieces.begun()).err().map(Fault::from));
        target.write(&records, &mut answers.out).await;
        answers.grown();
        if broken.is_some() {
            break broken;
        }
    };
    if let Some(fault) = &last {
        refuse(&mut answers.out, fault);
    }
    if !answers.out.is_empty() {
        // Whoever has gone hears nothing.
        let _ = answers.give().await;
    }
    if last.is_some() {
        // Whoever is still sending reads why when he is heard to the end.
        body.drain().await;
    }
}

fn refuse(out: &mut Vec<u8>, fault: &Fault) {
    line(out, &ToldNot { id: None, error_code: fault.code, message: &fault.message });
}

fn line(out: &mut Vec<u8>, told: &impl Serialize) {
    // Memory takes every byte.
    let _ = serde_json::to_writer(&mut *out, told);
    out.extend_from_slice(b"\r\n");
}

impl Target {
    fn author(&self) -> Author<'_> {
        Author { node: &self.door.node, writer: self.peer.writer(&self.door.node), turn: &self.door.turn }
    }

    /// Writes records that came together; one that is wrong is answered so and stops none of the others.
    async fn outcomes(&self, records: &[impl AsRef<[u8]>], form: Form) -> Vec<(Told<Placed>, Option<Ready>)> {
        let mut read: Vec<Told<Ready>> = Vec::with_capacity(records.len());
        let mut coder = Coder::new(&self.door, &self.topic);
        for json in records {
            read.push(match form.read(json.as_ref()) {
                Ok(record) => ready(record, &mut coder).await,
                Err(fault) => Err(fault),
            });
        }
        let (mut good, mut rest) = (Vec::with_capacity(read.len()), Vec::with_capacity(read.len()));
        for read in read {
            match read {
                Ok(Ready { record, key, value }) => {
                    good.push(record);
                    rest.push(Ok((key, value)));
                }
                Err(fault) => rest.push(Err(fault)),
            }
        }
        let author = self.author();
        let placed = match author.topic(&self.topic).await {
            _ if good.is_empty() => Vec::new(),
            Ok(topic) => author.produce(&topic, &good).await,
            Err(fault) => good.iter().map(|_| Err(fault.clone())).collect(),
        };
        let mut placed = placed.into_iter();
        let told = |rest| match rest {
            Ok((key, value)) => {
                let placed = placed.next().unwrap_or_else(|| Err(Fault::kafka("the record was not written")));
                (placed, Some(Ready { record: NewRecord::default(), key, value }))
            }
            Err(fault) => (Err(fault), None),
        };
        rest.into_iter().map(told).collect()
    }

    async fn write(&self, records: &[Vec<u8>], out: &mut Vec<u8>) {
        for some in records.chunks(SLICE) {
            self.write_some(some, out).await;
        }
    }

    async fn write_some(&self, records: &[Vec<u8>], out: &mut Vec<u8>) {
        if records.is_empty() {
            return;
        }
        for (outcome, ready) in self.outcomes(records, Form::Stream).await {
            match (&outcome, &ready) {
                (Ok(placed), Some(ready)) => line(out, &self.accepted(placed, ready, None)),
                (Err(fault), _) => refuse(out, fault),
                (Ok(_), None) => {}
            }
        }
    }

    fn accepted<'a>(&'a self, placed: &Placed, ready: &'a Ready, id: Option<&'a str>) -> Told200<'a> {
        Told200 {
            id,
            error_code: id.is_none().then_some(200),
            cluster_id: &self.cluster,
            topic_name: &self.topic,
            partition_id: placed.partition,
            offset: placed.offset,
            timestamp: Timestamp::from_millisecond(placed.timestamp).ok().map(|t| t.to_string()),
            key: ready.key.as_ref(),
            value: ready.value.as_ref(),
        }
    }
}

async fn ready(asked: RecordIn<'_>, coder: &mut Coder<'_>) -> Told<Ready> {
    let header = |Object(header): Object<HeaderIn>| Ok((header.name, header.value.map(|v| binary(&v)).transpose()?));
    let headers = asked.headers.unwrap_or_default().into_iter().map(header).collect::<Told<_>>()?;
    let timestamp = asked.timestamp.as_deref().map(moment).transpose()?;
    let (key, key_out) = coder.encode(Part::Key, asked.key.map(|Object(data)| data)).await?;
    let (value, value_out) = coder.encode(Part::Value, asked.value.map(|Object(data)| data)).await?;
    let record = NewRecord { partition: asked.partition_id, key, value, headers, timestamp };
    Ok(Ready { record, key: key_out, value: value_out })
}

/// RFC 3339, as the proxy writes and reads it.
fn moment(text: &str) -> Told<i64> {
    let read = text.parse::<Timestamp>().map_err(|error| bad(format!("timestamp: {error}")))?;
    match read.as_millisecond() {
        // -1 is Kafka's word for none, and what is further back is never written.
        before if before < 0 => Err(bad(format!("timestamp: {text} lies before 1970"))),
        at => Ok(at),
    }
}

pub(super) async fn batch(door: &Arc<Door>, asked: Asked, topic: &str) -> Told<Answer> {
    let target = Target { door: door.clone(), topic: topic.to_owned(), cluster: door.cluster_id(), peer: asked.peer.clone() };
    let body = asked.whole(BODY).await?;
    let batch: BatchIn<'_> = parsed(&body)?;
    let ids = judge_entries(&batch)?;
    let records: Vec<&[u8]> = batch.entries.iter().map(|entry| entry.get().as_bytes()).collect();
    let outcomes = target.outcomes(&records, Form::Batch).await;
    let (mut successes, mut failures) = (Vec::new(), Vec::new());
    for (id, (outcome, ready)) in ids.iter().zip(&outcomes) {
        match (outcome, ready) {
            (Ok(placed), Some(ready)) => successes.push(target.accepted(placed, ready, Some(id))),
            (Err(fault), _) => failures.push(ToldNot { id: Some(id), error_code: fault.code, message: &fault.message }),
            (Ok(_), None) => {}
        }
    }
    Ok(told(StatusCode::MULTI_STATUS, &serde_json::json!({"successes": successes, "failures": failures})))
}

/// Ids tell which outcome is whose, so each is there once.
fn judge_entries(batch: &BatchIn<'_>) -> Told<Vec<String>> {
    let wrong = |message: String| Fault::new(StatusCode::UNPROCESSABLE_ENTITY, 42208, message);
    if batch.entries.is_empty() || batch.entries.len() > ENTRIES {
        return Err(wrong(format!("a batch has 1 to {ENTRIES} entries, this one has {}", batch.entries.len())));
    }
    let mut ids: Vec<String> = Vec::with_capacity(batch.entries.len());
    for entry in &batch.entries {
        let id = parsed::<EntryId>(entry.get().as_bytes())?.id.filter(|id| (1..=80).contains(&id.len()));
        match id {
            Some(id) if !ids.contains(&id) => ids.push(id),
            Some(id) => return Err(wrong(format!("the entry id {id:?} is there twice"))),
            None => return Err(wrong("every entry has an id of 1 to 80 characters".into())),
        }
    }
    Ok(ids)
}
