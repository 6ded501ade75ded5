//! Checks code lists and crosswalks, those inside a release and those that are files named by digest.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Arguments;

use nhipcau_proto::directory::v1 as pb;
use prost::Message as _;

use super::error::Error;
use super::read;
use super::release::Release;
use super::violation::{Problem, Violations};
use crate::pae::sha256;

/// Largest attached file in bytes.
pub const MAX_FILE_BYTES: usize = 16 << 20;
/// At most this many codes stand above a code.
const CODE_LEVELS: usize = 16;

/// Codes of each list by identifier and version; `None` for a list that is an attached file.
pub(super) type Lists<'a> = BTreeMap<(&'a str, &'a str), Option<BTreeSet<&'a str>>>;

/// The lists that a release names.
pub(super) fn lists(wire: &pb::Release) -> Lists<'_> {
    let tables = wire.attachments.iter().flat_map(|file| &file.code_lists);
    let tables = tables.map(|key| (pair(Some(key)), None));
    let files = wire.code_list_refs.iter().map(|list| (pair(list.key.as_ref()), None));
    let inside = wire.code_lists.iter();
    let inside = inside.map(|list| (pair(list.key.as_ref()), Some(codes(list))));
    tables.chain(files).chain(inside).collect()
}

pub(super) fn pair(key: Option<&pb::CodeListKey>) -> (&str, &str) {
    key.map_or(("", ""), |key| (key.id.as_str(), key.version.as_str()))
}

fn codes(list: &pb::CodeList) -> BTreeSet<&str> {
    list.codes.iter().map(|code| code.code.as_str()).collect()
}

pub(super) fn check(wire: &pb::Release, found: &mut Violations) {
    let mut seen = BTreeSet::new();
    for (i, list) in wire.code_lists.iter().enumerate() {
        let path = format_args!("code_lists[{i}]");
        check_list(list, found, path);
        found.require(seen.insert(pair(list.key.as_ref())), Problem::Repeated, path);
    }
    for (i, list) in wire.code_list_refs.iter().enumerate() {
        let path = format_args!("code_list_refs[{i}]");
        check_key(list.key.as_ref(), found, format_args!("{path}.key"));
        check_file(&list.digest, list.size_bytes, found, path);
        found.require(seen.insert(pair(list.key.as_ref())), Problem::Repeated, path);
    }
    let lists = lists(wire);
    for (i, walk) in wire.crosswalks.iter().enumerate() {
        check_crosswalk(walk, &lists, found, format_args!("crosswalks[{i}]"));
    }
    for (i, walk) in wire.crosswalk_refs.iter().enumerate() {
        let path = format_args!("crosswalk_refs[{i}]");
        check_file(&walk.digest, walk.size_bytes, found, path);
        for (key, name) in [(&walk.source, "source"), (&walk.target, "target")] {
            let there = lists.contains_key(&pair(key.as_ref()));
            found.require(there, Problem::Unresolved, format_args!("{path}.{name}"));
        }
    }
    check_areas(wire, &lists, found);
}

fn check_areas(wire: &pb::Release, lists: &Lists<'_>, found: &mut Violations) {
    for (i, unit) in wire.units.iter().enumerate() {
        for (j, area) in unit.areas.iter().enumerate() {
            let there = match lists.get(&(area.code_list.as_str(), area.code_list_version.as_str())) {
                None => false,
                Some(None) => read::is_code(&area.code),
                Some(Some(codes)) => codes.contains(area.code.as_str()),
            };
            found.require(there, Problem::Unresolved, format_args!("units[{i}].areas[{j}]"));
        }
    }
}

pub(super) fn check_key(key: Option<&pb::CodeListKey>, found: &mut Violations, path: Arguments<'_>) {
    let Some(key) = key else {
        found.add(Problem::Missing, path);
        return;
    };
    found.require(read::is_code(&key.id), Problem::Syntax, format_args!("{path}.id"));
    found.require(read::is_version(&key.version), Problem::Syntax, format_args!("{path}.version"));
}

pub(super) fn check_file(digest: &[u8], size: u64, found: &mut Violations, path: Arguments<'_>) {
    read::key(digest, found, format_args!("{path}.digest"));
    let fits = (1..=MAX_FILE_BYTES as u64).contains(&size);
    found.require(fits, Problem::Range, format_args!("{path}.size_bytes"));
}

fn check_list(list: &pb::CodeList, found: &mut Violations, path: Arguments<'_>) {
    check_key(list.key.as_ref(), found, format_args!("{path}.key"));
    read::names(list.names.as_ref(), found, format_args!("{path}.names"));
    read::days(list.start_date.as_ref(), list.end_date.as_ref(), found, path);
    check_codes(&list.codes, found, path);
}

