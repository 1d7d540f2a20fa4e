//! A group and its clients on stage. Member ids are shown as `client-N`, N being the N-th id that was made; tickets as `@N`.
//! Before every restart, and after every command, what was written down must lead to the same durable state.

use std::sync::Arc;

use super::super::*;
use crate::{
    ids::{TopicId, TopicName, Uuid},
    script::{Line, Stage},
};

pub(super) const RULES: Rules = Rules {
    session_min_ms: 6_000,
    session_max_ms: 1_800_000,
    members_max: 1_000,
    company_ms: 0,
    retention_ms: None,
    metadata_bytes_max: 4_096,
};

/// A group with every fact that ever became true of it, in bytes.
pub(super) struct Kept {
    pub(super) group: Group,
    pub(super) history: Vec<Vec<u8>>,
}

impl Kept {
    pub(super) fn new(rules: Rules, now: Now) -> Self {
        Self { group: Group::new("g".into(), rules, now), history: Vec::new() }
    }

    pub(super) fn apply(&mut self, facts: &[Fact]) {
        for fact in facts {
            if let Some(durable) = fact.durable() {
                let mut bytes = Vec::new();
                durable.encode(&mut bytes);
                self.history.push(bytes);
            }
            self.group.apply(fact);
        }
        self.check();
    }

    pub(super) fn replayed(&self, now: Now) -> Group {
        let mut group = Group::new(self.group.id.clone(), self.group.rules, now);
        self.history.iter().for_each(|bytes| group.apply_durable(&GroupFact::decode(bytes).unwrap()));
        group
    }

    pub(super) fn check(&self) {
        let snapshot = |group: &Group| {
            let mut bytes = Vec::new();
            group.snapshot(&mut bytes);
            bytes
        };
        let now = snapshot(&self.group);
        assert_eq!(snapshot(&self.replayed(Now { wall: 0, mono: 0 })), now, "facts lead elsewhere");
        assert_eq!(snapshot(&Group::restore(&now, self.group.rules).unwrap()), now, "the snapshot leads elsewhere");
    }
}

pub(super) struct Theatre {
    kept: Kept,
    rules: Rules,
    now: Now,
    /// The next member id.
    fresh: u128,
    /// The next ticket.
    ticket: u64,
}

impl Theatre {
    pub(super) fn new() -> Self {
        let now = Now { wall: 1_000_000, mono: 0 };
        Self { kept: Kept::new(RULES, now), rules: RULES, now, fresh: 0, ticket: 0 }
    }

    fn tell(&mut self, command: Command) -> Vec<String> {
        match self.kept.group.decide(self.now, command) {
            Err(refusal) => vec![format!("refused: {}", refused(&refusal))],
            Ok(decision) => {
                self.kept.apply(&decision.facts);
                let mut said: Vec<String> = decision.facts.iter().filter_map(fact).collect();
                said.push(replied(&decision.reply));
                said.extend(self.sends());
                said
            }
        }
    }

    fn sends(&mut self) -> Vec<String> {
        self.kept.group.take_sends().iter().map(|(ticket, a)| format!("@{} {}", ticket.0, answered(a))).collect()
    }

    /// Lets time pass as the node would: at each deadline the group has its say.
    fn pass(&mut self, ms: i64) -> Vec<String> {
        let (end, mut said, started) = (self.now.mono + ms, Vec::new(), self.now.mono);
        for round in 0.. {
            assert!(round < 1_000, "the deadline does not move");
            let Some(at) = self.kept.group.deadline().filter(|at| *at <= end) else { break };
            self.forward(at.max(self.now.mono));
            let facts = self.kept.group.expire(self.now);
            self.kept.apply(&facts);
            let mut what: Vec<String> = facts.iter().filter_map(fact).collect();
            what.extend(self.sends());
            if !what.is_empty() {
                said.push(format!("after {}:", self.now.mono - started));
                said.extend(what);
            }
        }
        self.forward(end);
        said
    }

