//! What comes with schemas and settings: metadata, rules, configurations, modes. Knows their fields and how they go
//! together; stores rules and enforces none of them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde::{Deserialize, Deserializer, Serialize};

use super::Refusal;

/// An empty collection says no more than none at all, and is none: serializers send either for the same schema.
fn filled<'de, D, C>(deserializer: D) -> Result<Option<C>, D::Error>
where
    D: Deserializer<'de>,
    C: Deserialize<'de>,
    for<'a> &'a C: IntoIterator,
{
    let given = Option::<C>::deserialize(deserializer)?;
    Ok(given.filter(|collection| collection.into_iter().next().is_some()))
}

/// `null` is what is meant when nothing is said.
fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(deserializer: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// What people say about a schema.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Metadata {
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub tags: Option<BTreeMap<String, BTreeSet<String>>>,
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub properties: Option<BTreeMap<String, String>>,
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub sensitive: Option<BTreeSet<String>>,
}

/// The property in which the registry notes the version, where somebody asked for one.
const VERSION_PROPERTY: &str = "confluent:version";

impl Metadata {
    pub fn property(&self, name: &str) -> Option<&str> {
        self.properties.as_ref()?.get(name).map(String::as_str)
    }

    /// Without the version that the registry noted; nothing at all when that was all.
    pub(super) fn without_version(mut self) -> Option<Self> {
        if let Some(properties) = &mut self.properties {
            let noted = properties.remove(VERSION_PROPERTY).is_some();
            if noted && properties.is_empty() {
                self.properties = None;
            }
        }
        (self != Self::default()).then_some(self)
    }

    /// The version that the registry noted, or that a request means: 0 and below are the next one.
    pub(super) fn version(&self) -> Option<i32> {
        self.property(VERSION_PROPERTY)?.trim().parse().ok()
    }

    pub(super) fn with_version(mut self, version: i32) -> Self {
        self.properties.get_or_insert_default().insert(VERSION_PROPERTY.into(), version.to_string());
        self
    }

    /// What `over` says goes before what is here.
    fn under(mut self, over: &Self) -> Self {
        if let Some(tags) = &over.tags {
            self.tags.get_or_insert_default().extend(tags.clone());
        }
        if let Some(properties) = &over.properties {
            self.properties.get_or_insert_default().extend(properties.clone());
        }
        if let Some(sensitive) = &over.sensitive {
            self.sensitive.get_or_insert_default().extend(sensitive.clone());
        }
        self
    }
}

/// `over` before `given` before `default`.
pub(super) fn merged_metadata(default: Option<&Metadata>, given: Option<&Metadata>, over: Option<&Metadata>) -> Option<Metadata> {
    let layers = [default, given, over].into_iter().flatten();
    layers.cloned().reduce(|under, over| under.under(&over))
}

