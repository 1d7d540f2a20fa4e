//! Groups as they run: their machines, the requests that wait in them, and their deadlines. Knows how a group gets a log
//! with its first durable fact and loses it when nothing is left; what members are told is the engine's judgement.

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use milena_engine::{
    group::{Answer, Fact, Group, GroupId, Refusal, Reply, Rules, Ticket},
    ids::CATALOG_LOG,
    machine::{Decision, Machine, Now},
    topic::Command as CatalogCommand,
};
use milena_store::{Class, Credit, LogId, Lsn, NoCredit, Parked};
use tokio::sync::oneshot;

use crate::{
    alarm,
    lock::{Held, Lock},
    node::Node,
    noun::{NoRoom, Noun, Written},
};

/// The first guess at the room of a command's facts; too small only means that it is judged twice.
const FIRST_GUESS: u64 = 2048;

/// Groups that are looked at before other tasks of the runtime get their turn.
const AT_ONCE: usize = 64;

/// What could not be written is tried again after this long.
const AGAIN: Duration = Duration::from_secs(1);

/// One group, and who waits in it.
pub(crate) struct Cell {
    name: Arc<str>,
    /// By this the alarm knows it.
    number: u64,
    pub(crate) state: Lock<State>,
}

pub(crate) struct State {
    pub(crate) noun: Noun<Group>,
    /// None before the first durable fact.
    pub(crate) log: Option<LogId>,
    promises: HashMap<Ticket, oneshot::Sender<Parked<Answer>>>,
    /// The earliest moment for which an alarm is set.
    armed: Option<i64>,
    /// On its way out: come again and find a new one.
    leaving: bool,
}

impl fmt::Debug for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Group({:?})", self.name)
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

/// All groups that are in memory.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    maps: RwLock<Maps>,
    numbers: AtomicU64,
    tickets: AtomicU64,
}

#[derive(Debug, Default)]
struct Maps {
    by_name: HashMap<Arc<str>, Arc<Cell>>,
    by_number: HashMap<u64, Arc<Cell>>,
    by_log: HashMap<u64, Arc<Cell>>,
}

impl Groups {
    pub(crate) fn find(&self, name: &str) -> Option<Arc<Cell>> {
        self.maps.read().unwrap_or_else(PoisonError::into_inner).by_name.get(name).cloned()
    }
    pub(crate) fn by_log(&self, log: LogId) -> Option<Arc<Cell>> {
        self.maps.read().unwrap_or_else(PoisonError::into_inner).by_log.get(&log.0).cloned()
    }
    fn by_number(&self, number: u64) -> Option<Arc<Cell>> {
        self.maps.read().unwrap_or_else(PoisonError::into_inner).by_number.get(&number).cloned()
    }
    /// All of them, by name.
    pub(crate) fn all(&self) -> Vec<Arc<Cell>> {
        let mut all: Vec<_> = self.maps.read().unwrap_or_else(PoisonError::into_inner).by_name.values().cloned().collect();
        all.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        all
    }
    /// The group of that name, or the one that `make` makes.
    pub(crate) fn find_or(&self, name: &str, make: impl FnOnce() -> (Noun<Group>, Option<LogId>)) -> Arc<Cell> {
        if let Some(cell) = self.find(name) {
            return cell;
        }
        let mut maps = self.maps.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(cell) = maps.by_name.get(name) {
            return cell.clone();
        }
        let (noun, log) = make();
        let state = State { noun, log, promises: HashMap::new(), armed: None, leaving: false };
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        let cell = Arc::new(Cell { name: name.into(), number, state: Lock::new(state) });
        maps.by_name.insert(cell.name.clone(), cell.clone());
        maps.by_number.insert(number, cell.clone());
        if let Some(log) = log {
            maps.by_log.insert(log.0, cell.clone());
        }
        cell
    }
    fn logged(&self, cell: &Arc<Cell>, log: LogId) {
        self.maps.write().unwrap_or_else(PoisonError::into_inner).by_log.insert(log.0, cell.clone());
    }
    fn forget(&self, cell: &Cell, log: Option<LogId>) {
        let mut maps = self.maps.write().unwrap_or_else(PoisonError::into_inner);
        maps.by_name.remove(&cell.name);
        maps.by_number.remove(&cell.number);
        if let Some(log) = log {
            maps.by_log.remove(&log.0);
        }
    }
    /// A ticket that nobody had.
    pub(crate) fn ticket(&self) -> Ticket {
        Ticket(self.tickets.fetch_add(1, Ordering::Relaxed))
    }
}

