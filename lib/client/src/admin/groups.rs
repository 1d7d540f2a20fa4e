//! Groups: which there are, who is in them, and where they are in the logs.

use std::collections::HashMap;

use milena_wire::{
    ConsumerGroupDescribeRequest, ConsumerProtocolAssignment, DeleteGroupsRequest, DescribeGroupsRequest, ErrorCode,
    ListGroupsRequest, Message, OffsetCommitRequest, OffsetDeleteRequest, OffsetFetchRequest, Reader, Text, Uuid,
    bytes::Bytes,
    consumer_group_describe, describe_groups,
    offset_commit::{OffsetCommitRequestPartition, OffsetCommitRequestTopic},
    offset_delete::{OffsetDeleteRequestPartition, OffsetDeleteRequestTopic},
    offset_fetch::OffsetFetchRequestGroup,
};

use super::{Admin, Kind, Said, given, worst};
use crate::{Error, Node, Result, Topics};

/// A group in a list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GroupListing {
    pub id: Text,
    /// `consumer`, `connect`, `share` …; empty where only positions are stored.
    pub protocol_type: Text,
    /// `Stable`, `Empty` …; empty where the broker is older than Kafka 2.6.
    pub state: Text,
    /// `classic`, `consumer`, `share` …; empty where the broker is older than Kafka 3.8.
    pub kind: Text,
    /// Its coordinator.
    pub broker: i32,
}

/// A group.
#[derive(Clone, Debug)]
pub struct Group {
    pub id: Text,
    pub state: Text,
    pub protocol_type: Text,
    /// The assignor, while there are members.
    pub assignor: Text,
    pub members: Vec<Member>,
}

/// A member of a group.
#[derive(Clone, Debug)]
pub struct Member {
    pub id: Text,
    /// Of a static member.
    pub instance: Option<Text>,
    pub client_id: Text,
    pub host: Text,
    /// Topics and partitions that are its own. Empty where the group's assignments are not those of consumers.
    pub assigned: Vec<(Text, Vec<i32>)>,
}

/// Where a group is in one partition.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Position {
    pub topic: Text,
    pub partition: i32,
    /// The next offset to be read.
    pub offset: i64,
    pub leader_epoch: i32,
    pub metadata: Text,
}

/// Offset requests name topics by id from version 10 on. What was deleted has no name to be found by then.
const LAST_BY_NAME: i16 = 9;

impl Admin {
    /// All groups of all brokers, by id.
    pub async fn groups(&self) -> Result<Vec<GroupListing>> {
        let mut listed: Vec<GroupListing> = Vec::new();
        for broker in self.cluster.refresh(Topics::None).await?.brokers.into_keys() {
            let response = self
                .call(
                    Kind::Looks,
                    &Node::Id(broker),
                    "groups",
                    |_| ListGroupsRequest::default(),
                    |r| Said { code: r.error_code, message: None },
                )
                .await?;
            listed.extend(response.groups.into_iter().map(|g| GroupListing {
                id: g.group_id,
                protocol_type: g.protocol_type,
                state: g.group_state,
                kind: g.group_type,
                broker,
            }));
        }
        listed.sort_by(|a, b| a.id.cmp(&b.id));
        // With addresses ignored every broker is the same one.
        listed.dedup_by(|a, b| a.id == b.id);
        Ok(listed)
    }

    /// One group with its members. A group that is not there has the state `Dead`, or is refused with
    /// GROUP_ID_NOT_FOUND by newer brokers.
    pub async fn group(&self, id: &Text) -> Result<Group> {
        match self.classic_group(id).await {
            // That is also what a broker says of a group of the newer protocol.
            Err(error) if error.code() == Some(ErrorCode::GROUP_ID_NOT_FOUND) => {
                self.consumer_group(id).await.map_err(|other| if other.code().is_some() { error } else { other })
            }
            other => other,
        }
    }