pub(super) fn check_codes(codes: &[pb::Code], found: &mut Violations, path: Arguments<'_>) {
    found.require(!codes.is_empty(), Problem::Missing, format_args!("{path}.codes"));
    let parents: BTreeMap<&str, &str> = codes.iter().map(|code| (code.code.as_str(), code.parent.as_str())).collect();
    let mut seen = BTreeSet::new();
    for (i, code) in codes.iter().enumerate() {
        let path = format_args!("{path}.codes[{i}]");
        found.require(read::is_code(&code.code), Problem::Syntax, format_args!("{path}.code"));
        found.require(seen.insert(code.code.as_str()), Problem::Repeated, format_args!("{path}.code"));
        read::names(code.names.as_ref(), found, format_args!("{path}.names"));
        let category = code.category.is_empty() || read::is_label(&code.category);
        found.require(category, Problem::Syntax, format_args!("{path}.category"));
        read::days(code.start_date.as_ref(), code.end_date.as_ref(), found, path);
        let there = code.parent.is_empty() || parents.contains_key(code.parent.as_str());
        found.require(there, Problem::Unresolved, format_args!("{path}.parent"));
        let above = std::iter::successors(Some(code.code.as_str()), |code| {
            parents.get(code).copied().filter(|parent| !parent.is_empty())
        });
        found.require(
            above.take(CODE_LEVELS + 1).count() <= CODE_LEVELS,
            Problem::Cycle,
            format_args!("{path}.parent"),
        );
    }
}

fn check_crosswalk(walk: &pb::Crosswalk, lists: &Lists<'_>, found: &mut Violations, path: Arguments<'_>) {
    let source = lists.get(&pair(walk.source.as_ref()));
    let target = lists.get(&pair(walk.target.as_ref()));
    found.require(source.is_some(), Problem::Unresolved, format_args!("{path}.source"));
    found.require(target.is_some(), Problem::Unresolved, format_args!("{path}.target"));
    let has = |list: Option<&Option<BTreeSet<&str>>>, code: &str| match list {
        Some(Some(codes)) => codes.contains(code),
        _ => read::is_code(code),
    };
    let (mut pairs, mut preferred) = (BTreeSet::new(), BTreeSet::new());
    for (i, mapping) in walk.mappings.iter().enumerate() {
        let path = format_args!("{path}.mappings[{i}]");
        let (from, to) = (mapping.source_code.as_str(), mapping.target_code.as_str());
        found.require(has(source, from), Problem::Unresolved, format_args!("{path}.source_code"));
        found.require(has(target, to), Problem::Unresolved, format_args!("{path}.target_code"));
        let stated = mapping.extent != pb::MappingExtent::Unspecified as i32;
        found.require(stated, Problem::Missing, format_args!("{path}.extent"));
        found.require(pairs.insert((from, to)), Problem::Repeated, path);
        let single = !mapping.preferred || preferred.insert(from);
        found.require(single, Problem::Repeated, format_args!("{path}.preferred"));
    }
}

impl Release {
    /// Opens an attached code list: the release names its digest, and the areas of units that name it are in it.
    ///
    /// # Errors
    /// [`Error::UnknownAttachment`] when no reference has this digest; [`Error::Invalid`] with all violations.
    pub fn code_list_file(&self, bytes: &[u8]) -> Result<pb::CodeList, Error> {
        let digest = sha256(bytes);
        let wire = self.wire();
        let named = wire.code_list_refs.iter().find(|list| list.digest == digest);
        let named = named.filter(|list| list.size_bytes == bytes.len() as u64);
        let key = named.ok_or(Error::UnknownAttachment)?.key.as_ref();
        let list = pb::CodeList::decode(bytes).map_err(|_| Error::Malformed)?;

        let mut found = Violations::default();
        check_list(&list, &mut found, format_args!("code_list"));
        found.require(list.key.as_ref() == key, Problem::Unresolved, format_args!("code_list.key"));
        let codes = codes(&list);
        let of_list = |area: &pb::AreaRef| (area.code_list.as_str(), area.code_list_version.as_str()) == pair(key);
        for (i, unit) in wire.units.iter().enumerate() {
            for (j, area) in unit.areas.iter().enumerate().filter(|(_, area)| of_list(area)) {
                let there = codes.contains(area.code.as_str());
                found.require(there, Problem::Unresolved, format_args!("units[{i}].areas[{j}]"));
            }
        }
        if found.total() == 0 { Ok(list) } else { Err(Error::Invalid(found)) }
    }

    /// Opens an attached crosswalk: the release names its digest, and its codes are in the lists that are given.
    ///
    /// # Errors
    /// [`Error::UnknownAttachment`] when no reference has this digest; [`Error::Invalid`] with all violations.
    pub fn crosswalk_file(&self, bytes: &[u8], opened: &[&pb::CodeList]) -> Result<pb::Crosswalk, Error> {
        let digest = sha256(bytes);
        let wire = self.wire();
        let named = wire.crosswalk_refs.iter().find(|walk| walk.digest == digest);
        let named = named.filter(|walk| walk.size_bytes == bytes.len() as u64);
        let named = named.ok_or(Error::UnknownAttachment)?;
        let walk = pb::Crosswalk::decode(bytes).map_err(|_| Error::Malformed)?;

        let mut found = Violations::default();
        let mut known = lists(wire);
        known.extend(opened.iter().map(|list| (pair(list.key.as_ref()), Some(codes(list)))));
        check_crosswalk(&walk, &known, &mut found, format_args!("crosswalk"));
        found.require(walk.source == named.source, Problem::Unresolved, format_args!("crosswalk.source"));
        found.require(walk.target == named.target, Problem::Unresolved, format_args!("crosswalk.target"));
        if found.total() == 0 { Ok(walk) } else { Err(Error::Invalid(found)) }
    }
}
