//! Avro IDL (`.avdl`): protocols and schemas in a language that people write, as the JSON that everything else reads.

use std::collections::HashSet;

use serde_json::{Map, Value, json};

use super::{Schema, comments};
use crate::{Flaw, budget};

mod names;
mod token;
mod value;

use names::Names;
use token::{Text, Token};

/// What an IDL file says.
#[derive(Debug, Clone, PartialEq)]
pub struct Idl {
    /// The protocol as `.avpr` has it, or the schema that the file is about; `None` if it only defines types.
    pub main: Option<Value>,
    /// Every type that it defines or imports, in their order; they refer to one another by name.
    pub types: Vec<Value>,
}

/// What an `import` names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Import {
    Idl,
    Protocol,
    Schema,
}

/// Gives the text of an imported file. The path is as the importing file writes it.
pub type Fetch<'f> = dyn FnMut(Import, &str) -> Result<String, Flaw> + 'f;

impl Idl {
    /// Reads a file and what it imports.
    pub fn parse(text: &str, fetch: &mut Fetch<'_>) -> Result<Self, Flaw> {
        let mut seen = HashSet::new();
        Parser::new(text, fetch, &mut seen, 0)?.file()
    }

    /// The types in their order, each written out where it is named first and nowhere else.
    pub fn written(&self) -> Result<Vec<Value>, Flaw> {
        Names::of(&self.types)?.written(&self.types, None)
    }

    /// Reads a protocol as JSON (`.avpr`): its types as one schema, a union of them. Its messages are not looked at.
    pub fn types_of_protocol(text: &str) -> Result<Schema, Flaw> {
        let mut tree = crate::tree::parse(&comments::blanked(text))?;
        if !tree.get("protocol").is_some_and(Value::is_string) {
            return Err(Flaw::new("it has no \"protocol\", which names a protocol"));
        }
        Schema::parse(&Value::Array(types_of(&mut tree)).to_string())
    }

    /// One schema of each type, with everything inlined that it needs.
    pub fn schemata(&self) -> Result<Vec<(String, Schema)>, Flaw> {
        let all = Schema::parse(&Value::Array(self.types.clone()).to_string())?;
        let super::Kind::Union(ids) = all.kind(all.root()) else { return Ok(Vec::new()) };
        let mut list = Vec::new();
        for id in ids {
            let Some(name) = all.kind(*id).name() else { continue };
            list.push((name.full().to_owned(), Schema::parse(&all.canonical_of(*id))?));
        }
        Ok(list)
    }
}

struct Parser<'a, 'f> {
    text: Text<'a>,
    fetch: &'a mut Fetch<'f>,
    /// Files that were imported.
    seen: &'a mut HashSet<String>,
    namespace: Option<String>,
    types: Vec<Value>,
    messages: Map<String, Value>,
    /// How many files import one another up to here.
    files: usize,
    depth: usize,
}

type Annotations = Map<String, Value>;

impl<'a, 'f> Parser<'a, 'f> {
    fn new(text: &'a str, fetch: &'a mut Fetch<'f>, seen: &'a mut HashSet<String>, files: usize) -> Result<Self, Flaw> {
        if text.len() > budget::TEXT || files > 100 {
            return Err(Flaw::new("the IDL is too large, or imports too deep"));
        }
        let text = Text::new(text);
        Ok(Self { text, fetch, seen, namespace: None, types: Vec::new(), messages: Map::new(), files, depth: 0 })
    }

    fn file(mut self) -> Result<Idl, Flaw> {
        let mut main = None;
        loop {
            let doc = self.text.doc();
            let annotations = self.annotations()?;
            let doc = doc.or_else(|| self.text.doc());
            let word = match self.text.next()? {
                Token::End | Token::Sign('\u{1a}') => break,
                Token::Word(word) => word,
                other => return Err(self.text.unexpected(&other, "a declaration")),
            };
            match word.as_str() {
                "protocol" => return self.protocol(doc, annotations),
                "namespace" => {
                    self.namespace = Some(self.text.word()?);
                    self.text.expect(';')?;
                }
                "schema" => {
                    main = Some(self.inner_type()?);
                    self.text.expect(';')?;
                }
                other => self.declaration(other, doc, annotations)?,
            }
        }
        if self.files == 0 {
            let sound = self.sound(main.as_ref());
            // A type that nothing uses has to be sound, too.
            Names::of(&self.types)?.written(&self.types, None)?;
            if let Some(main) = &mut main {
                Names::of(&self.types)?.place(main, None, None, 0)?;
            }
            sound?;
        }
        Ok(Idl { main, types: self.types })
    }

