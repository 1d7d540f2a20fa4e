//! Share groups as they run: their machines, who waits for records, their deadlines. Knows how a group gets a log with its
//! first durable fact and loses it when it is deleted; who may have which record is the engine's judgement.

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, Mutex, OnceLock, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use milena_engine::{
    group::GroupId,
    ids::CATALOG_LOG,
    machine::{Decision, Machine, Now},
    share::{Command, Fact, KEY_LEN, Refusal, Reply, Rules, Share},
    topic::Command as CatalogCommand,
};
use milena_store::{Class, Credit, LogId, Lsn, Parked};
use tokio::sync::Notify;

use crate::{
    alarm,
    lock::{Held, Lock},
    node::Node,
    noun::{NoRoom, Noun, Written},
    release::{Dead, Hub},
    wait::{Crowd, Listed, Listing, Place, Waiter},
};

/// The first guess at the room of a command's facts; too small only means that it is judged twice.
const FIRST_GUESS: u64 = 2048;
/// Groups that are looked at before other tasks of the runtime get their turn.
const AT_ONCE: usize = 64;
/// A group that is on its way out is gone after so long.
pub(crate) const LEAVING: Duration = Duration::from_millis(1);
/// What could not be written is tried again after this long.
const AGAIN: Duration = Duration::from_secs(1);

/// One share group, and who waits in it.
pub(crate) struct ShareCell {
    name: Arc<str>,
    /// By this the alarm knows it.
    number: u64,
    hub: Arc<Hub>,
    /// Told of every step, for who waits until what it holds was settled.
    pub(crate) stirred: Notify,
    pub(crate) state: Lock<State>,
}

pub(crate) struct State {
    pub(crate) noun: Noun<Share>,
    /// The last reservation that every taking rests on: where the group begins, its key. What became of single deliveries is
    /// not among it.
    ground: Lsn,
    /// None before the first durable fact.
    pub(crate) log: Option<LogId>,
    /// The earliest moment for which an alarm is set.
    armed: Option<i64>,
    /// On its way out: come again and find a new one.
    leaving: bool,
    /// Somebody writes its dead letters.
    pub(crate) burying: bool,
    crowd: Listing,
    /// Up to here waiters know what became available.
    told: u64,
}

impl fmt::Debug for ShareCell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ShareGroup({:?})", self.name)
    }
}

impl ShareCell {
    pub(crate) fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// Lists a waiter that has seen the group at `freed`; `None` when more became available since.
    pub(crate) fn list(&self, waiter: &Arc<Waiter>, freed: u64) -> Option<Place> {
        let mut state = self.state.hold();
        let seen = state.noun.machine.freed() == freed && !state.leaving;
        seen.then(|| state.crowd.enter(Listed { waiter: waiter.clone(), counted: 0 }))
    }
}

impl Crowd for ShareCell {
    fn tell(&self) {
        let crowd = self.state.hold().crowd.drain();
        crowd.for_each(|listed| listed.waiter.change(&self.hub));
    }
    fn leave(&self, place: Place, waiter: &Arc<Waiter>) {
        self.state.hold().crowd.leave(place, waiter);
    }
}

impl Written for Fact {
    fn written(&self) -> Option<Vec<u8>> {
        self.durable().map(|fact| {
            let mut bytes = Vec::new();
            fact.encode(&mut bytes);
            bytes
        })
    }
}

/// All share groups that are in memory.
#[derive(Debug, Default)]
pub(crate) struct Shares {
    maps: RwLock<Maps>,
    numbers: AtomicU64,
    /// Grants of another life have another of these.
    life: OnceLock<u64>,
    /// A group has held up retention by its own setting, in this life.
    holders: AtomicBool,
    /// Names under which no group begins just now.
    away: Mutex<Vec<Arc<str>>>,
}

/// While it lives no share group of the name begins: its settings are going, and it would begin by them.
#[derive(Debug)]
pub struct KeptAway<'a> {
    shares: &'a Shares,
    name: Arc<str>,
}

