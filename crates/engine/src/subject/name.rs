//! Names of subjects: `name`, or `:.context:name`. Knows how they are written and which are legal.

use std::{fmt, sync::Arc};

use super::{Refusal, limits};

/// The context of names that do not say one.
pub const DEFAULT_CONTEXT: &str = ".";
/// What holds for all contexts: settings and modes only.
pub const GLOBAL_CONTEXT: &str = ".__GLOBAL";
/// In lists: every context.
pub const EVERY_CONTEXT: &str = "*";

/// A subject's full name. With an empty name it stands for its context as a whole: settings and modes have that.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Subject {
    pub context: Arc<str>,
    pub name: Arc<str>,
}

impl Subject {
    pub fn new(context: &str, name: &str) -> Self {
        Self { context: context.into(), name: name.into() }
    }

    /// A whole context.
    pub fn context(context: &str) -> Self {
        Self::new(context, "")
    }

    /// Takes a name apart. Whatever is no context belongs to the name.
    pub fn parse(text: &str) -> Self {
        let Some(rest) = text.strip_prefix(':') else { return Self::new(DEFAULT_CONTEXT, text) };
        let (context, name) = rest.split_once(':').unwrap_or((rest, ""));
        match context {
            "" => Self::new(DEFAULT_CONTEXT, name),
            EVERY_CONTEXT => Self::new(EVERY_CONTEXT, name),
            _ if context.starts_with('.') => Self::new(context, name),
            _ => Self::new(DEFAULT_CONTEXT, text),
        }
    }

    /// As a reference inside a schema of `context` means it: what says no context belongs to that one.
    pub fn parse_in(context: &str, text: &str) -> Self {
        let says_one = [":.", ":*:", "::"].iter().any(|beginning| text.starts_with(beginning));
        if says_one { Self::parse(text) } else { Self::new(context, text) }
    }

    /// Whether it is a whole context, and not a subject in it.
    pub fn is_context(&self) -> bool {
        self.name.is_empty()
    }

    /// A name under which schemas may be registered.
    pub fn judge(&self) -> Result<(), Refusal> {
        let name = &*self.name;
        let reserved = matches!(name, "" | "__GLOBAL" | "__EMPTY");
        let too_long = name.len() > limits::SUBJECT_BYTES_MAX;
        // Written out, it must mean itself: the records of two subjects would have one key.
        let another = || Self::parse(&self.to_string()) != *self;
        if reserved || too_long || name.chars().any(char::is_control) || another() {
            return Err(Refusal::BadSubject(shortened(name)));
        }
        judge_context(&self.context)
    }
}

/// A context that subjects may live in.
pub fn judge_context(context: &str) -> Result<(), Refusal> {
    let legal = context.starts_with('.')
        && context != GLOBAL_CONTEXT
        && context.len() <= limits::SUBJECT_BYTES_MAX
        && !context.contains(|c: char| c == ':' || c.is_control());
    if legal { Ok(()) } else { Err(Refusal::BadSubject(shortened(context))) }
}

/// For words to people: a name of a megabyte is not repeated to them.
fn shortened(name: &str) -> String {
    name.chars().take(120).collect()
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.context {
            DEFAULT_CONTEXT => f.write_str(&self.name),
            context => write!(f, ":{context}:{}", self.name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_apart_and_put_together() {
        let cases = [
            ("people", ".", "people", "people"),
            (":.eu:people", ".eu", "people", ":.eu:people"),
            (":.:people", ".", "people", "people"),
            ("::people", ".", "people", "people"),
            (":.eu:", ".eu", "", ":.eu:"),
            (":.eu", ".eu", "", ":.eu:"),
            (":*:pe", "*", "pe", ":*:pe"),
            (":odd:one", ".", ":odd:one", ":odd:one"),
            ("a:b", ".", "a:b", "a:b"),
        ];
        for (text, context, name, shown) in cases {
            let subject = Subject::parse(text);
            assert_eq!((&*subject.context, &*subject.name), (context, name), "{text}");
            assert_eq!(subject.to_string(), shown, "{text}");
        }
        assert_eq!(Subject::parse_in(".eu", "a"), Subject::new(".eu", "a"));
        assert_eq!(Subject::parse_in(".eu", ":.us:a"), Subject::new(".us", "a"));
    }

    #[test]
    fn strange_names_are_refused() {
        for text in
            ["", "__GLOBAL", "__EMPTY", "a\nb", ":.eu:", ":*:a", ":.__GLOBAL:a", "\u{0}", ":.::.eu:twin", "::::a", ":.::*:a"]
        {
            assert!(Subject::parse(text).judge().is_err(), "{text:?}");
        }
        assert!(Subject::parse(&"a".repeat(limits::SUBJECT_BYTES_MAX + 1)).judge().is_err());
        for text in [":.eu:a/b c", ":odd:one", "a:b", ":.eu::.us:a"] {
            assert!(Subject::parse(text).judge().is_ok(), "{text:?}");
        }
    }
}
