//! The writing half of a generated struct.

use std::fmt::Write as _;

use anyhow::Result;

use super::{
    definition::{Default, Definition, Field, Struct, Type},
    rust::{flexibility, flexible, ident, literal, outside, uses, with_flexible, within},
};

pub(super) fn write(out: &mut String, d: &Definition, s: &Struct) -> Result<()> {
    let body = with_flexible(d, body(d, s)?);
    let v = if uses(&body, "v") { "v" } else { "_" };
    writeln!(out, "pub(crate) fn write(&self, out: &mut BytesMut, {v}: i16) -> Result<(), Unencodable> {{\n{body}}}")?;
    Ok(())
}

fn body(d: &Definition, s: &Struct) -> Result<String> {
    let mut out = String::new();
    for f in s.fields.iter().filter(|f| f.tag.is_none()) {
        let write = write_field(d, f);
        gated(&mut out, d, f, &write)?;
    }
    if d.flexible.is_none() {
        out += "Ok(())\n";
        return Ok(out);
    }
    let tagged: Vec<&Field> = s.fields.iter().filter(|f| f.tag.is_some()).collect();
    if flexible(d) == "true" {
        section(&mut out, d, &tagged)?;
        return Ok(out);
    }
    // A tagged field that the version lacks is refused here when the version has no tags at all, and in the section otherwise.
    writeln!(out, "if !flexible {{ if !self.unknown_tags.is_empty() {{ return Err(Unencodable::Tags {{ version: v }}); }}")?;
    for f in tagged.iter().filter(|f| !f.ignorable) {
        writeln!(out, "if {} {{ {} }}", changed(f), absent(f))?;
    }
    writeln!(out, "return Ok(()); }}")?;
    section(&mut out, d, &tagged)?;
    Ok(out)
}

fn section(out: &mut String, d: &Definition, tagged: &[&Field]) -> Result<()> {
    if tagged.is_empty() {
        writeln!(out, "writer::unknown_tags(out, &self.unknown_tags)")?;
        return Ok(());
    }
    writeln!(out, "let mut tagged = writer::Tagged::default();")?;
    for f in tagged {
        let value = write_field(d, f);
        let value = value.strip_suffix("?;").map_or_else(|| format!("{{ {value} Ok(()) }}"), str::to_owned);
        let put = format!("tagged.put({}, |out| {value})?;", f.tag.unwrap_or_default());
        let needs = within(d, f.versions).filter(|condition| *condition != flexible(d));
        match needs {
            Some(condition) if f.ignorable => writeln!(out, "if {condition} && {} {{ {put} }}", changed(f))?,
            Some(_) => writeln!(out, "if {} {{ if {} {{ {} }} {put} }}", changed(f), outside(d, f.versions), absent(f))?,
            None => writeln!(out, "if {} {{ {put} }}", changed(f))?,
        }
    }
    writeln!(out, "tagged.finish(out, &self.unknown_tags)")?;
    Ok(())
}

/// The write behind the condition of its versions; elsewhere a value that would be lost is an error.
fn gated(out: &mut String, d: &Definition, f: &Field, write: &str) -> Result<()> {
    match within(d, f.versions) {
        None => writeln!(out, "{write}")?,
        Some(condition) if f.ignorable => writeln!(out, "if {condition} {{ {write} }}")?,
        Some(condition) => writeln!(out, "if {condition} {{ {write} }} else if {} {{ {} }}", changed(f), absent(f))?,
    }
    Ok(())
}

fn absent(f: &Field) -> String {
    format!("return Err(Unencodable::Absent {{ field: \"{}\", version: v }});", f.name)
}

