//! What keeps a reader from reading what a writer wrote: the rules of Java's `SchemaCompatibility`, with its messages.
//!
//! Names are compared without their namespaces, logical types are not looked at, and a reader's aliases count. Pairs of
//! definitions are judged once; a pair that is being judged counts as compatible, which is what makes recursion end.

use std::{
    collections::{BTreeSet, HashMap},
    rc::Rc,
};

use super::{Kind, NodeId, Record, Schema};
use crate::{Difference, budget};

/// Differences told of one pair of schemas.
const TOLD: usize = 1_000;
/// Branches of a union that are looked through one by one.
const FEW: usize = 8;

impl Schema {
    /// Why this schema, as the reader, cannot read all that `writer` writes. Empty: it can.
    pub fn can_read(&self, writer: &Self) -> Vec<Difference> {
        let mut judge = Judge {
            reader: self,
            writer,
            judged: HashMap::new(),
            namesakes: HashMap::new(),
            path: Vec::new(),
            depth: 0,
            trial: 0,
            spent: false,
        };
        let mut differences = judge.pair("", self.root, writer.root).to_vec();
        if judge.spent {
            differences.push(Difference {
                kind: "COMPARISON_TOO_LARGE",
                path: "/".into(),
                template: "The {reader} and the {writer} schema are too large or too deep to compare".into(),
                message: format!("at most {} pairs of types and {} levels", budget::COMPARISONS, budget::LEVELS),
                reader: self.fragment(self.root),
                writer: writer.fragment(writer.root),
            });
        }
        differences.truncate(TOLD);
        differences
    }
}

type Verdict = Rc<[Difference]>;

fn is_primitive(kind: &Kind) -> bool {
    kind.name().is_none() && !matches!(kind, Kind::Array(_) | Kind::Map(_) | Kind::Union(_))
}

enum Judged {
    /// Counts as compatible until it is known.
    Open,
    /// Whether the differences were put into words.
    Done { verdict: Verdict, told: bool },
}

struct Judge<'a> {
    reader: &'a Schema,
    writer: &'a Schema,
    judged: HashMap<(NodeId, NodeId), Judged>,
    /// The branches of the reader's larger unions by name.
    namesakes: HashMap<NodeId, HashMap<&'a str, NodeId>>,
    path: Vec<String>,
    depth: usize,
    /// Above 0 only the number of differences matters, and none is put into words.
    trial: usize,
    /// The budget is used up: nothing more is looked at, and the answer is no.
    spent: bool,
}

impl<'a> Judge<'a> {
    /// Judges one pair, `step` below the path.
    fn pair(&mut self, step: &str, reader: NodeId, writer: NodeId) -> Verdict {
        match self.judged.get(&(reader, writer)) {
            Some(Judged::Open) => return Verdict::default(),
            Some(Judged::Done { verdict, told }) if *told || self.trial > 0 || verdict.is_empty() => return verdict.clone(),
            _ => {}
        }
        if self.spent || self.judged.len() >= budget::COMPARISONS || self.depth >= budget::LEVELS {
            self.spent = true;
            return Verdict::default();
        }
        // What a primitive is read as is seen at once: to note it would take more room than the schemas.
        let noted = !is_primitive(self.writer.kind(writer));
        if noted {
            self.judged.insert((reader, writer), Judged::Open);
        }
        self.depth += 1;
        let is_step = !step.is_empty();
        if is_step {
            self.path.push(step.to_owned());
        }
        let mut found = Vec::new();
        self.judge(reader, writer, &mut found);
        if is_step {
            self.path.pop();
        }
        self.depth -= 1;
        found.truncate(TOLD);
        let verdict: Verdict = found.into();
        let told = self.trial == 0;
        if noted {
            self.judged.insert((reader, writer), Judged::Done { verdict: verdict.clone(), told });
        }
        verdict
    }

    /// Judges a pair as if it were the whole, as Java does for branches of unions.
    fn apart(&mut self, reader: NodeId, writer: NodeId) -> Verdict {
        let path = std::mem::take(&mut self.path);
        let verdict = self.pair("", reader, writer);
        self.path = path;
        verdict
    }

    /// Whether a reader's branch reads the writer's; why it does not is left out.
    fn fits(&mut self, reader: NodeId, writer: NodeId) -> bool {
        self.trial += 1;
        let fits = self.apart(reader, writer).is_empty();
        self.trial -= 1;
        fits
    }

