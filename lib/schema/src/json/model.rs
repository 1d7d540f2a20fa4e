//! The shapes of a schema: what its keywords demand, sorted by the type of data they speak of, with references resolved.
//!
//! One object of keywords that speak of several types (`type` and `enum`, `oneOf` beside `properties`) is a conjunction
//! of one shape for each, so that a comparison meets one subject at a time. Built with a list of what is still to be
//! read instead of recursion, since a chain of references may be as long as the text.

use std::collections::HashMap;

use referencing::Draft as Engine;
use serde_json::{Map, Value};

use super::{Schema, library};
use crate::{Flaw, budget};

type Resolver<'a> = referencing::Resolver<'a>;

/// A node's place in the model.
pub(super) type Id = usize;

/// How the members of a combination count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Criterion {
    All,
    Any,
    One,
}

#[derive(Debug)]
pub(super) enum Shape<'a> {
    /// Stands for another node: a `$ref`.
    Alias(Id),
    /// Everything is accepted.
    Anything,
    /// Nothing is.
    Nothing,
    Null,
    Boolean,
    Number {
        integer: bool,
    },
    Text,
    Object(Box<Object<'a>>),
    Array(Box<Array>),
    Enum(&'a [Value]),
    Const(&'a Value),
    Not(Id),
    Combined(Criterion, Vec<Id>),
    /// `if`, `then`, `else`.
    Conditional(Id, Option<Id>, Option<Id>),
}

/// Schemas inside an object's keywords.
#[derive(Debug, Default)]
pub(super) struct Object<'a> {
    pub(super) properties: Vec<(&'a str, Id)>,
    pub(super) patterns: Vec<(&'a str, Id)>,
    pub(super) additional: Option<Id>,
    pub(super) unevaluated: Option<Id>,
    pub(super) names: Option<Id>,
    pub(super) dependent: Vec<(&'a str, Id)>,
    pub(super) needs: Vec<(&'a str, &'a [Value])>,
}

/// Schemas inside an array's keywords.
#[derive(Debug, Default)]
pub(super) struct Array {
    pub(super) every: Option<Id>,
    pub(super) tuple: Option<Vec<Id>>,
    pub(super) additional: Option<Id>,
    pub(super) unevaluated: Option<Id>,
    pub(super) contains: Option<Id>,
}

#[derive(Debug)]
pub(super) struct Node<'a> {
    pub(super) shape: Shape<'a>,
    /// The keywords it was read from.
    pub(super) source: &'a Value,
}

/// What is still to be read: which node, and where its references lead from.
struct Task<'a> {
    id: Id,
    /// It was found by a reference, so the resolver has its base already: a relative `$id` must not be added twice.
    found: bool,
    resolver: Resolver<'a>,
    draft: Engine,
}

/// How far a search for cycles has come with a node.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Visit {
    New,
    Open,
    Done,
}

/// The shapes of one schema or of two that are compared.
pub(super) struct Model<'a> {
    nodes: Vec<Node<'a>>,
    /// Nodes by the address of their keywords: the same part is read once.
    known: HashMap<usize, Id>,
    tasks: Vec<Task<'a>>,
    lost: Option<String>,
    too_large: bool,
}

impl<'a> Model<'a> {
    pub(super) fn new() -> Self {
        Self { nodes: Vec::new(), known: HashMap::new(), tasks: Vec::new(), lost: None, too_large: false }
    }

    /// Reads a schema whose documents stand in `shelf`, and says which node is its root.
    pub(super) fn read(&mut self, schema: &Schema, shelf: &'a referencing::Registry<'a>) -> Result<Id, Flaw> {
        let base = referencing::uri::from_str(&library::base(schema)).map_err(library::flaw)?;
        let resolver = shelf.resolver(base);
        let root = resolver.lookup("#").map_err(library::flaw)?;
        let id = self.met(root.contents(), root.resolver(), schema.draft.engine(), true);
        while let Some(task) = self.tasks.pop() {
            if self.nodes.len() > budget::MEMBERS {
                self.too_large = true;
                break;
            }
            self.nodes[task.id].shape = self.shape(&task);
        }
        if self.too_large {
            return Err(Flaw::new(format!("the schema has more than {} parts", budget::MEMBERS)));
        }
        Ok(id)
    }

    /// A reference that found nothing.
    pub(super) fn lost(&self) -> Option<&str> {
        self.lost.as_deref()
    }

