//! Consumer instances of the REST door: one noun with a log of its own. Knows how its verbs run; what they mean is the
//! engine's judgement.

use milena_engine::{
    ids::INSTANCES_LOG,
    instance::{Command, Fact, Instances, Refusal, Reply},
};
use milena_store::{LogId, Parked};

use crate::{
    node::Node,
    noun::{NoRoom, Written},
    release::Dead,
};

impl Written for Fact {
    fn written(&self) -> Option<Vec<u8>> {
        match self {
            Fact::Durable(fact) => {
                let mut bytes = Vec::new();
                fact.encode(&mut bytes);
                Some(bytes)
            }
            Fact::Seen { .. } | Fact::Turn { .. } => None,
        }
    }
}

impl Node {
    /// Asks something of the consumer instances. What is answered is durable.
    pub async fn instances(&self, command: Command) -> Result<Result<Reply, Refusal>, NoRoom> {
        let (log, now) = (LogId(INSTANCES_LOG), self.now());
        let parked = self.hub().command(&self.0.instances, log, now, command, &mut ()).await?;
        Ok(self.release(parked).await?)
    }

    /// Whether a group has instances, which commit for it sooner or later.
    pub(crate) fn has_instances(&self, group: &str) -> bool {
        self.0.instances.hold().machine.of_group(group).next().is_some()
    }

    /// A question that changes nothing. What it answers is durable when it is answered.
    pub async fn ask_instances<R>(&self, question: impl FnOnce(&Instances) -> R) -> Result<R, Dead> {
        let parked = {
            let held = self.0.instances.hold();
            Parked::new(held.lsn, question(&held.machine))
        };
        self.release(parked).await
    }
}