    fn forward(&mut self, mono: i64) {
        self.now.wall += mono - self.now.mono;
        self.now.mono = mono;
    }

    fn command(&mut self, verb: &str, line: &Line) -> Command {
        match verb {
            "join" => Command::Join(self.join(line)),
            "sync" => {
                self.ticket += 1;
                let assigned = line.text("assign").unwrap_or_default().split(',').filter(|a| !a.is_empty());
                Command::Sync(Sync {
                    member: member(&line.words[0]),
                    instance: line.text("instance").map(Into::into),
                    generation: line.or("generation", 1),
                    protocol_type: line.text("type").map(Into::into),
                    protocol: line.text("protocol").map(Into::into),
                    assignments: assigned
                        .map(|a| a.split_once(':').unwrap())
                        .map(|(m, w)| (member(m), w.as_bytes().into()))
                        .collect(),
                    ticket: Ticket(self.ticket),
                })
            }
            "beat" => Command::Heartbeat(Heartbeat {
                member: member(&line.words[0]),
                instance: line.text("instance").map(Into::into),
                generation: line.or("generation", 1),
            }),
            "leave" => {
                let one = |word: &String| Leaver { member: Some(member(word)), instance: line.text("instance").map(Into::into) };
                let mut leavers: Vec<_> = line.words.iter().map(one).collect();
                if leavers.is_empty() {
                    leavers.push(Leaver { member: None, instance: line.text("instance").map(Into::into) });
                }
                Command::Leave(leavers)
            }
            "commit" => Command::Commit(Commit {
                member: line.words.first().map(|w| member(w)),
                instance: line.text("instance").map(Into::into),
                generation: line.or("generation", -1),
                writer: line.or("writer", 0),
                positions: line.pairs().filter_map(|(at, to)| position(at, to)).collect(),
            }),
            "forget" => Command::ForgetPositions(line.words.iter().map(|w| partition(w).unwrap()).collect()),
            "purge" => Command::ForgetTopics(line.words.iter().map(|w| topic(w)).collect()),
            "delete" => Command::Delete,
            other => panic!("no verb {other}"),
        }
    }

    fn join(&mut self, line: &Line) -> Join {
        self.fresh += 1;
        self.ticket += 1;
        let topics = line.text("topics").map(subscription);
        let protocols = line.text("protocols").unwrap_or("range").split(',').filter(|p| !p.is_empty()).map(|p| {
            let (name, metadata) = p.split_once(':').unwrap_or((p, ""));
            (name.into(), topics.clone().unwrap_or_else(|| metadata.as_bytes().into()))
        });
        Join {
            member: line.text("as").map(member),
            instance: line.text("instance").map(Into::into),
            client_id: line.words[0].as_str().into(),
            client_host: "/127.0.0.1".into(),
            fresh: Uuid::from_u128(self.fresh),
            session_ms: line.or("session", 10_000),
            rebalance_ms: line.or("rebalance", 60_000),
            protocol_type: line.text("type").unwrap_or("consumer").into(),
            protocols: protocols.collect(),
            two_steps: line.or("two-steps", false),
            skips_assignment: line.or("skips", false),
            ticket: Ticket(self.ticket),
        }
    }

    fn set_rules(&mut self, line: &Line) {
        self.rules.members_max = line.or("max-size", self.rules.members_max);
        self.rules.company_ms = line.or("delay", self.rules.company_ms);
        self.rules.retention_ms = line.opt("retention").or(self.rules.retention_ms);
        self.rules.metadata_bytes_max = line.or("note", self.rules.metadata_bytes_max);
        self.kept = Kept::new(self.rules, self.now);
    }

    /// The process stops and another one starts: its steady clock begins anew, and only what was written is left.
    fn restart(&mut self, from_snapshot: bool) {
        self.now.mono = 5_000_000;
        self.kept.group = if from_snapshot {
            let mut bytes = Vec::new();
            self.kept.group.snapshot(&mut bytes);
            Group::restore(&bytes, self.rules).unwrap()
        } else {
            self.kept.replayed(self.now)
        };
    }
}

