//! The words of an edition's text: rewritten into proto2, features taken out. Linear in the text, bounded in depth.

use super::{Edition, Place, Year, joined};
use crate::Flaw;

/// Blocks within each other.
const DEPTH: usize = 64;

/// The text in the words of proto2, and the features that stood in it. `None`: the text begins with no edition.
pub(in crate::protobuf) fn rewritten(text: &str) -> Result<Option<(String, Edition)>, Flaw> {
    let words = Words { text, at: 0 };
    if !words.peek().is_ok_and(|token| token.is("edition")) {
        return Ok(None);
    }
    let mut rewriter = Rewriter { words, edits: Vec::new(), edition: Edition::default() };
    let done = rewriter.head().and_then(|()| rewriter.block(Scope::File, "", 0));
    done.map_err(|flaw| flaw.at(format!("line {}", rewriter.words.line())))?;
    Ok(Some((rewriter.edited(), rewriter.edition)))
}

/// How many messages, fields and methods a text defines, of whichever syntax. What is no file is left to the parser, which has words for it.
pub(in crate::protobuf) fn parts(text: &str) -> usize {
    let mut words = Words { text, at: 0 };
    let (mut count, mut depth, mut brackets) = (0, 0_usize, 0_usize);
    // The depth of the enum or option whose values are passed over.
    let mut values = None;
    // The first word of what is being read, and the last token.
    let (mut first, mut last) = ("", "");
    // Whether that is a group.
    let mut group = false;
    while let Ok(token) = words.next()
        && !token.text.is_empty()
    {
        match token.text {
            "{" => {
                depth += 1;
                // A group is a field that brings its message with it.
                let opens = first == "message" || (group && brackets == 0);
                count += usize::from(opens && values.is_none());
                values = values.or(matches!(first, "enum" | "option").then_some(depth));
            }
            "}" => {
                values = values.filter(|enumeration| *enumeration != depth);
                depth = depth.saturating_sub(1);
            }
            "(" => count += usize::from(first == "rpc" && last == "returns" && brackets == 0),
            "[" => brackets += 1,
            "]" => brackets = brackets.saturating_sub(1),
            number if last == "=" && number.starts_with(|c: char| c.is_ascii_digit()) => {
                let is_field = values.is_none() && brackets == 0 && first != "option";
                // A map brings a message of two fields with it.
                count += usize::from(is_field) * if first == "map" { 4 } else { 1 };
            }
            _ => {}
        }
        let ends = matches!(token.text, "{" | "}" | ";");
        let labelled = matches!(last, "optional" | "required" | "repeated") && first == last;
        group = !ends && (group || (token.is("group") && (first.is_empty() || labelled)));
        first = match first {
            _ if ends => "",
            // An edition may say who sees what follows.
            "" | "export" | "local" => token.text,
            first => first,
        };
        last = token.text;
    }
    count
}

/// A word, a text in quotes, a sign, or the end.
#[derive(Debug, Clone, Copy)]
struct Token<'t> {
    text: &'t str,
    start: usize,
}

impl Token<'_> {
    fn is(&self, text: &str) -> bool {
        self.text == text
    }
    fn is_word(&self) -> bool {
        self.text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.')
    }
    fn end(&self) -> usize {
        self.start + self.text.len()
    }
}

#[derive(Debug, Clone)]
struct Words<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Words<'t> {
    fn line(&self) -> usize {
        self.text[..self.at.min(self.text.len())].matches('\n').count() + 1
    }

    /// What comes next; an empty token at the end.
    fn next(&mut self) -> Result<Token<'t>, Flaw> {
        self.skip_space()?;
        let (start, rest) = (self.at, &self.text[self.at..]);
        let length = match rest.chars().next() {
            None => 0,
            Some(quote @ ('"' | '\'')) => quoted(rest, quote)?,
            Some(c) if c.is_ascii_alphanumeric() || c == '_' || c == '.' => {
                rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '.')).unwrap_or(rest.len())
            }
            Some(c) => c.len_utf8(),
        };
        self.at = start + length;
        Ok(Token { text: &rest[..length], start })
    }

    fn peek(&self) -> Result<Token<'t>, Flaw> {
        self.clone().next()
    }

    /// Whether a name and a brace follow.
    fn opens(&self) -> bool {
        let mut ahead = self.clone();
        ahead.next().is_ok_and(|token| token.is_word()) && ahead.next().is_ok_and(|token| token.is("{"))
    }

    fn skip_space(&mut self) -> Result<(), Flaw> {
        loop {
            let rest = &self.text[self.at..];
            let trimmed = rest.trim_start();
            self.at += rest.len() - trimmed.len();
            self.at += match trimmed {
                comment if comment.starts_with("//") => comment.find('\n').unwrap_or(comment.len()),
                comment if comment.starts_with("/*") => {
                    comment.find("*/").ok_or_else(|| Flaw::new("a comment does not end"))? + 2
                }
                _ => return Ok(()),
            };
        }
    }
}

