//! Retention classes as the directory's release states them for referrals.
//!
//! What this build does not understand keeps nothing; tools for signers refuse it beforehand.

use nhipcau_proto::directory::v1 as pb;

use crate::{
    directory::{Release, Validity},
    id::PartyId,
    referral::{CITATION, Part, PartSet, Refusal, State, Text},
};

/// How far a branch must have come, by the names of the directory.
pub const STATES: [(&str, State); 3] =
    [("assigned", State::Assigned), ("in_service", State::InService), ("completed", State::Completed)];

/// Parts by the names of the directory.
pub const PARTS: [(&str, Part); 4] = [
    ("preview", Part::Preview),
    ("identity", Part::Identity),
    ("narrative", Part::Narrative),
    ("reporter", Part::Reporter),
];

/// A duty to keep parts of what came so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Class {
    /// Identifier in the directory.
    pub id: Box<str>,
    /// How far a branch must have come.
    pub from: State,
    /// What must be kept.
    pub parts: PartSet,
    /// Days of 24 hours after the end.
    pub days: u32,
    /// Article that sets the duty.
    pub source: Text,
    /// When it holds, by the time of the end.
    pub validity: Validity,
}

/// The classes that bind a party under a contract, in the order of the release.
#[must_use]
pub fn classes(release: &Release, contract: &str, party: &PartyId) -> Vec<Class> {
    let binds = |class: &&pb::RetentionClass| {
        class.contract == contract
            && (class.parties.is_empty() || class.parties.iter().any(|bound| bound == party.as_str()))
    };
    release.wire().retention_classes.iter().filter(binds).filter_map(read).collect()
}

fn read(class: &pb::RetentionClass) -> Option<Class> {
    let (_, from) = STATES.into_iter().find(|(name, _)| *name == class.state_from)?;
    let parts = PARTS.into_iter().filter(|(name, _)| class.parts.iter().any(|part| part == name));
    Some(Class {
        id: class.retention_class.as_str().into(),
        from,
        parts: parts.map(|(_, part)| part).collect(),
        days: class.keep_days,
        source: Text::read(&class.legal_source, CITATION, "legal_source", &mut Refusal::default())?,
        validity: Validity::read(class.validity.as_ref()?)?,
    })
}
