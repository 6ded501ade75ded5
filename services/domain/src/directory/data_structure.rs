//! Checks data structures, dataflows and provision agreements of a release. What they mean for an observation is
//! the business of the indicator rules.

use std::collections::BTreeSet;
use std::fmt::Arguments;

use nhipcau_proto::directory::v1 as pb;

use super::code_list::{self, Lists};
use super::read;
use super::violation::{Problem, Violations};

type Key<'a> = (&'a str, &'a str, &'a str);

pub(super) fn check(wire: &pb::Release, found: &mut Violations) {
    let lists = code_list::lists(wire);
    let tables = wire.attachments.iter().flat_map(|file| &file.data_structures);
    let mut structures: BTreeSet<Key<'_>> = tables.map(|table| key(Some(table))).collect();
    for (i, structure) in wire.data_structures.iter().enumerate() {
        let path = format_args!("data_structures[{i}]");
        check_key(structure.key.as_ref(), found, format_args!("{path}.key"));
        let fresh = structures.insert(key(structure.key.as_ref()));
        found.require(fresh, Problem::Repeated, format_args!("{path}.key"));
        check_structure(structure, &lists, found, path);
    }
    let mut dataflows = BTreeSet::new();
    for (i, dataflow) in wire.dataflows.iter().enumerate() {
        let path = format_args!("dataflows[{i}]");
        found.require(read::is_code(&dataflow.id), Problem::Syntax, format_args!("{path}.id"));
        let fresh = dataflows.insert(dataflow.id.as_str());
        found.require(fresh, Problem::Repeated, format_args!("{path}.id"));
        read::names(dataflow.names.as_ref(), found, format_args!("{path}.names"));
        let there = structures.contains(&key(dataflow.structure.as_ref()));
        found.require(there, Problem::Unresolved, format_args!("{path}.structure"));
    }
    let parties: BTreeSet<&str> = wire.parties.iter().map(|party| party.party.as_str()).collect();
    for (i, provision) in wire.provision_agreements.iter().enumerate() {
        let path = format_args!("provision_agreements[{i}]");
        let party = parties.contains(provision.party.as_str());
        found.require(party, Problem::Unresolved, format_args!("{path}.party"));
        let dataflow = dataflows.contains(provision.dataflow.as_str());
        found.require(dataflow, Problem::Unresolved, format_args!("{path}.dataflow"));
    }
}

fn key(key: Option<&pb::DataStructureKey>) -> Key<'_> {
    key.map_or(("", "", ""), |key| (key.agency.as_str(), key.id.as_str(), key.version.as_str()))
}

pub(super) fn check_key(key: Option<&pb::DataStructureKey>, found: &mut Violations, path: Arguments<'_>) {
    let Some(key) = key else {
        found.add(Problem::Missing, path);
        return;
    };
    found.require(read::is_code(&key.agency), Problem::Syntax, format_args!("{path}.agency"));
    found.require(read::is_code(&key.id), Problem::Syntax, format_args!("{path}.id"));
    found.require(read::is_version(&key.version), Problem::Syntax, format_args!("{path}.version"));
}

fn check_structure(structure: &pb::DataStructure, lists: &Lists<'_>, found: &mut Violations, path: Arguments<'_>) {
    read::names(structure.names.as_ref(), found, format_args!("{path}.names"));
    found.require(!structure.dimensions.is_empty(), Problem::Missing, format_args!("{path}.dimensions"));
    let mut ids = BTreeSet::new();
    let mut component = |id, names: Option<&pb::Names>, values, found: &mut Violations, path: Arguments<'_>| {
        found.require(read::is_code(id), Problem::Syntax, format_args!("{path}.id"));
        found.require(ids.insert(id), Problem::Repeated, format_args!("{path}.id"));
        read::names(names, found, format_args!("{path}.names"));
        check_values(values, lists, found, format_args!("{path}.representation"));
    };
    for (i, dimension) in structure.dimensions.iter().enumerate() {
        let path = format_args!("{path}.dimensions[{i}]");
        let values = dimension.representation.as_ref();
        component(dimension.id.as_str(), dimension.names.as_ref(), values, found, path);
    }
    for (i, attribute) in structure.attributes.iter().enumerate() {
        let path = format_args!("{path}.attributes[{i}]");
        let values = attribute.representation.as_ref();
        component(attribute.id.as_str(), attribute.names.as_ref(), values, found, path);
    }
    for (id, name) in
        [(structure.time_dimension.as_str(), "time_dimension"), (structure.primary_measure.as_str(), "primary_measure")]
    {
        found.require(read::is_code(id), Problem::Syntax, format_args!("{path}.{name}"));
        found.require(ids.insert(id), Problem::Repeated, format_args!("{path}.{name}"));
    }
}

fn check_values(values: Option<&pb::Representation>, lists: &Lists<'_>, found: &mut Violations, path: Arguments<'_>) {
    use pb::representation::Kind;

    match values.and_then(|values| values.kind.as_ref()) {
        None => found.add(Problem::Missing, path),
        Some(Kind::CodeList(list)) => {
            let there = lists.contains_key(&code_list::pair(Some(list)));
            found.require(there, Problem::Unresolved, format_args!("{path}.code_list"));
        }
        Some(Kind::InlineCodes(inline)) => {
            code_list::check_codes(&inline.codes, found, format_args!("{path}.inline_codes"));
        }
        Some(Kind::MaxCharacters(limit)) => {
            found.require(*limit > 0, Problem::Range, format_args!("{path}.max_characters"));
        }
    }
}