    fn judge(&mut self, r: NodeId, w: NodeId, found: &mut Vec<Difference>) {
        let (reader, writer) = (self.reader.kind(r), self.writer.kind(w));
        match (reader, writer) {
            (Kind::Array(r), Kind::Array(w)) => found.extend(self.pair("items", *r, *w).iter().cloned()),
            (Kind::Map(r), Kind::Map(w)) => found.extend(self.pair("values", *r, *w).iter().cloned()),
            (Kind::Fixed(fixed), Kind::Fixed(theirs)) => {
                self.names(r, w, found);
                if fixed.size != theirs.size {
                    let message = format!("expected: {}, found: {}", theirs.size, fixed.size);
                    found.push(self.difference("FIXED_SIZE_MISMATCH", Some("size"), message, r, w));
                }
            }
            (Kind::Enum(_), Kind::Enum(_)) => {
                self.names(r, w, found);
                self.symbols(r, w, found);
            }
            (Kind::Record(ours), Kind::Record(theirs)) => {
                self.names(r, w, found);
                self.fields((r, ours), (w, theirs), found);
            }
            (Kind::Union(_), Kind::Union(branches)) => self.union_by_union(r, w, branches, found),
            (_, Kind::Union(branches)) => {
                for branch in branches {
                    if self.spent || found.len() > TOLD {
                        return;
                    }
                    found.extend(self.apart(r, *branch).iter().cloned());
                }
            }
            (Kind::Union(branches), _) => self.any_branch(r, w, branches, found),
            _ if promotes(reader, writer) => {}
            _ => {
                let message = format!("reader type: {} not compatible with writer type: {}", upper(reader), upper(writer));
                found.push(self.difference("TYPE_MISMATCH", None, message, r, w));
            }
        }
    }

    /// Every branch that the writer may take must be readable; which one is not is told, why it is not is left out.
    fn union_by_union(&mut self, r: NodeId, w: NodeId, branches: &[NodeId], found: &mut Vec<Difference>) {
        for (index, branch) in branches.iter().enumerate() {
            if self.spent || found.len() > TOLD {
                return;
            }
            if !self.fits(r, *branch) {
                let message = format!("reader union lacking writer type: {}", upper(self.writer.kind(*branch)));
                found.push(self.difference("MISSING_UNION_BRANCH", Some(&index.to_string()), message, r, w));
            }
        }
    }

    /// One branch of the reader that reads what the writer writes is enough.
    fn any_branch(&mut self, r: NodeId, w: NodeId, branches: &'a [NodeId], found: &mut Vec<Difference>) {
        // The branch of the same name most likely does, and spares looking at all the others.
        let name = self.writer.kind(w).branch_name();
        let reader = self.reader;
        let named = |branch: &NodeId| (reader.kind(*branch).branch_name(), *branch);
        let namesake = match branches.len() {
            0..FEW => branches.iter().map(named).find(|(other, _)| *other == name).map(|(_, branch)| branch),
            _ => self.namesakes.entry(r).or_insert_with(|| branches.iter().map(named).collect()).get(name).copied(),
        };
        for branch in namesake.into_iter().chain(branches.iter().copied()) {
            if self.fits(branch, w) || self.spent {
                return;
            }
        }
        let message = format!("reader union lacking writer type: {}", upper(self.writer.kind(w)));
        found.push(self.difference("MISSING_UNION_BRANCH", None, message, r, w));
    }

    /// Simple names are equal, or the reader knows the writer's full name as an alias.
    fn names(&self, r: NodeId, w: NodeId, found: &mut Vec<Difference>) {
        let reader = self.reader.kind(r);
        let (Some(ours), Some(theirs)) = (reader.name(), self.writer.kind(w).name()) else { return };
        if ours.simple() != theirs.simple() && !reader.aliases().iter().any(|a| a == theirs) {
            found.push(self.difference("NAME_MISMATCH", Some("name"), format!("expected: {theirs}"), r, w));
        }
    }

    /// Symbols that the reader does not have are an error unless it has a default for them.
    fn symbols(&self, r: NodeId, w: NodeId, found: &mut Vec<Difference>) {
        let (Kind::Enum(reader), Kind::Enum(writer)) = (self.reader.kind(r), self.writer.kind(w)) else { return };
        let missing: BTreeSet<&str> = writer.symbols.iter().filter(|s| reader.position(s).is_none()).map(|s| &**s).collect();
        if !missing.is_empty() && reader.default.is_none() {
            let list: Vec<&str> = missing.into_iter().collect();
            found.push(self.difference("MISSING_ENUM_SYMBOLS", Some("symbols"), format!("[{}]", list.join(", ")), r, w));
        }
    }

