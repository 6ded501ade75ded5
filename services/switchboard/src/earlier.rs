//! Earlier contacts of the same person, found by pseudonyms: digests under a key of the party that lies beside its
//! other keys and never in the store.
//!
//! A party that has no such key finds nobody and keeps nothing. No pseudonym leaves this module for anything but the
//! store of the party. That a key cannot be read keeps no call from being recorded.

use std::collections::BTreeSet;

use nhipcau_domain::{
    contact::{Contact, name},
    id::PartyId,
    pseudonym::{PseudonymKey, PseudonymKeys},
};
use nhipcau_messaging::{
    desk::Desk,
    store::{self, Tx},
};
use nhipcau_runtime::{keys, telemetry::chain};
use uuid::Uuid;

use crate::{
    Switchboard,
    error::Error,
    store::earlier::{self, Found},
};

/// Earlier contacts that are named, at most. One more is counted: then there are more.
const NAMED: usize = 20;
/// Contacts whose case is looked for together.
const SWEPT: u64 = 50;

/// How many earlier contacts there are, counted up to one more than are named, and the names of the newest.
#[derive(Debug, Default)]
pub(crate) struct Earlier {
    pub(crate) count: u32,
    pub(crate) names: Vec<String>,
}

/// The keys of a party; none where it has none, or they cannot be read.
fn keys_of(shared: &Switchboard, party: &PartyId) -> Option<PseudonymKeys> {
    let mut keys = match keys::pseudonym_keys(&shared.alarm.keys, party) {
        Ok(keys) => keys,
        Err(error) => {
            tracing::error!(%party, error = %chain(&error), "No earlier contact is found: a pseudonym key.");
            return None;
        }
    };
    let current: PseudonymKey = keys.pop()?;
    Some(PseudonymKeys { current, previous: keys.pop() })
}

/// Has a contact be found by what is known now, and by nothing that was corrected.
pub(crate) fn link<'t>(desk: &mut impl Desk<'t>, shared: &Switchboard, standing: &Contact) -> Result<(), Error> {
    earlier::forget(desk.tx(), standing.uid)?;
    let Some(keys) = keys_of(shared, &standing.unit.party) else { return Ok(()) };
    for identifier in standing.report.identifiers() {
        let pseudonym = keys.current.of(&identifier);
        earlier::put(desk.tx(), &standing.unit.party, &pseudonym, standing.uid)?;
    }
    Ok(())
}

/// The contacts of the party that were recorded before this one and that one of its pseudonyms finds. Those whose case
/// was erased are found no more. None of them is opened: that one cannot be read hides nothing of this one.
pub(crate) fn of<'t>(desk: &mut impl Desk<'t>, shared: &Switchboard, standing: &Contact) -> Result<Earlier, Error> {
    let party = &standing.unit.party;
    let Some(keys) = keys_of(shared, party) else { return Ok(Earlier::default()) };
    let before = (standing.uid, standing.created.as_microsecond());
    let mut found = BTreeSet::new();
    for identifier in standing.report.identifiers() {
        for pseudonym in keys.of(&identifier) {
            found.extend(earlier::find(desk.tx(), (party, &pseudonym), before, NAMED as u64 + 1)?);
        }
    }
    let mut names = Vec::new();
    for found in found.into_iter().rev() {
        if names.len() > NAMED {
            break;
        }
        if !forget_erased(desk.tx(), &found)? {
            names.push(name(party, found.contact));
        }
    }
    let count = u32::try_from(names.len()).unwrap_or(u32::MAX);
    names.truncate(NAMED);
    Ok(Earlier { count, names })
}

/// Has some contacts after one be found no more if their case was erased, and says where to go on.
pub(crate) fn sweep(tx: &mut Tx<'_>, after: Uuid) -> Result<Uuid, store::Error> {
    let looked_at = earlier::after(tx, after, SWEPT)?;
    for found in &looked_at {
        forget_erased(tx, found)?;
    }
    Ok(looked_at.last().map_or(Uuid::nil(), |last| last.contact))
}

/// Has a contact be found no more if its case was erased, and says whether it was.
fn forget_erased(tx: &mut Tx<'_>, found: &Found) -> Result<bool, store::Error> {
    let is_erased = store::is_erased(tx, found.case.as_bytes())?;
    if is_erased {
        earlier::forget(tx, found.contact)?;
    }
    Ok(is_erased)
}