    fn protocol(mut self, doc: Option<String>, mut annotations: Annotations) -> Result<Idl, Flaw> {
        let name = self.text.word()?;
        let mut object = Map::new();
        let (space, simple) = name.rsplit_once('.').map_or((None, name.as_str()), |(space, simple)| (Some(space), simple));
        let space = space.map(str::to_owned).or_else(|| text_of(annotations.shift_remove("namespace")));
        object.insert("protocol".into(), simple.into());
        self.namespace = space.or(self.namespace.take());
        if let Some(space) = &self.namespace {
            object.insert("namespace".into(), space.clone().into());
        }
        if let Some(doc) = doc {
            object.insert("doc".into(), doc.into());
        }
        object.extend(annotations);
        self.text.expect('{')?;
        while !self.text.eat('}')? {
            let doc = self.text.doc();
            let annotations = self.annotations()?;
            let doc = doc.or_else(|| self.text.doc());
            match self.text.peek()? {
                Token::Word(word) if ["record", "error", "enum", "fixed", "import"].contains(&word.as_str()) => {
                    self.text.next()?;
                    self.declaration(&word, doc, annotations)?;
                }
                _ => self.message(doc, annotations)?,
            }
        }
        self.text.end()?;
        if self.files == 0 {
            let sound = self.sound(None);
            let mut names = Names::of(&self.types)?;
            let types = names.written(&self.types, self.namespace.as_deref())?;
            names.in_messages(&mut self.messages, self.namespace.as_deref())?;
            object.insert("types".into(), types.into());
            sound?;
        }
        object.insert("messages".into(), self.messages.into());
        Ok(Idl { main: Some(object.into()), types: self.types })
    }

    /// What is written is what every library takes: types, messages and the schema are read as the fields of one record.
    fn sound(&self, main: Option<&Value>) -> Result<(), Flaw> {
        let mut kinds: Vec<Value> = self.types.iter().chain(main).cloned().collect();
        for (index, message) in self.messages.values().enumerate() {
            kinds.push(json!({"type": "record", "name": format!("idl_message_{index}_"), "fields": message["request"]}));
            kinds.push(message["response"].clone());
            kinds.extend(message["errors"].as_array().into_iter().flatten().cloned());
        }
        let field = |(index, kind): (usize, Value)| json!({"name": format!("f{index}"), "type": kind});
        let fields: Vec<Value> = kinds.into_iter().enumerate().map(field).collect();
        Schema::parse(&json!({"type": "record", "name": "idl_all_", "fields": fields}).to_string()).map(drop)
    }

    fn annotations(&mut self) -> Result<Annotations, Flaw> {
        let mut annotations = Map::new();
        while self.text.eat('@')? {
            let name = self.text.word()?;
            self.text.expect('(')?;
            annotations.insert(name, self.text.json()?);
            self.text.expect(')')?;
        }
        Ok(annotations)
    }

    fn declaration(&mut self, word: &str, doc: Option<String>, mut annotations: Annotations) -> Result<(), Flaw> {
        if word == "import" {
            return self.import();
        }
        if !["record", "error", "enum", "fixed"].contains(&word) {
            return Err(self.text.flaw(format!("{word:?} begins no declaration")));
        }
        let mut object = Map::new();
        object.insert("type".into(), word.into());
        object.insert("name".into(), self.text.word()?.into());
        let space = text_of(annotations.shift_remove("namespace")).or_else(|| self.namespace.clone());
        if let Some(space) = &space {
            object.insert("namespace".into(), space.clone().into());
        }
        if let Some(doc) = doc {
            object.insert("doc".into(), doc.into());
        }
        object.extend(annotations);
        match word {
            "enum" => self.enumeration(&mut object)?,
            "fixed" => {
                self.text.expect('(')?;
                object.insert("size".into(), self.text.json()?);
                self.text.expect(')')?;
                self.text.expect(';')?;
            }
            _ => {
                let outer = std::mem::replace(&mut self.namespace, space);
                let fields = self.fields()?;
                self.namespace = outer;
                object.insert("fields".into(), fields.into());
            }
        }
        self.types.push(object.into());
        Ok(())
    }

