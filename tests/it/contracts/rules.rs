//! The rules over descriptors. Each returns what it found, so that a run names everything at once.
//!
//! What no linter knows: sensitivity of every field, request ids of mutations, comments. Rules are themselves tested on
//! descriptors that break them.

use std::collections::{BTreeSet, HashSet};

use prost_reflect::{
    DescriptorPool, DynamicMessage, EnumDescriptor, FieldDescriptor, FileDescriptor, Kind, MessageDescriptor,
    MethodDescriptor, Value,
};

const REQUIRED: i32 = 2;

/// First words of methods that change nothing.
const READING: [&str; 10] =
    ["Get", "List", "Query", "Search", "Watch", "Export", "Reconcile", "Verify", "Check", "Explain"];

/// Mutations whose repetition is harmless without a request id, with the reason.
const IDEMPOTENT: [(&str, &str); 3] = [
    ("nhipcau.indicator.v1.IndicatorService.UploadChunk", "a chunk is kept under the digest of its bytes"),
    ("nhipcau.referral.v1.ReferralAttachmentService.WriteUpload", "a chunk has its place, and is written there once"),
    ("nhipcau.switchboard.v1.AlarmService.PressAlarm", "a press has its counter, and counts once"),
];

/// Messages of the project; `google` and `buf` only annotate.
pub(super) fn messages(pool: &DescriptorPool) -> impl Iterator<Item = MessageDescriptor> {
    pool.all_messages().filter(|message| is_ours(message.package_name()) && !message.is_map_entry())
}

fn fields(pool: &DescriptorPool) -> impl Iterator<Item = FieldDescriptor> {
    messages(pool).flat_map(|message| message.fields().collect::<Vec<_>>())
}

fn methods(pool: &DescriptorPool) -> impl Iterator<Item = MethodDescriptor> {
    let services = pool.services().filter(|service| is_ours(service.package_name()));
    services.flat_map(|service| service.methods().collect::<Vec<_>>())
}

fn files(pool: &DescriptorPool) -> impl Iterator<Item = FileDescriptor> {
    pool.files().filter(|file| is_ours(file.package_name()))
}

fn is_ours(package: &str) -> bool {
    package.starts_with("nhipcau.")
}

/// The value of an option, when it is set.
fn option(options: &DynamicMessage, pool: &DescriptorPool, name: &str) -> Option<Value> {
    let extension = pool.get_extension_by_name(name)?;
    options.has_extension(&extension).then(|| options.get_extension(&extension).into_owned())
}

fn behaviors(field: &FieldDescriptor, pool: &DescriptorPool) -> Vec<i32> {
    let value = option(&field.options(), pool, "google.api.field_behavior");
    let list = value.as_ref().and_then(Value::as_list).unwrap_or_default();
    list.iter().filter_map(Value::as_enum_number).collect()
}

/// Every field that a caller can send: those of method inputs and of what they hold.
fn sendable(pool: &DescriptorPool) -> Vec<FieldDescriptor> {
    let mut seen = HashSet::new();
    let mut found = Vec::new();
    let mut open: Vec<MessageDescriptor> = methods(pool).map(|method| method.input()).collect();
    while let Some(message) = open.pop() {
        if !is_ours(message.package_name()) || !seen.insert(message.full_name().to_owned()) {
            continue;
        }
        for field in message.fields() {
            if let Kind::Message(inner) = field.kind() {
                open.push(inner);
            }
            if !message.is_map_entry() {
                found.push(field);
            }
        }
    }
    found
}

pub(super) fn without_sensitivity(pool: &DescriptorPool) -> Vec<String> {
    let stated = |field: &FieldDescriptor| {
        let value = option(&field.options(), pool, "nhipcau.type.v1.sensitivity");
        value.and_then(|value| value.as_enum_number()).unwrap_or_default() != 0
    };
    let silent = fields(pool).filter(|field| !stated(field));
    silent.map(|field| format!("{} states no sensitivity", field.full_name())).collect()
}

pub(super) fn without_behavior(pool: &DescriptorPool) -> Vec<String> {
    let silent = sendable(pool).into_iter().filter(|field| behaviors(field, pool).is_empty());
    silent.map(|field| format!("{} can be sent and states no field_behavior", field.full_name())).collect()
}

pub(super) fn required_without_rule(pool: &DescriptorPool) -> Vec<String> {
    let required = sendable(pool).into_iter().filter(|field| behaviors(field, pool).contains(&REQUIRED));
    // A bool that is absent is false, and false is an answer.
    let required = required.filter(|field| field.kind() != Kind::Bool);
    let loose = required.filter(|field| option(&field.options(), pool, "buf.validate.field").is_none());
    loose.map(|field| format!("{} is REQUIRED and no rule enforces it", field.full_name())).collect()
}