    /// A part that, through references and combinations, applies itself to the same data: whoever follows it never ends.
    pub(super) fn endless(&self) -> Option<&'a Value> {
        let mut state = vec![Visit::New; self.nodes.len()];
        for start in 0..self.nodes.len() {
            let mut path = vec![(start, false)];
            while let Some((id, left)) = path.pop() {
                if left {
                    state[id] = Visit::Done;
                } else if state[id] == Visit::New {
                    state[id] = Visit::Open;
                    path.push((id, true));
                    for next in self.in_place(id) {
                        match state[next] {
                            Visit::Open => return Some(self.nodes[id].source),
                            Visit::New => path.push((next, false)),
                            Visit::Done => {}
                        }
                    }
                }
            }
        }
        None
    }

    /// Parts that are applied to the same data as this one.
    fn in_place(&self, id: Id) -> Vec<Id> {
        match &self.nodes[id].shape {
            Shape::Alias(next) | Shape::Not(next) => vec![*next],
            Shape::Combined(_, members) => members.clone(),
            Shape::Conditional(condition, then, otherwise) => {
                [Some(*condition), *then, *otherwise].into_iter().flatten().collect()
            }
            Shape::Object(object) => object.dependent.iter().map(|(_, id)| *id).collect(),
            _ => Vec::new(),
        }
    }

    /// The node behind all references. A reference that only leads to itself demands nothing.
    pub(super) fn behind(&self, id: Id) -> Id {
        let mut at = id;
        for _ in 0..self.nodes.len() {
            match self.nodes[at].shape {
                Shape::Alias(next) if next != at => at = next,
                _ => break,
            }
        }
        at
    }

    pub(super) fn at(&self, id: Id) -> &Node<'a> {
        &self.nodes[id]
    }

    /// Whether data that lacks the member is completed: a default stands at the reference or behind it.
    pub(super) fn has_default(&self, id: Id) -> bool {
        let mut at = id;
        for _ in 0..self.nodes.len() {
            if self.nodes[at].source.get("default").is_some() {
                return true;
            }
            match self.nodes[at].shape {
                Shape::Alias(next) if next != at => at = next,
                _ => return false,
            }
        }
        false
    }

    /// The node of some keywords; it is read later.
    fn node(&mut self, source: &'a Value, resolver: &Resolver<'a>, draft: Engine) -> Id {
        self.met(source, resolver, draft, false)
    }

    fn met(&mut self, source: &'a Value, resolver: &Resolver<'a>, draft: Engine, found: bool) -> Id {
        let address = std::ptr::from_ref(source) as usize;
        if let Some(id) = self.known.get(&address) {
            return *id;
        }
        let id = self.place(Shape::Anything, source);
        self.known.insert(address, id);
        self.tasks.push(Task { id, found, resolver: resolver.clone(), draft });
        id
    }

    fn place(&mut self, shape: Shape<'a>, source: &'a Value) -> Id {
        self.nodes.push(Node { shape, source });
        self.nodes.len() - 1
    }

    fn shape(&mut self, task: &Task<'a>) -> Shape<'a> {
        let source = self.nodes[task.id].source;
        let Some(keywords) = source.as_object() else {
            return if source == &Value::Bool(false) { Shape::Nothing } else { Shape::Anything };
        };
        let draft = task.draft.detect(source);
        let own = task.resolver.in_subresource(draft.create_resource_ref(source)).ok().filter(|_| !task.found);
        let inside = Inside { source, keywords, resolver: own.unwrap_or_else(|| task.resolver.clone()), draft };
        let mut shapes = Vec::new();
        shapes.extend(self.references(&inside));
        let alone = matches!(draft, Engine::Draft4 | Engine::Draft6 | Engine::Draft7);
        if !(alone && keywords.contains_key("$ref")) {
            self.typed(&inside, &mut shapes);
            self.untyped(&inside, &mut shapes);
        }
        self.conjunction(shapes, source)
    }

    fn conjunction(&mut self, mut shapes: Vec<Shape<'a>>, source: &'a Value) -> Shape<'a> {
        match shapes.len() {
            0 => Shape::Anything,
            1 => shapes.swap_remove(0),
            _ => Shape::Combined(Criterion::All, shapes.into_iter().map(|shape| self.place(shape, source)).collect()),
        }
    }

    fn references(&mut self, inside: &Inside<'a>) -> Vec<Shape<'a>> {
        let keys: &[&str] = match inside.draft {
            Engine::Draft201909 => &["$ref", "$recursiveRef"],
            Engine::Draft202012 => &["$ref", "$dynamicRef"],
            _ => &["$ref"],
        };
        let mut shapes = Vec::new();
        for key in keys {
            let Some(name) = inside.keywords.get(*key).and_then(Value::as_str) else { continue };
            match inside.resolver.lookup(name) {
                Ok(found) => {
                    let (contents, resolver, draft) = found.into_inner();
                    let id = self.met(contents, &resolver, draft, true);
                    shapes.push(Shape::Alias(id));
                }
                Err(_) => self.lost = self.lost.take().or_else(|| Some(name.to_owned())),
            }
        }
        shapes
    }

    /// The shapes of `type`, and of keywords that speak of a type without naming it.
    fn typed(&mut self, inside: &Inside<'a>, shapes: &mut Vec<Shape<'a>>) {
        match inside.keywords.get("type") {
            Some(Value::String(name)) => shapes.push(self.of_type(name, inside)),
            Some(Value::Array(names)) => {
                let names: Vec<&str> = names.iter().filter_map(Value::as_str).collect();
                if let [name] = names.as_slice() {
                    shapes.push(self.of_type(name, inside));
                    return;
                }
                let mut members = Vec::new();
                for name in names {
                    let shape = self.of_type(name, inside);
                    members.push(self.place(shape, inside.source));
                }
                shapes.push(Shape::Combined(Criterion::Any, members));
            }
            _ => {
                for (name, keys) in SPOKEN_OF {
                    if keys.iter().any(|key| inside.keywords.contains_key(*key)) {
                        shapes.push(self.of_type(name, inside));
                    }
                }
            }
        }
    }

    fn of_type(&mut self, name: &str, inside: &Inside<'a>) -> Shape<'a> {
        match name {
            "null" => Shape::Null,
            "boolean" => Shape::Boolean,
            "number" => Shape::Number { integer: false },
            "integer" => Shape::Number { integer: true },
            "string" => Shape::Text,
            "object" => Shape::Object(Box::new(self.object(inside))),
            "array" => Shape::Array(Box::new(self.array(inside))),
            _ => Shape::Anything,
        }
    }

    fn object(&mut self, inside: &Inside<'a>) -> Object<'a> {
        let mut needs = Vec::new();
        let mut dependent = Vec::new();
        for key in ["dependencies", "dependentRequired", "dependentSchemas"] {
            for (name, value) in members(inside.keywords, key) {
                match value {
                    Value::Array(names) => needs.push((name, names.as_slice())),
                    schema => dependent.push((name, self.node(schema, &inside.resolver, inside.draft))),
                }
            }
        }
        Object {
            properties: self.children(inside, "properties"),
            patterns: self.children(inside, "patternProperties"),
            additional: self.child(inside, "additionalProperties"),
            unevaluated: self.child(inside, "unevaluatedProperties"),
            names: self.child(inside, "propertyNames"),
            dependent,
            needs,
        }
    }

    fn array(&mut self, inside: &Inside<'a>) -> Array {
        let (tuple, every, additional) = match inside.keywords.get("items") {
            Some(Value::Array(items)) => (Some(items), None, "additionalItems"),
            _ => match inside.keywords.get("prefixItems").and_then(Value::as_array) {
                Some(items) => (Some(items), None, "items"),
                None => (None, Some("items"), ""),
            },
        };
        Array {
            every: every.and_then(|key| self.child(inside, key)),
            tuple: tuple.map(|items| items.iter().map(|i| self.node(i, &inside.resolver, inside.draft)).collect()),
            additional: self.child(inside, additional),
            unevaluated: self.child(inside, "unevaluatedItems"),
            contains: self.child(inside, "contains"),
        }
    }

    /// The shapes of keywords that hold for data of any type.
    fn untyped(&mut self, inside: &Inside<'a>, shapes: &mut Vec<Shape<'a>>) {
        if let Some(Value::Array(values)) = inside.keywords.get("enum") {
            shapes.push(Shape::Enum(values));
        }
        shapes.extend(inside.keywords.get("const").map(Shape::Const));
        for (key, criterion) in [("allOf", Criterion::All), ("anyOf", Criterion::Any), ("oneOf", Criterion::One)] {
            if let Some(Value::Array(items)) = inside.keywords.get(key) {
                let ids = items.iter().map(|item| self.node(item, &inside.resolver, inside.draft)).collect();
                shapes.push(Shape::Combined(criterion, ids));
            }
        }
        shapes.extend(self.child(inside, "not").map(Shape::Not));
        if let Some(condition) = self.child(inside, "if") {
            shapes.push(Shape::Conditional(condition, self.child(inside, "then"), self.child(inside, "else")));
        }
    }

    fn child(&mut self, inside: &Inside<'a>, key: &str) -> Option<Id> {
        let value = inside.keywords.get(key).filter(|v| v.is_object() || v.is_boolean())?;
        Some(self.node(value, &inside.resolver, inside.draft))
    }

    fn children(&mut self, inside: &Inside<'a>, key: &str) -> Vec<(&'a str, Id)> {
        members(inside.keywords, key).map(|(name, value)| (name, self.node(value, &inside.resolver, inside.draft))).collect()
    }
}

/// The keywords of one node, and where its references lead from.
struct Inside<'a> {
    source: &'a Value,
    keywords: &'a Map<String, Value>,
    resolver: Resolver<'a>,
    draft: Engine,
}

/// Keywords that speak of one type of data without `type`.
const SPOKEN_OF: [(&str, &[&str]); 4] = [
    ("number", &["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"]),
    ("string", &["minLength", "maxLength", "pattern"]),
    (
        "object",
        &[
            "properties",
            "patternProperties",
            "additionalProperties",
            "unevaluatedProperties",
            "propertyNames",
            "required",
            "minProperties",
            "maxProperties",
            "dependencies",
            "dependentRequired",
            "dependentSchemas",
        ],
    ),
    (
        "array",
        &["items", "prefixItems", "additionalItems", "unevaluatedItems", "contains", "minItems", "maxItems", "uniqueItems"],
    ),
];

fn members<'a>(keywords: &'a Map<String, Value>, key: &str) -> impl Iterator<Item = (&'a str, &'a Value)> + use<'a> {
    keywords.get(key).and_then(Value::as_object).into_iter().flatten().map(|(name, value)| (name.as_str(), value))
}
