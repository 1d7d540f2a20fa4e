//! The broker's own configuration as a noun: what it was started with, and on top what was changed while it ran, for the
//! whole cluster, for this broker, or for one group or metrics subscription ([`Offered`]). A change is a fact; what it was
//! started with is not (it is given at every start).
//!
//! Must not know: topics (they look in here for what they do not say themselves).

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    broker::{self, BrokerSettings},
    change::{self, Change, Op, Overrides, Refusal},
    describe::{Entry, Given, Source},
    fact::{BrokerConfigChanged, BrokerConfigFact, Changes, ResourceConfigChanged},
    offered::Offered,
    parse::Value,
    setting::{Bearing, Reach, Setting},
    threads,
};
use crate::{
    fact::{
        BadFact, Content,
        codec::{Reader, Writer},
    },
    limits::{GROUP_NAME_BYTES_MAX, RESOURCE_SETTINGS_BYTES_MAX, RESOURCES_WITH_SETTINGS_MAX},
    machine::{Decision, Machine, Now},
};

/// The version of the snapshot.
const SNAPSHOT: u8 = 2;
/// From here on it holds the settings of groups and subscriptions.
const RESOURCES_FROM: u8 = 2;

/// Whose dynamic configuration: resource type BROKER with an empty name, or with the broker's id.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Scope {
    Cluster,
    Broker,
}

/// A command: change the dynamic configuration. For a dry run, decide and drop the facts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Alter {
    /// IncrementalAlterConfigs.
    Some(Scope, Vec<Change>),
    /// AlterConfigs: what is not named is deleted.
    Whole(Scope, Vec<(String, Option<String>)>),
    /// The same two for the group or the subscription of that name.
    SomeOf(Offered, String, Vec<Change>),
    WholeOf(Offered, String, Vec<(String, Option<String>)>),
}

/// All layers. Resolve once with [`BrokerConfig::settings`] and keep the result.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct BrokerConfig {
    start: Overrides,
    cluster: Overrides,
    broker: Overrides,
    /// What was set on groups and subscriptions: only those that something is set on. Shared, since the whole is handed out.
    resources: Arc<BTreeMap<(Offered, Box<str>), Overrides>>,
}

impl BrokerConfig {
    /// What the broker is started with. Unknown names and bad values are refused here, before anything runs.
    pub fn start(asked: &[(String, Option<String>)]) -> Result<Self, Refusal> {
        Ok(Self { start: change::whole(asked, broker::known)?, ..Self::default() })
    }

    /// The same for what was read back first: [`BrokerConfig::restore`] and facts on an empty one, then this.
    pub fn set_start(&mut self, asked: &[(String, Option<String>)]) -> Result<(), Refusal> {
        self.start = change::whole(asked, broker::known)?;
        Ok(())
    }

    /// Takes what a new start would be given, as far as that may change while the broker runs. Answers the names of what
    /// differs and needs a restart, where the old value stays.
    pub fn renew(&mut self, asked: &[(String, Option<String>)]) -> Result<Vec<String>, Refusal> {
        let mut fresh = change::whole(asked, broker::known)?;
        let names: BTreeSet<&String> = fresh.keys().chain(self.start.keys()).collect();
        let differs = names.into_iter().filter(|name| fresh.get(*name) != self.start.get(*name));
        let fixed: Vec<String> = differs.filter(|name| broker::setting(name).is_some_and(Setting::read_only)).cloned().collect();
        for name in &fixed {
            match self.start.get(name) {
                Some(old) => fresh.insert(name.clone(), old.clone()),
                None => fresh.remove(name),
            };
        }
        self.start = fresh;
        Ok(fixed)
    }

    /// What was changed for the cluster and the broker, as facts that bring a fresh start here.
    fn layer_facts(&self) -> Vec<BrokerConfigChanged> {
        let whole = |scope| {
            let changes: Vec<_> = self.layer(scope).iter().map(|(n, v)| (n.as_str().into(), Some(v.as_str().into()))).collect();
            (!changes.is_empty()).then_some(BrokerConfigChanged { scope, changes })
        };
        [Scope::Cluster, Scope::Broker].into_iter().filter_map(whole).collect()
    }

    /// Appends the dynamic part in one piece.
    pub fn snapshot(&self, into: &mut Vec<u8>) {
        let facts = self.layer_facts();
        let mut w = Writer::new(into);
        w.u8(SNAPSHOT);
        w.count(facts.len());
        facts.iter().for_each(|f| f.write(&mut w));
        w.count(self.resources.len());
        for ((kind, name), own) in &*self.resources {
            let changes = own.iter().map(|(n, v)| (n.as_str().into(), Some(v.as_str().into()))).collect();
            ResourceConfigChanged { kind: *kind, name: name.clone(), changes }.write(&mut w);
        }
    }

