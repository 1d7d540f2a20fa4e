//! A file printed as text: the canonical form as it was written, the normalised one by tags and full names.
//!
//! Comments are lost, white space is ours. Printing what was read from a printed text gives the same text.

use std::{collections::HashSet, fmt::Write};

use prost_reflect::{
    DynamicMessage, EnumDescriptor, ExtensionDescriptor, FileDescriptor, MessageDescriptor, ServiceDescriptor, Syntax,
    prost_types::{
        DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorProto, ServiceDescriptorProto,
        field_descriptor_proto::Label, field_descriptor_proto::Type,
    },
};

use super::{
    editions::{Edition, joined},
    options,
};

/// The end of a range that has none: one after the largest tag.
const TAGS: i32 = 536_870_912;
/// The same where a message's extensions are a set of messages, in which larger tags fit.
const SET_TAGS: i32 = i32::MAX;

pub(super) fn canonical(written: &FileDescriptorProto, file: &FileDescriptor, edition: Option<&Edition>) -> String {
    Printer::new(file, edition, false).file(written)
}

/// As the canonical form, without extensions: neither those that the file declares nor options that are some.
pub(super) fn unextended(written: &FileDescriptorProto, file: &FileDescriptor, edition: Option<&Edition>) -> String {
    Printer { extended: false, ..Printer::new(file, edition, false) }.file(written)
}

pub(super) fn normalized(linked: &FileDescriptorProto, file: &FileDescriptor, edition: Option<&Edition>) -> String {
    Printer::new(file, edition, true).file(linked)
}

struct Printer<'f> {
    out: String,
    depth: usize,
    normal: bool,
    /// Extensions are printed.
    extended: bool,
    file: &'f FileDescriptor,
    /// The features of a file that has an edition.
    edition: Option<&'f Edition>,
    /// The message that is printed, by its name within the file.
    scope: String,
}

impl<'f> Printer<'f> {
    fn new(file: &'f FileDescriptor, edition: Option<&'f Edition>, normal: bool) -> Self {
        Self { out: String::new(), depth: 0, normal, extended: true, file, edition, scope: String::new() }
    }

    /// The features that stand on something within the scope; without a name, on the scope itself.
    fn features(&self, name: &str) -> Vec<(String, String)> {
        let Some(edition) = self.edition else { return Vec::new() };
        if name.is_empty() { edition.options(&self.scope) } else { edition.options(&joined(&self.scope, name)) }
    }

    /// What stands before a message or an enum of the scope.
    fn visibility(&self, name: &str) -> String {
        self.edition.map(|edition| edition.visibility(&joined(&self.scope, name))).unwrap_or_default()
    }

