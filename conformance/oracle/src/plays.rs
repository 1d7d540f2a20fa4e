//! Groups of several members: the plays of the engine's own scripts, each command sent as a request on a connection of its own, so
//! that members can wait side by side. Answers are told with the scripts' names for members (`a-1` is what the first id that was
//! made for client `a` is called); what was written below a command in the script only says for which answers to wait.

use std::{
    collections::{BTreeMap, HashMap},
    sync::mpsc::{Receiver, Sender, channel},
    time::{Duration, Instant},
};

use anyhow::Result;
use bytes::Bytes;
use milena_wire::{
    DeleteGroupsRequest, DescribeGroupsRequest, ErrorCode, HeartbeatRequest, JoinGroupRequest, JoinGroupResponse,
    LeaveGroupRequest, OffsetCommitRequest, OffsetDeleteRequest, Request, SyncGroupRequest,
    join_group::JoinGroupRequestProtocol,
    leave_group::MemberIdentity,
    offset_commit::{OffsetCommitRequestPartition, OffsetCommitRequestTopic},
    offset_delete::{OffsetDeleteRequestPartition, OffsetDeleteRequestTopic},
    sync_group::SyncGroupRequestAssignment,
};
use uuid::Uuid;

use crate::{Conversation, groups, peer::Peer};

macro_rules! plays {
    ($($name:ident),+ $(,)?) => {
        pub(crate) const ALL: &[Conversation] = &[$((
            concat!("play ", stringify!($name)),
            |peer| play(peer, include_str!(concat!("../../../crates/engine/scripts/group/", stringify!($name), ".txt"))),
        )),+];
    };
}

// Not here: plays that hang on who of several equals is taken (Apache Kafka asks a hash table), those that take minutes, and those
// whose metadata is not a subscription (Apache Kafka breaks on it with UNKNOWN_SERVER_ERROR).
plays! {
    one_member, follower_and_leader_rejoin, generations, static_members, static_waiting, protocols_refused, leaving,
    deleting, forgetting, positions,
}

/// How long an answer may take that the script expects.
const PATIENCE: Duration = Duration::from_secs(3);
/// How long to look for an answer that should not come yet.
const A_MOMENT: Duration = Duration::from_millis(100);

/// One play with one broker.
struct Stage<'a> {
    peer: &'a mut Peer,
    group: String,
    /// Ids made so far, and what each is called.
    made: usize,
    real: HashMap<String, String>,
    alias: HashMap<String, String>,
    ticket: usize,
    /// The step that each ticket was asked in.
    asked: BTreeMap<usize, String>,
    answers: (Sender<Late>, Receiver<Late>),
}

/// The ticket, and what it was answered.
type Late = (usize, Told);

/// An answer on its way back: member ids are called by their names when it arrives.
enum Told {
    Joined { owner: String, answer: Box<JoinGroupResponse> },
    Said(String),
}

fn play(peer: &mut Peer, script: &str) -> Result<()> {
    groups::warm(peer)?;
    for topic in ["orders", "bills", "t"] {
        // The other plays use them, too.
        let _ = peer.topic(topic, 8, &[]);
    }
    let group = Uuid::new_v4().to_string();
    let (made, ticket) = (0, 0);
    let maps = (HashMap::new(), HashMap::new());
    let mut stage = Stage { peer, group, made, real: maps.0, alias: maps.1, ticket, asked: BTreeMap::new(), answers: channel() };
    let mut lines = script.lines().enumerate().peekable();
    while let Some((number, line)) = lines.next() {
        let Some(command) = line.strip_prefix("> ") else { continue };
        let (mut expected, mut later) = (Vec::new(), false);
        while let Some((_, said)) = lines.next_if(|(_, l)| !l.starts_with("> ")) {
            later |= said == "waits";
            expected.extend(said.strip_prefix('@').and_then(|s| s.split(' ').next()?.parse::<usize>().ok()));
        }
        let step = format!("{:03} {command}", number + 1);
        let before = stage.asked.len();
        if !stage.perform(&step, command)? {
            break;
        }
        let asks = stage.asked.len() > before;
        if asks && !later {
            // Answered at once.
            expected.push(stage.ticket);
        }
        // What is to wait must be waiting before the next command is sent: that one goes by another connection.
        let waits = asks && !expected.contains(&stage.ticket);
        if waits {
            stage.settle(command.starts_with("join"))?;
        }
        stage.listen(&expected, if waits { A_MOMENT } else { Duration::ZERO });
    }
    stage.listen(&[], A_MOMENT);
    Ok(())
}

