//! What an answer means for the records it is about: done, again, again in two halves, or refused.

use std::time::{Duration, Instant};

use milena_wire::{ErrorCode, ProduceResponse, Uuid, produce::PartitionProduceResponse};

use super::{Flight, Sender};
use crate::{
    Error, Result,
    producer::{
        Placed,
        queue::{Batch, State},
    },
};

const MESSAGE_TOO_LARGE: i16 = 10;
const OUT_OF_ORDER_SEQUENCE: i16 = 45;
const DUPLICATE_SEQUENCE: i16 = 46;
const INVALID_PRODUCER_EPOCH: i16 = 47;
const UNKNOWN_PRODUCER_ID: i16 = 59;
/// Answers after which the records may be in the log all the same: an unknown failure, a leader that lost its place, a wait for
/// replicas that took too long or found too few, a disk that failed.
const MAY_BE_WRITTEN: [i16; 5] = [-1, 6, 7, 20, 56];
/// With a fresh producer id this many times, then the broker's word is final.
const FRESH_STARTS: u32 = 3;

/// The fate of one batch.
enum Verdict {
    Done {
        base_offset: Option<i64>,
        append_time: Option<i64>,
    },
    /// The same bytes again, a little later.
    Again(Error),
    /// In two halves.
    Halve,
    /// As new, under another producer id: the broker has not got it and forgot the old one.
    Afresh(Error),
    Refused(Error),
}

impl Sender {
    pub(super) fn judge(&mut self, flights: Vec<Flight>, answer: Result<Option<ProduceResponse>>) {
        let shared = self.shared.clone();
        let mut state = shared.state();
        for mut flight in flights {
            let verdict = match &answer {
                Ok(None) => Verdict::Done { base_offset: None, append_time: None },
                Ok(Some(response)) => match find(response, &flight) {
                    Some(partition) => self.verdict(&mut flight, partition),
                    None => self.unanswered(&mut flight, Error::Invalid("the broker did not answer for the partition".into())),
                },
                Err(error) => self.unanswered(&mut flight, error.clone()),
            };
            self.carry_out(&mut state, flight, verdict);
        }
        drop(state);
        shared.finished.notify_waiters();
    }

    fn unanswered(&self, flight: &mut Flight, error: Error) -> Verdict {
        flight.batch.unsure += u32::from(may_have_arrived(&error));
        if self.lasts(&error, flight.batch.age()) { Verdict::Refused(error) } else { Verdict::Again(error) }
    }

    fn verdict(&self, flight: &mut Flight, answer: &PartitionProduceResponse) -> Verdict {
        let code = ErrorCode(answer.error_code);
        let about = format!("produce to {}-{}", flight.topic, flight.partition);
        let message = answer.record_errors.first().and_then(|e| e.batch_index_error_message.as_deref());
        let error = Error::server(code, about, message.or(answer.error_message.as_deref()));
        let batch = &mut flight.batch;
        batch.unsure += u32::from(MAY_BE_WRITTEN.contains(&code.0));
        let sure = batch.unsure == 0;
        let afresh = batch.fresh_starts < FRESH_STARTS;
        match code.0 {
            0 => Verdict::Done {
                base_offset: (answer.base_offset >= 0).then_some(answer.base_offset),
                append_time: (answer.log_append_time_ms >= 0).then_some(answer.log_append_time_ms),
            },
            DUPLICATE_SEQUENCE if !sure => Verdict::Done { base_offset: None, append_time: None },
            MESSAGE_TOO_LARGE if sure && batch.records.len() > 1 => Verdict::Halve,
            // Unknown means that nothing of this id is there, so nothing can be doubled. Out of order after a try of
            // unknown end may mean that it is there: then only the caller can decide. A double of what was never sent is
            // none of ours: its numbers were taken.
            UNKNOWN_PRODUCER_ID if afresh => Verdict::Afresh(error),
            OUT_OF_ORDER_SEQUENCE | INVALID_PRODUCER_EPOCH | DUPLICATE_SEQUENCE if sure && afresh => Verdict::Afresh(error),
            _ if self.lasts(&error, batch.age()) => Verdict::Refused(error),
            _ => Verdict::Again(error),
        }
    }

    /// Whether to give up after an error: it does not pass, or the records have waited long enough.
    pub(super) fn lasts(&self, error: &Error, age: Duration) -> bool {
        let config = &self.shared.config;
        let passes = error.is_retriable() || matches!(error, Error::NotKafka { .. } | Error::Malformed { .. });
        // A topic that was deleted stays unknown; one that moves does not for long.
        let absent = matches!(error, Error::NoPartition { .. }) || error.code().is_some_and(|c| c.0 == 3);
        match absent {
            true => age > config.topic_wait.min(config.delivery_timeout),
            false => !passes || age > config.delivery_timeout,
        }
    }

