//! ShareFetch (78), v1-2. Takes records for a member of a share group, and says what became of those it had. KIP-932,
//! KIP-1206 (in record-limit mode never one record more than was asked for), KIP-1222 (renewal).

use std::{collections::HashMap, sync::Arc, time::Duration};

use milena_engine::group::MemberId;
use milena_node::{Partition, Take, TakeRefusal, Taken};
use milena_wire::{
    ErrorCode, ShareFetchRequest, ShareFetchResponse,
    bytes::Bytes,
    share_fetch::{AcquiredRecords, FetchTopic, ForgottenTopic, PartitionData, ShareFetchableTopicResponse},
};
use tokio::time::Instant;

use crate::{
    dispatch::{Card, Close, Context, Cost},
    errors::{Code, Told},
    share_session::{FINAL, INITIAL, Name, Place},
    sharing::{self, Said},
};

pub(super) const CARD: Card = Card::new(78, "ShareFetch", 1..=2, Cost::Wait, |call| call.later(handle));

/// `ShareAcquireMode`: never more than `MaxRecords`.
const RECORD_LIMIT: i8 = 1;
/// Bytes of one answer, whatever is asked for: it is in memory until the client has taken it.
const BYTES_MAX: usize = 50 << 20;
/// Records of one answer.
const RECORDS_MAX: i64 = 100_000;

/// One partition's share of the answer.
struct Share {
    place: Place,
    data: PartitionData,
}

/// The answer as it grows, in the order in which partitions were met.
#[derive(Default)]
struct Shares {
    list: Vec<Share>,
    at: HashMap<Place, usize>,
}

/// What is wanted, beside where.
struct Terms {
    name: Name,
    max_records: i64,
    max_bytes: usize,
    strictly: bool,
}

/// What one look at the session's partitions found.
#[derive(Default)]
struct Look {
    records: i64,
    bytes: usize,
    failed: bool,
    /// Partitions that more may come to, each with what was seen of it.
    open: Vec<(Arc<Partition>, i64)>,
}

async fn handle(cx: Context, request: ShareFetchRequest) -> Result<ShareFetchResponse, Close> {
    let epoch = request.share_session_epoch;
    let name = match sharing::name(request.group_id.as_ref(), request.member_id.as_ref()) {
        Ok(name) => name,
        Err(error) => return Ok(refused(error)),
    };
    let said = acknowledgements(&request.topics);
    if !fits(&request, &said) {
        return Ok(refused(ErrorCode::INVALID_REQUEST));
    }
    let (added, forgotten) = (added(&request.topics), forgotten(&request.forgotten_topics_data));
    let turn = match cx.peer.share_fetch(&name, epoch, added, &forgotten) {
        Ok(turn) => turn,
        Err(refusal) => return Ok(refused(sharing::session_code(refusal))),
    };
    if epoch == INITIAL {
        // A member that begins anew does not remember what it held before.
        let _ = sharing::end(cx.peer.node(), &name, true).await;
    }
    let mut shares = Shares::default();
    for (place, said) in said {
        let told = sharing::acknowledge(&cx, &name, place, said, request.is_renew_ack).await;
        let data = shares.of(place);
        if let Err((error, words)) = told {
            (data.acknowledge_error_code, data.acknowledge_error_message) = (error.into(), Some(words.into()));
        }
    }
    if epoch == FINAL {
        cx.peer.end_share_session(&name);
        let _ = sharing::end(cx.peer.node(), &name, false).await;
    } else if !request.is_renew_ack {
        let strictly = cx.version >= 2 && request.share_acquire_mode == RECORD_LIMIT;
        let max_records = i64::from(request.max_records).clamp(0, RECORDS_MAX);
        let max_bytes = usize::try_from(request.max_bytes).unwrap_or(0).clamp(1, BYTES_MAX);
        let terms = Terms { name: name.clone(), max_records, max_bytes, strictly };
        let patience = Duration::from_millis(request.max_wait_ms.try_into().unwrap_or(0));
        fetch(&cx, &terms, &turn.places, patience, &mut shares).await?;
        if turn.all {
            turn.places.iter().for_each(|place| {
                shares.of(*place);
            });
        }
    }
    Ok(answer(&cx, &name, shares))
}

/// What Kafka refuses as a whole.
fn fits(request: &ShareFetchRequest, said: &[(Place, Vec<Said>)]) -> bool {
    let begins_with_words = request.share_session_epoch == INITIAL && !said.is_empty();
    let renews_and_fetches = request.is_renew_ack && (request.max_records, request.max_bytes, request.max_wait_ms) != (0, 0, 0);
    request.share_session_epoch >= FINAL && !begins_with_words && !renews_and_fetches
}

fn acknowledgements(topics: &[FetchTopic]) -> Vec<(Place, Vec<Said>)> {
    let each = topics.iter().flat_map(|topic| topic.partitions.iter().map(|p| ((topic.topic_id, p.partition_index), p)));
    let with_words = each.filter(|(_, p)| !p.acknowledgement_batches.is_empty());
    let said = with_words.map(|(place, p)| {
        let batches = p.acknowledgement_batches.iter();
        (place, batches.map(|b| (b.first_offset, b.last_offset, b.acknowledge_types.clone())).collect())
    });
    said.collect()
}