impl Stage for Theatre {
    fn perform(&mut self, verb: &str, line: &Line) -> Vec<String> {
        let group = &self.kept.group;
        match verb {
            "rules" => {
                self.set_rules(line);
                vec![]
            }
            "nameless" => {
                self.kept = Kept { group: Group::new("".into(), self.rules, self.now), history: Vec::new() };
                vec![]
            }
            "after" => self.pass(line.word(0)),
            "restart" => {
                self.restart(line.words.iter().any(|w| w == "snapshot"));
                vec![]
            }
            "show" => shown(&group.describe()),
            "positions" => group.positions().map(|(_, name, p, at)| position_shown(name, p, at)).collect(),
            "history" => {
                let at = partition(&line.words[0]).unwrap();
                let past = group.history(at.topic, at.partition).into_iter().flatten();
                vec![past.map(|p| format!("{}@{}", p.offset, p.at)).collect::<Vec<_>>().join(" ")]
            }
            "deadline" => vec![match group.deadline() {
                None => "none".into(),
                Some(at) => format!("in {}", at.saturating_sub(self.now.mono).max(0)),
            }],
            "state" => vec![format!("dead={} blank={}", group.is_dead(), group.is_blank())],
            _ => {
                let command = self.command(verb, line);
                self.tell(command)
            }
        }
    }
}

// ---- words --------------------------------------------------------------------------------------

/// `a-1` is client `a`'s member with the id number one.
fn member(short: &str) -> MemberId {
    match short.rsplit_once('-').and_then(|(client, n)| Some((client, n.parse::<u128>().ok()?))) {
        Some((client, n)) => MemberId::from(&*format!("{client}-{}", Uuid::from_u128(n))),
        None => MemberId::from(short),
    }
}

fn short(id: &MemberId) -> String {
    let text = id.as_str();
    let uuid = text.len().checked_sub(36).and_then(|at| Some((at, Uuid::parse_str(text.get(at..)?).ok()?)));
    uuid.map_or_else(|| text.to_owned(), |(at, uuid)| format!("{}{}", &text[..at], uuid.as_u128()))
}

fn topic(name: &str) -> TopicId {
    TopicId(Uuid::from_u128(name.bytes().fold(0, |n, b| n * 256 + u128::from(b))))
}

/// `orders/0`.
fn partition(text: &str) -> Option<NamedPartition> {
    let (name, partition) = text.split_once('/')?;
    let parsed: TopicName = name.parse().ok()?;
    Some(NamedPartition { topic: topic(name), name: parsed, partition: partition.parse().ok()? })
}

/// `orders/0=17` or `orders/0=17:note`.
fn position(at: &str, to: &str) -> Option<CommitPosition> {
    let (offset, note) = to.split_once(':').unwrap_or((to, ""));
    Some(CommitPosition { at: partition(at)?, offset: offset.parse().ok()?, leader_epoch: -1, metadata: note.into() })
}