/// The length of a text in quotes, with them.
fn quoted(rest: &str, quote: char) -> Result<usize, Flaw> {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            '\n' => break,
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return Ok(at + 1),
            _ => {}
        }
    }
    Err(Flaw::new("a text in quotes does not end"))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scope {
    File,
    Message,
    Enum,
    Oneof,
    /// Fields of another message.
    Extend,
    /// Services and methods: nothing is rewritten there.
    Service,
}

impl Scope {
    fn place(self) -> Place {
        match self {
            Self::File => Place::File,
            Self::Message => Place::Message,
            Self::Enum => Place::Enum,
            Self::Oneof | Self::Extend | Self::Service => Place::Other,
        }
    }
}

struct Rewriter<'t> {
    words: Words<'t>,
    /// Ranges of the text and what stands there instead, in order.
    edits: Vec<(usize, usize, String)>,
    edition: Edition,
}

impl<'t> Rewriter<'t> {
    fn edited(&self) -> String {
        let (mut out, mut at) = (String::with_capacity(self.words.text.len() + 64), 0);
        for (start, end, instead) in &self.edits {
            out.push_str(&self.words.text[at..*start]);
            out.push_str(instead);
            at = *end;
        }
        out.push_str(&self.words.text[at..]);
        out
    }

    fn expect(&mut self, text: &str) -> Result<Token<'t>, Flaw> {
        let token = self.words.next()?;
        if token.is(text) { Ok(token) } else { Err(Flaw::new(format!("expected {text:?}, found {:?}", token.text))) }
    }

    /// `edition = "2023";`, or another one that is known.
    fn head(&mut self) -> Result<(), Flaw> {
        let start = self.words.next()?.start;
        self.expect("=")?;
        let edition = self.words.next()?.text.trim_matches(['"', '\'']);
        self.edition.year = Year::named(edition).ok_or_else(|| {
            Flaw::new(format!("edition {edition:?} is not supported: 2023 and 2024 are, and so are proto2 and proto3"))
        })?;
        let end = self.expect(";")?.end();
        self.edits.push((start, end, "syntax = \"proto2\";".to_owned()));
        Ok(())
    }

    /// Statements up to the end of a block, which is taken.
    fn block(&mut self, scope: Scope, name: &str, depth: usize) -> Result<(), Flaw> {
        if depth > DEPTH {
            return Err(Flaw::new(format!("blocks nest deeper than {DEPTH} levels")));
        }
        loop {
            let first = self.words.next()?;
            match first.text {
                "" if scope == Scope::File => return Ok(()),
                "" => return Err(Flaw::new("the text ends inside a block")),
                "}" => return Ok(()),
                ";" => {}
                _ => self.statement(first, (scope, name), depth)?,
            }
        }
    }

    fn statement(&mut self, first: Token<'t>, (scope, name): (Scope, &str), depth: usize) -> Result<(), Flaw> {
        let second = self.words.peek()?;
        // A field may have a type that is called as a statement begins; then no name and block follow.
        let opens = || self.words.opens();
        match (scope, first.text) {
            (_, "option") if second.is_word() || second.is("(") => self.option(first, (scope.place(), name)),
            (Scope::File | Scope::Message, "export" | "local") if self.names_a_type() => {
                self.visible(first, (scope, name), depth)
            }
            (Scope::File, "import") if second.is("option") => self.option_import(),
            (Scope::File | Scope::Message, "message") if opens() => self.named(Scope::Message, name, depth),
            (Scope::File | Scope::Message, "enum") if opens() => self.named(Scope::Enum, name, depth),
            (Scope::File, "service") if opens() => self.named(Scope::Service, name, depth),
            (Scope::Message, "oneof") if opens() => self.unnamed(Scope::Oneof, name, depth),
            (Scope::File | Scope::Message, "extend") if opens() => self.unnamed(Scope::Extend, name, depth),
            (Scope::File, _) => self.skip_statement(),
            (Scope::Service, _) => self.method(depth),
            (Scope::Message | Scope::Enum, "reserved") => self.reserved(),
            (Scope::Message, "extensions") => self.skip_statement(),
            (Scope::Message | Scope::Extend | Scope::Oneof, "optional" | "required") if second.is_word() => Err(Flaw::new(
                format!("an edition has no label {:?}: say features.field_presence = EXPLICIT or LEGACY_REQUIRED", first.text),
            )),
            (_, "group") | (Scope::Message | Scope::Extend, "repeated")
                if second.is("group") || (first.is("group") && second.is_word()) =>
            {
                Err(Flaw::new("an edition has no groups: say features.message_encoding = DELIMITED on a field of a message"))
            }
            (Scope::Enum, value) => self.member(value, Place::Other, name),
            (Scope::Oneof, _) => self.field(first, name),
            (Scope::Message | Scope::Extend, kind) => {
                let is_map = kind == "map" && second.is("<");
                if kind != "repeated" && !is_map {
                    self.edits.push((first.start, first.start, "optional ".to_owned()));
                }
                self.field(first, name)
            }
        }
    }

    /// Whether a message or an enum with its block follows.
    fn names_a_type(&self) -> bool {
        let mut ahead = self.words.clone();
        ahead.next().is_ok_and(|token| token.is("message") || token.is("enum")) && ahead.opens()
    }

    /// `export` or `local`, which the parser does not know, and what it stands before.
    fn visible(&mut self, word: Token<'t>, (scope, within): (Scope, &str), depth: usize) -> Result<(), Flaw> {
        if self.edition.year < Year::E2024 {
            return Err(Flaw::new("visibility of symbols comes with edition 2024"));
        }
        let mut ahead = self.words.clone();
        let kind = ahead.next()?;
        let said = if word.is("local") { "local" } else { "export" };
        self.edition.visible.insert(joined(within, ahead.next()?.text), said);
        self.edits.push((word.start, kind.start, String::new()));
        let first = self.words.next()?;
        self.statement(first, (scope, within), depth)
    }

    /// `import option "file";`: here an import like any other.
    fn option_import(&mut self) -> Result<(), Flaw> {
        if self.edition.year < Year::E2024 {
            return Err(Flaw::new("imports of options come with edition 2024"));
        }
        let word = self.words.next()?;
        let name = self.words.next()?;
        self.edits.push((word.start, word.end(), String::new()));
        self.edition.option_imports.insert(name.text.trim_matches(['"', '\'']).to_owned());
        self.expect(";").map(drop)
    }

    /// A block with a name of its own scope.
    fn named(&mut self, scope: Scope, within: &str, depth: usize) -> Result<(), Flaw> {
        let name = joined(within, self.words.next()?.text);
        self.expect("{")?;
        self.block(scope, &name, depth + 1)
    }

    /// A block whose members belong to the scope around it.
    fn unnamed(&mut self, scope: Scope, within: &str, depth: usize) -> Result<(), Flaw> {
        self.words.next()?;
        self.expect("{")?;
        self.block(scope, within, depth + 1)
    }

    /// A method, with a block or without.
    fn method(&mut self, depth: usize) -> Result<(), Flaw> {
        loop {
            match self.words.next()?.text {
                ";" => return Ok(()),
                "{" => return self.block(Scope::Service, "", depth + 1),
                "" | "}" => return Err(Flaw::new("a method does not end")),
                _ => {}
            }
        }
    }

    /// Names are written without quotes; proto2 has them in quotes.
    fn reserved(&mut self) -> Result<(), Flaw> {
        loop {
            let token = self.words.next()?;
            match token.text {
                ";" => return Ok(()),
                "" | "{" | "}" => return Err(Flaw::new("a statement does not end")),
                "to" | "max" => {}
                word if token.is_word() && !word.starts_with(|c: char| c.is_ascii_digit()) => {
                    self.edits.push((token.start, token.end(), format!("\"{word}\"")));
                }
                text if text.starts_with(['"', '\'']) => {
                    return Err(Flaw::new("an edition reserves names without quotes"));
                }
                _ => {}
            }
        }
    }

    /// A field up to its end; its name is the last word before the number.
    fn field(&mut self, first: Token<'t>, scope: &str) -> Result<(), Flaw> {
        let mut last = first.text;
        loop {
            let token = self.words.next()?;
            match token.text {
                "=" => return self.member(last, Place::Field, scope),
                "" | ";" | "{" | "}" => return Err(Flaw::new("a field has a type, a name and a number")),
                word if token.is_word() => last = word,
                _ => {}
            }
        }
    }

    /// What comes behind a member's name: options in brackets, whose features are taken out, and the end.
    fn member(&mut self, name: &str, place: Place, scope: &str) -> Result<(), Flaw> {
        let key = joined(scope, name);
        loop {
            let token = self.words.next()?;
            match token.text {
                ";" => return Ok(()),
                "[" => self.brackets(token.start, (place, &key))?,
                "" | "{" | "}" => return Err(Flaw::new("a statement does not end")),
                _ => {}
            }
        }
    }

    fn brackets(&mut self, start: usize, on: (Place, &str)) -> Result<(), Flaw> {
        let (mut kept, mut features) = (Vec::new(), 0);
        loop {
            let (item, end) = self.value(&[",", "]"])?;
            match feature(item) {
                Some((name, value)) => {
                    self.note(on, name, value)?;
                    features += 1;
                }
                None => kept.push(item),
            }
            if end.is("]") {
                if features > 0 {
                    let instead = if kept.is_empty() { String::new() } else { format!("[{}]", kept.join(", ")) };
                    self.edits.push((start, end.end(), instead));
                }
                return Ok(());
            }
        }
    }

    fn option(&mut self, first: Token<'t>, on: (Place, &str)) -> Result<(), Flaw> {
        let (option, end) = self.value(&[";"])?;
        if let Some((name, value)) = feature(option) {
            self.note(on, name, value)?;
            self.edits.push((first.start, end.end(), String::new()));
        }
        Ok(())
    }

    /// One feature, or all of an aggregate.
    fn note(&mut self, on: (Place, &str), name: &str, value: &str) -> Result<(), Flaw> {
        if let Some(name) = name.strip_prefix('.') {
            return self.edition.note(on, name.trim(), value);
        }
        let inner = value.strip_prefix('{').and_then(|value| value.strip_suffix('}'));
        let inner = inner.ok_or_else(|| Flaw::new("features = { name: VALUE } is how several are set"))?;
        let mut words = Words { text: inner, at: 0 };
        loop {
            let name = words.next()?.text;
            match name {
                "" => return Ok(()),
                "," | ";" => {}
                _ if words.next()?.is(":") => self.edition.note(on, name, words.next()?.text)?,
                _ => return Err(Flaw::new(format!("{name:?} is no feature with its value"))),
            }
        }
    }

    /// Up to one of these signs outside of braces and brackets, and that sign. Comments before and behind are no part of it.
    fn value(&mut self, ends: &[&str]) -> Result<(&'t str, Token<'t>), Flaw> {
        let (start, mut end, mut depth) = (self.words.peek()?.start, self.words.at, 0_usize);
        loop {
            let token = self.words.next()?;
            match token.text {
                "" => return Err(Flaw::new("the text ends inside a statement")),
                text if depth == 0 && ends.contains(&text) => return Ok((&self.words.text[start..end.max(start)], token)),
                "{" | "[" => depth += 1,
                "}" | "]" => depth = depth.checked_sub(1).ok_or_else(|| Flaw::new("a statement does not end"))?,
                _ => {}
            }
            end = token.end();
        }
    }

    fn skip_statement(&mut self) -> Result<(), Flaw> {
        self.value(&[";"]).map(drop)
    }
}

