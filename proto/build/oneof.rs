//! Rules of messages that are members of a oneof. The generator knows fields only and refuses them, because such a
//! member is a variant. So it is shown descriptors in which the members are plain, and the check of the variant is
//! added to what it wrote. Whatever does not fit fails the build. Rules that stand directly on a member are not
//! supported here and stay refused by the generator: put them on a field of a message.

use std::{collections::BTreeMap, error::Error};

use prost_reflect::{DescriptorPool, DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, Value};

const TYPE_BOOL: i32 = 8;
const TYPE_MESSAGE: i32 = 11;
const HEADER: &str = "impl ::prost_protovalidate::Validate";
const START: &str = "let mut violations = ::std::vec::Vec::new();";

/// The descriptors with every message in a oneof made plain, and with a place to put its check.
pub(crate) fn hide(pool: &DescriptorPool, descriptors: &[u8]) -> Result<Vec<u8>, Box<dyn Error>> {
    let kind = pool
        .get_message_by_name("google.protobuf.FileDescriptorSet")
        .ok_or("descriptor.proto is not among the imports")?;
    let mut set = DynamicMessage::decode(kind, descriptors)?;
    for file in list(&mut set, "file") {
        let package = file.get_field_by_name("package");
        if package.is_some_and(|package| package.as_str().is_some_and(is_ours)) {
            for message in list(file, "message_type") {
                hide_in(pool, message)?;
            }
        }
    }
    Ok(prost::Message::encode_to_vec(&set))
}

fn hide_in(pool: &DescriptorPool, message: &mut DynamicMessage) -> Result<(), Box<dyn Error>> {
    let mut hidden = false;
    for field in list(message, "field") {
        if is_member(field) && number(field, "type") == Some(TYPE_MESSAGE) {
            field.set_field_by_name("type", Value::EnumNumber(TYPE_BOOL));
            field.clear_field_by_name("type_name");
            hidden = true;
        }
    }
    if hidden {
        let rules =
            pool.get_extension_by_name("buf.validate.message").ok_or("validate.proto is not among the imports")?;
        let Kind::Message(kind) = rules.kind() else {
            return Err("buf.validate.message is not a message".into());
        };
        let options = message
            .get_field_by_name_mut("options")
            .and_then(Value::as_message_mut)
            .ok_or("a message has no place for options")?;
        if !options.has_extension(&rules) {
            options.set_extension(&rules, Value::Message(DynamicMessage::new(kind)));
        }
    }
    for nested in list(message, "nested_type") {
        hide_in(pool, nested)?;
    }
    Ok(())
}

/// What the generator wrote, with the checks of the variants.
pub(crate) fn restore(pool: &DescriptorPool, generated: &str) -> Result<String, Box<dyn Error>> {
    let mut starts = BTreeMap::new();
    for (at, _) in generated.match_indices(HEADER) {
        let rest = generated.get(at..).unwrap_or_default();
        let (header, body) = rest.split_once('{').ok_or("an impl without a body")?;
        let checked = header.split_whitespace().last().ok_or("an impl without a type")?;
        let start = body.find(START).ok_or("an impl without a list of violations")?;
        starts.insert(checked.to_owned(), at + header.len() + 1 + start + START.len());
    }

    let mut insertions = BTreeMap::new();
    for message in pool.all_messages().filter(|message| is_ours(message.package_name())) {
        let mut checks = String::new();
        for oneof in message.oneofs().filter(|oneof| !oneof.is_synthetic()) {
            for field in oneof.fields() {
                checks.push_str(&check(&message, oneof.name(), &field, &starts));
            }
        }
        if !checks.is_empty() {
            let start = starts
                .get(&rust_type(&message))
                .ok_or_else(|| format!("no checks were generated for {}", message.full_name()))?;
            insertions.insert(*start, checks);
        }
    }

    let mut text = generated.to_owned();
    for (start, checks) in insertions.iter().rev() {
        text.insert_str(*start, checks);
    }
    Ok(text)
}

/// The check of one variant; empty when what it holds has no rules.
fn check(message: &MessageDescriptor, oneof: &str, field: &FieldDescriptor, known: &BTreeMap<String, usize>) -> String {
    let Kind::Message(inner) = field.kind() else {
        return String::new();
    };
    if !known.contains_key(&rust_type(&inner)) {
        return String::new();
    }
    format!(
        "
        if let Some({module}::{variants}::{variant}(inner)) = &self.{member} {{
            // Borrowing sees through the box that a recursive variant has.
            let inner = ::core::borrow::Borrow::<{checked}>::borrow(inner);
            if let Err(broken) = ::prost_protovalidate::Validate::validate(inner) {{
                for mut violation in broken.into_violations() {{
                    violation.prepend_field_path(\"{name}\");
                    violations.push(violation);
                }}
            }}
        }}",
        module = module(message),
        variants = camel(oneof),
        variant = camel(field.name()),
        member = escaped(oneof),
        checked = rust_type(&inner),
        name = field.name(),
    )
}

fn is_ours(package: &str) -> bool {
    package.starts_with("nhipcau.")
}

/// Is this FieldDescriptorProto a member of a oneof that was written as one?
fn is_member(field: &DynamicMessage) -> bool {
    let optional = field.get_field_by_name("proto3_optional");
    field.has_field_by_name("oneof_index") && optional.is_none_or(|set| set.as_bool() != Some(true))
}

fn number(message: &DynamicMessage, name: &str) -> Option<i32> {
    message.get_field_by_name(name)?.as_enum_number()
}

/// The messages of a repeated field.
fn list<'a>(message: &'a mut DynamicMessage, name: &str) -> impl Iterator<Item = &'a mut DynamicMessage> {
    let values = message.get_field_by_name_mut(name).and_then(Value::as_list_mut);
    values.into_iter().flatten().filter_map(Value::as_message_mut)
}

/// The Rust path of a message as prost names it.
fn rust_type(message: &MessageDescriptor) -> String {
    let scope = message.parent_message().map_or_else(|| package(message), |parent| module(&parent));
    format!("{scope}::{}", message.name())
}

/// The module that holds a message's nested types and oneofs.
fn module(message: &MessageDescriptor) -> String {
    let scope = message.parent_message().map_or_else(|| package(message), |parent| module(&parent));
    format!("{scope}::{}", escaped(&snake(message.name())))
}

fn package(message: &MessageDescriptor) -> String {
    let parts: Vec<String> = message.package_name().split('.').map(escaped).collect();
    parts.join("::")
}

fn escaped(name: &str) -> String {
    let keyword = matches!(name, "type" | "match" | "return" | "ref" | "use" | "where" | "as" | "in" | "for");
    if keyword { format!("r#{name}") } else { name.to_owned() }
}

fn snake(name: &str) -> String {
    let mut out = String::new();
    for character in name.chars() {
        if character.is_ascii_uppercase() && !out.is_empty() {
            out.push('_');
        }
        out.push(character.to_ascii_lowercase());
    }
    out
}

fn camel(name: &str) -> String {
    let capital =
        |word: &str| word.get(..1).unwrap_or_default().to_ascii_uppercase() + word.get(1..).unwrap_or_default();
    name.split('_').map(capital).collect()
}
