//! Where a `$ref` leads: the schema's own parts, the texts given with it, the bundled meta-schemas. Never a network.

use std::{collections::BTreeSet, error::Error};

use referencing::{Registry, ResourceRef, Retrieve, SPECIFICATIONS, Uri};
use serde_json::Value;

use super::{Document, Draft, Schema, dialect, model::Model};
use crate::Flaw;

/// The base of a schema that has no `$id`. Nothing listens behind it.
pub(super) const HOME: &str = "schema:///";

/// Different bases of texts that relative names are tried against.
const BASES: usize = 16;

/// Refuses everything: what was not given is not there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Refusing;

impl Retrieve for Refusing {
    fn retrieve(&self, uri: &Uri<String>) -> Result<Value, Box<dyn Error + Send + Sync>> {
        let name = uri.as_str().strip_prefix(HOME).unwrap_or(uri.as_str());
        Err(format!("{name} is not among the references of the schema, and nothing is fetched").into())
    }
}

/// The URI under which the root is found.
pub(super) fn base(schema: &Schema) -> String {
    let home = own_base(schema.draft, &schema.root);
    home.unwrap_or_else(|| HOME.to_owned())
}

fn own_base(draft: Draft, document: &Document) -> Option<String> {
    let id = document.read().get(draft.id()).and_then(Value::as_str)?;
    against(HOME, id)
}

/// The draft of a document: its own, or that of the schema which refers to it.
fn drafted(schema: &Schema, document: &Document) -> Draft {
    if document.read().get("$schema").is_some() { dialect::of(document.read()) } else { schema.draft }
}

/// Resolves a name against a base, without its fragment.
fn against(base: &str, name: &str) -> Option<String> {
    let name = name.split('#').next().unwrap_or_default();
    let base = referencing::uri::from_str(base).ok()?;
    let uri = referencing::uri::resolve_against(&base.borrow(), name).ok()?;
    Some(uri.as_str().to_owned())
}

/// All documents under every name that a `$ref` may use for them.
pub(super) fn shelve(schema: &Schema) -> Result<Registry<'_>, Flaw> {
    let root = base(schema);
    let mut bases = BTreeSet::from([root.clone(), HOME.to_owned()]);
    for (_, document) in &schema.references {
        bases.extend(own_base(drafted(schema, document), document).filter(|_| bases.len() < BASES));
    }
    let mut taken = BTreeSet::from([root.clone()]);
    let resource = |document| ResourceRef::new(Document::read(document), drafted(schema, document).engine());
    let mut builder = SPECIFICATIONS.add(root, resource(&schema.root)).map_err(flaw)?.retriever(Refusing);
    for (name, document) in &schema.references {
        for uri in bases.iter().filter_map(|base| against(base, name)) {
            if taken.insert(uri.clone()) {
                builder = builder.add(uri, resource(document)).map_err(flaw)?;
            }
        }
    }
    builder.prepare().map_err(flaw)
}

/// Whether every reference finds something, and following them ends.
pub(super) fn check(schema: &Schema, shelf: &Registry<'_>) -> Result<(), Flaw> {
    let mut model = Model::new();
    model.read(schema, shelf)?;
    if let Some(part) = model.endless() {
        let part = super::validate::shortened(&part.to_string());
        return Err(Flaw::new(format!("a part applies itself to the same data again and never ends: {part}")));
    }
    match model.lost() {
        Some(name) => Err(Flaw::new(format!("$ref {name} leads nowhere"))),
        None => Ok(()),
    }
}

/// The whole chain of an error, for the cause is the part that helps.
pub(super) fn flaw(error: impl Error) -> Flaw {
    let mut what = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let text = inner.to_string();
        if !what.contains(&text) {
            what = format!("{what}: {text}");
        }
        cause = inner.source();
    }
    Flaw::new(what)
}
