//! Data against a schema: the `jsonschema` crate under our bounds.
//!
//! Patterns run on an engine whose time is linear in the data. Only a schema with a pattern that such an engine cannot
//! express (look-around, back-references) is compiled for the backtracking one, and that one stops after a number of steps.

use jsonschema::{PatternOptions, ValidationOptions};
use serde_json::Value;

use super::{Schema, dialect, library};
use crate::{Flaw, tree};

/// The bytes of all patterns of one schema that are compiled.
const PATTERNS: usize = 64 << 10;
/// Bytes that the programs of all patterns may take together.
const PROGRAMS: usize = 16 << 20;
/// Steps after which the backtracking engine gives up.
const BACKTRACKS: usize = 10_000;
/// Flaws that one answer names.
const FLAWS: usize = 20;
/// Characters of one flaw: the crate quotes the data, which may be large.
const SENTENCE: usize = 400;

/// A schema that was compiled for validation. Share it: building one costs tens of validations.
#[derive(Debug, Clone)]
pub struct Validator {
    compiled: jsonschema::Validator,
}

impl Validator {
    pub(super) fn build(schema: &Schema) -> Result<Self, Flaw> {
        let (count, bytes) = patterns(schema)?;
        if bytes > PATTERNS {
            return Err(Flaw::new(format!("the patterns have {bytes} bytes in all; at most {PATTERNS} are compiled")));
        }
        let program = (PROGRAMS / count.max(1)).clamp(64 << 10, 1 << 20);
        let shelf = library::shelve(schema)?;
        library::check(schema, &shelf)?;
        let options = || {
            let options = jsonschema::options().with_registry(&shelf).with_base_uri(library::base(schema));
            let options = options.with_retriever(library::Refusing);
            // A draft that is given holds for all documents, so it is given only where the schema names none.
            if schema.root.read().get("$schema").is_some() { options } else { options.with_draft(schema.draft.engine()) }
        };
        let linear = PatternOptions::regex().size_limit(program).dfa_size_limit(program);
        let compiled = build(&options().with_pattern_options(linear), schema).or_else(|flaw| {
            if count == 0 {
                return Err(flaw);
            }
            let fancy = PatternOptions::fancy_regex().backtrack_limit(BACKTRACKS);
            build(&options().with_pattern_options(fancy.size_limit(program).dfa_size_limit(program)), schema)
        })?;
        Ok(Self { compiled })
    }

    /// Everything that is wrong with a value, up to a bound.
    pub fn validate(&self, value: &Value) -> Result<(), Vec<Flaw>> {
        let flaws: Vec<Flaw> = self
            .compiled
            .iter_errors(value)
            .take(FLAWS)
            .map(|error| Flaw::new(sentence(&error)).at(error.instance_path().to_string()))
            .collect();
        if flaws.is_empty() { Ok(()) } else { Err(flaws) }
    }

    /// Reads a JSON text under this crate's bounds, and validates it.
    pub fn validate_text(&self, text: &str) -> Result<Value, Vec<Flaw>> {
        let value = tree::parse(text).map_err(|flaw| vec![flaw])?;
        self.validate(&value)?;
        Ok(value)
    }

    /// Whether a value is valid: faster than asking why not.
    pub fn is_valid(&self, value: &Value) -> bool {
        self.compiled.is_valid(value)
    }
}

/// Patterns of the schema and of its references: how many, and their bytes.
fn patterns(schema: &Schema) -> Result<(usize, usize), Flaw> {
    let documents = std::iter::once(&schema.root).chain(schema.references.iter().map(|(_, document)| document));
    let mut all = (0, 0);
    for document in documents {
        let (count, bytes) = dialect::patterns(document.read())?;
        all = (all.0 + count, all.1 + bytes);
    }
    Ok(all)
}

fn build(options: &ValidationOptions<'_>, schema: &Schema) -> Result<jsonschema::Validator, Flaw> {
    options.build(schema.root.read()).map_err(|error| {
        let place = error.instance_path().to_string();
        let mut flaw = library::flaw(error);
        flaw.what = shortened(&flaw.what);
        flaw.at(place)
    })
}

/// What is wrong, quoting the data where it is short.
fn sentence(error: &jsonschema::ValidationError<'_>) -> String {
    let text = error.to_string();
    if text.len() <= SENTENCE { text } else { shortened(&error.masked().to_string()) }
}

/// The head of a sentence that quotes more than anybody reads.
pub(super) fn shortened(text: &str) -> String {
    match text.char_indices().nth(SENTENCE) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
