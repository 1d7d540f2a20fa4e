//! Random schemas, and random changes to them: pairs of a writer's and a reader's for the comparisons with other libraries.

use milena_schema::avro::Dice;
use serde_json::{Map, Value, json};

const PRIMITIVES: [&str; 8] = ["null", "boolean", "int", "long", "float", "double", "bytes", "string"];
const LOGICAL: [(&str, &str); 6] = [
    ("int", "date"),
    ("long", "timestamp-millis"),
    ("long", "time-micros"),
    ("string", "uuid"),
    ("bytes", "made-up"),
    ("int", "time-millis"),
];

pub(crate) struct Maker<'d> {
    dice: &'d mut Dice,
    named: usize,
    /// Full names that were defined, and may be referred to.
    known: Vec<String>,
}

/// A schema, and another that is like it.
pub(crate) fn pair(dice: &mut Dice) -> (Value, Value) {
    let writer = Maker { dice, named: 0, known: Vec::new() }.schema(0);
    let mut reader = writer.clone();
    for _ in 0..dice.below(3) {
        change(&mut reader, dice);
    }
    (writer, reader)
}

impl Maker<'_> {
    fn schema(&mut self, depth: usize) -> Value {
        let choice = if depth == 0 { 8 + self.dice.below(6) } else { self.dice.below(if depth > 3 { 8 } else { 14 }) };
        match choice {
            0..=5 => PRIMITIVES[self.dice.below(8)].into(),
            6 => {
                let (kind, logical) = LOGICAL[self.dice.below(LOGICAL.len())];
                json!({"type": kind, "logicalType": logical})
            }
            7 => match self.dice.below(self.known.len() + 1) {
                0 => json!({"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": self.dice.below(4)}),
                index => self.known[index - 1].clone().into(),
            },
            8 => json!({"type": "array", "items": self.schema(depth + 1)}),
            9 => json!({"type": "map", "values": self.schema(depth + 1)}),
            10 => self.enumeration(),
            11 => self.fixed(),
            12 if depth > 0 => self.union(depth),
            _ => self.record(depth),
        }
    }

    fn name(&mut self, object: &mut Map<String, Value>) -> String {
        self.named += 1;
        let name = format!("N{}", self.named);
        let space = format!("s{}", self.dice.below(2));
        object.insert("name".into(), name.clone().into());
        object.insert("namespace".into(), space.clone().into());
        if self.dice.below(4) == 0 {
            object.insert("doc".into(), "a \"word\"\n".into());
        }
        if self.dice.below(4) == 0 {
            object.insert("aliases".into(), json!([format!("A{}", self.named), "other.Alias"]));
        }
        if self.dice.below(6) == 0 {
            object.insert("more".into(), json!({"z": [1, 2.5, null], "a": 1e10}));
        }
        format!("{space}.{name}")
    }

    fn enumeration(&mut self) -> Value {
        let mut object = Map::new();
        object.insert("type".into(), "enum".into());
        let full = self.name(&mut object);
        let count = 1 + self.dice.below(4);
        object.insert("symbols".into(), (0..count).map(|i| format!("S{i}")).collect());
        if self.dice.below(3) == 0 {
            object.insert("default".into(), "S0".into());
        }
        self.known.push(full);
        object.into()
    }

    fn fixed(&mut self) -> Value {
        let mut object = Map::new();
        object.insert("type".into(), "fixed".into());
        let full = self.name(&mut object);
        object.insert("size".into(), (1 + self.dice.below(12)).into());
        self.known.push(full);
        object.into()
    }

    fn union(&mut self, depth: usize) -> Value {
        let mut branches: Vec<Value> = Vec::new();
        for kind in PRIMITIVES {
            if self.dice.below(4) == 0 {
                branches.push(kind.into());
            }
        }
        if self.dice.below(2) == 0 {
            branches.push(self.record(depth + 1));
        }
        if self.dice.below(3) == 0 {
            branches.push(json!({"type": "array", "items": self.schema(depth + 1)}));
        }
        if branches.is_empty() {
            branches.push("null".into());
        }
        branches.into()
    }

    fn record(&mut self, depth: usize) -> Value {
        let mut object = Map::new();
        object.insert("type".into(), "record".into());
        let full = self.name(&mut object);
        let mut fields = Vec::new();
        for index in 0..self.dice.below(5) {
            let kind = self.schema(depth + 1);
            let mut field = json!({"name": format!("f{index}"), "type": kind});
            if self.dice.below(3) == 0
                && let Some(default) = default_of(&kind)
            {
                field["default"] = default;
            }
            if self.dice.below(8) == 0 {
                field["order"] = "descending".into();
            }
            if self.dice.below(8) == 0 {
                field["aliases"] = json!([format!("g{index}")]);
            }
            fields.push(field);
        }
        if self.dice.below(5) == 0 {
            fields.push(json!({"name": "next", "type": ["null", full], "default": null}));
        }
        object.insert("fields".into(), fields.into());
        self.known.push(full);
        object.into()
    }
}