    fn fields(&mut self, (r, reader): (NodeId, &Record), (w, writer): (NodeId, &Record), found: &mut Vec<Difference>) {
        let by_name: HashMap<&str, NodeId> = writer.fields.iter().map(|f| (&*f.name, f.schema)).collect();
        self.path.push("fields".into());
        for (index, field) in reader.fields.iter().enumerate() {
            if self.spent || found.len() > TOLD {
                break;
            }
            let names = std::iter::once(&field.name).chain(&field.aliases);
            let mut matches = names.filter_map(|name| by_name.get(&**name).copied());
            let step = index.to_string();
            match (matches.next(), matches.next()) {
                (Some(_), Some(_)) => {
                    let message = format!("reader field {} matches several fields of the writer's {}", field.name, writer.name);
                    found.push(self.difference("READER_FIELD_MATCHES_SEVERAL", Some(&step), message, r, w));
                }
                (Some(theirs), None) => {
                    self.path.push(step);
                    found.extend(self.pair("type", field.schema, theirs).iter().cloned());
                    self.path.pop();
                }
                (None, _) if field.default.is_some() => {}
                (None, _) if self.has_enum_default(field.schema) => {
                    self.path.push(step);
                    found.extend(self.pair("type", field.schema, w).iter().cloned());
                    self.path.pop();
                }
                (None, _) => {
                    let kind = "READER_FIELD_MISSING_DEFAULT_VALUE";
                    found.push(self.difference(kind, Some(&step), field.name.to_string(), r, w));
                }
            }
        }
        self.path.pop();
    }

    /// Java compares a missing field whose enum has a default further, which ends in a mismatch of types.
    fn has_enum_default(&self, id: NodeId) -> bool {
        matches!(self.reader.kind(id), Kind::Enum(e) if e.default.is_some())
    }

    fn difference(&self, kind: &'static str, step: Option<&str>, message: String, r: NodeId, w: NodeId) -> Difference {
        if self.trial > 0 {
            let nothing = String::new;
            return Difference { kind, template: nothing(), path: nothing(), message, reader: nothing(), writer: nothing() };
        }
        let steps: Vec<&str> = self.path.iter().map(String::as_str).chain(step).collect();
        let path = format!("/{}", steps.join("/"));
        Difference {
            kind,
            template: template(kind, &path, &message),
            path,
            message,
            reader: self.reader.fragment(r),
            writer: self.writer.fragment(w),
        }
    }
}

fn upper(kind: &Kind) -> String {
    kind.type_name().to_uppercase()
}

/// The same primitive, or one that the reader's widens.
pub(crate) fn promotes(reader: &Kind, writer: &Kind) -> bool {
    use Kind::{Boolean, Bytes, Double, Float, Int, Long, Null, String};
    matches!(
        (writer, reader),
        (Null, Null)
            | (Boolean, Boolean)
            | (Int, Int | Long | Float | Double)
            | (Long, Long | Float | Double)
            | (Float, Float | Double)
            | (Double, Double)
            | (Bytes | String, Bytes | String)
    )
}

/// The registry's sentence for each kind.
fn template(kind: &str, path: &str, message: &str) -> String {
    match kind {
        "FIXED_SIZE_MISMATCH" => {
            format!(
                "The size of FIXED type field at path '{path}' in the {{reader}} schema does not match with the {{writer}} schema"
            )
        }
        "TYPE_MISMATCH" => {
            format!("The type (path '{path}') of a field in the {{reader}} schema does not match with the {{writer}} schema")
        }
        "NAME_MISMATCH" => format!("The name of the schema has changed (path '{path}')"),
        "MISSING_ENUM_SYMBOLS" => {
            format!("The {{reader}} schema is missing enum symbols '{message}' at path '{path}' in the {{writer}} schema")
        }
        "MISSING_UNION_BRANCH" => {
            format!("The {{reader}} schema is missing a type inside a union field at path '{path}' in the {{writer}} schema")
        }
        "READER_FIELD_MISSING_DEFAULT_VALUE" => format!(
            "The field '{message}' at path '{path}' in the {{reader}} schema has no default value and is missing in the {{writer}} schema"
        ),
        _ => format!("{message} (path '{path}')"),
    }
}