impl Drop for KeptAway<'_> {
    fn drop(&mut self) {
        let mut away = self.shares.away.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = away.iter().position(|name| *name == self.name) {
            away.swap_remove(at);
        }
    }
}

#[derive(Debug, Default)]
struct Maps {
    by_name: HashMap<Arc<str>, Arc<ShareCell>>,
    by_number: HashMap<u64, Arc<ShareCell>>,
    by_log: HashMap<u64, Arc<ShareCell>>,
}

impl Shares {
    fn keep_away(&self, name: &str) -> KeptAway<'_> {
        let name: Arc<str> = name.into();
        self.away.lock().unwrap_or_else(PoisonError::into_inner).push(name.clone());
        KeptAway { shares: self, name }
    }
    fn is_kept_away(&self, name: &str) -> bool {
        self.away.lock().unwrap_or_else(PoisonError::into_inner).iter().any(|away| **away == *name)
    }
    /// Whether any group may hold up retention by its own setting.
    pub(crate) fn has_holders(&self) -> bool {
        self.holders.load(Ordering::Acquire)
    }
    fn note_holder(&self, rules: &Rules) {
        if rules.holds {
            self.holders.store(true, Ordering::Release);
        }
    }
    pub(crate) fn life(&self) -> u64 {
        *self.life.get_or_init(|| uuid::Uuid::new_v4().as_u64_pair().0)
    }
    pub(crate) fn find(&self, name: &str) -> Option<Arc<ShareCell>> {
        self.maps.read().unwrap_or_else(PoisonError::into_inner).by_name.get(name).cloned()
    }
    pub(crate) fn by_log(&self, log: LogId) -> Option<Arc<ShareCell>> {
        self.maps.read().unwrap_or_else(PoisonError::into_inner).by_log.get(&log.0).cloned()
    }
    fn by_number(&self, number: u64) -> Option<Arc<ShareCell>> {
        self.maps.read().unwrap_or_else(PoisonError::into_inner).by_number.get(&number).cloned()
    }
    /// All of them, by name.
    pub(crate) fn all(&self) -> Vec<Arc<ShareCell>> {
        let mut all: Vec<_> = self.maps.read().unwrap_or_else(PoisonError::into_inner).by_name.values().cloned().collect();
        all.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        all
    }
    /// The group of that name, or the one that `make` makes.
    pub(crate) fn find_or(
        &self,
        hub: &Arc<Hub>,
        name: &str,
        make: impl FnOnce() -> (Noun<Share>, Option<LogId>),
    ) -> Arc<ShareCell> {
        if let Some(cell) = self.find(name) {
            return cell;
        }
        let mut maps = self.maps.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(cell) = maps.by_name.get(name) {
            return cell.clone();
        }
        let (noun, log) = make();
        let crowd = Listing::default();
        let ground = noun.lsn;
        let state = State { noun, ground, log, armed: None, leaving: false, burying: false, crowd, told: 0 };
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        let cell =
            Arc::new(ShareCell { name: name.into(), number, hub: hub.clone(), stirred: Notify::new(), state: Lock::new(state) });
        maps.by_name.insert(cell.name.clone(), cell.clone());
        maps.by_number.insert(number, cell.clone());
        if let Some(log) = log {
            maps.by_log.insert(log.0, cell.clone());
        }
        cell
    }
    fn logged(&self, cell: &Arc<ShareCell>, log: LogId) {
        self.maps.write().unwrap_or_else(PoisonError::into_inner).by_log.insert(log.0, cell.clone());
    }
    fn forget(&self, cell: &ShareCell, log: Option<LogId>) {
        let mut maps = self.maps.write().unwrap_or_else(PoisonError::into_inner);
        maps.by_name.remove(&cell.name);
        maps.by_number.remove(&cell.number);
        if let Some(log) = log {
            maps.by_log.remove(&log.0);
        }
    }
}

/// What a judgement under the group's lock led to.
enum Step {
    Done(Parked<Result<Reply, Refusal>>),
    /// The facts need more room than was taken.
    Room(u64),
    /// The first durable fact needs a log.
    Log,
    /// The group is on its way out.
    Leaving,
}