impl Stage<'_> {
    /// False when the play cannot go on here: it needs minutes.
    fn perform(&mut self, step: &str, command: &str) -> Result<bool> {
        let (named, words): (Vec<_>, Vec<_>) = command.split(' ').skip(1).partition(|w| w.contains('='));
        let options: BTreeMap<_, _> = named.iter().filter_map(|w| w.split_once('=')).collect();
        match command.split(' ').next().unwrap_or_default() {
            "join" => self.join(step, words[0], &options)?,
            "sync" => self.sync(step, words[0], &options)?,
            "beat" => self.beat(step, words[0], &options)?,
            "leave" => self.leave(step, &words, &options)?,
            "commit" => self.commit(step, words.first().copied(), &options)?,
            "forget" => self.forget(step, &words)?,
            "delete" => {
                let answer = self
                    .peer
                    .talk(2, &DeleteGroupsRequest { groups_names: vec![self.group.as_str().into()], ..Default::default() })?;
                self.say(step, answer.results.iter().map(|r| code(r.error_code)).collect());
            }
            "show" => self.show(step)?,
            "rules" => self.group = Uuid::new_v4().to_string(),
            "after" => return Ok(words[0].parse::<u64>().is_ok_and(|ms| ms == 0)),
            // What only the machine can be asked.
            _ => {}
        }
        Ok(true)
    }

    fn join(&mut self, step: &str, client: &str, options: &BTreeMap<&str, &str>) -> Result<()> {
        self.made += 1;
        let owner = format!("{}-{}", options.get("instance").unwrap_or(&client), self.made);
        let topics = options.get("topics").map(|t| subscription(t));
        let offered = options.get("protocols").unwrap_or(&"range").split(',').filter(|p| !p.is_empty());
        let protocols = offered.map(|p| {
            let (name, metadata) = p.split_once(':').unwrap_or((p, ""));
            let metadata = topics.clone().unwrap_or_else(|| Bytes::copy_from_slice(metadata.as_bytes()));
            JoinGroupRequestProtocol { name: name.into(), metadata, ..Default::default() }
        });
        let request = JoinGroupRequest {
            group_id: self.group.as_str().into(),
            member_id: options.get("as").map_or("", |id| self.real(id)).into(),
            group_instance_id: options.get("instance").map(|i| (*i).into()),
            session_timeout_ms: number(options, "session", 10_000),
            rebalance_timeout_ms: number(options, "rebalance", 60_000),
            protocol_type: (*options.get("type").unwrap_or(&"consumer")).into(),
            protocols: protocols.collect(),
            ..Default::default()
        };
        let version =
            match (options.contains_key("skips"), options.contains_key("two-steps"), request.group_instance_id.is_some()) {
                (true, ..) => 9,
                (_, true, _) => 7,
                (_, _, true) => 6,
                _ => 3,
            };
        self.wait_for(step, version, request, move |answer| Told::Joined { owner, answer: Box::new(answer) })
    }

    fn sync(&mut self, step: &str, member: &str, options: &BTreeMap<&str, &str>) -> Result<()> {
        let work = options.get("assign").unwrap_or(&"").split(',').filter_map(|a| a.split_once(':'));
        let work = work.map(|(member, work)| SyncGroupRequestAssignment {
            member_id: self.real(member).into(),
            assignment: Bytes::copy_from_slice(work.as_bytes()),
            ..Default::default()
        });
        let request = SyncGroupRequest {
            group_id: self.group.as_str().into(),
            member_id: self.real(member).into(),
            group_instance_id: options.get("instance").map(|i| (*i).into()),
            generation_id: number(options, "generation", 1),
            protocol_type: options.get("type").map(|t| (*t).into()),
            protocol_name: options.get("protocol").map(|p| (*p).into()),
            assignments: work.collect(),
            ..Default::default()
        };
        let version = if options.contains_key("protocol") { 5 } else { 4 };
        self.wait_for(step, version, request, |answer| {
            Told::Said(format!("{} {:?}", code(answer.error_code), String::from_utf8_lossy(&answer.assignment)))
        })
    }

    fn beat(&mut self, step: &str, member: &str, options: &BTreeMap<&str, &str>) -> Result<()> {
        let request = HeartbeatRequest {
            group_id: self.group.as_str().into(),
            member_id: self.real(member).into(),
            group_instance_id: options.get("instance").map(|i| (*i).into()),
            generation_id: number(options, "generation", 1),
            ..Default::default()
        };
        let answer = self.peer.talk(4, &request)?;
        self.say(step, vec![code(answer.error_code)]);
        Ok(())
    }

    fn leave(&mut self, step: &str, words: &[&str], options: &BTreeMap<&str, &str>) -> Result<()> {
        let instance = options.get("instance").map(|i| (*i).into());
        let one = |id: &str| MemberIdentity { member_id: id.into(), group_instance_id: instance.clone(), ..Default::default() };
        let mut members: Vec<_> = words.iter().map(|w| one(self.real(w))).collect();
        if members.is_empty() {
            members.push(one(""));
        }
        let answer =
            self.peer.talk(5, &LeaveGroupRequest { group_id: self.group.as_str().into(), members, ..Default::default() })?;
        let outcomes = answer.members.iter().map(|m| code(m.error_code));
        self.say(step, std::iter::once(code(answer.error_code)).chain(outcomes).collect());
        Ok(())
    }

    fn commit(&mut self, step: &str, member: Option<&str>, options: &BTreeMap<&str, &str>) -> Result<()> {
        let places = options.iter().filter_map(|(at, to)| Some((at.split_once('/')?, to.split(':').next()?, to.split_once(':'))));
        let topics = places.map(|((topic, partition), offset, note)| OffsetCommitRequestTopic {
            name: topic.into(),
            partitions: vec![OffsetCommitRequestPartition {
                partition_index: partition.parse().unwrap_or(-1),
                committed_offset: offset.parse().unwrap_or(-1),
                committed_metadata: Some(note.map_or("", |(_, note)| note).into()),
                ..Default::default()
            }],
            ..Default::default()
        });
        let request = OffsetCommitRequest {
            group_id: self.group.as_str().into(),
            member_id: member.map_or("", |m| self.real(m)).into(),
            group_instance_id: options.get("instance").map(|i| (*i).into()),
            generation_id_or_member_epoch: number(options, "generation", -1),
            topics: topics.collect(),
            ..Default::default()
        };
        let answer = self.peer.talk(8, &request)?;
        let outcomes = answer.topics.iter().flat_map(|t| &t.partitions).map(|p| code(p.error_code));
        self.say(step, outcomes.collect());
        Ok(())
    }

    fn forget(&mut self, step: &str, words: &[&str]) -> Result<()> {
        let mut topics: BTreeMap<&str, Vec<OffsetDeleteRequestPartition>> = BTreeMap::new();
        for (topic, partition) in words.iter().filter_map(|w| w.split_once('/')) {
            let partition_index = partition.parse().unwrap_or(-1);
            topics.entry(topic).or_default().push(OffsetDeleteRequestPartition { partition_index });
        }
        let topics = topics.into_iter();
        let topics = topics.map(|(name, partitions)| OffsetDeleteRequestTopic { name: name.into(), partitions });
        let request = OffsetDeleteRequest { group_id: self.group.as_str().into(), topics: topics.collect() };
        let answer = self.peer.talk(0, &request)?;
        let mut outcomes: Vec<_> = answer
            .topics
            .iter()
            .flat_map(|t| t.partitions.iter().map(move |p| format!("{}/{}={}", &*t.name, p.partition_index, code(p.error_code))))
            .collect();
        outcomes.sort();
        self.say(step, std::iter::once(code(answer.error_code)).chain(outcomes).collect());
        Ok(())
    }

    fn show(&mut self, step: &str) -> Result<()> {
        let asked = DescribeGroupsRequest { groups: vec![self.group.as_str().into()], ..Default::default() };
        let answer = self.peer.talk(5, &asked)?;
        let mut said = Vec::new();
        for group in &answer.groups {
            let member = |m: &milena_wire::describe_groups::DescribedGroupMember| {
                format!("{}={:?}", self.called(&m.member_id), String::from_utf8_lossy(&m.member_assignment))
            };
            let mut members: Vec<_> = group.members.iter().map(member).collect();
            members.sort();
            said.push(format!("{} {}/{}", &*group.group_state, &*group.protocol_type, &*group.protocol_data));
            said.extend(members);
        }
        self.say(step, said);
        Ok(())
    }

    // ---- asking and being answered --------------------------------------------------------------

    /// Asks on a connection of its own, whose answer may come much later.
    fn wait_for<R>(
        &mut self,
        step: &str,
        version: i16,
        request: R,
        told: impl FnOnce(R::Response) -> Told + Send + 'static,
    ) -> Result<()>
    where
        R: Request + Send + 'static,
    {
        self.ticket += 1;
        let (ticket, answers, mut apart) = (self.ticket, self.answers.0.clone(), self.peer.apart()?);
        self.asked.insert(ticket, step.to_string());
        std::thread::spawn(move || {
            if let Ok(answer) = apart.talk(version, &request) {
                let _ = answers.send((ticket, told(answer)));
            }
        });
        Ok(())
    }

    /// Until the broker shows that a join has arrived; nothing shows that a sync has.
    fn settle(&mut self, joins: bool) -> Result<()> {
        let began = Instant::now();
        while joins && began.elapsed() < PATIENCE {
            let asked = DescribeGroupsRequest { groups: vec![self.group.as_str().into()], ..Default::default() };
            let answer = self.peer.talk(5, &asked)?;
            if answer.groups.iter().any(|g| &*g.group_state == "PreparingRebalance") {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        std::thread::sleep(A_MOMENT);
        Ok(())
    }

    /// Takes the answers that are expected now, and after them what comes within `moment` although it is not.
    fn listen(&mut self, expected: &[usize], moment: Duration) {
        let began = Instant::now();
        let mut missing: Vec<usize> = expected.iter().copied().filter(|t| self.asked.contains_key(t)).collect();
        loop {
            let patience = if missing.is_empty() { moment } else { PATIENCE };
            let Ok((ticket, told)) = self.answers.1.recv_timeout(patience.saturating_sub(began.elapsed())) else { return };
            missing.retain(|t| *t != ticket);
            self.hear(ticket, told);
        }
    }

    fn hear(&mut self, ticket: usize, told: Told) {
        let Some(step) = self.asked.remove(&ticket) else { return };
        let said = match told {
            Told::Said(said) => vec![said],
            Told::Joined { owner, answer } => {
                let id = answer.member_id.to_string();
                if !id.is_empty() && !self.alias.contains_key(&id) {
                    self.alias.insert(id.clone(), owner.clone());
                    self.real.insert(owner, id);
                }
                if answer.error_code != 0 {
                    let named = if answer.member_id.is_empty() { "nobody" } else { "somebody" };
                    vec![code(answer.error_code), named.into()]
                } else {
                    self.told(&answer)
                }
            }
        };
        self.say(&step, said);
    }

    /// A member whose answer is still on its way has no name yet: how many there are is told, and whether this one leads.
    fn told(&self, answer: &JoinGroupResponse) -> Vec<String> {
        let leads = if answer.leader == answer.member_id { "leads" } else { "follows" };
        let protocol = answer.protocol_name.as_deref().unwrap_or("").to_string();
        let members = format!("{} members", answer.members.len());
        let skip = if answer.skip_assignment { "skip" } else { "assign" };
        vec![answer.generation_id.to_string(), protocol, leads.into(), members, skip.into()]
    }

    fn say(&mut self, step: &str, said: Vec<String>) {
        let line = |(n, text): (usize, String)| format!("{n}: {text}\n");
        self.peer.said.insert(step.to_string(), said.into_iter().enumerate().map(line).collect());
    }

    fn real<'b>(&'b self, alias: &'b str) -> &'b str {
        self.real.get(alias).map_or(alias, String::as_str)
    }

    fn called<'b>(&'b self, id: &'b str) -> &'b str {
        self.alias.get(id).map_or("somebody new", String::as_str)
    }
}

fn code(code: i16) -> String {
    ErrorCode(code).name().to_string()
}

fn number(options: &BTreeMap<&str, &str>, name: &str, default: i32) -> i32 {
    options.get(name).and_then(|v| v.parse().ok()).unwrap_or(default)
}

/// What a consumer that reads these topics sends: version 1, names, no user data, nothing owned.
fn subscription(topics: &str) -> Bytes {
    let topics: Vec<_> = topics.split(',').collect();
    let mut bytes = vec![0, 1, 0, 0, 0, topics.len() as u8];
    for topic in topics {
        bytes.extend([0, topic.len() as u8]);
        bytes.extend(topic.as_bytes());
    }
    bytes.extend([0; 8]);
    bytes.into()
}