/// One rule, as its client runs it.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rule {
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub doc: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    pub kind: RuleKind,
    #[serde(default, deserialize_with = "or_default")]
    pub mode: RuleMode,
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub rule_type: Option<String>,
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub tags: Option<BTreeSet<String>>,
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub params: Option<BTreeMap<String, String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expr: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_success: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_failure: Option<String>,
    #[serde(default)]
    pub disabled: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum RuleKind {
    #[default]
    Transform,
    Condition,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum RuleMode {
    Upgrade,
    Downgrade,
    UpDown,
    Write,
    Read,
    #[default]
    WriteRead,
}

impl RuleMode {
    fn migrates(self) -> bool {
        matches!(self, Self::Upgrade | Self::Downgrade | Self::UpDown)
    }
    fn works_both_ways(self) -> bool {
        matches!(self, Self::UpDown | Self::WriteRead)
    }
}

/// The rules of a schema.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RuleSet {
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub migration_rules: Option<Vec<Rule>>,
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub domain_rules: Option<Vec<Rule>>,
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub encoding_rules: Option<Vec<Rule>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enable_at: Option<EnableAt>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum EnableAt {
    All,
    Client,
    Gateway,
    Server,
    None,
}

impl RuleSet {
    /// Rules with others put over them by name, and without those that are named.
    pub fn edited(rules: Option<Self>, merged: Option<Self>, removed: &[String]) -> Option<Self> {
        let mut rules = merged_rules(None, rules.as_ref(), merged.as_ref())?;
        for list in [&mut rules.migration_rules, &mut rules.domain_rules, &mut rules.encoding_rules].into_iter().flatten() {
            list.retain(|rule| !removed.contains(&rule.name));
        }
        for list in [&mut rules.migration_rules, &mut rules.domain_rules, &mut rules.encoding_rules] {
            list.take_if(|rules| rules.is_empty());
        }
        Some(rules)
    }

    /// Names are unique, types are given, modes fit the list that they stand in.
    pub(super) fn judge(&self) -> Result<(), Refusal> {
        let lists = [(&self.migration_rules, true), (&self.domain_rules, false), (&self.encoding_rules, false)];
        for (rules, migrates) in lists {
            let mut names = BTreeSet::new();
            for rule in rules.iter().flatten() {
                rule.judge(migrates)?;
                if !names.insert(&rule.name) {
                    return Err(Refusal::BadRules(format!("Found rule with duplicate name '{}'", rule.name)));
                }
            }
        }
        Ok(())
    }
}

impl Rule {
    fn judge(&self, migrates: bool) -> Result<(), Refusal> {
        let bad = |what: String| Err(Refusal::BadRules(what));
        let first = self.name.chars().next();
        let well = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
        if !first.is_some_and(|c| c.is_alphabetic() || c == '_') || !self.name.chars().all(well) {
            return bad(format!(
                "the name of a rule begins with a letter or '_' and has letters, digits, '_' and '-', not as in '{}'",
                self.name
            ));
        }
        if self.rule_type.as_deref().is_none_or(str::is_empty) {
            return bad(format!("rule '{}' has no type", self.name));
        }
        let mode = self.mode;
        if mode.migrates() != migrates {
            return bad(format!("rule '{}' has a mode that does not fit the rules it stands among", self.name));
        }
        let pair = |action: &Option<String>| action.as_deref().is_some_and(|a| a.contains(','));
        if (pair(&self.on_success) || pair(&self.on_failure)) && !mode.works_both_ways() {
            return bad(format!("rule '{}' has two actions, and a mode that needs one", self.name));
        }
        Ok(())
    }
}

/// `over` before `given` before `default`, rule by rule.
pub(super) fn merged_rules(default: Option<&RuleSet>, given: Option<&RuleSet>, over: Option<&RuleSet>) -> Option<RuleSet> {
    let layers = [default, given, over].into_iter().flatten();
    layers.cloned().reduce(|under, over| RuleSet {
        migration_rules: merged_list(under.migration_rules, over.migration_rules),
        domain_rules: merged_list(under.domain_rules, over.domain_rules),
        encoding_rules: merged_list(under.encoding_rules, over.encoding_rules),
        enable_at: over.enable_at.or(under.enable_at),
    })
}

fn merged_list(under: Option<Vec<Rule>>, over: Option<Vec<Rule>>) -> Option<Vec<Rule>> {
    match (under, over) {
        (Some(under), Some(over)) => {
            let kept = under.into_iter().filter(|rule| !over.iter().any(|o| o.name == rule.name)).collect::<Vec<_>>();
            Some(kept.into_iter().chain(over.iter().cloned()).collect())
        }
        (under, over) => over.or(under),
    }
}

/// How much of the past a new schema must get along with.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Level {
    None,
    #[default]
    Backward,
    BackwardTransitive,
    Forward,
    ForwardTransitive,
    Full,
    FullTransitive,
}

impl Level {
    pub const ALL: [Self; 7] = [
        Self::None,
        Self::Backward,
        Self::BackwardTransitive,
        Self::Forward,
        Self::ForwardTransitive,
        Self::Full,
        Self::FullTransitive,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::None => "NONE",
            Self::Backward => "BACKWARD",
            Self::BackwardTransitive => "BACKWARD_TRANSITIVE",
            Self::Forward => "FORWARD",
            Self::ForwardTransitive => "FORWARD_TRANSITIVE",
            Self::Full => "FULL",
            Self::FullTransitive => "FULL_TRANSITIVE",
        }
    }

    /// As requests write it, in any case.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.name().eq_ignore_ascii_case(text))
    }

    /// The new schema must read what was written with older ones.
    pub fn backward(self) -> bool {
        matches!(self, Self::Backward | Self::BackwardTransitive | Self::Full | Self::FullTransitive)
    }
    /// Older schemas must read what will be written with the new one.
    pub fn forward(self) -> bool {
        matches!(self, Self::Forward | Self::ForwardTransitive | Self::Full | Self::FullTransitive)
    }
    /// All older versions count, not only the latest.
    pub fn transitive(self) -> bool {
        matches!(self, Self::BackwardTransitive | Self::ForwardTransitive | Self::FullTransitive)
    }
}