    async fn classic_group(&self, id: &Text) -> Result<Group> {
        let about = format!("group {:?}", &**id);
        let build = |_| DescribeGroupsRequest { groups: vec![id.clone()], ..Default::default() };
        let response = self
            .call(Kind::Looks, &Node::Group(id.clone()), &about, build, |r| {
                worst(r.groups.iter().map(|g| Said::new(g.error_code, g.error_message.as_ref())))
            })
            .await?;
        let group = given(response.groups.into_iter().next(), &about)?;
        let consumers = group.protocol_type == "consumer";
        let member = |m: describe_groups::DescribedGroupMember| Member {
            id: m.member_id,
            instance: m.group_instance_id,
            client_id: m.client_id,
            host: m.client_host,
            assigned: if consumers { assigned(m.member_assignment).unwrap_or_default() } else { Vec::new() },
        };
        Ok(Group {
            id: group.group_id,
            state: group.group_state,
            protocol_type: group.protocol_type,
            assignor: group.protocol_data,
            members: group.members.into_iter().map(member).collect(),
        })
    }

    /// A group of the protocol of KIP-848.
    async fn consumer_group(&self, id: &Text) -> Result<Group> {
        let about = format!("group {:?}", &**id);
        let build = |_| ConsumerGroupDescribeRequest { group_ids: vec![id.clone()], ..Default::default() };
        let response = self
            .call(Kind::Looks, &Node::Group(id.clone()), &about, build, |r| {
                worst(r.groups.iter().map(|g| Said::new(g.error_code, g.error_message.as_ref())))
            })
            .await?;
        let group = given(response.groups.into_iter().next(), &about)?;
        let member = |m: consumer_group_describe::Member| Member {
            id: m.member_id,
            instance: m.instance_id,
            client_id: m.client_id,
            host: m.client_host,
            assigned: m.assignment.topic_partitions.into_iter().map(|t| (t.topic_name, t.partitions)).collect(),
        };
        Ok(Group {
            id: group.group_id,
            state: group.group_state,
            protocol_type: Text::from_static("consumer"),
            assignor: group.assignor_name,
            members: group.members.into_iter().map(member).collect(),
        })
    }

    /// Every position of a group, by topic and partition.
    pub async fn positions(&self, group: &Text) -> Result<Vec<Position>> {
        let (positions, ids) = self.positions_to(group, i16::MAX).await?;
        if ids.is_empty() {
            return Ok(positions);
        }
        let topics = self.cluster.refresh(Topics::All).await?.topics;
        let names: HashMap<Uuid, &Text> = topics.iter().map(|(name, topic)| (topic.id, name)).collect();
        if !ids.iter().all(|id| names.contains_key(id)) {
            return self.positions_to(group, LAST_BY_NAME).await.map(|(positions, _)| positions);
        }
        let named = |(position, id): (Position, &Uuid)| Position { topic: names[id].clone(), ..position };
        let mut positions: Vec<Position> = positions.into_iter().zip(&ids).map(named).collect();
        positions.sort_by(|a, b| (&a.topic, a.partition).cmp(&(&b.topic, b.partition)));
        Ok(positions)
    }

    /// Every position, asked for in a version up to `most`; and the id of each one's topic where ids are told and not names.
    async fn positions_to(&self, group: &Text, most: i16) -> Result<(Vec<Position>, Vec<Uuid>)> {
        let about = format!("positions of group {:?}", &**group);
        let build = |version| {
            let mut request = OffsetFetchRequest { topics: None, ..Default::default() };
            if version >= 8 {
                (request.topics, request.group_id) = (Some(Vec::new()), Text::default());
                request.groups = vec![OffsetFetchRequestGroup { group_id: group.clone(), topics: None, ..Default::default() }];
            } else {
                request.group_id = group.clone();
            }
            request
        };
        let node = Node::Group(group.clone());
        let response = self
            .call_to(Kind::Looks, &node, most, &about, build, |r| {
                let groups = r.groups.iter().map(|g| Said::new(g.error_code, None));
                worst(groups.chain(std::iter::once(Said::new(r.error_code, None))))
            })
            .await?;
        let old = response.topics.into_iter().flat_map(|t| {
            let name = t.name;
            t.partitions.into_iter().map(move |p| {
                let at = (name.clone(), Uuid::nil(), p.partition_index);
                (at, p.committed_offset, p.committed_leader_epoch, p.metadata, p.error_code)
            })
        });
        let new = response.groups.into_iter().flat_map(|g| g.topics).flat_map(|t| {
            let (name, id) = (t.name, t.topic_id);
            t.partitions.into_iter().map(move |p| {
                let at = (name.clone(), id, p.partition_index);
                (at, p.committed_offset, p.committed_leader_epoch, p.metadata, p.error_code)
            })
        });
        let (mut positions, mut ids) = (Vec::new(), Vec::new());
        for ((topic, id, partition), offset, leader_epoch, metadata, code) in old.chain(new) {
            Error::check(code, None, || about.clone())?;
            if offset >= 0 {
                positions.push(Position { topic, partition, offset, leader_epoch, metadata: metadata.unwrap_or_default() });
                ids.extend((!id.is_nil()).then_some(id));
            }
        }
        if ids.is_empty() {
            positions.sort_by(|a, b| (&a.topic, a.partition).cmp(&(&b.topic, b.partition)));
        }
        Ok((positions, ids))
    }

