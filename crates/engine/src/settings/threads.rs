//! How far a change may move a number of threads at once. Kafka starts and stops threads while it runs, and refuses to have more
//! than twice as many, or less than half of what there are. Here no setting counts threads; scripts that are made for the one
//! broker must not be told otherwise by the other.

use super::{broker, change::Refusal, layers::BrokerConfig, parse::Value};

/// Names with the words in which Kafka refuses them.
const POOLS: [(&str, Words); 10] = [
    ("background.threads", Words::Pool),
    ("num.io.threads", Words::Pool),
    ("num.network.threads", Words::Pool),
    ("num.recovery.threads.per.data.dir", Words::Pool),
    ("num.replica.fetchers", Words::Pool),
    ("remote.log.manager.copier.thread.pool.size", Words::Pool),
    ("remote.log.manager.expiration.thread.pool.size", Words::Pool),
    ("remote.log.manager.follower.thread.pool.size", Words::Pool),
    ("remote.log.reader.threads", Words::Pool),
    ("log.cleaner.threads", Words::Cleaner),
];

#[derive(Clone, Copy)]
enum Words {
    Pool,
    Cleaner,
}

impl Words {
    fn of(self, name: &str, (old, new): (i64, i64)) -> Option<String> {
        let (less, more) = (new < old / 2, new > old.saturating_mul(2));
        let words = match self {
            _ if !less && !more => return None,
            Self::Cleaner if less => format!("Log cleaner threads cannot be reduced to less than half the current value {old}"),
            Self::Cleaner => format!("Log cleaner threads cannot be increased to more than double the current value {old}"),
            Self::Pool => {
                let bound = if less { "be at least half" } else { "not be greater than double" };
                format!(
                    "Dynamic thread count update validation failed for {name}={new}, value should {bound} the current value {old}"
                )
            }
        };
        Some(words)
    }
}

/// Judges what holds after a change by what held before it.
pub(super) fn judge(before: &BrokerConfig, after: &BrokerConfig) -> Result<(), Refusal> {
    let count = |config: &BrokerConfig, name| match config.effective(broker::setting(name)?)? {
        Value::Integer(count) => Some(count),
        _ => None,
    };
    for (name, words) in POOLS {
        if let (Some(old), Some(new)) = (count(before, name), count(after, name))
            && let Some(words) = words.of(name, (old, new))
        {
            return Err(Refusal::Step(words));
        }
    }
    Ok(())
}
