//! From ranges as people give them to offsets.

use std::time::Instant;

use milena_wire::Text;

use super::{From, Progress, Selection, Until};
use crate::{At, Cluster, Error, Result};

pub(super) async fn plan(cluster: &Cluster, selections: &[Selection], committed: bool) -> Result<Vec<Progress>> {
    let mut planned = Vec::new();
    for selection in selections {
        let parts = partitions(cluster, selection).await?;
        let ask = async |at: At| {
            let asked: Vec<_> = parts.iter().map(|p| (selection.topic.clone(), *p, at)).collect();
            let listed = cluster.list_offsets(&asked, committed).await?;
            Ok::<_, Error>(listed.into_iter().map(|l| l.offset).collect::<Vec<_>>())
        };
        let starts = ask(At::Start).await?;
        let ends = ask(At::End).await?;
        let from_time = match selection.from {
            From::Time(time) => Some(ask(At::Time(time)).await?),
            _ => None,
        };
        let until_time = match selection.until {
            Until::Time(time) => Some(ask(At::Time(time)).await?),
            _ => None,
        };
        for (n, partition) in parts.iter().enumerate() {
            let (start, end) = (starts[n].unwrap_or(0), ends[n].unwrap_or(0));
            let from = match selection.from {
                From::Start => start,
                From::End => end,
                From::Offset(offset) => offset,
                From::After(count) => start.saturating_add(count.max(0)).min(end),
                From::Last(count) => end.saturating_sub(count.max(0)).max(start),
                From::Time(_) => from_time.as_ref().and_then(|t| t[n]).unwrap_or(end),
            };
            let until = match selection.until {
                Until::End => Some(end),
                Until::Never => None,
                Until::Offset(offset) => Some(offset.min(end)),
                Until::Awaited(offset) => Some(offset),
                Until::Time(_) => Some(until_time.as_ref().and_then(|t| t[n]).unwrap_or(end)),
            };
            planned.push(Progress::new(&selection.topic, *partition, from, until, start, end));
        }
    }
    Ok(planned)
}

async fn partitions(cluster: &Cluster, selection: &Selection) -> Result<Vec<i32>> {
    let topic = cluster.topic(&selection.topic).await?;
    let all: Vec<i32> = topic.partitions.iter().map(|p| p.index).collect();
    let Some(wanted) = &selection.partitions else { return Ok(all) };
    match wanted.iter().find(|p| !all.contains(p)) {
        Some(&partition) => Err(Error::NoPartition { topic: topic.name.as_str().into(), partition, count: all.len() }),
        // One that is named twice is read once: no broker takes a request that has it twice.
        None => Ok(wanted.iter().enumerate().filter(|(n, p)| !wanted[..*n].contains(p)).map(|(_, p)| *p).collect()),
    }
}

impl Progress {
    pub(crate) fn new(topic: &Text, partition: i32, from: i64, until: Option<i64>, log_start: i64, high_watermark: i64) -> Self {
        Self {
            topic: topic.clone(),
            partition,
            from,
            position: from,
            until,
            high_watermark,
            log_start,
            last_stable: high_watermark,
            done: until.is_some_and(|until| from >= until),
            fetch_at: from,
            asked: false,
            retry_at: None,
            failures: 0,
        }
    }

    /// Nothing is fetched of it before.
    pub(crate) fn not_before(self, at: Option<Instant>) -> Self {
        Self { retry_at: at, ..self }
    }

    /// Whether fetches need not ask for it any more.
    pub(super) fn is_fetched(&self) -> bool {
        self.done || self.until.is_some_and(|until| self.fetch_at >= until)
    }
}