/// Name (with the point before it, or nothing) and value of an option that is a feature.
fn feature(option: &str) -> Option<(&str, &str)> {
    let rest = option.strip_prefix("features")?;
    let (name, value) = rest.split_once('=')?;
    let name = name.trim();
    (name.is_empty() || name.starts_with('.')).then_some((name, value.trim()))
}

#[cfg(test)]
mod tests {
    use super::parts;

    #[test]
    fn messages_and_fields_are_counted_and_nothing_else() {
        let text = r#"
            edition = "2024"; // message A { int32 b = 1; }
            option (x) = 5;
            export message A {
                option (y) = { a: 1 b: "message" };
                int32 a = 1 [deprecated = true, (z) = 7];
                oneof o { string b = 2; }
                map<string, int32> m = 3;
                reserved 4 to 9;
                enum E { X = 0; Y = 1; }
                message Inner { A a = 0x1; }
                /* message B {} */
            }
            enum F { Z = 0; }
            local message B {}
            extend A { string c = 100; }
            service S { rpc Do(A) returns (B) { option (w) = 3; } }
        "#;
        // One of the fields is a map, which is four.
        assert_eq!(parts(text), 3 + 5 + 3 + 1);
        let groups = "message A { optional group B = 1 { optional int32 c = 1; } oneof o { group D = 2 {} } }";
        assert_eq!(parts(groups), 3 + 3);
        assert_eq!(parts("option (x) = { message { a: 1 } }; message rpc { rpc returns = 1; }"), 2);
        assert_eq!((parts(""), parts("\"no end"), parts("}}}} message A { int32 a = 1;")), (0, 0, 2));
    }
}