impl Node {
    /// Judges something about a share group and makes it true. `None`: the group is on its way out.
    pub(crate) async fn share_step(
        &self,
        cell: &Arc<ShareCell>,
        class: Class,
        judge: impl Fn(&Share, Now) -> Result<Decision<Fact, Reply>, Refusal>,
    ) -> Result<Option<Parked<Result<Reply, Refusal>>>, NoRoom> {
        // Most takings state nothing, and need no room.
        let (mut room, mut credit) = (FIRST_GUESS, None);
        loop {
            match self.share_step_once(cell, &judge, (credit.take(), room))? {
                Step::Done(parked) => return Ok(Some(parked)),
                Step::Leaving => return Ok(None),
                Step::Log => self.open_share_log(cell).await?,
                Step::Room(more) => room = more,
            }
            credit = Some(self.hub().credit(class, room).await?);
        }
    }

    fn share_step_once(
        &self,
        cell: &Arc<ShareCell>,
        judge: &impl Fn(&Share, Now) -> Result<Decision<Fact, Reply>, Refusal>,
        (credit, room): (Option<Credit>, u64),
    ) -> Result<Step, NoRoom> {
        let now = self.now();
        let mut state = cell.state.hold();
        if state.leaving {
            return Ok(Step::Leaving);
        }
        let Decision { facts, reply } = match judge(&state.noun.machine, now) {
            Ok(decision) => decision,
            Err(refusal) => {
                // Also lets a group go that was made only to be refused.
                let lsn = state.noun.lsn;
                self.after_share_step(cell, state);
                return Ok(Step::Done(Parked::new(lsn, Err(refusal))));
            }
        };
        let states = facts.iter().any(|fact| fact.durable().is_some());
        if states {
            let (Some(log), Some(credit)) = (state.log, credit) else {
                return Ok(if state.log.is_none() { Step::Log } else { Step::Room(room) });
            };
            let State { noun, .. } = &mut *state;
            if let Err(more) = self.hub().record(noun, log, now.wall, (credit, room), &facts, &mut ())? {
                return Ok(Step::Room(more));
            }
            if facts.iter().any(Fact::is_ground) {
                state.ground = state.noun.lsn;
            }
        } else {
            facts.iter().for_each(|fact| state.noun.machine.apply(fact));
        }
        let lsn = match &reply {
            // Given on the strength of outcomes of others that a crash may still take back: then records are given again, as any
            // are whose takers were not heard. Not where keys are in order, since the one before must be done with for good, and
            // not at a second delivery: a crash that forgot the first one would give the record once too often.
            Reply::Granted(granted) if !states && granted.is_first() && !state.noun.machine.rules().by_key => state.ground,
            _ => state.noun.lsn,
        };
        self.after_share_step(cell, state);
        Ok(Step::Done(Parked::new(lsn, Ok(reply))))
    }

    /// Wakes who waits, sets the alarm, has letters written, and lets the group go when it was deleted.
    pub(crate) fn after_share_step(&self, cell: &Arc<ShareCell>, mut state: Held<'_, State>) {
        let machine = &state.noun.machine;
        let (freed, deadline) = (machine.freed(), machine.deadline());
        let leaves = machine.is_dead() || (machine.is_blank() && !machine.is_stated());
        let letters = !state.burying && machine.has_letters();
        let crowd = (freed != state.told).then(|| std::mem::take(&mut state.crowd));
        state.told = freed;
        let alarm = deadline.filter(|at| state.armed.is_none_or(|armed| *at < armed));
        if alarm.is_some() {
            state.armed = alarm;
        }
        state.leaving = leaves;
        state.burying |= letters;
        let (log, moved) = (state.log, state.noun.machine.take_moved());
        drop(state);
        cell.stirred.notify_waiters();
        moved.into_iter().for_each(|at| self.reader_moved(at));
        if let Some(mut crowd) = crowd {
            crowd.drain().for_each(|listed| listed.waiter.change(self.hub()));
        }
        if letters {
            let (node, cell) = (self.clone(), cell.clone());
            self.runtimes().spawn_on(0, move || node.write_letters(cell));
        }
        match (leaves, log) {
            (true, None) => self.0.shares.forget(cell, None),
            (true, Some(log)) => self.close_share_log(cell.clone(), log),
            (false, _) => {
                if let Some(at) = alarm {
                    self.0.locks.set(at, LogId(cell.number));
                }
            }
        }
    }

