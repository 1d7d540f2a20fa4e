//! What is generated from all definitions together: the module list, the table of APIs, the enums of all requests and responses, the error codes.

use std::fmt::Write as _;

use anyhow::{Context, Result, ensure};

use super::{
    definition::{Definition, Head},
    rust::{MARK, constant},
};

pub(super) fn root(definitions: &[Definition]) -> String {
    let mut out = format!("{MARK}//! One module an API key, and the flat names of the messages.\n\n");
    for d in definitions {
        out += &format!("pub mod {};\n", d.module());
    }
    out += "mod any;\nmod errors;\npub use any::*;\npub(crate) use errors::ERRORS;\n";
    for d in definitions {
        let module = d.module();
        out += &match d.head {
            Head::Api(_) => format!("pub use {module}::{{{0}Request, {0}Response}};\n", d.name),
            Head::Header | Head::Blob => format!("pub use {module}::{};\n", d.name),
        };
    }
    out
}

pub(super) fn any(definitions: &[Definition]) -> String {
    let mut apis: Vec<(i16, &Definition)> = definitions
        .iter()
        .filter_map(|d| match d.head {
            Head::Api(key) => Some((key, d)),
            Head::Header | Head::Blob => None,
        })
        .collect();
    apis.sort_by_key(|(key, _)| *key);
    let mut out =
        format!("{MARK}//! All messages alike, for tools: the table of APIs, and a request or response of any key.\n\n");
    out += "use bytes::BytesMut;\nuse crate::{Api, Malformed, Message, Reader, Unencodable, Versions};\nuse super::*;\n\n";
    out += "/// Every API that clients use, by key.\npub static APIS: &[Api] = &[\n";
    for (key, d) in &apis {
        let module = d.module();
        out += &format!(
            "Api {{ key: {key}, name: \"{}\", versions: Versions({}, {}), flexible: {:?}, unstable: {}, request: &{module}::{}, response: &{module}::{} }},\n",
            d.name,
            d.versions.0,
            d.versions.1,
            d.flexible,
            d.unstable,
            constant(&format!("{}Request", d.name)),
            constant(&format!("{}Response", d.name)),
        );
    }
    out += "];\n\n";
    out + &enumeration("Request", &apis) + &enumeration("Response", &apis)
}

fn enumeration(what: &str, apis: &[(i16, &Definition)]) -> String {
    let lower = what.to_lowercase();
    let arms = |arm: &dyn Fn(i16, &str) -> String| apis.iter().map(|(key, d)| arm(*key, &d.name)).collect::<String>();
    format!(
        "/// A {lower} of any key.
        #[derive(Clone, Debug, PartialEq)]
        #[allow(clippy::large_enum_variant)] // for tools, which hold one at a time
        pub enum Any{what} {{\n{}}}

        impl Any{what} {{
            /// Reads the {lower} of a key.
            pub fn decode(key: i16, from: &mut Reader, version: i16) -> Result<Self, Malformed> {{
                Ok(match key {{ {} _ => return Err(Malformed::Key {{ key }}) }})
            }}
            /// Appends the {lower}.
            pub fn encode(&self, out: &mut BytesMut, version: i16) -> Result<(), Unencodable> {{
                match self {{ {} }}
            }}
            /// The key it belongs to.
            pub fn key(&self) -> i16 {{
                match self {{ {} }}
            }}
        }}\n\n",
        arms(&|key, name| format!("/// Key {key}.\n{name}({name}{what}),\n")),
        arms(&|key, name| format!("{key} => Self::{name}({name}{what}::decode(from, version)?), ")),
        arms(&|_, name| format!("Self::{name}(m) => m.encode(out, version), ")),
        arms(&|key, name| format!("Self::{name}(_) => {key}, ")),
    )
}

/// Lines of `CODE NAME [retriable] : words`, in order and without gaps from -1.
pub(super) fn errors(text: &str) -> Result<String> {
    let mut constants = String::new();
    let mut table = String::new();
    let lines = text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#'));
    for (at, line) in lines.enumerate() {
        let (facts, words) = line.split_once(" : ").unwrap_or((line, ""));
        let mut facts = facts.split(' ');
        let code: i16 = facts.next().context("a code")?.parse()?;
        ensure!(code == at as i16 - 1, "error codes are not in order at {code}");
        let name = facts.next().context("a name")?;
        let retriable = facts.next() == Some("retriable");
        writeln!(constants, "/// {words}\npub const {name}: ErrorCode = ErrorCode({code});")?;
        writeln!(table, "Known {{ name: {name:?}, retriable: {retriable}, words: {words:?} }},")?;
    }
    Ok(format!(
        "{MARK}//! The error codes of Kafka 4.3.\n\nuse crate::error::{{ErrorCode, Known}};\n\n\
         impl ErrorCode {{\n{constants}}}\n\n/// By code, beginning with -1.\npub(crate) static ERRORS: &[Known] = &[\n{table}];\n"
    ))
}