pub(super) fn mutations_without_request_id(pool: &DescriptorPool) -> Vec<String> {
    let idempotent = |method: &MethodDescriptor| IDEMPOTENT.iter().any(|(name, _)| *name == method.full_name());
    let reading = |method: &MethodDescriptor| READING.iter().any(|verb| method.name().starts_with(verb));
    let mutating = methods(pool).filter(|method| !idempotent(method) && !reading(method));
    let careless = mutating.filter(|method| {
        let id = method.input().get_field_by_name("request_id");
        !id.is_some_and(|field| field.kind() == Kind::String && behaviors(&field, pool).contains(&REQUIRED))
    });
    careless.map(|method| format!("{} requires no request_id", method.full_name())).collect()
}

/// Words of a field by which a party could tell another that two contacts are of one person.
const LINKING: [&str; 8] = [
    "pseudonym",
    "phone_hash",
    "phone_digest",
    "person_hash",
    "person_digest",
    "person_key",
    "link_key",
    "link_digest",
];

pub(super) fn linking(pool: &DescriptorPool) -> Vec<String> {
    let links = fields(pool).filter(|field| LINKING.iter().any(|word| field.name().contains(word)));
    links.map(|field| format!("{} could say that two contacts are of one person", field.full_name())).collect()
}

pub(super) fn untyped(pool: &DescriptorPool) -> Vec<String> {
    let any = |field: &FieldDescriptor| {
        field.kind().as_message().is_some_and(|message| message.full_name() == "google.protobuf.Any")
    };
    fields(pool).filter(any).map(|field| format!("{} is an Any", field.full_name())).collect()
}

pub(super) fn without_language_options(pool: &DescriptorPool) -> Vec<String> {
    let mut found = Vec::new();
    for file in files(pool) {
        let options = file.file_descriptor_proto().options.clone().unwrap_or_default();
        let stated = [
            ("java_package", options.java_package.is_some()),
            ("csharp_namespace", options.csharp_namespace.is_some()),
            ("go_package", options.go_package.is_some()),
            ("java_multiple_files", options.java_multiple_files == Some(true)),
        ];
        let missing: Vec<&str> = stated.iter().filter(|(_, set)| !set).map(|(name, _)| *name).collect();
        if !missing.is_empty() {
            found.push(format!("{} lacks {}", file.name(), missing.join(", ")));
        }
    }
    found
}

pub(super) fn without_comment(pool: &DescriptorPool) -> Vec<String> {
    let mut found = Vec::new();
    for file in files(pool) {
        let info = file.file_descriptor_proto().source_code_info.clone().unwrap_or_default();
        let commented: BTreeSet<Vec<i32>> = info
            .location
            .into_iter()
            .filter(|location| !location.leading_comments().trim().is_empty())
            .map(|location| location.path)
            .collect();
        for (name, path) in named(&file) {
            if !commented.contains(&path) {
                found.push(format!("{name} has no comment"));
            }
        }
    }
    found
}

/// Everything with a name in a file, with its path in the file's source information.
fn named(file: &FileDescriptor) -> Vec<(String, Vec<i32>)> {
    let mut found = Vec::new();
    for message in file.messages() {
        named_in(&message, &mut found);
    }
    for each in file.enums() {
        named_values(&each, &mut found);
    }
    for extension in file.extensions() {
        found.push((extension.full_name().to_owned(), extension.path().to_vec()));
    }
    for service in file.services() {
        found.push((service.full_name().to_owned(), service.path().to_vec()));
        for method in service.methods() {
            found.push((method.full_name().to_owned(), method.path().to_vec()));
        }
    }
    found
}

fn named_in(message: &MessageDescriptor, found: &mut Vec<(String, Vec<i32>)>) {
    if message.is_map_entry() {
        return;
    }
    found.push((message.full_name().to_owned(), message.path().to_vec()));
    for field in message.fields() {
        found.push((field.full_name().to_owned(), field.path().to_vec()));
    }
    for oneof in message.oneofs().filter(|oneof| !oneof.is_synthetic()) {
        found.push((oneof.full_name().to_owned(), oneof.path().to_vec()));
    }
    for inner in message.child_messages() {
        named_in(&inner, found);
    }
    for inner in message.child_enums() {
        named_values(&inner, found);
    }
}

fn named_values(each: &EnumDescriptor, found: &mut Vec<(String, Vec<i32>)>) {
    found.push((each.full_name().to_owned(), each.path().to_vec()));
    for value in each.values() {
        found.push((format!("{}.{}", each.full_name(), value.name()), value.path().to_vec()));
    }
}