/// Where the answer to a waiting request goes.
pub(crate) type Promise = (Ticket, oneshot::Sender<Parked<Answer>>);

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
    /// Judges something about a group and makes it true; the answer waits for its place in the log.
    /// `None`: the group is on its way out. `promise` is kept if the answer comes later.
    pub(crate) async fn step(
        &self,
        cell: &Arc<Cell>,
        class: Class,
        mut promise: Option<Promise>,
        judge: impl Fn(&Group, Now) -> Result<Decision<Fact, Reply>, Refusal>,
    ) -> Result<Option<Parked<Result<Reply, Refusal>>>, NoRoom> {
        let mut room = FIRST_GUESS;
        let mut credit = self.credit_now(class, room)?;
        loop {
            match self.step_once(cell, &mut promise, &judge, (credit.take(), room))? {
                Step::Done(parked) => return Ok(Some(parked)),
                Step::Leaving => return Ok(None),
                Step::Log => self.open_group_log(cell).await?,
                Step::Room(more) => room = more,
            }
            credit = Some(self.hub().credit(class, room).await?);
        }
    }

    fn credit_now(&self, class: Class, bytes: u64) -> Result<Option<Credit>, NoRoom> {
        match self.hub().store().credit(class, bytes, None) {
            Ok(credit) => Ok(Some(credit)),
            // Signs of life need no room at all, so nothing is said before it is known that facts are durable.
            Err(NoCredit::Dead(fault)) => Err(crate::release::Dead(fault).into()),
            Err(_) => Ok(None),
        }
    }

    fn step_once(
        &self,
        cell: &Arc<Cell>,
        promise: &mut Option<Promise>,
        judge: &impl Fn(&Group, Now) -> Result<Decision<Fact, Reply>, Refusal>,
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
                let lsn = state.noun.lsn;
                self.after_step(cell, state);
                return Ok(Step::Done(Parked::new(lsn, Err(refusal))));
            }
        };
        if facts.iter().any(|fact| fact.durable().is_some()) {
            let (Some(log), Some(credit)) = (state.log, credit) else {
                return Ok(if state.log.is_none() { Step::Log } else { Step::Room(room) });
            };
            let State { noun, .. } = &mut *state;
            if let Err(more) = self.hub().record(noun, log, now.wall, (credit, room), &facts, &mut ())? {
                return Ok(Step::Room(more));
            }
        } else {
            facts.iter().for_each(|fact| state.noun.machine.apply(fact));
        }
        // Before what the group has to say is sent: the answer may be in it at once.
        if let (Some((ticket, sender)), Reply::Wait) = (promise.take(), &reply) {
            state.promises.insert(ticket, sender);
        }
        let lsn = state.noun.lsn;
        self.after_step(cell, state);
        Ok(Step::Done(Parked::new(lsn, Ok(reply))))
    }

    /// Sends what the group has to say, sets its alarm, and lets it go when nothing is left of it.
    fn after_step(&self, cell: &Arc<Cell>, mut state: Held<'_, State>) {
        let lsn = state.noun.lsn;
        for (ticket, answer) in state.noun.machine.take_sends() {
            if let Some(promise) = state.promises.remove(&ticket) {
                // Whoever asked may be gone; the group finds out by its session.
                let _ = promise.send(Parked::new(lsn, answer));
            }
        }
        let deadline = state.noun.machine.deadline();
        let alarm = deadline.filter(|at| state.armed.is_none_or(|armed| *at < armed));
        if alarm.is_some() {
            state.armed = alarm;
        }
        let machine = &state.noun.machine;
        let leaves = (machine.is_dead() || machine.is_blank()) && state.promises.is_empty();
        state.leaving = leaves;
        let log = state.log;
        drop(state);
        match (leaves, log) {
            (true, None) => self.0.groups.forget(cell, None),
            (true, Some(log)) => self.close_group_log(cell.clone(), log),
            (false, _) => {
                if let Some(at) = alarm {
                    self.0.sessions.set(at, LogId(cell.number));
                }
            }
        }
    }

    /// The group gets a log. Its fact is reserved before the group's first, which is all the order that is needed.
    async fn open_group_log(&self, cell: &Arc<Cell>) -> Result<(), NoRoom> {
        let command = CatalogCommand::CreateGroup(cell.name.as_ref().into());
        let log = LogId(CATALOG_LOG);
        let told = self.hub().command(&self.0.catalog, log, self.now(), command, &mut ()).await?;
        let number = self.0.catalog.hold().machine.group(&cell.name);
        let Some(number) = number else {
            // Without this the step would be tried for ever.
            return self.release(told).await?.map(|_| ()).map_err(NoRoom::from);
        };
        // Findable by its log before anything is written there: a checkpoint may ask for it at once.
        self.0.groups.logged(cell, LogId(number));
        cell.state.hold().log = Some(LogId(number));
        Ok(())
    }

    /// The group's log goes: its fact first, then its bytes, and only then its name. Until then the name finds a group that
    /// is leaving, and a checkpoint that asks for the log finds a state to write.
    fn close_group_log(&self, cell: Arc<Cell>, log: LogId) {
        let node = self.clone();
        self.runtimes().spawn_on(0, move || async move {
            loop {
                match node.remove_group_log(log).await {
                    Ok(()) => break,
                    Err(NoRoom::Dead(_)) => return,
                    // A new group may not take the name while the catalog still gives it the old log.
                    Err(error) => tracing::warn!(%error, ?cell, "the log of a group that is gone cannot be removed yet"),
                }
                tokio::time::sleep(AGAIN).await;
            }
            node.hub().store().remove(log);
            node.0.groups.forget(&cell, Some(log));
        });
    }

    pub(crate) async fn remove_group_log(&self, log: LogId) -> Result<(), NoRoom> {
        let (command, catalog) = (CatalogCommand::RemoveGroup(log.0), LogId(CATALOG_LOG));
        let removed = self.hub().command(&self.0.catalog, catalog, self.now(), command, &mut ()).await?;
        // The command cannot be refused; what is awaited is that it is on disk.
        let _ = self.release(removed).await?;
        Ok(())
    }

    /// Runs until the node stops: sessions that end, members that are dropped, positions that expire.
    pub(crate) async fn keep_sessions(self) {
        loop {
            let (due, stall) = self.0.sessions.due(AT_ONCE, || self.now().mono).await;
            if let Some(pardon) = alarm::pardon(stall) {
                // Signs of life wait in the sockets: they are read before anybody is declared dead.
                tracing::warn!(?stall, "the broker stood still; sessions end {pardon:?} later");
                tokio::time::sleep(pardon).await;
            }
            for number in due {
                let Some(cell) = self.0.groups.by_number(number.0) else { continue };
                cell.state.hold().armed = None;
                let expired =
                    self.step(&cell, Class::Position, None, |group, now| Ok(Decision::new(group.expire(now), Reply::Done))).await;
                if let Err(error) = expired {
                    tracing::warn!(%error, ?cell, "what has expired in a group cannot be written for the moment");
                    self.0.sessions.set(self.now().mono + 1000, number);
                }
                if self.alive().is_err() {
                    return;
                }
            }
            tokio::task::yield_now().await;
        }
    }

    /// A new machine for a group that is not in memory.
    pub(crate) fn blank_group(&self, name: &str) -> Noun<Group> {
        Noun::new(Group::new(GroupId::from(name), Rules::from(&*self.settings()), self.now()))
    }

    /// Sets the alarms of a start.
    pub(crate) fn arm_groups(&self) {
        for cell in self.0.groups.all() {
            let state = cell.state.hold();
            self.after_step(&cell, state);
        }
    }

    /// The store is dead: nobody who waits here will be answered.
    pub(crate) fn break_promises(&self) {
        for cell in self.0.groups.all() {
            cell.state.hold().promises.clear();
        }
    }

    /// Where a group's state stands in the log.
    pub(crate) fn applied(cell: &Cell) -> Lsn {
        cell.state.hold().noun.lsn
    }
}
