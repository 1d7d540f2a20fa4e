//! What can be said of a schema only when all of it was read.

use std::collections::{HashMap, HashSet};

use super::{Kind, Node, NodeId};
use crate::{Flaw, budget};

/// No union has two branches of one name.
pub(crate) fn unions(nodes: &[Node]) -> Result<(), Flaw> {
    for node in nodes {
        let Kind::Union(branches) = &node.kind else { continue };
        let mut seen = HashSet::with_capacity(branches.len());
        for branch in branches {
            let name = nodes[branch.index()].kind.branch_name();
            if !seen.insert(name) {
                return Err(Flaw::new(format!("duplicate in union: {name}")));
            }
        }
    }
    Ok(())
}

fn inner(kind: &Kind) -> Vec<NodeId> {
    match kind {
        Kind::Array(inner) | Kind::Map(inner) => vec![*inner],
        Kind::Union(branches) => branches.clone(),
        Kind::Record(record) => record.fields.iter().map(|f| f.schema).collect(),
        _ => Vec::new(),
    }
}

/// A walk over the schema in the order of its text, each definition once, goes only so deep; all walks are such walks.
pub(crate) fn depth(nodes: &[Node], root: NodeId) -> Result<(), Flaw> {
    let mut seen = HashSet::new();
    let mut open = vec![inner(&nodes[root.index()].kind).into_iter()];
    seen.insert(root);
    while let Some(list) = open.last_mut() {
        let Some(id) = list.next() else {
            open.pop();
            continue;
        };
        if seen.insert(id) {
            open.push(inner(&nodes[id.index()].kind).into_iter());
        }
        if open.len() > budget::LEVELS {
            return Err(Flaw::new(format!("types nest deeper than {} levels", budget::LEVELS)));
        }
    }
    Ok(())
}

/// Whether two definitions say the same, as Java compares them: documentation and aliases are no difference.
pub(crate) fn alike(nodes: &[Node], a: NodeId, b: NodeId) -> bool {
    let mut assumed = HashMap::new();
    let mut open = vec![(a, b)];
    while let Some((a, b)) = open.pop() {
        if a == b || assumed.insert((a, b), ()).is_some() {
            continue;
        }
        let (x, y) = (&nodes[a.index()], &nodes[b.index()]);
        let same = match (&x.kind, &y.kind) {
            (Kind::Record(x), Kind::Record(y)) => {
                x.error == y.error
                    && x.fields.len() == y.fields.len()
                    && x.fields.iter().zip(&y.fields).all(|(f, g)| {
                        (&f.name, &f.default, f.order, &f.properties) == (&g.name, &g.default, g.order, &g.properties)
                    })
            }
            (Kind::Enum(x), Kind::Enum(y)) => x.symbols == y.symbols,
            (Kind::Fixed(x), Kind::Fixed(y)) => x.size == y.size,
            (x, y) => std::mem::discriminant(x) == std::mem::discriminant(y),
        };
        let (inside, beside) = (inner(&x.kind), inner(&y.kind));
        if !same || x.kind.name() != y.kind.name() || x.properties != y.properties || inside.len() != beside.len() {
            return false;
        }
        open.extend(inside.into_iter().zip(beside));
    }
    true
}