/// What a consumer that reads these topics sends.
pub(super) fn subscription(topics: &str) -> Blob {
    let topics: Vec<_> = topics.split(',').filter(|t| !t.is_empty()).collect();
    let mut bytes = vec![0, 1];
    bytes.extend(u32::try_from(topics.len()).unwrap().to_be_bytes());
    for topic in topics {
        bytes.extend(u16::try_from(topic.len()).unwrap().to_be_bytes());
        bytes.extend(topic.as_bytes());
    }
    bytes.extend([0; 4]);
    bytes.into()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn fact(fact: &Fact) -> Option<String> {
    let fact = fact.durable()?;
    let content = match fact {
        GroupFact::GenerationBegan(f) => f.generation.to_string(),
        GroupFact::GenerationSettled(f) => {
            let members = f.members.iter().map(|m| format!("{}:{}", short(&m.id), text(&m.assignment)));
            format!("{} {} leader={} {}", f.generation, f.protocol, short(&f.leader), members.collect::<Vec<_>>().join(" "))
        }
        GroupFact::GroupEmptied(f) => f.generation.to_string(),
        GroupFact::TopicNamed(f) => f.name.to_string(),
        GroupFact::PositionsCommitted(f) => {
            let of = |t: &(TopicId, Vec<fact::PartitionPosition>)| {
                t.1.iter().map(|p| format!("{}={}", p.partition, p.offset)).collect::<Vec<_>>().join(" ")
            };
            f.topics.iter().map(of).collect::<Vec<_>>().join(" | ")
        }
        GroupFact::PositionsForgotten(f) => {
            let of = |t: &(TopicId, Vec<i32>)| format!("{:?}", t.1);
            format!("{:?} {}", f.why, f.topics.iter().map(of).collect::<Vec<_>>().join(" "))
        }
        GroupFact::GroupDeleted(f) => if f.asked { "asked" } else { "nothing left" }.into(),
    };
    Some(format!("fact: {} {content}", fact.name()))
}

fn refused(refusal: &Refusal) -> String {
    match refusal {
        Refusal::UnknownMember(id) => format!("unknown member {}", short(id)),
        Refusal::FencedInstance { instance, now } => format!("fenced, {instance} is {}", short(now)),
        other => other.to_string(),
    }
}

fn answered(answer: &Answer) -> String {
    match answer {
        Answer::Joined(j) => {
            let member = |m: &Joiner| {
                let instance = m.instance.as_deref().map(|i| format!("({i})")).unwrap_or_default();
                format!("{}{instance}", short(&m.member))
            };
            let members = j.members.iter().map(member).collect::<Vec<_>>().join(",");
            let skip = if j.skip_assignment { " skip" } else { "" };
            let (me, leader) = (short(&j.member), short(&j.leader));
            format!("joined {} as {me}: {} leader={leader} [{members}]{skip}", j.generation, j.protocol)
        }
        Answer::Synced(s) => format!("synced {}: {:?}", s.protocol, text(&s.assignment)),
        Answer::Refused(r) => format!("refused: {}", refused(r)),
    }
}

fn replied(reply: &Reply) -> String {
    let outcome = |o: &Result<(), Refusal>| o.as_ref().map_or_else(refused, |()| "ok".into());
    match reply {
        Reply::Wait => "waits".into(),
        Reply::Now(answer) => answered(answer),
        Reply::ComeAgain(id) => format!("come again as {}", short(id)),
        Reply::Done => "done".into(),
        Reply::Left(outcomes) | Reply::Positions(outcomes) => outcomes.iter().map(outcome).collect::<Vec<_>>().join(", "),
        Reply::Refused(refusal) => format!("refused: {}", refused(refusal)),
    }
}

fn shown(d: &Description) -> Vec<String> {
    let head = format!("{} generation={} {}/{}", d.phase.as_str(), d.generation, d.protocol_type, d.protocol);
    let member = |m: &MemberDescription| {
        let instance = m.instance.as_deref().map(|i| format!(" ({i})")).unwrap_or_default();
        format!("  {}{instance} {:?}", short(&m.id), text(&m.assignment))
    };
    std::iter::once(head).chain(d.members.iter().map(member)).collect()
}

fn position_shown(name: &TopicName, partition: i32, p: &Position) -> String {
    let note = if p.metadata.is_empty() { String::new() } else { format!(" {:?}", p.metadata) };
    format!("{name}/{partition}={} at {} by {}{note}", p.offset, p.at, p.writer)
}

/// What the properties need of a member's words.
pub(super) fn join(client: &str, as_: Option<MemberId>, instance: Option<&str>, fresh: u128, ticket: u64) -> Join {
    Join {
        member: as_,
        instance: instance.map(Arc::from),
        client_id: client.into(),
        client_host: "/127.0.0.1".into(),
        fresh: Uuid::from_u128(fresh),
        session_ms: 10_000,
        rebalance_ms: 30_000,
        protocol_type: "consumer".into(),
        protocols: vec![("range".into(), subscription("orders"))],
        two_steps: true,
        skips_assignment: true,
        ticket: Ticket(ticket),
    }
}
