//! The verdicts against validation: whenever a new schema is said to read what an old one wrote, no datum that the old one
//! accepts may be refused by the new one. Thousands of generated pairs, and the validator as the judge.
//!
//! Left out is what the registry's rules let pass knowingly: `required` with a default, which readers complete, and
//! `oneOf`, where a further member may overlap, and a `type` that comes or goes beside keywords which imply it.

use milena_schema::{Policy, json::Schema};
use serde_json::{Map, Value, json};

struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap_or_default() % end.max(1)
    }

    fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }
}

const NAMES: [&str; 4] = ["a", "b", "xa", "xb"];

fn schema(dice: &mut Dice, depth: usize) -> Value {
    let leaf = depth == 0;
    match dice.below(if leaf { 8 } else { 14 }) {
        0 => json!({}),
        1 => json!(dice.below(4) != 0),
        2 => text(dice),
        3 | 4 => number(dice),
        5 => json!({"enum": some(dice, &[json!(1), json!("a"), json!(null), json!(2.5), json!("bb")])}),
        6 => json!({"type": some(dice, &[json!("string"), json!("integer"), json!("null"), json!("object")])}),
        7 => json!({"type": "boolean"}),
        8 | 9 => object(dice, depth),
        10 => array(dice, depth),
        11 => json!({"anyOf": [schema(dice, depth - 1), schema(dice, depth - 1)]}),
        12 => json!({"allOf": [schema(dice, depth - 1), schema(dice, depth - 1)]}),
        _ => json!({"not": schema(dice, depth - 1)}),
    }
}

/// At least one of the values.
fn some(dice: &mut Dice, of: &[Value]) -> Vec<Value> {
    let mut kept: Vec<Value> = of.iter().filter(|_| dice.below(2) == 0).cloned().collect();
    if kept.is_empty() {
        kept.push(of[0].clone());
    }
    kept
}

fn sometimes(dice: &mut Dice, keywords: &mut Map<String, Value>, key: &str, value: impl FnOnce(&mut Dice) -> Value) {
    if dice.below(3) == 0 {
        let value = value(dice);
        keywords.insert(key.into(), value);
    }
}

fn text(dice: &mut Dice) -> Value {
    let mut keywords = Map::from_iter([("type".into(), json!("string"))]);
    sometimes(dice, &mut keywords, "minLength", |dice| json!(dice.below(3)));
    sometimes(dice, &mut keywords, "maxLength", |dice| json!(dice.below(3)));
    sometimes(dice, &mut keywords, "pattern", |dice| json!(dice.pick(&["^a", "b$"])));
    Value::Object(keywords)
}

fn number(dice: &mut Dice) -> Value {
    let mut keywords = Map::from_iter([("type".into(), json!(dice.pick(&["integer", "number"])))]);
    for key in ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"] {
        sometimes(dice, &mut keywords, key, |dice| json!(dice.below(5)));
    }
    sometimes(dice, &mut keywords, "multipleOf", |dice| json!(1 + dice.below(4)));
    Value::Object(keywords)
}

fn object(dice: &mut Dice, depth: usize) -> Value {
    let mut keywords = Map::from_iter([("type".into(), json!("object"))]);
    let mut properties = Map::new();
    for name in NAMES {
        sometimes(dice, &mut properties, name, |dice| schema(dice, depth - 1));
    }
    keywords.insert("properties".into(), Value::Object(properties));
    sometimes(dice, &mut keywords, "required", |dice| json!(some(dice, &NAMES.map(|name| json!(name)))));
    sometimes(dice, &mut keywords, "additionalProperties", |dice| schema(dice, 0));
    sometimes(dice, &mut keywords, "patternProperties", |dice| json!({"^x": schema(dice, 0)}));
    sometimes(dice, &mut keywords, "dependencies", |dice| json!({"a": some(dice, &NAMES.map(|name| json!(name)))}));
    sometimes(dice, &mut keywords, "maxProperties", |dice| json!(dice.below(3)));
    sometimes(dice, &mut keywords, "propertyNames", text);
    Value::Object(keywords)
}

