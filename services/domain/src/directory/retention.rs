//! Checks the retention classes of a release. What they mean is decided elsewhere.

use std::collections::BTreeSet;

use nhipcau_proto::directory::v1 as pb;

use super::read;
use super::violation::{Problem, Violations};
use crate::referral::CITATION;

/// Longest span in days: a hundred years.
const MOST_DAYS: u32 = 36_525;

pub(super) fn check(wire: &pb::Release, found: &mut Violations) {
    let contracts: BTreeSet<&str> = wire.contracts.iter().map(|entry| entry.contract.as_str()).collect();
    let parties: BTreeSet<&str> = wire.parties.iter().map(|party| party.party.as_str()).collect();
    let mut classes = BTreeSet::new();
    for (i, class) in wire.retention_classes.iter().enumerate() {
        let path = format_args!("retention_classes[{i}]");
        let label = format_args!("{path}.retention_class");
        found.require(read::is_label(&class.retention_class), Problem::Syntax, label);
        found.require(classes.insert(class.retention_class.as_str()), Problem::Repeated, label);
        let contract = contracts.contains(class.contract.as_str());
        found.require(contract, Problem::Unresolved, format_args!("{path}.contract"));
        let mut bound = BTreeSet::new();
        for (j, party) in class.parties.iter().enumerate() {
            let path = format_args!("{path}.parties[{j}]");
            found.require(parties.contains(party.as_str()), Problem::Unresolved, path);
            found.require(bound.insert(party), Problem::Repeated, path);
        }
        found.require(read::is_code(&class.state_from), Problem::Syntax, format_args!("{path}.state_from"));
        found.require(!class.parts.is_empty(), Problem::Missing, format_args!("{path}.parts"));
        let mut parts = BTreeSet::new();
        for (j, part) in class.parts.iter().enumerate() {
            let path = format_args!("{path}.parts[{j}]");
            found.require(read::is_code(part), Problem::Syntax, path);
            found.require(parts.insert(part), Problem::Repeated, path);
        }
        found.require((1..=MOST_DAYS).contains(&class.keep_days), Problem::Range, format_args!("{path}.keep_days"));
        let source = format_args!("{path}.legal_source");
        found.require(!class.legal_source.is_empty(), Problem::Missing, source);
        found.require(is_text(&class.legal_source), Problem::Syntax, source);
        found.require(is_text(&class.note), Problem::Syntax, format_args!("{path}.note"));
        read::validity(class.validity.as_ref(), found, format_args!("{path}.validity"));
    }
}

/// Travels in messages and stands before people: short, in normal form, without signs that steer.
fn is_text(text: &str) -> bool {
    unicode_normalization::is_nfc(text)
        && text.chars().nth(CITATION).is_none()
        && !text
            .chars()
            .any(|sign| sign.is_control() || matches!(sign, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'))
}