    fn enumeration(&mut self, object: &mut Map<String, Value>) -> Result<(), Flaw> {
        self.text.expect('{')?;
        let mut symbols: Vec<Value> = Vec::new();
        while !self.text.eat('}')? {
            symbols.push(self.text.word()?.into());
            self.text.eat(',')?;
        }
        object.insert("symbols".into(), symbols.into());
        if self.text.eat('=')? {
            object.insert("default".into(), self.text.word()?.into());
            self.text.expect(';')?;
        }
        Ok(())
    }

    fn fields(&mut self) -> Result<Vec<Value>, Flaw> {
        self.text.expect('{')?;
        let mut fields = Vec::new();
        while !self.text.eat('}')? {
            let shared = self.text.doc();
            let kind = self.full_type()?;
            let shared = shared.or_else(|| self.text.doc());
            loop {
                fields.push(self.variable(&kind, shared.clone())?);
                if !self.text.eat(',')? {
                    break;
                }
            }
            self.text.expect(';')?;
        }
        Ok(fields)
    }

    /// A field's or parameter's name, with what stands around it.
    fn variable(&mut self, kind: &Value, shared: Option<String>) -> Result<Value, Flaw> {
        let annotations = self.annotations()?;
        let doc = self.text.doc().or(shared);
        let mut field = Map::new();
        field.insert("name".into(), self.text.word()?.into());
        let mut kind = kind.clone();
        let default = if self.text.eat('=')? { Some(self.text.json()?) } else { None };
        if kind.get("?").is_some() {
            kind = nullable(&kind["?"], default.as_ref());
        }
        field.insert("type".into(), kind);
        if let Some(doc) = doc {
            field.insert("doc".into(), doc.into());
        }
        if let Some(default) = default {
            field.insert("default".into(), default);
        }
        field.extend(annotations);
        Ok(field.into())
    }

    /// A type with its annotations. `T?` comes back as `{"?": T}`, since its default decides the order of the union.
    fn full_type(&mut self) -> Result<Value, Flaw> {
        self.depth += 1;
        if self.depth > budget::NESTING / 4 {
            return Err(self.text.flaw("types nest too deep".into()));
        }
        let annotations = self.annotations()?;
        let word = self.text.word()?;
        let mut kind = self.plain_type(&word)?;
        // A union has no place for any, and avro-tools drops them.
        if !annotations.is_empty() && !kind.is_array() {
            let mut object = match kind {
                Value::Object(object) => object,
                other => Map::from_iter([("type".to_owned(), other)]),
            };
            object.extend(annotations);
            kind = object.into();
        }
        self.depth -= 1;
        if self.text.eat('?')? { Ok(json!({"?": kind})) } else { Ok(kind) }
    }

    fn inner_type(&mut self) -> Result<Value, Flaw> {
        let kind = self.full_type()?;
        Ok(if kind.get("?").is_some() { nullable(&kind["?"], None) } else { kind })
    }

    fn plain_type(&mut self, word: &str) -> Result<Value, Flaw> {
        Ok(match word {
            "array" | "map" => {
                self.text.expect('<')?;
                let inner = self.inner_type()?;
                self.text.expect('>')?;
                if word == "array" { json!({"type": word, "items": inner}) } else { json!({"type": word, "values": inner}) }
            }
            "union" => {
                self.text.expect('{')?;
                let mut branches = Vec::new();
                while !self.text.eat('}')? {
                    branches.push(self.inner_type()?);
                    self.text.eat(',')?;
                }
                branches.into()
            }
            "decimal" => {
                self.text.expect('(')?;
                let precision = self.text.json()?;
                let scale = if self.text.eat(',')? { self.text.json()? } else { json!(0) };
                self.text.expect(')')?;
                json!({"type": "bytes", "logicalType": "decimal", "precision": precision, "scale": scale})
            }
            "date" => json!({"type": "int", "logicalType": "date"}),
            "time_ms" => json!({"type": "int", "logicalType": "time-millis"}),
            "timestamp_ms" => json!({"type": "long", "logicalType": "timestamp-millis"}),
            "local_timestamp_ms" => json!({"type": "long", "logicalType": "local-timestamp-millis"}),
            "uuid" => json!({"type": "string", "logicalType": "uuid"}),
            "void" => "null".into(),
            other => self.reference(other),
        })
    }

    /// A name as it is meant here: what names it first may lie in another namespace.
    fn reference(&self, word: &str) -> Value {
        match super::name::PRIMITIVES.contains(&word) {
            true => word.into(),
            false => names::full(word, self.namespace.as_deref()).into(),
        }
    }