    /// The group gets a log. Its fact is reserved before the group's first, which is all the order that is needed.
    async fn open_share_log(&self, cell: &Arc<ShareCell>) -> Result<(), NoRoom> {
        let command = CatalogCommand::CreateGroup(cell.name.as_ref().into());
        let told = self.hub().command(&self.0.catalog, LogId(CATALOG_LOG), self.now(), command, &mut ()).await?;
        let number = self.0.catalog.hold().machine.group(&cell.name);
        let Some(number) = number else {
            // Without this the step would be tried for ever.
            return self.release(told).await?.map(|_| ()).map_err(NoRoom::from);
        };
        // Findable by its log before anything is written there: a checkpoint may ask for it at once.
        self.0.shares.logged(cell, LogId(number));
        cell.state.hold().log = Some(LogId(number));
        Ok(())
    }

    /// The group's log goes: its fact first, then its bytes, and only then its name.
    fn close_share_log(&self, cell: Arc<ShareCell>, log: LogId) {
        let node = self.clone();
        self.runtimes().spawn_on(0, move || async move {
            loop {
                match node.remove_group_log(log).await {
                    Ok(()) => break,
                    Err(NoRoom::Dead(_)) => return,
                    Err(error) => tracing::warn!(%error, ?cell, "the log of a share group that is gone cannot be removed yet"),
                }
                tokio::time::sleep(AGAIN).await;
            }
            node.hub().store().remove(log);
            node.0.shares.forget(&cell, Some(log));
        });
    }

    /// Runs until the node stops: locks that run out, delays that are over, members that are silent.
    pub(crate) async fn keep_locks(self) {
        loop {
            let (due, stall) = self.0.locks.due(AT_ONCE, || self.now().mono).await;
            if let Some(pardon) = alarm::pardon(stall) {
                // No lock is ended before its holder was heard.
                tracing::warn!(?stall, "the broker stood still; locks end {pardon:?} later");
                tokio::time::sleep(pardon).await;
            }
            for number in due {
                let Some(cell) = self.0.shares.by_number(number.0) else { continue };
                cell.state.hold().armed = None;
                let expired =
                    self.share_step(&cell, Class::Position, |share, now| Ok(Decision::new(share.expire(now), Reply::Done))).await;
                if let Err(error) = expired {
                    tracing::warn!(%error, ?cell, "what has expired in a share group cannot be written for the moment");
                    self.0.locks.set(self.now().mono + 1_000, number);
                }
                if self.alive().is_err() {
                    return;
                }
            }
            tokio::task::yield_now().await;
        }
    }

    /// A command to a group that is made if it is not there.
    pub(crate) async fn share_command(&self, name: &str, command: &Command) -> Result<Result<Reply, Refusal>, NoRoom> {
        let frees = matches!(command, Command::Delete | Command::Forget(_) | Command::ForgetTopics(_) | Command::Trim { .. });
        let class = if frees { Class::Fact } else { Class::Position };
        loop {
            let cell = match self.share_cell(name) {
                Ok(cell) => cell,
                Err(refusal) => return Ok(Err(refusal)),
            };
            if let Some(parked) = self.share_step(&cell, class, |share, now| share.decide(now, command.clone())).await? {
                return Ok(self.release(parked).await?);
            }
            tokio::time::sleep(LEAVING).await;
        }
    }