    /// Puts what [`BrokerConfig::snapshot`] wrote on top of what the broker was (or will be) started with.
    pub fn restore(&mut self, bytes: &[u8]) -> Result<(), BadFact> {
        let mut r = Reader::new(bytes);
        let version = r.version("broker settings", SNAPSHOT)?;
        for _ in 0..r.count("layers of settings", 2, 2)? {
            self.apply(&BrokerConfigChanged::read(BrokerConfigChanged::VERSION, &mut r)?.into());
        }
        if version >= RESOURCES_FROM {
            for _ in 0..r.count("groups with settings", RESOURCES_WITH_SETTINGS_MAX, 3)? {
                self.apply(&ResourceConfigChanged::read(ResourceConfigChanged::VERSION, &mut r)?.into());
            }
        }
        r.end()
    }

    /// Every honoured setting, typed.
    pub fn settings(&self) -> BrokerSettings {
        BrokerSettings::resolve(self)
    }

    /// Resource type BROKER with the broker's id: every setting there is.
    pub fn describe(&self) -> Vec<Entry> {
        let told = |s: &&'static Setting| !broker::is_told_when_set(s) || !self.given(s).is_empty();
        broker::all().filter(told).map(|s| Entry::new(s, self.text(s), self.given(s))).collect()
    }

    /// Resource type BROKER with an empty name: only what was changed for all.
    pub fn describe_cluster(&self) -> Vec<Entry> {
        let entry = |(name, value): (&String, &String)| {
            let setting = broker::setting(name)?;
            let given = shown(setting, value.clone(), Source::Cluster);
            Some(Entry::new(setting, Some(value.clone()), vec![given]))
        };
        self.cluster.iter().filter_map(entry).collect()
    }

    /// The names of groups, or subscriptions, that something is set on, in order.
    pub fn resources(&self, kind: Offered) -> impl Iterator<Item = &str> {
        self.resources.keys().filter(move |(k, _)| *k == kind).map(|(_, name)| &**name)
    }

    /// What is set on the group or subscription of that name.
    pub(super) fn resource(&self, kind: Offered, name: &str) -> Option<&Overrides> {
        self.resources.get(&(kind, name.into()))
    }

    fn decide_resource(
        &self,
        kind: Offered,
        name: &str,
        next: impl FnOnce(&Overrides) -> Result<Overrides, Refusal>,
    ) -> Result<Option<BrokerConfigFact>, Refusal> {
        let none = Overrides::new();
        let current = self.resource(kind, name).unwrap_or(&none);
        let next = next(current)?;
        kind.consistent(&next, self)?;
        let changes = difference(current, &next);
        if changes.iter().any(|(_, value)| value.is_some()) {
            self.room_for(kind, name, &next)?;
        }
        Ok((!changes.is_empty()).then(|| ResourceConfigChanged { kind, name: name.into(), changes }.into()))
    }

    fn room_for(&self, kind: Offered, name: &str, next: &Overrides) -> Result<(), Refusal> {
        let weight = |name: &str, own: &Overrides| name.len() + own.iter().map(|(n, v)| n.len() + v.len()).sum::<usize>();
        let others = self.resources.iter().filter(|((k, n), _)| (*k, &**n) != (kind, name));
        let (count, bytes) =
            others.fold((1, weight(name, next)), |(count, sum), ((_, n), own)| (count + 1, sum + weight(n, own)));
        match count > RESOURCES_WITH_SETTINGS_MAX || bytes > RESOURCE_SETTINGS_BYTES_MAX || name.len() > GROUP_NAME_BYTES_MAX {
            true => Err(Refusal::TooManyResources { resources: count, bytes }),
            false => Ok(()),
        }
    }

    /// The setting's own value by its own name, if any layer or the default has one.
    pub(super) fn own(&self, setting: &Setting) -> Option<String> {
        let set = self.broker.get(setting.name).or(self.cluster.get(setting.name)).or(self.start.get(setting.name));
        set.cloned().or(setting.default.map(str::to_owned))
    }

    fn text(&self, setting: &Setting) -> Option<String> {
        self.own(setting).map(|t| setting.value(&t).map_or(t, |v| v.to_string()))
    }

    /// The effective value: its own, or that of the first fallback that has one, in this setting's unit.
    pub(super) fn effective(&self, setting: &Setting) -> Option<Value> {
        if let Some(text) = self.own(setting) {
            return setting.value(&text).ok();
        }
        setting.fallbacks.iter().find_map(|f| {
            let coarser = broker::setting(f.name)?;
            Some(scaled(coarser.value(&self.own(coarser)?).ok()?, f.times))
        })
    }

    /// Every place that names a value for `setting`, best first. Nothing when its own name has none: so does Kafka.
    pub(super) fn given(&self, setting: &'static Setting) -> Vec<Given> {
        if self.own(setting).is_none() {
            return Vec::new();
        }
        let family: Vec<&'static Setting> =
            std::iter::once(setting).chain(setting.fallbacks.iter().filter_map(|f| broker::setting(f.name))).collect();
        let layers = [(&self.broker, Source::Broker), (&self.cluster, Source::Cluster), (&self.start, Source::Start)];
        let set = layers.iter().flat_map(|(layer, source)| {
            family.iter().filter_map(|s| Some(shown(s, layer.get(s.name)?.clone(), *source))).collect::<Vec<_>>()
        });
        let defaults = family.iter().filter_map(|s| Some(shown(s, s.default_value()?.to_string(), Source::Default)));
        set.chain(defaults).collect()
    }

