//! Random members that join, fetch, leave, fall silent and come back, a broker that restarts under them, and what holds
//! whatever they do:
//!
//! * one generation's assignments are never given to two sets of members: a number begins once, restarts or not, and is
//!   settled once (a restarted instance takes over a part, and changes nothing else);
//! * a member is told an assignment only of the generation it asked for, and the one that its leader decided;
//! * nobody waits for ever: when no more commands come, every ticket is answered in bounded time;
//! * what was written down leads to the same durable state (checked in [`Kept`] after each step).

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::{
    super::*,
    stage::{Kept, RULES, join, subscription},
};

const MEMBERS: usize = 5;

#[derive(Clone, Debug)]
enum Act {
    Join {
        who: usize,
        changed: bool,
    },
    Sync {
        who: usize,
    },
    Beat {
        who: usize,
    },
    Leave {
        who: usize,
    },
    Commit {
        who: usize,
        to: i64,
    },
    /// The client forgets everything and begins anew, as after a crash.
    Crash {
        who: usize,
    },
    Pass {
        ms: i64,
    },
    Restart {
        snapshot: bool,
    },
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let who = || 0..MEMBERS;
    let act = prop_oneof![
        8 => (who(), prop::bool::weighted(0.2)).prop_map(|(who, changed)| Act::Join { who, changed }),
        8 => who().prop_map(|who| Act::Sync { who }),
        6 => who().prop_map(|who| Act::Beat { who }),
        2 => who().prop_map(|who| Act::Leave { who }),
        3 => (who(), 0..4i64).prop_map(|(who, to)| Act::Commit { who, to }),
        1 => who().prop_map(|who| Act::Crash { who }),
        3 => (0..15_000i64).prop_map(|ms| Act::Pass { ms }),
        1 => any::<bool>().prop_map(|snapshot| Act::Restart { snapshot }),
    ];
    prop::collection::vec(act, 1..120)
}

/// What a client knows.
#[derive(Clone, Default)]
struct Client {
    id: Option<MemberId>,
    generation: i32,
    /// Everybody, when it leads.
    leads: Option<Vec<MemberId>>,
    version: u8,
}

struct World {
    kept: Kept,
    now: Now,
    clients: Vec<Client>,
    next: u64,
    /// Tickets that wait: whose (nobody's, when that client has crashed since), and for joins no generation yet.
    waiting: BTreeMap<Ticket, (Option<usize>, Option<i32>)>,
    /// Numbers that members were told.
    begun: BTreeSet<i32>,
    /// What each generation's leader decided, by member.
    decided: BTreeMap<i32, BTreeMap<String, Vec<u8>>>,
}

impl World {
    fn new() -> Self {
        let now = Now { wall: 1_000_000, mono: 0 };
        let kept = Kept::new(RULES, now);
        Self {
            kept,
            now,
            clients: vec![Client::default(); MEMBERS],
            next: 0,
            waiting: BTreeMap::new(),
            begun: BTreeSet::new(),
            decided: BTreeMap::new(),
        }
    }