    /// Moves a group without members to positions. While it has members the broker refuses (UNKNOWN_MEMBER_ID).
    pub async fn set_positions(&self, group: &Text, positions: &[Position]) -> Result<()> {
        let mut topics: Vec<OffsetCommitRequestTopic> = Vec::new();
        for position in positions {
            let partition = OffsetCommitRequestPartition {
                partition_index: position.partition,
                committed_offset: position.offset,
                committed_leader_epoch: position.leader_epoch,
                committed_metadata: Some(position.metadata.clone()),
                ..Default::default()
            };
            match topics.iter_mut().find(|t| t.name == position.topic) {
                Some(topic) => topic.partitions.push(partition),
                None => topics.push(OffsetCommitRequestTopic {
                    name: position.topic.clone(),
                    topic_id: self.cluster.topic_id(&position.topic).await?,
                    partitions: vec![partition],
                    ..Default::default()
                }),
            }
        }
        let nameless = topics.iter().any(|topic| topic.topic_id.is_nil());
        let most = if nameless { LAST_BY_NAME } else { i16::MAX };
        let build = |_| OffsetCommitRequest { group_id: group.clone(), topics: topics.clone(), ..Default::default() };
        let about = format!("positions of group {:?}", &**group);
        // Setting a position twice does no harm.
        self.call_to(Kind::Looks, &Node::Group(group.clone()), most, &about, build, |r| {
            worst(r.topics.iter().flat_map(|t| &t.partitions).map(|p| Said::new(p.error_code, None)))
        })
        .await
        .map(|_| ())
    }

    /// Forgets positions of a group in partitions that it does not read now.
    pub async fn delete_positions(&self, group: &Text, of: &[(Text, i32)]) -> Result<()> {
        let mut topics: Vec<OffsetDeleteRequestTopic> = Vec::new();
        for (topic, partition_index) in of {
            let partition = OffsetDeleteRequestPartition { partition_index: *partition_index };
            match topics.iter_mut().find(|t| t.name == *topic) {
                Some(topic) => topic.partitions.push(partition),
                None => topics.push(OffsetDeleteRequestTopic { name: topic.clone(), partitions: vec![partition] }),
            }
        }
        let build = |_| OffsetDeleteRequest { group_id: group.clone(), topics: topics.clone() };
        let about = format!("positions of group {:?}", &**group);
        self.call(Kind::Changes, &Node::Group(group.clone()), &about, build, |r| {
            let partitions = r.topics.iter().flat_map(|t| &t.partitions).map(|p| Said::new(p.error_code, None));
            worst(std::iter::once(Said::new(r.error_code, None)).chain(partitions))
        })
        .await
        .map(|_| ())
    }

    /// Deletes a group without members, with all its positions.
    pub async fn delete_group(&self, id: &Text) -> Result<()> {
        let build = |_| DeleteGroupsRequest { groups_names: vec![id.clone()], ..Default::default() };
        self.call(Kind::Changes, &Node::Group(id.clone()), &format!("group {:?}", &**id), build, |r| {
            worst(r.results.iter().map(|g| Said::new(g.error_code, None)))
        })
        .await
        .map(|_| ())
    }
}

/// Reads a consumer's assignment: its version, then the blob.
fn assigned(blob: Bytes) -> Option<Vec<(Text, Vec<i32>)>> {
    let mut reader = Reader::new(blob);
    let version = reader.i16().ok()?.clamp(0, *ConsumerProtocolAssignment::VERSIONS.end());
    let assignment = ConsumerProtocolAssignment::decode(&mut reader, version).ok()?;
    Some(assignment.assigned_partitions.into_iter().map(|t| (t.topic, t.partitions)).collect())
}