    /// The same with another layer.
    fn with(&self, scope: Scope, layer: Overrides) -> Self {
        match scope {
            Scope::Cluster => Self { cluster: layer, ..self.clone() },
            Scope::Broker => Self { broker: layer, ..self.clone() },
        }
    }

    fn layer(&self, scope: Scope) -> &Overrides {
        match scope {
            Scope::Cluster => &self.cluster,
            Scope::Broker => &self.broker,
        }
    }
}

impl Machine for BrokerConfig {
    type Command = Alter;
    type Fact = BrokerConfigFact;
    type Reply = ();
    type Refusal = Refusal;

    fn decide(&self, _: Now, command: Alter) -> Result<Decision<BrokerConfigFact, ()>, Refusal> {
        let (scope, next) = match command {
            Alter::Some(scope, changes) => {
                for change in changes.iter().filter(|c| c.op != Op::Delete) {
                    changeable(scope, &change.name)?;
                }
                (scope, change::incremental(self.layer(scope), &changes, broker::known)?)
            }
            Alter::Whole(scope, asked) => {
                // A tool that writes back what it read must not fail on what it left alone.
                for (name, value) in &asked {
                    if self.layer(scope).get(name) != value.as_ref() {
                        changeable(scope, name)?;
                    }
                }
                (scope, change::whole(&asked, broker::known)?)
            }
            Alter::SomeOf(kind, name, changes) => {
                let fact = self.decide_resource(kind, &name, |own| change::incremental(own, &changes, |n| kind.known(n)))?;
                return Ok(Decision::new(fact.into_iter().collect(), ()));
            }
            Alter::WholeOf(kind, name, asked) => {
                let fact = self.decide_resource(kind, &name, |_| change::whole(&asked, |n| kind.known(n)))?;
                return Ok(Decision::new(fact.into_iter().collect(), ()));
            }
        };
        let changes = difference(self.layer(scope), &next);
        threads::judge(self, &self.with(scope, next))?;
        let fact = (!changes.is_empty()).then(|| BrokerConfigChanged { scope, changes }.into());
        Ok(Decision::new(fact.into_iter().collect(), ()))
    }

    fn apply(&mut self, fact: &BrokerConfigFact) {
        match fact {
            BrokerConfigFact::BrokerConfigChanged(fact) => {
                let layer = match fact.scope {
                    Scope::Cluster => &mut self.cluster,
                    Scope::Broker => &mut self.broker,
                };
                change_all(layer, &fact.changes);
            }
            BrokerConfigFact::ResourceConfigChanged(fact) => {
                let resources = Arc::make_mut(&mut self.resources);
                let key = (fact.kind, fact.name.clone());
                let own = resources.entry(key.clone()).or_default();
                change_all(own, &fact.changes);
                if own.is_empty() {
                    resources.remove(&key);
                }
            }
        }
    }
}

fn change_all(own: &mut Overrides, changes: &[(Box<str>, Option<Box<str>>)]) {
    for (name, value) in changes {
        match value {
            Some(value) => own.insert(name.to_string(), value.to_string()),
            None => own.remove(&**name),
        };
    }
}

/// What leads from one to the other.
fn difference(current: &Overrides, next: &Overrides) -> Changes {
    let gone = current.keys().filter(|n| !next.contains_key(*n)).map(|n| (n.as_str().into(), None));
    let new = next.iter().filter(|(n, v)| current.get(*n) != Some(v));
    gone.chain(new.map(|(n, v)| (n.as_str().into(), Some(v.as_str().into())))).collect()
}

fn changeable(scope: Scope, name: &str) -> Result<(), Refusal> {
    let setting = broker::known(name)?;
    if let Bearing::Reported { .. } = setting.bearing {
        // Kafka would move its listeners. Here the start decided, and taking a value that does nothing would be a lie.
        return Err(Refusal::ReadOnly { name: name.into() });
    }
    match (setting.reach, scope) {
        (Reach::AtStart, _) => Err(Refusal::ReadOnly { name: name.into() }),
        (Reach::Listener, _) => Err(Refusal::NeedsListener { name: name.into() }),
        (Reach::Broker, Scope::Cluster) => Err(Refusal::NeedsBroker { name: name.into() }),
        _ => Ok(()),
    }
}

pub(super) fn shown(setting: &'static Setting, value: String, source: Source) -> Given {
    Given { name: setting.name, value: (!setting.sensitive()).then_some(value), source }
}

/// A coarser unit in a finer one. Negative means "for ever" and stays as it is.
fn scaled(value: Value, times: i64) -> Value {
    match value {
        Value::Integer(v) if v >= 0 => Value::Integer(v.saturating_mul(times)),
        other => other,
    }
}