    /// Names of messages that are bodies of groups. An edition has none: there a group is a field of a message that stands for
    /// itself.
    fn groups<'a>(&self, fields: impl Iterator<Item = &'a FieldDescriptorProto>) -> HashSet<&'a str> {
        let fields = fields.filter(|field| self.is_group(field));
        fields.filter_map(|field| field.type_name().rsplit('.').next()).collect()
    }

    fn is_group(&self, field: &FieldDescriptorProto) -> bool {
        self.edition.is_none() && field.r#type() == Type::Group
    }

    fn line(&mut self, text: &str) {
        for _ in 0..self.depth {
            self.out.push_str("  ");
        }
        self.out.push_str(text);
        self.out.push('\n');
    }

    fn open(&mut self, text: &str) {
        self.line(&format!("{text} {{"));
        self.depth += 1;
    }

    fn close(&mut self) {
        self.depth -= 1;
        self.line("}");
    }

    fn gap(&mut self) {
        if !self.out.is_empty() && !self.out.ends_with("{\n") {
            self.out.push('\n');
        }
    }

    fn file(mut self, proto: &FileDescriptorProto) -> String {
        match (self.file.syntax(), self.edition) {
            (_, Some(edition)) => self.line(&edition.head()),
            (Syntax::Proto3, _) => self.line("syntax = \"proto3\";"),
            (Syntax::Proto2, _) if !self.normal => self.line("syntax = \"proto2\";"),
            (Syntax::Proto2, _) => {}
        }
        if !proto.package().is_empty() {
            self.line(&format!("package {};", proto.package()));
        }
        self.imports(proto);
        let list = self.with_features("", self.options(&self.file.options()));
        if !list.is_empty() {
            self.gap();
        }
        self.option_lines(list);
        let file = self.file;
        let hidden = self.groups(proto.extension.iter());
        for (message, descriptor) in proto.message_type.iter().zip(file.messages()) {
            if !hidden.contains(message.name()) {
                self.gap();
                self.message(message, &descriptor);
            }
        }
        for (proto, descriptor) in proto.enum_type.iter().zip(file.enums()) {
            self.gap();
            self.enumeration(proto, &descriptor);
        }
        let extensions: Vec<_> = file.extensions().collect();
        self.extensions(&proto.extension, &proto.message_type, &extensions);
        for (proto, service) in proto.service.iter().zip(file.services()) {
            self.gap();
            self.service(proto, &service);
        }
        self.out
    }

    fn imports(&mut self, proto: &FileDescriptorProto) {
        let kind = |index: usize, name: &str| {
            let listed = |list: &[i32]| list.iter().any(|at| usize::try_from(*at) == Ok(index));
            match (listed(&proto.public_dependency), listed(&proto.weak_dependency)) {
                (true, _) => "import public ",
                (_, true) => "import weak ",
                _ if self.edition.is_some_and(|edition| edition.is_option_import(name)) => "import option ",
                _ => "import ",
            }
        };
        let lines = proto.dependency.iter().enumerate();
        let mut lines: Vec<_> =
            lines.map(|(at, name)| format!("{}{};", kind(at, name), options::quoted(name.as_bytes()))).collect();
        if self.normal {
            lines.sort_unstable();
            lines.dedup();
        }
        if !lines.is_empty() {
            self.gap();
        }
        for line in lines {
            self.line(&line);
        }
    }

    /// The options that are printed.
    fn options(&self, of: &DynamicMessage) -> Vec<(String, String)> {
        let mut list = if self.extended { options::list(of) } else { options::known(of) };
        // A file that imports `descriptor.proto` has them as options, too.
        list.retain(|(name, _)| self.edition.is_none() || name != "features");
        self.sorted(list)
    }

    fn sorted(&self, mut list: Vec<(String, String)>) -> Vec<(String, String)> {
        if self.normal {
            list.sort();
            list.dedup();
        }
        list
    }

    /// Features and other options; how repeated fields are packed is a feature.
    fn with_features(&self, name: &str, mut list: Vec<(String, String)>) -> Vec<(String, String)> {
        list.retain(|(option, _)| self.edition.is_none() || option != "packed");
        self.sorted(self.features(name).into_iter().chain(list).collect())
    }

    fn option_lines(&mut self, list: Vec<(String, String)>) {
        for (name, value) in list {
            self.line(&format!("option {name} = {value};"));
        }
    }

    fn body_options(&mut self, name: &str, of: &DynamicMessage) {
        let list = self.with_features(name, self.options(of));
        self.option_lines(list.into_iter().filter(|(name, _)| name != "map_entry").collect());
    }

    fn message(&mut self, proto: &DescriptorProto, descriptor: &MessageDescriptor) {
        self.open(&format!("{}message {}", self.visibility(proto.name()), proto.name()));
        let inner = joined(&self.scope, proto.name());
        let outer = std::mem::replace(&mut self.scope, inner);
        self.message_body(proto, descriptor);
        self.scope = outer;
        self.close();
    }

    fn message_body(&mut self, proto: &DescriptorProto, descriptor: &MessageDescriptor) {
        self.body_options("", &descriptor.options());
        self.ranges("reserved", proto.reserved_range.iter().map(|r| (r.start(), r.end() - 1)), TAGS - 1);
        self.reserved_names(&proto.reserved_name);
        let options = descriptor.options();
        let set = options.get_field_by_name("message_set_wire_format").is_some_and(|set| set.as_bool() == Some(true));
        let max = if set { SET_TAGS - 1 } else { TAGS - 1 };
        self.ranges("extensions", proto.extension_range.iter().map(|r| (r.start(), r.end() - 1)), max);
        let mut printed = 0;
        self.members(proto, descriptor, &mut printed);
        self.nested(proto, descriptor, &mut printed, proto.nested_type.len());
        for (proto, inner) in proto.enum_type.iter().zip(descriptor.child_enums()) {
            self.gap();
            self.enumeration(proto, &inner);
        }
        let extensions: Vec<_> = descriptor.child_extensions().collect();
        self.extensions(&proto.extension, &proto.nested_type, &extensions);
    }

    /// Nested messages from `printed` to `end`. Entries of maps and bodies of groups are printed by their fields.
    fn nested(&mut self, proto: &DescriptorProto, descriptor: &MessageDescriptor, printed: &mut usize, end: usize) {
        let hidden = self.groups(proto.field.iter().chain(&proto.extension));
        let all = proto.nested_type.iter().zip(descriptor.child_messages());
        for (nested, inner) in all.take(end).skip(*printed) {
            if !inner.is_map_entry() && !hidden.contains(nested.name()) {
                self.gap();
                self.message(nested, &inner);
            }
        }
        *printed = end.max(*printed);
    }

    /// Where among the nested messages the one stands that a map or group brings with it. Those before it are to be
    /// printed first: the indexes in frames count messages in the order in which a compiler meets them.
    fn brought(&self, field: &FieldDescriptorProto, proto: &DescriptorProto, descriptor: &MessageDescriptor) -> Option<usize> {
        let known = descriptor.get_field(u32::try_from(field.number()).ok()?)?;
        let kind = known.kind();
        let inner = kind.as_message().filter(|_| known.is_map() || self.is_group(field))?;
        proto.nested_type.iter().position(|nested| nested.name() == inner.name())
    }

    /// Fields and oneofs: in their order, or by tags with the oneofs after the fields.
    fn members(&mut self, proto: &DescriptorProto, descriptor: &MessageDescriptor, before: &mut usize) {
        let mut fields: Vec<&FieldDescriptorProto> = proto.field.iter().collect();
        if self.normal {
            fields.sort_by_key(|field| (field.oneof_index.is_some() && !field.proto3_optional(), field.number()));
        }
        let mut printed = HashSet::new();
        for field in &fields {
            if let Some(end) = self.brought(field, proto, descriptor).filter(|_| !self.normal) {
                self.nested(proto, descriptor, before, end);
            }
            let Some(index) = field.oneof_index.filter(|_| !field.proto3_optional()) else {
                self.field(field, proto, descriptor);
                continue;
            };
            if !printed.insert(index) {
                continue;
            }
            let Some(oneof) = descriptor.oneofs().nth(usize::try_from(index).unwrap_or(usize::MAX)) else { continue };
            self.gap();
            self.open(&format!("oneof {}", oneof.name()));
            self.body_options(oneof.name(), &oneof.options());
            for member in fields.iter().filter(|member| member.oneof_index == Some(index)) {
                self.field(member, proto, descriptor);
            }
            self.close();
        }
    }

    fn field(&mut self, field: &FieldDescriptorProto, within: &DescriptorProto, descriptor: &MessageDescriptor) {
        let tag = u32::try_from(field.number()).unwrap_or_default();
        let known = descriptor.get_field(tag);
        let map = known.as_ref().filter(|known| known.is_map()).and_then(|_| self.map(field, within, descriptor));
        let in_oneof = field.oneof_index.is_some() && !field.proto3_optional();
        let kind = match map {
            Some(map) => map,
            None => format!("{}{}", self.label(field, in_oneof), self.kind(field)),
        };
        let options = known.as_ref().map(|known| known.options());
        if self.is_group(field) {
            let inner = known.and_then(|known| known.kind().as_message().cloned());
            let Some((group, inner)) = group_of(field, &within.nested_type).zip(inner) else { return };
            self.open(&format!("{kind} {} = {}{}", group.name(), field.number(), self.brackets(field, options)));
            self.message_body(group, &inner);
            return self.close();
        }
        self.line(&format!("{kind} {} = {}{};", field.name(), field.number(), self.brackets(field, options)));
    }

    fn label(&self, field: &FieldDescriptorProto, in_oneof: bool) -> &'static str {
        match field.label() {
            Label::Repeated => "repeated ",
            _ if self.edition.is_some() => "",
            Label::Required => "required ",
            Label::Optional if in_oneof => "",
            Label::Optional if field.proto3_optional() || self.file.syntax() == Syntax::Proto2 => "optional ",
            Label::Optional => "",
        }
    }

    fn map(&self, field: &FieldDescriptorProto, within: &DescriptorProto, descriptor: &MessageDescriptor) -> Option<String> {
        let tag = u32::try_from(field.number()).ok()?;
        let entry = descriptor.get_field(tag)?.kind().as_message()?.name().to_owned();
        let entry = within.nested_type.iter().find(|nested| nested.name() == entry)?;
        let part = |tag| entry.field.iter().find(|field| field.number() == tag).map(|field| self.kind(field));
        Some(format!("map<{}, {}>", part(1)?, part(2)?))
    }

    fn kind(&self, field: &FieldDescriptorProto) -> String {
        match scalar(field) {
            Some(name) => name.to_owned(),
            None if self.is_group(field) => "group".to_owned(),
            None => field.type_name().to_owned(),
        }
    }

    /// What stands in brackets after a field: its default, its JSON name where that is its own, its options.
    fn brackets(&self, field: &FieldDescriptorProto, of: Option<DynamicMessage>) -> String {
        let mut list = Vec::new();
        if let Some(value) = &field.default_value {
            let text = match field.r#type() {
                Type::String => options::quoted(value.as_bytes()),
                Type::Bytes => format!("\"{value}\""),
                Type::Double => value.parse().map_or_else(|_| value.clone(), options::float),
                Type::Float => value.parse::<f32>().map_or_else(|_| value.clone(), |v| options::float(v.into())),
                _ => value.clone(),
            };
            list.push(("default".to_owned(), text));
        }
        if let Some(name) = field.json_name.as_deref().filter(|name| *name != camel(field.name())) {
            list.push(("json_name".to_owned(), options::quoted(name.as_bytes())));
        }
        list.extend(of.iter().flat_map(|of| self.options(of)));
        let list = self.with_features(field.name(), list);
        if list.is_empty() {
            return String::new();
        }
        let parts: Vec<_> = list.into_iter().map(|(name, value)| format!("{name} = {value}")).collect();
        format!(" [{}]", parts.join(", "))
    }

    fn enumeration(&mut self, proto: &EnumDescriptorProto, descriptor: &EnumDescriptor) {
        self.open(&format!("{}enum {}", self.visibility(proto.name()), proto.name()));
        self.body_options(proto.name(), &descriptor.options());
        self.ranges("reserved", proto.reserved_range.iter().map(|r| (r.start(), r.end())), i32::MAX);
        self.reserved_names(&proto.reserved_name);
        let mut values: Vec<_> = proto.value.iter().collect();
        if self.normal {
            // The first constant is the default of proto2, whatever its number.
            let first = values.first().map(|value| value.name().to_owned()).unwrap_or_default();
            values.sort_by_key(|value| (value.name() != first, value.number(), value.name().to_owned()));
        }
        for value in values {
            let options = descriptor.get_value_by_name(value.name()).map(|value| value.options());
            let list = options.iter().flat_map(|of| self.options(of));
            let parts: Vec<_> = list.map(|(name, value)| format!("{name} = {value}")).collect();
            let brackets = if parts.is_empty() { String::new() } else { format!(" [{}]", parts.join(", ")) };
            self.line(&format!("{} = {}{brackets};", value.name(), value.number()));
        }
        self.close();
    }

    /// Ranges of tags: in one statement as written, or sorted with one for each.
    fn ranges(&mut self, word: &str, ranges: impl Iterator<Item = (i32, i32)>, max: i32) {
        let mut ranges: Vec<_> = ranges.collect();
        if self.normal {
            ranges.sort_unstable();
            for range in ranges {
                self.line(&format!("{word} {};", span(range, max)));
            }
        } else if !ranges.is_empty() {
            let parts: Vec<_> = ranges.into_iter().map(|range| span(range, max)).collect();
            self.line(&format!("{word} {};", parts.join(", ")));
        }
    }

    fn reserved_names(&mut self, names: &[String]) {
        let bare = self.edition.is_some();
        let spelled = |name: &String| if bare { name.clone() } else { options::quoted(name.as_bytes()) };
        let mut names: Vec<_> = names.iter().map(spelled).collect();
        if self.normal {
            names.sort_unstable();
            for name in names {
                self.line(&format!("reserved {name};"));
            }
        } else if !names.is_empty() {
            self.line(&format!("reserved {};", names.join(", ")));
        }
    }

    /// Extensions, one block for each run of those that extend the same message.
    fn extensions(&mut self, fields: &[FieldDescriptorProto], beside: &[DescriptorProto], of: &[ExtensionDescriptor]) {
        if !self.extended {
            return;
        }
        let mut all: Vec<_> = fields.iter().zip(of).collect();
        if self.normal {
            all.sort_by_key(|(field, _)| (field.extendee().to_owned(), field.number()));
        }
        for block in all.chunk_by(|(a, _), (b, _)| a.extendee() == b.extendee()) {
            self.gap();
            self.open(&format!("extend {}", block[0].0.extendee()));
            for (field, known) in block {
                let label = self.label(field, false);
                let brackets = self.brackets(field, Some(known.options()));
                let kind = known.kind();
                let group = group_of(field, beside).filter(|_| self.is_group(field));
                match group.zip(kind.as_message()) {
                    Some((group, inner)) => {
                        self.open(&format!("{label}group {} = {}{brackets}", group.name(), field.number()));
                        self.message_body(group, inner);
                        self.close();
                    }
                    None => {
                        let line = format!("{label}{} {} = {}{brackets};", self.kind(field), field.name(), field.number());
                        self.line(&line);
                    }
                }
            }
            self.close();
        }
    }

    fn service(&mut self, written: &ServiceDescriptorProto, service: &ServiceDescriptor) {
        self.open(&format!("service {}", service.name()));
        self.body_options(service.name(), &service.options());
        for (proto, method) in written.method.iter().zip(service.methods()) {
            let stream = |yes: bool| if yes { "stream " } else { "" };
            let mut head = format!("rpc {} (", method.name());
            let _ = write!(head, "{}{})", stream(method.is_client_streaming()), proto.input_type());
            let _ = write!(head, " returns ({}{})", stream(method.is_server_streaming()), proto.output_type());
            let options = method.options();
            if self.options(&options).is_empty() {
                self.line(&format!("{head};"));
                continue;
            }
            self.open(&head);
            self.body_options(method.name(), &options);
            self.close();
        }
        self.close();
    }
}

