//! The three sources laid over each other: the embedded defaults, the file, the environment.
//!
//! The defaults are the schema: a key that they do not have, or a value of another type, is a problem. Only
//! `[systems]` and `[notifiers]` have names of their own.

use std::collections::BTreeMap;

use toml::{Table, Value};

use super::problem::Problems;

/// The defaults, which are also the documentation of every key.
pub const DEFAULTS: &str = include_str!("default.toml");

/// The sections whose keys are names that the operator chooses.
pub(super) const SYSTEMS: &str = "systems";
pub(super) const NOTIFIERS: &str = "notifiers";
const NAMED: [&str; 2] = [SYSTEMS, NOTIFIERS];

const PREFIX: &str = "NHIPCAU_";

/// The effective document.
pub(super) fn merged(file: Option<&str>, environment: &BTreeMap<String, String>, problems: &mut Problems) -> Table {
    // The embedded text is tested to be readable.
    let mut document: Table = DEFAULTS.parse().unwrap_or_default();
    match file.map(str::parse::<Table>) {
        Some(Ok(file)) => lay_over(&mut document, file, problems),
        Some(Err(error)) => {
            let before = file.zip(error.span()).and_then(|(text, span)| text.get(..span.start));
            let line = before.map_or(1, |text| text.lines().count().max(1));
            problems.add(format!("line {line}"), error.message().lines().next().unwrap_or_default());
        }
        None => {}
    }
    for (name, text) in environment {
        set(&mut document, name, text, problems);
    }
    document
}

fn lay_over(document: &mut Table, file: Table, problems: &mut Problems) {
    for (section, content) in file {
        let Some(Value::Table(known)) = document.get_mut(&section) else {
            problems.add(section, "is not a section");
            continue;
        };
        let Value::Table(content) = content else {
            problems.add(section, "must be a section");
            continue;
        };
        for (key, value) in content {
            let path = format!("{section}.{key}");
            if NAMED.contains(&section.as_str()) {
                known.insert(key, value);
                continue;
            }
            match known.get_mut(&key) {
                None => problems.add(path, "is not a key"),
                Some(default) if default.same_type(&value) => *default = value,
                Some(default) => problems.add(path, format!("must be a {}", default.type_str())),
            }
        }
    }
}

fn set(document: &mut Table, name: &str, text: &str, problems: &mut Problems) {
    // Names without a section are for others: the path of the configuration file, for instance.
    let Some((section, key)) = name.strip_prefix(PREFIX).and_then(|name| name.split_once("__")) else { return };
    let (section, key) = (section.to_ascii_lowercase(), key.to_ascii_lowercase());
    let known = document.get_mut(&section).and_then(Value::as_table_mut).filter(|_| !NAMED.contains(&section.as_str()));
    let Some(default) = known.and_then(|known| known.get_mut(&key)) else {
        return problems.add(name, "is not a key that the environment can set");
    };
    let value = match default {
        Value::String(_) => Some(Value::String(text.to_owned())),
        Value::Integer(_) => text.parse().ok().map(Value::Integer),
        Value::Boolean(_) => text.parse().ok().map(Value::Boolean),
        Value::Array(_) => {
            let elements = text.split(',').map(str::trim).filter(|element| !element.is_empty());
            Some(Value::Array(elements.map(|element| Value::String(element.to_owned())).collect()))
        }
        _ => None,
    };
    match value {
        Some(value) => *default = value,
        None => problems.add(name, format!("must be a {}", default.type_str())),
    }
}

/// The document as text, without whatever could be a secret in spite of the rule that none may stand in it: login
/// and password inside an address.
pub(super) fn printed(mut document: Table) -> String {
    document.iter_mut().for_each(|(_, value)| redact(value));
    document.to_string()
}

fn redact(value: &mut Value) {
    match value {
        Value::String(text) => {
            if let Some((scheme, rest)) = text.split_once("://")
                && let Some((_, host)) = rest.rsplit_once('@')
            {
                *text = format!("{scheme}://[redacted]@{host}");
            }
        }
        Value::Array(elements) => elements.iter_mut().for_each(redact),
        Value::Table(table) => table.iter_mut().for_each(|(_, value)| redact(value)),
        _ => {}
    }
}
