//! Finding who coordinates a group or a transactional id.

use milena_wire::{FindCoordinatorRequest, Text};

use super::{Cluster, Lane, Node};
use crate::{Endpoint, Error, Result};

/// What is coordinated, by its number in FindCoordinator.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Kind {
    Group = 0,
    Transaction = 1,
}

impl Cluster {
    /// The node that coordinates, from memory or by asking. Does not wait for one to come up.
    pub(super) async fn coordinator(&self, kind: Kind, key: &Text) -> Result<i32> {
        if let Some(id) = self.view().coordinators.get(&(kind, key.clone())) {
            return Ok(*id);
        }
        let (id, endpoint) = self.find_coordinator(kind, key).await?;
        let mut view = self.view();
        if !self.config().ignore_advertised {
            view.brokers.entry(id).or_insert(endpoint);
        }
        view.coordinators.insert((kind, key.clone()), id);
        Ok(id)
    }

    /// To be called when a coordinator says that it is none: the next question is asked anew.
    pub fn forget_coordinator(&self, node: &Node) {
        let kind = match node {
            Node::Group(id) => (Kind::Group, id.clone()),
            Node::Transaction(id) => (Kind::Transaction, id.clone()),
            _ => return,
        };
        self.view().coordinators.remove(&kind);
    }

    async fn find_coordinator(&self, kind: Kind, key: &Text) -> Result<(i32, Endpoint)> {
        let connection = self.connection_any(Lane::Main).await?;
        let version = connection.version::<FindCoordinatorRequest>()?;
        let mut request = FindCoordinatorRequest { key_type: kind as i8, ..Default::default() };
        if version >= 4 {
            request.coordinator_keys = vec![key.clone()];
        } else {
            request.key = key.clone();
        }
        let response = connection.send_version(&request, version).await?;
        let about = || format!("coordinator of {key:?}");
        let (code, message, id, host, port) = if version >= 4 {
            let found = response.coordinators.into_iter().find(|c| c.key == *key);
            let found = found.ok_or_else(|| Error::Invalid(format!("the broker did not answer for {key:?}")))?;
            (found.error_code, found.error_message, found.node_id, found.host, found.port)
        } else {
            (response.error_code, response.error_message, response.node_id, response.host, response.port)
        };
        Error::check(code, message.as_deref(), about)?;
        Ok((id, Endpoint::new(&host, u16::try_from(port).unwrap_or_default())))
    }

    /// As [`Cluster::connection`] with [`Node::Any`]; a function of its own because the two call each other.
    async fn connection_any(&self, lane: Lane) -> Result<super::Connection> {
        self.any(lane).await
    }
}