fn group_of<'a>(field: &FieldDescriptorProto, beside: &'a [DescriptorProto]) -> Option<&'a DescriptorProto> {
    let name = field.type_name().rsplit('.').next()?;
    beside.iter().find(|nested| nested.name() == name)
}

fn span((first, last): (i32, i32), max: i32) -> String {
    if first == last {
        first.to_string()
    } else if last == max {
        format!("{first} to max")
    } else {
        format!("{first} to {last}")
    }
}

/// The JSON name that a field has by itself.
fn camel(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut raise = false;
    for c in name.chars() {
        if c == '_' {
            raise = true;
        } else if std::mem::take(&mut raise) {
            out.extend(c.to_uppercase());
        } else {
            out.push(c);
        }
    }
    out
}

/// The word for a type that needs no name. An unlinked field has no type, only a name.
fn scalar(field: &FieldDescriptorProto) -> Option<&'static str> {
    field.r#type?;
    Some(match field.r#type() {
        Type::Double => "double",
        Type::Float => "float",
        Type::Int64 => "int64",
        Type::Uint64 => "uint64",
        Type::Int32 => "int32",
        Type::Fixed64 => "fixed64",
        Type::Fixed32 => "fixed32",
        Type::Bool => "bool",
        Type::String => "string",
        Type::Bytes => "bytes",
        Type::Uint32 => "uint32",
        Type::Sfixed32 => "sfixed32",
        Type::Sfixed64 => "sfixed64",
        Type::Sint32 => "sint32",
        Type::Sint64 => "sint64",
        Type::Group | Type::Message | Type::Enum => return None,
    })
}