/// A default for the simple types.
fn default_of(kind: &Value) -> Option<Value> {
    let word = kind.as_str().or_else(|| kind.get("type").and_then(Value::as_str))?;
    Some(match word {
        "null" => Value::Null,
        "boolean" => true.into(),
        "int" | "long" => 7.into(),
        "float" | "double" => 2.5.into(),
        "bytes" => "\u{ff}\u{0}a".into(),
        "string" => "d\u{e9}f".into(),
        "array" => json!([]),
        "map" => json!({}),
        "enum" => "S0".into(),
        _ => return None,
    })
}

/// Changes something somewhere.
fn change(tree: &mut Value, dice: &mut Dice) {
    let mut places = Vec::new();
    list(tree, String::new(), &mut places);
    let place = places[dice.below(places.len())].clone();
    if let Some(node) = tree.pointer_mut(&place) {
        change_here(node, dice);
    }
}

/// Every place where a schema stands.
fn list(node: &Value, at: String, places: &mut Vec<String>) {
    places.push(at.clone());
    match node {
        Value::Array(branches) => branches.iter().enumerate().for_each(|(i, b)| list(b, format!("{at}/{i}"), places)),
        Value::Object(object) => {
            for key in ["items", "values"] {
                if let Some(inner) = object.get(key) {
                    list(inner, format!("{at}/{key}"), places);
                }
            }
            for (index, field) in object.get("fields").and_then(Value::as_array).into_iter().flatten().enumerate() {
                list(&field["type"], format!("{at}/fields/{index}/type"), places);
            }
        }
        _ => {}
    }
}

fn change_here(node: &mut Value, dice: &mut Dice) {
    match node {
        Value::String(word) if PRIMITIVES.contains(&word.as_str()) => match dice.below(3) {
            0 => *node = json!(["null", word]),
            1 => *node = PRIMITIVES[dice.below(8)].into(),
            _ => {
                let wider = match word.as_str() {
                    "int" => "long",
                    "long" => "double",
                    "float" => "double",
                    "string" => "bytes",
                    "bytes" => "string",
                    other => other,
                };
                *node = wider.into();
            }
        },
        Value::Array(branches) => match dice.below(2) {
            0 => drop(branches.pop()),
            _ if !branches.contains(&"string".into()) => branches.push("string".into()),
            _ => {}
        },
        Value::Object(object) => match object.get("type").and_then(Value::as_str) {
            Some("record") => change_record(object, dice),
            Some("enum") => match dice.below(3) {
                0 => object["symbols"].as_array_mut().unwrap().push("T9".into()),
                1 if object["symbols"].as_array().unwrap().len() > 1 => drop(object["symbols"].as_array_mut().unwrap().pop()),
                _ => drop(object.insert("name".into(), "Renamed".into())),
            },
            Some("fixed") => drop(object.insert("size".into(), (1 + dice.below(12)).into())),
            _ => {}
        },
        _ => {}
    }
}

fn change_record(object: &mut Map<String, Value>, dice: &mut Dice) {
    let choice = dice.below(7);
    if choice == 6 {
        object.insert("namespace".into(), "elsewhere".into());
        return;
    }
    let fields = object["fields"].as_array_mut().unwrap();
    match choice {
        0 => fields.push(json!({"name": "added", "type": "long"})),
        1 => fields.insert(0, json!({"name": "added", "type": "string", "default": "new"})),
        2 if !fields.is_empty() => drop(fields.remove(dice.below(fields.len()))),
        3 => fields.reverse(),
        4 => {
            if let Some(field) = fields.first_mut() {
                let name = field["name"].clone();
                field["name"] = "renamed".into();
                field["aliases"] = json!([name]);
            }
        }
        _ => fields.push(json!({"name": "maybe", "type": ["null", "int"], "default": null})),
    }
}
