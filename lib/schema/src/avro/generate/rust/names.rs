//! What everything that is made in Rust is called. The types of the schema have their own names, whatever the language or the
//! library has of the same name; what is made beside them gives way.

use std::collections::{HashMap, HashSet};

use super::{module, word};
use crate::avro::{
    Enumeration, Kind, Name, NodeId, Record, Schema,
    generate::{apart, camel, free, optional},
};

/// What is taken from the library.
const LIBRARY: [&str; 6] = ["Decode", "Encode", "Malformed", "Typed", "binary", "native"];

#[derive(Default)]
pub(super) struct Names {
    /// Of records, enums and fixed, and of what borrows them.
    pub(super) types: HashMap<NodeId, String>,
    pub(super) lent: HashMap<NodeId, String>,
    /// Of the unions of a record.
    pub(super) unions: HashMap<(NodeId, NodeId), String>,
    pub(super) lent_unions: HashMap<(NodeId, NodeId), String>,
    /// What a module has.
    taken: HashMap<Vec<String>, HashSet<String>>,
}

impl Names {
    pub(super) fn of(schema: &Schema, definitions: &[NodeId], lends: &HashSet<NodeId>) -> Self {
        let mut names = Self::default();
        let named: Vec<(NodeId, &Name)> = definitions.iter().filter_map(|id| Some((*id, schema.kind(*id).name()?))).collect();
        for (_, name) in &named {
            let path = module(name);
            for depth in 0..path.len() {
                names.taken.entry(path[..depth].to_vec()).or_default().insert(path[depth].clone());
            }
        }
        for (id, name) in &named {
            let name = names.take(&module(name), &word(name.simple()));
            names.types.insert(*id, name);
        }
        for (id, name) in &named {
            if let Kind::Record(record) = schema.kind(*id) {
                let path = module(name);
                if lends.contains(id) {
                    let lent = names.take(&path, &format!("{}Ref", name.simple()));
                    names.lent.insert(*id, lent);
                }
                for field in &record.fields {
                    let wish = format!("{}{}", name.simple(), camel(&field.name));
                    names.unions(schema, (*id, &path), field.schema, &wish);
                }
            }
        }
        names
    }

    /// The unions of a field, which are called after where they are.
    fn unions(&mut self, schema: &Schema, within: (NodeId, &[String]), id: NodeId, wish: &str) {
        match schema.kind(id) {
            Kind::Array(inner) | Kind::Map(inner) => self.unions(schema, within, *inner, wish),
            Kind::Union(branches) => match (optional(schema, branches), &branches[..]) {
                (Some((_, _, inner)), _) => self.unions(schema, within, inner, wish),
                (None, [only]) => self.unions(schema, within, *only, wish),
                _ if self.unions.contains_key(&(within.0, id)) => {}
                _ => {
                    let owned = self.take(within.1, wish);
                    let lent = self.take(within.1, &format!("{owned}Ref"));
                    self.unions.insert((within.0, id), owned);
                    self.lent_unions.insert((within.0, id), lent);
                    for (branch, variant) in branches.iter().zip(variants(schema, branches)) {
                        self.unions(schema, within, *branch, &format!("{wish}{variant}"));
                    }
                }
            },
            _ => {}
        }
    }

    fn take(&mut self, path: &[String], wish: &str) -> String {
        let taken = self.taken.entry(path.to_vec()).or_default();
        let name = free(wish, taken);
        taken.insert(name.clone());
        name
    }

    fn has(&self, path: &[String], name: &str) -> bool {
        self.taken.get(path).is_some_and(|taken| taken.contains(name))
    }

    /// What a module begins with. Of traits whose names it has itself the functions are wanted nevertheless.
    pub(super) fn uses(&self, path: &[String]) -> String {
        let one = |name: &&str| match (self.has(path, name), *name) {
            (false, name) => Some(name.to_owned()),
            (true, "Decode" | "Encode") => Some(format!("{name} as _")),
            (true, _) => None,
        };
        let list: Vec<String> = LIBRARY.iter().filter_map(one).collect();
        format!("use ::milena_schema::avro::{{{}}};\n", list.join(", "))
    }

    /// A type of the language or of the library: in full where the module has another of its name.
    pub(super) fn outer(&self, path: &[String], name: &str) -> String {
        if !self.has(path, name) {
            return name.to_owned();
        }
        match name {
            "String" => "::std::string::String".into(),
            "Vec" => "::std::vec::Vec".into(),
            "Option" => "::std::option::Option".into(),
            "Box" => "::std::boxed::Box".into(),
            "Result" => "::std::result::Result".into(),
            name if LIBRARY.contains(&name) => format!("::milena_schema::avro::{name}"),
            name => format!("::std::primitive::{name}"),
        }
    }
}

/// The fields of a record.
pub(super) fn members(record: &Record) -> Vec<String> {
    apart(record.fields.iter().map(|field| word(&field.name)))
}

/// The symbols of an enum.
pub(super) fn symbols(kind: &Enumeration) -> Vec<String> {
    apart(kind.symbols.iter().map(|symbol| word(symbol)))
}

/// The branches of a union: by their short names where these differ.
pub(super) fn variants(schema: &Schema, branches: &[NodeId]) -> Vec<String> {
    let short = |id: &NodeId| camel(schema.kind(*id).name().map_or(schema.kind(*id).type_name(), Name::simple));
    let all: Vec<String> = branches.iter().map(short).collect();
    let one = |(id, short): (&NodeId, &String)| match all.iter().filter(|other| *other == short).count() {
        1 => word(short),
        _ => camel(&schema.kind(*id).branch_name().replace('.', "_")),
    };
    // Without its underscores a name may have nothing left, or a digit in front.
    let name = |name: String| if name.starts_with(|c: char| !c.is_ascii_digit()) { name } else { word(&format!("_{name}")) };
    apart(branches.iter().zip(&all).map(one).map(name))
}
