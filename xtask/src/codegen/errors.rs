//! What a message says went wrong: for each struct that holds an error code, a walk that shows every one with its place;
//! for each request, the name it is about. Knows by which names the definitions call such things.

use std::fmt::Write as _;

use anyhow::Result;

use super::{
    definition::{Definition, Field, Struct, Type, struct_name},
    rust::ident,
};

/// Texts that name what an answer, or a part of it, is about.
const NAMES: [&str; 8] = ["name", "topic", "topic_name", "group_id", "resource_name", "transactional_id", "key", "user"];
const INDEXES: [&str; 3] = ["partition_index", "partition", "index"];
/// Texts that name what a request is about, the first that is there.
const SUBJECTS: [&str; 3] = ["group_id", "transactional_id", "key"];

/// The walk through one struct; nothing for a struct that holds no error code.
pub(super) fn walk(out: &mut String, d: &Definition, s: &Struct) -> Result<()> {
    if !holds_errors(d, s) {
        return Ok(());
    }
    writeln!(out, "pub(crate) fn walk(&self, place: Place<'_>, see: &mut dyn FnMut(Place<'_>, i16, Option<&str>)) {{")?;
    if let Some(f) = s.fields.iter().find(|f| f.kind == Type::Text && NAMES.contains(&f.name.as_str())) {
        let name = ident(&f.name);
        match f.nullable {
            Some(_) => writeln!(out, "let place = Place {{ name: self.{name}.as_deref().or(place.name), ..place }};")?,
            None => writeln!(out, "let place = Place {{ name: Some(&self.{name}), ..place }};")?,
        }
    }
    if let Some(f) = s.fields.iter().find(|f| f.kind == Type::Uuid && f.name == "topic_id") {
        writeln!(out, "let place = Place {{ id: self.{}, ..place }};", f.name)?;
    }
    if let Some(f) = s.fields.iter().find(|f| f.kind == Type::Int32 && INDEXES.contains(&f.name.as_str())) {
        writeln!(out, "let place = Place {{ index: Some(self.{}), ..place }};", f.name)?;
    }
    for f in s.fields.iter().filter(|f| is_error(f)) {
        let words = s.fields.iter().find(|w| w.kind == Type::Text && w.name == f.name.replace("_code", "_message"));
        let words = match words {
            Some(w) if w.nullable.is_some() => format!("self.{}.as_deref()", w.name),
            Some(w) => format!("Some(&self.{})", w.name),
            None => "None".into(),
        };
        writeln!(out, "if self.{0} != 0 {{ see(place, self.{0}, {words}); }}", f.name)?;
    }
    for f in s.fields.iter().filter(|f| below(d, f).is_some_and(|s| holds_errors(d, s))) {
        let name = ident(&f.name);
        match (&f.kind, f.nullable) {
            (Type::Array(_), None) => writeln!(out, "self.{name}.iter().for_each(|part| part.walk(place, see));")?,
            (Type::Array(_), Some(_)) => writeln!(out, "self.{name}.iter().flatten().for_each(|part| part.walk(place, see));")?,
            (_, None) => writeln!(out, "self.{name}.walk(place, see);")?,
            (_, Some(_)) => writeln!(out, "self.{name}.iter().for_each(|part| part.walk(place, see));")?,
        }
    }
    writeln!(out, "}}\n")?;
    Ok(())
}

/// What a message adds to `impl Message`: the entrance of the walk, and the name that a request is about.
pub(super) fn entrance(d: &Definition, s: &Struct) -> String {
    let mut out = String::new();
    if holds_errors(d, s) {
        out += "fn errors(&self, see: &mut dyn FnMut(Place<'_>, i16, Option<&str>)) { self.walk(Place::default(), see); }\n";
    }
    let subject = SUBJECTS.iter().find_map(|name| s.fields.iter().find(|f| f.kind == Type::Text && f.name == *name));
    if let (true, Some(f)) = (s.name.ends_with("Request"), subject) {
        out += &match f.nullable {
            Some(_) => format!("fn subject(&self) -> Option<&str> {{ self.{}.as_deref() }}\n", f.name),
            None => format!("fn subject(&self) -> Option<&str> {{ Some(&self.{}) }}\n", f.name),
        };
    }
    out
}

fn is_error(f: &Field) -> bool {
    f.kind == Type::Int16 && f.name.ends_with("error_code")
}

fn below<'a>(d: &'a Definition, f: &Field) -> Option<&'a Struct> {
    let name = struct_name(&f.kind)?;
    d.structs.iter().find(|s| s.name == *name)
}

fn holds_errors(d: &Definition, s: &Struct) -> bool {
    s.fields.iter().any(|f| is_error(f) || below(d, f).is_some_and(|s| holds_errors(d, s)))
}