/// How strictly JSON Schemas are compared.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Policy {
    #[default]
    Strict,
    Lenient,
}

/// Settings of a subject, of a context, or of everything. What is not set may come from the wider scope.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Config {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias_for_deks: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub normalize: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validate_fields: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validate_new_schemas: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validate_rules: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compatibility_level: Option<Level>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compatibility_policy: Option<Policy>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compatibility_group: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_metadata: Option<Metadata>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub override_metadata: Option<Metadata>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_rule_set: Option<RuleSet>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub override_rule_set: Option<RuleSet>,
}

impl Config {
    /// What everything begins with.
    pub fn built_in() -> Self {
        Self { compatibility_level: Some(Level::Backward), ..Self::default() }
    }

    /// This one over a wider one. Some fields come through one by one; an alias, and what is put over and under metadata and
    /// rules, is the narrowest configuration's alone, so that a subject can be without what all others get.
    pub(super) fn over(&self, wider: &Self) -> Self {
        Self {
            alias: self.alias.clone(),
            alias_for_deks: self.alias_for_deks,
            normalize: self.normalize.or(wider.normalize),
            validate_fields: self.validate_fields.or(wider.validate_fields),
            validate_new_schemas: self.validate_new_schemas.or(wider.validate_new_schemas),
            validate_rules: self.validate_rules.or(wider.validate_rules),
            compatibility_level: self.compatibility_level.or(wider.compatibility_level),
            compatibility_policy: self.compatibility_policy.or(wider.compatibility_policy),
            compatibility_group: self.compatibility_group.clone().or_else(|| wider.compatibility_group.clone()),
            default_metadata: self.default_metadata.clone(),
            override_metadata: self.override_metadata.clone(),
            default_rule_set: self.default_rule_set.clone(),
            override_rule_set: self.override_rule_set.clone(),
        }
    }

    /// Whether more than the latest version may have a say in what comes next.
    pub(super) fn compares_many(&self) -> bool {
        self.compatibility_group.is_some() || self.compatibility_level.is_some_and(Level::transitive)
    }

    /// Whether registering adds something that the request does not say.
    pub(super) fn adds(&self) -> bool {
        self.default_metadata.is_some()
            || self.override_metadata.is_some()
            || self.default_rule_set.is_some()
            || self.override_rule_set.is_some()
    }

    pub(super) fn judge(&self) -> Result<(), Refusal> {
        self.default_rule_set.iter().chain(&self.override_rule_set).try_for_each(RuleSet::judge)
    }
}

/// What may be done with a subject.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Mode {
    #[default]
    ReadWrite,
    ReadOnly,
    /// Before every subject's own mode.
    #[serde(rename = "READONLY_OVERRIDE")]
    ReadOnlyOverride,
    /// Ids and versions are given from outside.
    Import,
    Forward,
}

impl Mode {
    const ALL: [Self; 5] = [Self::ReadWrite, Self::ReadOnly, Self::ReadOnlyOverride, Self::Import, Self::Forward];

    pub fn name(self) -> &'static str {
        match self {
            Self::ReadWrite => "READWRITE",
            Self::ReadOnly => "READONLY",
            Self::ReadOnlyOverride => "READONLY_OVERRIDE",
            Self::Import => "IMPORT",
            Self::Forward => "FORWARD",
        }
    }
    /// As requests write it, in any case.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.name().eq_ignore_ascii_case(text))
    }
    pub(super) fn read_only(self) -> bool {
        matches!(self, Self::ReadOnly | Self::ReadOnlyOverride)
    }
    /// Ids come with the schemas.
    pub(super) fn imports(self) -> bool {
        matches!(self, Self::Import | Self::Forward)
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ReadOnly | Self::ReadOnlyOverride => "read-only",
            Self::ReadWrite => "read-write",
            Self::Import => "import",
            Self::Forward => "forward",
        })
    }
}