/// The condition that a field is not at its default.
fn changed(f: &Field) -> String {
    let name = format!("self.{}", ident(&f.name));
    match (&f.default, &f.kind, f.nullable) {
        (Default::Null, ..) => format!("{name}.is_some()"),
        (Default::True, ..) => format!("!{name}"),
        (Default::Int(n), kind, _) => format!("{name} != {}", literal(kind, *n)),
        (Default::Zero, Type::Struct(inner), Some(_)) => format!("{name} != Some({inner}::default())"),
        (Default::Zero, _, Some(_)) => format!("{name}.as_ref().is_none_or(|x| !x.is_empty())"),
        (Default::Zero, Type::Bool, _) => name,
        (Default::Zero, Type::Uuid, _) => format!("!{name}.is_nil()"),
        (Default::Zero, Type::Text | Type::Bytes | Type::Records | Type::Array(_), _) => format!("!{name}.is_empty()"),
        (Default::Zero, Type::Struct(inner), _) => format!("{name} != {inner}::default()"),
        (Default::Zero, Type::Float64, _) => format!("{name} != 0.0"),
        (Default::Zero, ..) => format!("{name} != 0"),
    }
}

fn write_field(d: &Definition, f: &Field) -> String {
    let name = format!("self.{}", ident(&f.name));
    let lengths = flexibility(d, f);
    let Some(nullable) = f.nullable else { return write_value(&f.kind, &lengths, &Place::Field(name)) };
    let covers = nullable.0 <= f.versions.0 && nullable.1 >= f.versions.1;
    let null = match &f.kind {
        Type::Text => format!("writer::nullable_text(out, {lengths}, {name}.as_ref())?;"),
        Type::Bytes | Type::Records => format!("writer::nullable_bytes(out, {lengths}, {name}.as_ref())?;"),
        Type::Struct(_) => format!("writer::nullable_struct(out, {name}.as_ref(), |out, x| x.write(out, v))?;"),
        Type::Array(inner) => format!("writer::nullable_array(out, {lengths}, {name}.as_ref(), {})?;", element(inner, &lengths)),
        _ => unreachable!("the parser's types that can be null are these"),
    };
    match within(d, nullable).filter(|_| !covers) {
        None => null,
        Some(_) => format!(
            "if {} && {name}.is_none() {{ return Err(Unencodable::Null {{ field: \"{}\", version: v }}); }}\n{null}",
            outside(d, nullable),
            f.name
        ),
    }
}

/// Where a value stands: in a field of `self`, or behind the reference `x` of a closure.
enum Place {
    Field(String),
    Element,
}

fn write_value(kind: &Type, lengths: &str, place: &Place) -> String {
    let (value, reference) = match place {
        Place::Field(name) => (name.clone(), format!("&{name}")),
        Place::Element => ("*x".to_owned(), "x".to_owned()),
    };
    match kind {
        Type::Bool => format!("writer::bool(out, {value});"),
        Type::Int8 => format!("out.put_i8({value});"),
        Type::Int16 => format!("out.put_i16({value});"),
        Type::Uint16 => format!("out.put_u16({value});"),
        Type::Int32 => format!("out.put_i32({value});"),
        Type::Uint32 => format!("out.put_u32({value});"),
        Type::Int64 => format!("out.put_i64({value});"),
        Type::Float64 => format!("out.put_f64({value});"),
        Type::Uuid => format!("writer::uuid(out, {value});"),
        Type::Text => format!("writer::text(out, {lengths}, {reference})?;"),
        Type::Bytes | Type::Records => format!("writer::bytes(out, {lengths}, {reference})?;"),
        Type::Struct(_) => format!("{}.write(out, v)?;", value.trim_start_matches('*')),
        Type::Array(inner) => format!("writer::array(out, {lengths}, {reference}, {})?;", element(inner, lengths)),
    }
}

fn element(kind: &Type, lengths: &str) -> String {
    let write = write_value(kind, lengths, &Place::Element);
    match write.strip_suffix("?;") {
        Some(result) => format!("|out, x| {result}"),
        None => format!("|out, x| {{ {write} Ok(()) }}"),
    }
}
