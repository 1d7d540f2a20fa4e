//! How much a group has to do yet. Knows consumer groups and queues.

use std::time::{Duration, Instant};

use milena_node::{
    Node,
    engine::share::{At, Window},
};

use crate::kit::{Inner, Kit, Trouble};

/// So often it is looked.
const LOOK: Duration = Duration::from_millis(5);

impl Kit {
    /// How many messages of `topic` a consumer group has not read, or a queue has not finished. `None`: there is no such group.
    pub fn left_to_do(&self, topic: &str, group: &str) -> Result<Option<i64>, Trouble> {
        self.inner.left(topic, group)
    }

    /// Waits until nothing is left to do; says how much was when the time is over.
    pub fn queue_empties_within(&self, topic: &str, group: &str, within: Duration) -> Result<(), Trouble> {
        self.inner.empties_within(topic, group, within)
    }
}

impl Inner {
    fn left(&self, topic: &str, group: &str) -> Result<Option<i64>, Trouble> {
        let (topic, group) = (topic.to_string(), group.to_string());
        self.ask(move |node| async move { left(&node, &topic, &group).await })?.map_err(Trouble::Other)
    }

    /// A broker that is down for a while, or a group that is not there yet, is waited for too.
    pub(crate) fn empties_within(&self, topic: &str, group: &str, within: Duration) -> Result<(), Trouble> {
        let begin = Instant::now();
        loop {
            let left = self.left(topic, group);
            if let Ok(Some(0)) = left {
                return Ok(());
            }
            if begin.elapsed() >= within {
                let why = match left {
                    Ok(Some(left)) => format!("{left} messages are left to do"),
                    Ok(None) => "there is no such topic or group".to_string(),
                    Err(trouble) => trouble.to_string(),
                };
                return Err(Trouble::Other(format!("{group} did not empty {topic} within {within:?}: {why}")));
            }
            std::thread::sleep(LOOK);
        }
    }
}

async fn left(node: &Node, topic: &str, group: &str) -> Result<Option<i64>, String> {
    let Some(topic) = node.topic(topic) else { return Ok(None) };
    let queue = node.is_share(group);
    let positions = if queue { None } else { node.lags(group).await.map_err(|dead| dead.to_string())? };
    if !queue && positions.is_none() {
        return Ok(None);
    }
    let mut sum = 0;
    for partition in topic.partitions.iter() {
        let Some(view) = partition.view() else { continue };
        let at = At { topic: topic.id, partition: partition.index() };
        let window = Window { start: view.start, end: view.stable };
        sum += if queue {
            let depth = node.ask_share(group, |share| share.depth(at, window)).await.map_err(|dead| dead.to_string())?;
            // A partition that the queue has not begun has all of it to do.
            depth.flatten().map_or(view.stable - view.start, |depth| depth.unfinished)
        } else {
            let mine = |lag: &&milena_node::Lag| lag.topic == topic.name && lag.partition == partition.index();
            let position = positions.iter().flatten().find(mine).map_or(view.start, |lag| lag.position);
            (view.stable - position.max(view.start)).max(0)
        };
    }
    Ok(Some(sum))
}