    fn message(&mut self, doc: Option<String>, annotations: Annotations) -> Result<(), Flaw> {
        let response = self.inner_type()?;
        let name = self.text.word()?;
        self.text.expect('(')?;
        let mut request = Vec::new();
        while !self.text.eat(')')? {
            let kind = self.full_type()?;
            request.push(self.variable(&kind, None)?);
            self.text.eat(',')?;
        }
        let mut message = Map::new();
        if let Some(doc) = doc {
            message.insert("doc".into(), doc.into());
        }
        message.extend(annotations);
        message.insert("request".into(), request.into());
        message.insert("response".into(), response);
        if let Token::Word(word) = self.text.peek()? {
            self.text.next()?;
            match word.as_str() {
                "oneway" if message["response"] != "null" => {
                    return Err(self.text.flaw(format!("{name:?} is one-way, so that it gives back void")));
                }
                "oneway" => drop(message.insert("one-way".into(), true.into())),
                "throws" => {
                    let mut errors = Vec::new();
                    loop {
                        let error = self.text.word()?;
                        errors.push(self.reference(&error));
                        if !self.text.eat(',')? {
                            break;
                        }
                    }
                    message.insert("errors".into(), errors.into());
                }
                other => return Err(self.text.flaw(format!("{other:?} may not stand behind a message"))),
            }
        }
        self.text.expect(';')?;
        self.messages.insert(name, message.into());
        Ok(())
    }

    fn import(&mut self) -> Result<(), Flaw> {
        let kind = match self.text.word()?.as_str() {
            "idl" => Import::Idl,
            "protocol" => Import::Protocol,
            "schema" => Import::Schema,
            other => return Err(self.text.flaw(format!("{other:?} cannot be imported: idl, protocol or schema can"))),
        };
        let Value::String(path) = self.text.json()? else { return Err(self.text.flaw("an import names a file".into())) };
        self.text.expect(';')?;
        if !self.seen.insert(path.clone()) {
            return Ok(());
        }
        let text = (self.fetch)(kind, &path)?;
        let within = |flaw: Flaw| Flaw::new(format!("import {path}: {flaw}"));
        match kind {
            Import::Idl => {
                let idl = Parser::new(&text, self.fetch, self.seen, self.files + 1).and_then(Parser::file).map_err(within)?;
                self.types.extend(idl.types);
                if let Some(Value::Object(messages)) = idl.main.and_then(|mut main| main.get_mut("messages").map(Value::take)) {
                    self.messages.extend(messages);
                }
            }
            Import::Protocol => {
                let mut tree = crate::tree::parse(&comments::blanked(&text)).map_err(within)?;
                let space = tree.get("namespace").and_then(Value::as_str).map(str::to_owned);
                self.types.extend(types_of(&mut tree));
                if let Some(Value::Object(mut messages)) = tree.get_mut("messages").map(Value::take) {
                    messages.values_mut().for_each(|message| qualify_message(message, space.as_deref()));
                    self.messages.extend(messages);
                }
            }
            Import::Schema => self.types.push(crate::tree::parse(&comments::blanked(&text)).map_err(within)?),
        }
        Ok(())
    }
}

/// Takes the types out of a protocol as `.avpr` has it. Where they say no namespace, it is the protocol's.
fn types_of(protocol: &mut Value) -> Vec<Value> {
    let space = protocol.get("namespace").and_then(Value::as_str).map(str::to_owned);
    let mut types = protocol.get_mut("types").and_then(Value::as_array_mut).map(std::mem::take).unwrap_or_default();
    for object in types.iter_mut().filter_map(Value::as_object_mut) {
        if let Some(space) = &space {
            object.entry("namespace").or_insert_with(|| space.clone().into());
        }
    }
    types
}

/// A message that comes from a protocol of another namespace.
fn qualify_message(message: &mut Value, namespace: Option<&str>) {
    for parameter in message.get_mut("request").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(kind) = parameter.get_mut("type") {
            names::qualify(kind, namespace);
        }
    }
    for key in ["response", "errors"] {
        if let Some(kind) = message.get_mut(key) {
            names::qualify(kind, namespace);
        }
    }
}

fn text_of(value: Option<Value>) -> Option<String> {
    value.and_then(|value| value.as_str().map(str::to_owned))
}

/// Null first, unless the default is of the other.
fn nullable(kind: &Value, default: Option<&Value>) -> Value {
    if default.is_some_and(|d| !d.is_null()) { json!([kind, "null"]) } else { json!(["null", kind]) }
}