fn added(topics: &[FetchTopic]) -> Vec<Place> {
    topics.iter().flat_map(|topic| topic.partitions.iter().map(|p| (topic.topic_id, p.partition_index))).collect()
}

fn forgotten(topics: &[ForgottenTopic]) -> Vec<Place> {
    topics.iter().flat_map(|topic| topic.partitions.iter().map(|p| (topic.topic_id, *p))).collect()
}

impl Shares {
    fn of(&mut self, place: Place) -> &mut PartitionData {
        let list = &mut self.list;
        let at = *self.at.entry(place).or_insert_with(|| {
            list.push(Share { place, data: PartitionData { partition_index: place.1, ..Default::default() } });
            list.len() - 1
        });
        &mut self.list[at].data
    }
}

/// Looks again whenever something came or became free, until there is something or time is over.
async fn fetch(cx: &Context, terms: &Terms, places: &[Place], patience: Duration, shares: &mut Shares) -> Result<(), Close> {
    let deadline = Instant::now() + patience;
    let node = cx.peer.node();
    loop {
        let freed = node.share_freed(&terms.name.0);
        let look = look(cx, terms, places, shares).await;
        let left = deadline.saturating_duration_since(Instant::now());
        if look.records > 0 || look.failed || left.is_zero() || terms.max_records == 0 {
            return Ok(());
        }
        let waited = node.share_wait(&terms.name.0, freed, &look.open, left).await;
        waited.map_err(|dead| Close::because(dead.to_string()))?;
    }
}

async fn look(cx: &Context, terms: &Terms, places: &[Place], shares: &mut Shares) -> Look {
    let mut look = Look::default();
    for place in places {
        if look.records >= terms.max_records || look.bytes >= terms.max_bytes {
            break;
        }
        match take(cx, terms, *place, &mut look).await {
            Ok(Taken { granted, batches }) if !granted.runs.is_empty() => {
                let data = shares.of(*place);
                let acquired = |(first, last, count): (i64, i64, u16)| AcquiredRecords {
                    first_offset: first,
                    last_offset: last,
                    delivery_count: i16::try_from(count).unwrap_or(i16::MAX),
                    ..Default::default()
                };
                look.records += granted.runs.iter().map(|(first, last, _)| last - first + 1).sum::<i64>();
                look.bytes += batches.len();
                cx.peer.node().counters().bytes_out.add(batches.len() as u64);
                data.acquired_records = granted.runs.into_iter().map(acquired).collect();
                data.records = batches;
            }
            Ok(_) => {}
            Err((error, words)) => {
                let data = shares.of(*place);
                (data.error_code, data.error_message, data.records) = (error.into(), Some(words.into()), Bytes::new());
                look.failed = true;
            }
        }
    }
    look
}

async fn take(cx: &Context, terms: &Terms, place: Place, look: &mut Look) -> Result<Taken, Told> {
    let node = cx.peer.node();
    let at = sharing::at(node, place)?;
    let unknown = || (ErrorCode::UNKNOWN_TOPIC_ID, ErrorCode::UNKNOWN_TOPIC_ID.words().to_owned());
    let topic = node.topic_by_id(at.topic).ok_or_else(unknown)?;
    if let Some(partition) = topic.partition(place.1)
        && let Some(view) = partition.view()
    {
        look.open.push((partition.clone(), view.high));
    }
    let take = Take {
        topic,
        partition: place.1,
        owner: MemberId::from(&*terms.name.1),
        max: terms.max_records - look.records,
        strictly: terms.strictly,
        max_bytes: terms.max_bytes - look.bytes,
        lock_ms: None,
    };
    node.share_take(&terms.name.0, &take).await.map_err(|refusal: TakeRefusal| (refusal.code(), refusal.to_string()))
}

fn answer(cx: &Context, name: &Name, shares: Shares) -> ShareFetchResponse {
    let mut shares = shares.list;
    shares.sort_by_key(|share| share.place);
    let topics = shares.chunk_by(|a, b| a.place.0 == b.place.0);
    let topic = |shares: &[Share]| ShareFetchableTopicResponse {
        topic_id: shares[0].place.0,
        partitions: shares.iter().map(|share| share.data.clone()).collect(),
        ..Default::default()
    };
    let lock = cx.peer.node().share_lock_ms(&name.0).unwrap_or(0);
    ShareFetchResponse {
        acquisition_lock_timeout_ms: i32::try_from(lock).unwrap_or(i32::MAX),
        responses: topics.map(topic).collect(),
        ..Default::default()
    }
}

fn refused(error: ErrorCode) -> ShareFetchResponse {
    ShareFetchResponse { error_code: error.into(), error_message: Some(error.words().into()), ..Default::default() }
}
