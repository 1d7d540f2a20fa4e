//! What an answer means for the records it is about: done, again, again in two halves, or refused.

use std::time::Instant;

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
        for flight in flights {
            let verdict = match &answer {
                Ok(None) => Verdict::Done { base_offset: None, append_time: None },
                Ok(Some(response)) => match find(response, &flight) {
                    Some(partition) => self.verdict(&flight, partition),
                    None => Verdict::Again(Error::Invalid("the broker did not answer for the partition".into())),
                },
                Err(error) => Verdict::Again(error.clone()),
            };
            // Once a request is on its way only the broker's word says for certain that it has not been written.
            let unsure = matches!(
                &answer,
                Err(Error::Closed { .. } | Error::TimedOut { .. } | Error::Malformed { .. } | Error::NotKafka { .. })
            );
            self.carry_out(&mut state, flight, verdict, unsure);
        }
        drop(state);
        shared.finished.notify_waiters();
    }

    fn verdict(&self, flight: &Flight, answer: &PartitionProduceResponse) -> Verdict {
        let code = ErrorCode(answer.error_code);
        let about = format!("produce to {}-{}", flight.topic, flight.partition);
        let message = answer.record_errors.first().and_then(|e| e.batch_index_error_message.as_deref());
        let error = Error::server(code, about, message.or(answer.error_message.as_deref()));
        let batch = &flight.batch;
        match code.0 {
            0 => Verdict::Done {
                base_offset: (answer.base_offset >= 0).then_some(answer.base_offset),
                append_time: (answer.log_append_time_ms >= 0).then_some(answer.log_append_time_ms),
            },
            DUPLICATE_SEQUENCE => Verdict::Done { base_offset: None, append_time: None },
            MESSAGE_TOO_LARGE if batch.records.len() > 1 => Verdict::Halve,
            // Unknown means that nothing of this id is there, so nothing can be doubled. Out of order after a try of
            // unknown end may mean that it is there: then only the caller can decide.
            UNKNOWN_PRODUCER_ID if batch.attempts <= FRESH_STARTS => Verdict::Afresh(error),
            OUT_OF_ORDER_SEQUENCE | INVALID_PRODUCER_EPOCH if batch.unsure == 0 && batch.attempts <= FRESH_STARTS => {
                Verdict::Afresh(error)
            }
            _ if code.retriable() => Verdict::Again(error),
            _ => Verdict::Refused(error),
        }
    }

    fn carry_out(&mut self, state: &mut State, flight: Flight, verdict: Verdict, unsure: bool) {
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
                if error.code().is_some() || error.is_connection() {
                    self.shared.cluster.forget_topic(&topic);
                }
                batch.unsure += u32::from(unsure);
                let gone = error.code().is_some_and(|c| c.0 == 3) && batch.age() > self.shared.config.topic_wait;
                if gone || !(error.is_retriable() || unsure) || batch.age() > self.shared.config.delivery_timeout {
                    self.give_up(state, at, batch, error, unsure);
                } else {
                    let pause = self.shared.cluster.config().retry.first.saturating_mul(batch.attempts.min(20));
                    retry_at = Some(Instant::now() + pause);
                    batch.last_error = Some(error);
                    again.push(batch);
                }
            }
            Verdict::Halve => {
                rewind(state, at, &batch);
                again.extend(batch.split());
            }
            Verdict::Afresh(error) => {
                self.forget_identity(state, at);
                (batch.sealed, batch.last_error) = (None, Some(error));
                again.push(batch);
            }
            Verdict::Refused(error) => {
                if batch.unsure == 0 {
                    rewind(state, at, &batch);
                } else {
                    self.forget_identity(state, at);
                }
                self.refuse(state, batch, &error);
            }
        }
        state.put_back(at, again.into_iter(), retry_at);
    }

    /// No more tries. If one may have arrived, what follows must not be judged by its sequence.
    fn give_up(&mut self, state: &mut State, at: usize, batch: Batch, error: Error, unsure: bool) {
        if unsure || batch.unsure > 0 {
            self.forget_identity(state, at);
        } else {
            rewind(state, at, &batch);
        }
        let expired = batch.age() > self.shared.config.delivery_timeout;
        let error = match expired {
            true => Error::Expired { after: self.shared.config.delivery_timeout, last: Some(Box::new(error)) },
            false => error,
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

    /// Fails what waits for something that cannot be had: a topic that is not there, a producer id that is refused.
    pub(super) fn fail_waiting(&mut self, concerns: impl Fn(&milena_wire::Text) -> bool, error: &Error) {
        let shared = self.shared.clone();
        let mut state = shared.state();
        for at in state.active.iter().copied().collect::<Vec<_>>() {
            if !concerns(&state.queues[at].topic) {
                continue;
            }
            for batch in std::mem::take(&mut state.queues[at].batches) {
                if batch.unsure > 0 {
                    self.forget_identity(&mut state, at);
                } else {
                    rewind(&mut state, at, &batch);
                }
                self.refuse(&mut state, batch, error);
            }
            state.active.remove(&at);
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

fn find<'a>(response: &'a ProduceResponse, flight: &Flight) -> Option<&'a PartitionProduceResponse> {
    let named = |name: &milena_wire::Text, id: Uuid| if id.is_nil() { *name == flight.topic } else { id == flight.topic_id };
    let topic = response.responses.iter().find(|t| named(&t.name, t.topic_id))?;
    topic.partition_responses.iter().find(|p| p.index == flight.partition)
}