    /// Lets no share group of this name begin until what this answers is dropped; one that is there goes on.
    pub fn keep_share_away(&self, name: &str) -> KeptAway<'_> {
        self.0.shares.keep_away(name)
    }

    /// The share group of this name, made if there is no group of the name at all.
    pub(crate) fn share_cell(&self, name: &str) -> Result<Arc<ShareCell>, Refusal> {
        if let Some(cell) = self.0.shares.find(name) {
            return Ok(cell);
        }
        let _one_at_a_time = self.0.kinds.lock().unwrap_or_else(PoisonError::into_inner);
        if self.0.groups.find(name).is_some() || self.has_instances(name) {
            return Err(Refusal::OtherKind(name.into()));
        }
        if self.0.shares.is_kept_away(name) {
            return Err(Refusal::NotFound(name.into()));
        }
        let rules = self.share_rules(name);
        self.0.shares.note_holder(&rules);
        let make = || (Noun::new(Share::new(GroupId::from(name), rules)), None);
        Ok(self.0.shares.find_or(self.hub(), name, make))
    }

    /// Looks at something that is judged again before anybody hears of it: it may not be durable yet. `None`: there is no
    /// such group.
    pub(crate) fn look_share<R>(&self, name: &str, question: impl FnOnce(&Share) -> R) -> Option<R> {
        let cell = self.0.shares.find(name)?;
        let state = cell.state.hold();
        is_there(&state.noun.machine).then(|| question(&state.noun.machine))
    }

    /// Asks something that changes nothing. What it answers is durable when it is answered. `None`: there is no such group.
    pub async fn ask_share<R>(&self, name: &str, question: impl FnOnce(&Share) -> R) -> Result<Option<R>, Dead> {
        self.ask_share_when(name, |state| state.noun.lsn, question).await
    }

    /// The same, when the reservation that `rests_on` names is durable. That there is no such group rests on all of them.
    async fn ask_share_when<R>(
        &self,
        name: &str,
        rests_on: impl FnOnce(&State) -> Lsn,
        question: impl FnOnce(&Share) -> R,
    ) -> Result<Option<R>, Dead> {
        let Some(cell) = self.0.shares.find(name) else { return Ok(None) };
        let parked = {
            let state = cell.state.hold();
            let machine = &state.noun.machine;
            match is_there(machine) {
                true => Parked::new(rests_on(&state), Some(question(machine))),
                false => Parked::new(state.noun.lsn, None),
            }
        };
        self.release(parked).await
    }

    /// The secret that leases of the group are signed with, if it was drawn already; durable. Without the group: `None`.
    pub async fn share_key_drawn(&self, name: &str) -> Result<Option<Option<[u8; KEY_LEN]>>, Dead> {
        self.ask_share_when(name, |state| state.ground, Share::key).await
    }

    /// What leases that come back may be signed with, durable: the secret and the one before. Without the group: `None`.
    pub async fn share_keys(&self, name: &str) -> Result<Option<[Option<[u8; KEY_LEN]>; 2]>, Dead> {
        self.ask_share_when(name, |state| state.ground, Share::keys).await
    }

    /// Sets the alarms of a start.
    pub(crate) fn arm_shares(&self) {
        for cell in self.0.shares.all() {
            let state = cell.state.hold();
            self.after_share_step(&cell, state);
        }
        let node = self.clone();
        self.runtimes().spawn_on(0, move || async move {
            // A log start that moved in the last life, and the life ended before queues could say what they lost by it.
            for partition in node.0.table.partitions() {
                let start = partition.view().map_or(0, |view| view.start);
                if start > 0 && node.trim_shares(&partition, start).await.is_err() {
                    return;
                }
            }
        });
    }

    /// Settings have changed.
    pub(crate) fn set_share_rules(&self) {
        for cell in self.0.shares.all() {
            let rules = self.share_rules(&cell.name);
            self.0.shares.note_holder(&rules);
            let mut state = cell.state.hold();
            state.noun.machine.set_rules(rules);
            // The end of a pause wakes who waits.
            self.after_share_step(&cell, state);
        }
    }
}

/// Whether a group is more than a name that somebody asked for.
pub(crate) fn is_there(share: &Share) -> bool {
    !share.is_dead() && (share.is_stated() || !share.is_blank())
}
