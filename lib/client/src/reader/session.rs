//! A fetch session with one broker (KIP-227): what it knows already need not be said again.

use std::collections::HashMap;

use milena_wire::{
    Text, Uuid,
    fetch::{FetchPartition, FetchTopic, ForgottenTopic},
};

/// What one fetch should bring from a partition.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    /// Which of the reader's partitions it is.
    pub(super) at: usize,
    pub(super) topic: Text,
    pub(super) topic_id: Uuid,
    pub(super) partition: i32,
    pub(super) offset: i64,
}

impl Wanted {
    /// Whether an answer is about this: by id, or by name where the broker is older than ids.
    pub(super) fn is(&self, topic: &Text, topic_id: Uuid, partition: i32) -> bool {
        let named = if topic_id.is_nil() { self.topic == *topic } else { self.topic_id == topic_id };
        named && self.partition == partition
    }
}

/// The state of the session as the broker has it.
#[derive(Default)]
pub(super) struct Session {
    pub(super) id: i32,
    pub(super) epoch: i32,
    known: HashMap<(Text, Uuid, i32), i64>,
}

impl Session {
    /// What to say so that the broker fetches exactly `wanted`.
    pub(super) fn ask(&mut self, wanted: &[Wanted], partition_bytes: i32) -> (Vec<FetchTopic>, Vec<ForgottenTopic>) {
        let now: HashMap<_, _> = wanted.iter().map(|w| ((w.topic.clone(), w.topic_id, w.partition), w.offset)).collect();
        let mut topics: Vec<FetchTopic> = Vec::new();
        for w in wanted {
            if self.id != 0 && self.known.get(&(w.topic.clone(), w.topic_id, w.partition)) == Some(&w.offset) {
                continue;
            }
            let partition = FetchPartition {
                partition: w.partition,
                fetch_offset: w.offset,
                partition_max_bytes: partition_bytes,
                ..Default::default()
            };
            match topics.iter_mut().find(|t| t.topic == w.topic) {
                Some(topic) => topic.partitions.push(partition),
                None => topics.push(FetchTopic {
                    topic: w.topic.clone(),
                    topic_id: w.topic_id,
                    partitions: vec![partition],
                    ..Default::default()
                }),
            }
        }
        let mut forgotten: Vec<ForgottenTopic> = Vec::new();
        if self.id != 0 {
            for (topic, topic_id, partition) in self.known.keys().filter(|k| !now.contains_key(*k)) {
                match forgotten.iter_mut().find(|t| t.topic == *topic && t.topic_id == *topic_id) {
                    Some(topic) => topic.partitions.push(*partition),
                    None => forgotten.push(ForgottenTopic {
                        topic: topic.clone(),
                        topic_id: *topic_id,
                        partitions: vec![*partition],
                        ..Default::default()
                    }),
                }
            }
        }
        self.known = now;
        (topics, forgotten)
    }

    /// The answer was taken in.
    pub(super) fn answered(&mut self, id: i32) {
        if id == 0 {
            // The broker keeps none for us: the next one is whole again.
            *self = Self::default();
        } else {
            self.epoch = if self.id == id { self.epoch % i32::MAX + 1 } else { 1 };
            self.id = id;
        }
    }

    /// The broker lost it, or we do not know what it heard.
    pub(super) fn reset(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(partition: i32, offset: i64) -> Wanted {
        Wanted { at: 0, topic: "t".into(), topic_id: Uuid::from_u128(1), partition, offset }
    }

    #[test]
    fn only_what_changed_is_said_again() {
        let mut session = Session::default();
        let count = |topics: &[FetchTopic]| topics.iter().map(|t| t.partitions.len()).sum::<usize>();
        let (topics, forgotten) = session.ask(&[wanted(0, 0), wanted(1, 0)], 1);
        assert_eq!((count(&topics), forgotten.len(), session.epoch), (2, 0, 0));
        session.answered(7);
        assert_eq!((session.id, session.epoch), (7, 1));
        let (topics, forgotten) = session.ask(&[wanted(0, 5), wanted(1, 0)], 1);
        assert_eq!((count(&topics), forgotten.len()), (1, 0));
        session.answered(7);
        let (topics, forgotten) = session.ask(&[wanted(1, 0)], 1);
        assert_eq!((count(&topics), forgotten[0].partitions.as_slice()), (0, &[0][..]));
        session.answered(7);
        assert_eq!(session.epoch, 3);
        session.reset();
        assert_eq!(count(&session.ask(&[wanted(1, 0)], 1).0), 1);
        session.answered(0);
        assert_eq!((session.id, session.epoch), (0, 0));
    }
}