    /// Two of the clients are instances with names.
    fn instance(who: usize) -> Option<&'static str> {
        ["one", "two"].get(who).copied()
    }

    fn ticket(&mut self, who: usize, generation: Option<i32>) -> Ticket {
        self.next += 1;
        self.waiting.insert(Ticket(self.next), (Some(who), generation));
        Ticket(self.next)
    }

    fn tell(&mut self, who: usize, ticket: Option<Ticket>, command: Command) {
        let decided = self.kept.group.decide(self.now, command);
        let reply = match decided {
            Ok(decision) => {
                self.keep(&decision.facts);
                decision.reply
            }
            Err(refusal) => Reply::Refused(refusal),
        };
        let waits = reply == Reply::Wait;
        if let Some(ticket) = ticket.filter(|_| !waits) {
            let (_, asked) = self.waiting.remove(&ticket).expect("answered once");
            match &reply {
                Reply::Now(answer) => self.learn(who, asked, answer),
                Reply::ComeAgain(id) => self.clients[who].id = Some(id.clone()),
                Reply::Refused(refusal) => self.learn(who, asked, &Answer::Refused(refusal.clone())),
                _ => {}
            }
        }
        self.take_sends();
    }

    fn keep(&mut self, facts: &[Fact]) {
        for fact in facts {
            if let Some(GroupFact::GenerationBegan(began)) = fact.durable() {
                assert!(self.begun.insert(began.generation), "generation {} began twice", began.generation);
            }
            if let Some(GroupFact::GenerationSettled(settled)) = fact.durable() {
                let key = |m: &fact::SettledMember| m.instance.as_deref().map_or_else(|| m.id.to_string(), str::to_owned);
                let parts = settled.members.iter().map(|m| (key(m), m.assignment.to_vec())).collect();
                let before = self.decided.entry(settled.generation).or_insert_with(|| BTreeMap::clone(&parts));
                assert_eq!(*before, parts, "generation {} was settled twice", settled.generation);
            }
        }
        self.kept.apply(facts);
    }

    fn take_sends(&mut self) {
        for (ticket, answer) in self.kept.group.take_sends() {
            let (who, asked) = self.waiting.remove(&ticket).expect("a ticket is answered once, and only if it waits");
            if let Some(who) = who {
                self.learn(who, asked, &answer);
            }
        }
    }

    fn forget(&mut self, who: usize) {
        self.clients[who] = Client::default();
        self.waiting.values_mut().filter(|w| w.0 == Some(who)).for_each(|w| w.0 = None);
    }

    fn learn(&mut self, who: usize, asked: Option<i32>, answer: &Answer) {
        let client = &mut self.clients[who];
        match answer {
            Answer::Joined(joined) => {
                let leads = (joined.leader == joined.member && !joined.skip_assignment).then_some(&joined.members);
                client.id = Some(joined.member.clone());
                client.generation = joined.generation;
                client.leads = leads.map(|members| members.iter().map(|m| m.member.clone()).collect());
            }
            Answer::Synced(synced) => {
                let generation = asked.expect("a sync asked");
                let decided = &self.decided[&generation];
                let key = World::instance(who).map_or_else(|| client.id.as_ref().unwrap().to_string(), str::to_owned);
                if let Some(mine) = decided.get(&key) {
                    assert_eq!(*mine, synced.assignment.to_vec(), "not what the leader decided");
                }
            }
            Answer::Refused(Refusal::UnknownMember(_) | Refusal::FencedInstance { .. }) => *client = Client::default(),
            Answer::Refused(_) => {}
        }
    }

    fn act(&mut self, act: &Act) {
        match *act {
            Act::Join { who, changed } => {
                let ticket = self.ticket(who, None);
                let client = &mut self.clients[who];
                client.version += u8::from(changed);
                let mut asked = join(&format!("c{who}"), client.id.clone(), Self::instance(who), ticket.0.into(), ticket.0);
                asked.protocols = vec![("range".into(), subscription(&format!("orders,{}", client.version)))];
                self.tell(who, Some(ticket), Command::Join(asked));
            }
            Act::Sync { who } => self.sync(who),
            Act::Beat { who } => {
                let Client { id: Some(member), generation, .. } = self.clients[who].clone() else { return };
                let instance = Self::instance(who).map(Into::into);
                self.tell(who, None, Command::Heartbeat(Heartbeat { member, instance, generation }));
            }
            Act::Leave { who } => {
                let Some(member) = self.clients[who].id.take() else { return };
                self.forget(who);
                self.tell(who, None, Command::Leave(vec![Leaver { member: Some(member), instance: None }]));
            }
            Act::Commit { who, to } => self.commit(who, to),
            Act::Crash { who } => self.forget(who),
            Act::Pass { ms } => self.pass(ms),
            Act::Restart { snapshot } => self.restart(snapshot),
        }
    }

    fn sync(&mut self, who: usize) {
        let Client { id: Some(member), generation, leads, .. } = self.clients[who].clone() else { return };
        let ticket = self.ticket(who, Some(generation));
        // Each ticket makes other assignments: two decisions about one generation would be seen.
        let part = |id: MemberId| (id.clone(), format!("{generation}/{}/{id}", ticket.0).as_bytes().into());
        let assignments = leads.into_iter().flatten().map(part).collect();
        let instance = Self::instance(who).map(Into::into);
        let sync = Sync { member, instance, generation, protocol_type: None, protocol: None, assignments, ticket };
        self.tell(who, Some(ticket), Command::Sync(sync));
    }

    fn commit(&mut self, who: usize, to: i64) {
        let Client { id: Some(member), generation, .. } = self.clients[who].clone() else { return };
        let at = NamedPartition {
            topic: crate::ids::TopicId(crate::ids::Uuid::from_u128(1)),
            name: "orders".parse().unwrap(),
            partition: 0,
        };
        let positions = vec![CommitPosition { at, offset: to, leader_epoch: -1, metadata: "".into() }];
        let commit = Commit { member: Some(member), instance: None, generation, writer: 0, positions };
        self.tell(who, None, Command::Commit(commit));
    }

    fn pass(&mut self, ms: i64) {
        let end = self.now.mono + ms;
        for round in 0.. {
            assert!(round < 10_000, "the deadline does not move");
            let Some(at) = self.kept.group.deadline().filter(|at| *at <= end) else { break };
            self.forward(at.max(self.now.mono));
            let facts = self.kept.group.expire(self.now);
            self.keep(&facts);
            self.take_sends();
            self.begin_again_if_dead();
        }
        self.forward(end);
    }

    fn forward(&mut self, mono: i64) {
        self.now.wall += mono - self.now.mono;
        self.now.mono = mono;
    }

    /// A group that is gone is met as a new one.
    fn begin_again_if_dead(&mut self) {
        if self.kept.group.is_dead() {
            assert!(self.waiting.is_empty(), "a group went while somebody waited");
            (self.kept, self.begun, self.decided) = (Kept::new(RULES, self.now), BTreeSet::new(), BTreeMap::new());
        }
    }

    /// Connections break: whoever waited, waits no more.
    fn restart(&mut self, snapshot: bool) {
        self.waiting.clear();
        self.now.mono /= 2;
        self.kept.group = if snapshot {
            let mut bytes = Vec::new();
            self.kept.group.snapshot(&mut bytes);
            Group::restore(&bytes, RULES).unwrap()
        } else {
            self.kept.replayed(self.now)
        };
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn whatever_members_do(acts in acts()) {
        let mut world = World::new();
        for act in &acts {
            world.act(act);
        }
        // Everybody falls silent. Nobody waits for ever, and in the end nobody is a member.
        world.pass(20 * 60 * 1_000);
        prop_assert!(world.waiting.is_empty(), "still waiting: {:?}", world.waiting);
        prop_assert_eq!(world.kept.group.members(), 0);
        prop_assert!(matches!(world.kept.group.phase(), PhaseName::Empty));
        // And then there is nothing to wake up for, unless the group is to go.
        prop_assert_eq!(world.kept.group.deadline(), None);
    }

    #[test]
    fn strange_snapshots_are_refused_or_read_but_never_believed(bytes: Vec<u8>) {
        let _ = Group::restore(&bytes, RULES);
        let _ = GroupFact::decode(&bytes);
    }

    #[test]
    fn cut_snapshots_are_refused(acts in acts(), cut in any::<prop::sample::Index>()) {
        let mut world = World::new();
        for act in &acts {
            world.act(act);
        }
        let mut bytes = Vec::new();
        world.kept.group.snapshot(&mut bytes);
        let cut = cut.index(bytes.len());
        prop_assert!(Group::restore(&bytes[..cut], RULES).is_err());
    }
}

#[test]
fn a_thousand_members_are_no_trouble() {
    let mut world = World::new();
    world.clients = vec![Client::default(); 1_000];
    let rules = Rules { company_ms: 3_000, ..RULES };
    world.kept = Kept::new(rules, world.now);
    let mut group = Group::new("g".into(), rules, world.now);
    let mut answered = BTreeSet::new();
    for who in 0..1_000u64 {
        let mut asked = join(&format!("c{who}"), None, None, who.into(), who);
        asked.two_steps = false;
        let decision = group.decide(world.now, Command::Join(asked)).unwrap();
        decision.facts.iter().for_each(|f| group.apply(f));
    }
    for ms in [3_000, 6_000] {
        let now = Now { wall: ms, mono: ms };
        group.expire(now).iter().for_each(|f| group.apply(f));
    }
    for (ticket, answer) in group.take_sends() {
        let Answer::Joined(joined) = answer else { panic!("{answer:?}") };
        assert_eq!(joined.members.is_empty(), joined.leader != joined.member);
        answered.insert(ticket);
    }
    assert_eq!((answered.len(), group.members()), (1_000, 1_000));
}