fn array(dice: &mut Dice, depth: usize) -> Value {
    let mut keywords = Map::from_iter([("type".into(), json!("array"))]);
    sometimes(dice, &mut keywords, "items", |dice| match dice.below(2) {
        0 => schema(dice, depth - 1),
        _ => json!([schema(dice, depth - 1), schema(dice, 0)]),
    });
    sometimes(dice, &mut keywords, "additionalItems", |dice| schema(dice, 0));
    sometimes(dice, &mut keywords, "contains", |dice| schema(dice, 0));
    sometimes(dice, &mut keywords, "minItems", |dice| json!(dice.below(3)));
    sometimes(dice, &mut keywords, "uniqueItems", |_| json!(true));
    Value::Object(keywords)
}

/// The same schema with one part made anew, or without a keyword: pairs of strangers are hardly ever compatible.
fn changed(dice: &mut Dice, of: &Value, depth: usize) -> Value {
    let Value::Object(keywords) = of else { return schema(dice, depth) };
    let mut keywords = keywords.clone();
    let keys: Vec<String> = keywords.keys().cloned().collect();
    if keys.is_empty() || dice.below(6) == 0 {
        return schema(dice, depth);
    }
    let key = dice.pick(&keys).clone();
    let deeper = depth.saturating_sub(1);
    match (&mut keywords[&key], key.as_str()) {
        (Value::Object(members), "properties" | "patternProperties") => {
            let name = *dice.pick(&NAMES);
            let name = if key == "properties" { name } else { "^x" };
            match members.get(name).cloned() {
                Some(_) if dice.below(3) == 0 => drop(members.shift_remove(name)),
                Some(member) => drop(members.insert(name.into(), changed(dice, &member, deeper))),
                None => drop(members.insert(name.into(), schema(dice, deeper))),
            }
        }
        (Value::Array(items), "anyOf" | "allOf" | "items") => {
            let at = dice.below(items.len());
            match dice.below(4) {
                0 if items.len() > 1 => drop(items.remove(at)),
                1 => items.push(schema(dice, 0)),
                2 => items.reverse(),
                _ => items[at] = changed(dice, &items[at].clone(), deeper),
            }
        }
        (Value::Array(values), "required" | "enum" | "type") if values.len() > 1 => drop(values.pop()),
        (Value::Number(_), _) => keywords[&key] = json!(1 + dice.below(5)),
        (Value::Object(_) | Value::Bool(_), "not" | "items" | "additionalProperties" | "additionalItems" | "contains") => {
            keywords[&key] = changed(dice, &keywords[&key].clone(), deeper);
        }
        // A keyword of numbers without `type` lets other data pass, which the registry's rules do not look at.
        (_, "type") => {}
        _ => drop(keywords.shift_remove(&key)),
    }
    Value::Object(keywords)
}

fn datum(dice: &mut Dice, depth: usize) -> Value {
    match dice.below(if depth == 0 { 6 } else { 10 }) {
        0 => json!(null),
        1 => json!(dice.below(2) == 0),
        2 => json!(dice.below(6)),
        3 => json!(2.5),
        4 | 5 => json!(dice.pick(&["", "a", "bb", "ab", "b"])),
        6 | 7 => {
            let names = ["a", "b", "xa", "xb", "q"];
            let kept: Vec<&str> = names.into_iter().filter(|_| dice.below(2) == 0).collect();
            Value::Object(kept.into_iter().map(|name| (name.to_owned(), datum(dice, depth - 1))).collect())
        }
        _ => Value::Array((0..dice.below(4)).map(|_| datum(dice, depth - 1)).collect()),
    }
}

#[test]
fn a_compatible_schema_refuses_nothing_that_was_accepted() {
    let mut dice = Dice(5);
    let (mut pairs, mut compatible, mut judged) = (0, 0, 0);
    while pairs < 4_000 {
        let old = schema(&mut dice, 2);
        let new = changed(&mut dice, &old, 2);
        let (Ok(writer), Ok(reader)) = (Schema::parse(&old.to_string(), &[]), Schema::parse(&new.to_string(), &[])) else {
            continue;
        };
        pairs += 1;
        if !reader.can_read(&writer, Policy::Strict).is_empty() {
            continue;
        }
        compatible += 1;
        let (writer, reader) = (writer.validator().unwrap(), reader.validator().unwrap());
        for _ in 0..60 {
            let datum = datum(&mut dice, 2);
            if writer.is_valid(&datum) {
                judged += 1;
                assert!(reader.is_valid(&datum), "{old}\n=> {new}\nsaid to be compatible, and refuses\n{datum}");
            }
        }
    }
    println!("{compatible} of {pairs} pairs are compatible; none of {judged} data was refused");
    assert!(compatible > 400 && judged > 4_000, "{compatible} {judged}");
}
