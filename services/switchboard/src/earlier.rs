//! Earlier contacts of the same person, found by pseudonyms: digests under a key of the party that lies beside its
//! other keys and never in the store.
//!
//! A party that has no such key finds nobody and keeps nothing. No pseudonym leaves this module for anything but the
//! store of the party. That a key cannot be read keeps no call from being recorded.

use nhipcau_domain::{
    contact::Contact,
    id::PartyId,
    pseudonym::{PseudonymKey, PseudonymKeys},
};
use nhipcau_messaging::desk::Desk;
use nhipcau_runtime::{keys, telemetry::chain};

use crate::{
    Switchboard,
    error::Error,
    record::whole,
    store::{contact, earlier},
};

/// Earlier contacts that are named, at most. All are counted.
const NAMED: usize = 50;

/// How many earlier contacts there are, and the names of the newest.
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
    let Some(keys) = keys_of(shared, &standing.unit.party) else { return Ok(()) };
    earlier::forget(desk.tx(), standing.uid)?;
    for identifier in standing.report.identifiers() {
        let pseudonym = keys.current.of(&identifier);
        earlier::put(desk.tx(), &standing.unit.party, &pseudonym, standing.uid)?;
    }
    Ok(())
}

/// The contacts of the party that were recorded before this one and that one of its pseudonyms finds. Those whose case
/// was erased are found no more.
pub(crate) fn of<'t>(desk: &mut impl Desk<'t>, shared: &Switchboard, standing: &Contact) -> Result<Earlier, Error> {
    let party = &standing.unit.party;
    let Some(keys) = keys_of(shared, party) else { return Ok(Earlier::default()) };
    let mut found = Vec::new();
    for identifier in standing.report.identifiers() {
        for pseudonym in keys.of(&identifier) {
            found.extend(earlier::find(desk.tx(), party, &pseudonym)?);
        }
    }
    found.sort_unstable();
    found.dedup();
    let mut before = Vec::new();
    for uid in found.into_iter().filter(|uid| *uid != standing.uid) {
        let stored = contact::find(desk.tx(), uid)?;
        let Some(stored) = stored.filter(|it| it.create_time <= standing.created.as_microsecond()) else { continue };
        if whole(desk, &stored)?.is_some() {
            before.push((stored.create_time, uid));
        } else {
            earlier::forget(desk.tx(), uid)?;
        }
    }
    before.sort_unstable_by(|one, other| other.cmp(one));
    let count = u32::try_from(before.len()).unwrap_or(u32::MAX);
    let names = before.iter().take(NAMED).map(|(_, uid)| format!("parties/{party}/contacts/{uid}")).collect();
    Ok(Earlier { count, names })
}