    fn carry_out(&mut self, state: &mut State, flight: Flight, verdict: Verdict) {
        let Flight { queue: at, topic, partition, mut batch, .. } = flight;
        let mut again = Vec::new();
        let mut retry_at = None;
        match verdict {
            Verdict::Done { base_offset, append_time } => {
                for (n, waiting) in batch.records.drain(..).enumerate() {
                    let placed = Placed {
                        topic: topic.clone(),
                        partition,
                        offset: base_offset.map(|base| base + n as i64),
                        timestamp: append_time.unwrap_or(waiting.timestamp),
                    };
                    self.tell(state, batch.generation, waiting, Ok(placed));
                }
            }
            Verdict::Again(error) => {
                self.shared.cluster.forget_topic(&topic);
                let pause = self.shared.cluster.config().retry.first.saturating_mul(batch.attempts.min(20));
                retry_at = Some(Instant::now() + pause);
                batch.last_error = Some(error);
                again.push(batch);
            }
            Verdict::Halve => {
                rewind(state, at, &batch);
                again.extend(batch.split());
            }
            Verdict::Afresh(error) => {
                self.forget_identity(state, at);
                (batch.sealed, batch.last_error) = (None, Some(error));
                batch.fresh_starts += 1;
                again.push(batch);
            }
            Verdict::Refused(error) => self.give_up(state, at, batch, Some(error)),
        }
        state.put_back(at, again.into_iter(), retry_at);
    }

    /// No more tries. If one may have arrived, what follows must not be judged by its sequence.
    pub(super) fn give_up(&mut self, state: &mut State, at: usize, batch: Batch, error: Option<Error>) {
        if batch.unsure > 0 {
            self.forget_identity(state, at);
        } else {
            rewind(state, at, &batch);
        }
        let after = self.shared.config.delivery_timeout;
        let expired = batch.age() > after;
        let error = match error {
            Some(error) if !expired || !error.is_retriable() => error,
            last => Error::Expired { after, last: last.map(Box::new) },
        };
        self.refuse(state, batch, &error);
    }

    /// The partition begins anew with an id that nobody has used on it.
    fn forget_identity(&mut self, state: &mut State, at: usize) {
        let queue = &mut state.queues[at];
        if queue.identity.is_some() && queue.identity == self.identity {
            self.identity = None;
        }
        queue.identity = None;
    }

    /// Tells every record of a batch why it failed.
    pub(super) fn refuse(&self, state: &mut State, mut batch: Batch, error: &Error) {
        for waiting in batch.records.drain(..) {
            self.tell(state, batch.generation, waiting, Err(error.clone()));
        }
    }

    fn tell(&self, state: &mut State, generation: u64, waiting: crate::producer::Waiting, fate: Result<Placed>) {
        self.shared.room.add_permits(waiting.size);
        state.finished(generation, 1);
        // Whoever dropped the delivery does not want to know.
        let _ = waiting.done.send(fate);
    }

    /// Fails what needs a producer id: none is to be had.
    pub(super) fn fail_unidentified(&mut self, error: &Error) {
        let shared = self.shared.clone();
        let mut state = shared.state();
        for at in state.active.iter().copied().collect::<Vec<_>>() {
            if state.queues[at].identity.is_some() {
                continue;
            }
            while let Some(batch) = state.pop_if(at, |_| true) {
                self.give_up(&mut state, at, batch, Some(error.clone()));
            }
        }
        drop(state);
        shared.finished.notify_waiters();
    }
}

/// The batch was not written: the next one takes its sequence numbers.
fn rewind(state: &mut State, at: usize, batch: &Batch) {
    let queue = &mut state.queues[at];
    if let Some(sealed) = &batch.sealed
        && queue.identity == sealed.identity
    {
        queue.sequence = sealed.base_sequence;
    }
}

/// Whether a broker may have got a request that failed so, and have done it.
fn may_have_arrived(error: &Error) -> bool {
    !matches!(
        error,
        Error::UnknownHost { .. }
            | Error::Connect { .. }
            | Error::Tls { .. }
            | Error::Login { .. }
            | Error::NoBootstrap
            | Error::NoNode(_)
            | Error::Server { .. }
            | Error::Unsupported { .. }
            | Error::Unencodable { .. }
    )
}

fn find<'a>(response: &'a ProduceResponse, flight: &Flight) -> Option<&'a PartitionProduceResponse> {
    let named = |name: &milena_wire::Text, id: Uuid| if id.is_nil() { *name == flight.topic } else { id == flight.topic_id };
    let topics = response.responses.iter().filter(|t| named(&t.name, t.topic_id));
    topics.flat_map(|t| &t.partition_responses).find(|p| p.index == flight.partition)
}
