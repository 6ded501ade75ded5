//! Reading one referral: BASIC, or FULL with an access record.
//!
//! A party sees a referral when one of its units opened or was addressed by one of the branches held here, and of those
//! only these branches. What does not exist and what is not the party's are the same answer, found out by the same
//! statement. FULL shows the parts that the reader's side has given or was given, and what events say about a person or
//! is said beside a work, as long as its branch does not call for erasure, was not handed over, and its case key is
//! there; the record of it is written in the same transaction.
//!
//! Asked for as one branch of the party got it, nothing but this recipient's copy is looked at, also where the party
//! has further branches of the referral or is its origin.

use std::collections::BTreeMap;

use jiff::Timestamp;
use nhipcau_domain::{
    id::{AccessPointId, PartyId, SystemId},
    referral::{Branch, HandOver, Part, PartSet, Side},
};
use nhipcau_messaging::{
    desk::Desk,
    store::{Error as StoreError, Tx},
};
use nhipcau_proto::referral::v1 as pb;
use nhipcau_runtime::caller::ActingPerson;
use uuid::Uuid;

use crate::{
    access::{self, Access, What},
    attachment::reading::standings,
    content::{self, Piece},
    error::Error,
    event,
    name::{BranchName, referral_name},
    send,
    store::reading::{self, Held},
    view, work,
};

/// The name of a referral, and perhaps the branch by which alone it is looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Name {
    origin: PartyId,
    referral: Uuid,
    branch: Option<Uuid>,
}

impl Name {
    /// Reads `parties/{party}/referrals/{referral}`.
    ///
    /// # Errors
    /// [`Error::AccessDenied`]: what cannot be a name does not exist.
    pub(crate) fn read(text: &str) -> Result<Self, Error> {
        let (origin, referral) = referral_name(text)?;
        Ok(Self { origin, referral, branch: None })
    }

    /// The same as this branch got it; all of it where none is named.
    ///
    /// # Errors
    /// [`Error::AccessDenied`]: what is no branch of the referral does not exist.
    pub(crate) fn by(self, branch: &str) -> Result<Self, Error> {
        if branch.is_empty() {
            return Ok(self);
        }
        let BranchName { origin, referral, branch } = BranchName::read(branch)?;
        if (&origin, referral) == self.of() {
            Ok(Self { branch: Some(branch), ..self })
        } else {
            Err(Error::AccessDenied)
        }
    }

    /// The origin's party and the referral.
    pub(crate) const fn of(&self) -> (&PartyId, Uuid) {
        (&self.origin, self.referral)
    }

    /// The branch by which alone it is looked at.
    pub(crate) const fn branch(&self) -> Option<Uuid> {
        self.branch
    }
}

/// Who reads content.
#[derive(Debug, Clone)]
pub(crate) struct Reader {
    pub(crate) party: PartyId,
    pub(crate) system: SystemId,
    pub(crate) person: ActingPerson,
}

/// A referral, BASIC.
///
/// # Errors
/// [`Error::AccessDenied`] when it is not there or not the party's.
pub(crate) fn basic(name: &Name, party: &PartyId, now: Timestamp, tx: &mut Tx<'_>) -> Result<pb::Referral, Error> {
    let branches: Vec<Branch> = named(name, party, tx)?.into_iter().map(|(_, branch)| branch).collect();
    view::referral(&branches, now).ok_or(Error::AccessDenied)
}

/// The case of a referral that a party sees.
///
/// # Errors
/// [`Error::AccessDenied`] when it is not there or not the party's.
pub(crate) fn case(name: &Name, party: &PartyId, tx: &mut Tx<'_>) -> Result<Uuid, Error> {
    let seen = named(name, party, tx)?;
    seen.first().map(|(_, branch)| branch.ids().case).ok_or(Error::AccessDenied)
}

/// A referral, FULL. What it returns may leave once the transaction is on disk, because then the access record is.
///
/// # Errors
/// [`Error::AccessDenied`] as for BASIC; nothing is recorded then.
pub(crate) fn full<'t>(
    name: &Name,
    reader: &Reader,
    access_point: &AccessPointId,
    desk: &mut impl Desk<'t>,
) -> Result<pb::Referral, Error> {
    let mut seen = named(name, &reader.party, desk.tx())?;
    let pieces = shown(&seen, desk)?;
    for (held, branch) in &mut seen {
        if is_readable(*held, branch) {
            *branch = event::revealed(desk, *held, branch)?;
        }
    }
    let mut parts: PartSet = pieces.iter().map(|piece| piece.part).collect();
    let attachments = standings(desk, &seen, &pieces)?;
    let branches: Vec<Branch> = seen.iter().map(|(_, branch)| branch.clone()).collect();
    let content = (!pieces.is_empty()).then(|| view::content(&pieces));
    let now = desk.now();
    let mut referral = view::full(&branches, content, attachments, now).ok_or(Error::AccessDenied)?;
    for (held, branch) in &seen {
        let uid = held.branch.to_string();
        for shown in referral.branches.iter_mut().filter(|shown| shown.uid == uid) {
            if work::reveal(desk, *held, branch, shown)? {
                parts.insert(Part::Work);
            }
        }
    }
    let Reader { party, system, person } = reader;
    let what = What::Shown { parts, branch: name.branch };
    let access = Access { party, system, person, origin: &name.origin, referral: name.referral, what };
    access::record(access, access_point, now, desk.tx())?;
    Ok(referral)
}

/// The branches of a referral that a party sees, each once.
pub(crate) fn branches(party: &PartyId, referral: Uuid, tx: &mut Tx<'_>) -> Result<Vec<Branch>, StoreError> {
    Ok(seen(party, referral, None, tx)?.into_iter().map(|(_, branch)| branch).collect())
}

/// The branches that a party sees under a name; none when the name is not the referral's.
pub(crate) fn named(name: &Name, party: &PartyId, tx: &mut Tx<'_>) -> Result<Vec<(Held, Branch)>, Error> {
    let mut seen = seen(party, name.referral, name.branch, tx)?;
    seen.retain(|(_, branch)| branch.unit(Side::Origin).party == name.origin);
    if seen.is_empty() { Err(Error::AccessDenied) } else { Ok(seen) }
}

fn seen(
    party: &PartyId,
    referral: Uuid,
    branch: Option<Uuid>,
    tx: &mut Tx<'_>,
) -> Result<Vec<(Held, Branch)>, StoreError> {
    let mut held = reading::held(tx, party, referral)?;
    // What a branch got lies in its recipient's copy: another branch's, and the origin's, may hold more.
    held.retain(|held| branch.is_none_or(|branch| *held == Held { branch, side: Side::Recipient }));
    // A party that is on both sides sees the origin's copy, which comes first.
    held.dedup_by_key(|held| held.branch);
    let mut seen = Vec::with_capacity(held.len());
    for held in held {
        let branch = held.load(tx)?;
        seen.extend(branch.filter(|branch| branch.unit(held.side).party == *party).map(|branch| (held, branch)));
    }
    Ok(seen)
}

/// Whether what a copy holds may be read: at a recipient not once its end calls for erasure, nor once it was handed
/// over.
pub(crate) fn is_readable(held: Held, branch: &Branch) -> bool {
    let is_here = || branch.hand_over() != HandOver::Done && !branch.view().state.calls_for_erasure();
    held.side == Side::Origin || is_here()
}

/// The parts that the reader's side has given or was given, one of each.
pub(crate) fn shown<'t>(seen: &[(Held, Branch)], desk: &mut impl Desk<'t>) -> Result<Vec<Piece>, Error> {
    let mut shown = BTreeMap::new();
    if let Some((held, branch)) = seen.iter().find(|(held, _)| held.side == Side::Origin) {
        let ids = branch.ids();
        let mut pieces = content::newest(desk, ids.case, send::owner(*held, ids.referral))?;
        pieces.retain(|piece| piece.part != Part::Work);
        return Ok(pieces);
    }
    for (held, branch) in seen {
        let (ids, view) = (branch.ids(), branch.view());
        if !is_readable(*held, branch) {
            continue;
        }
        let pieces = content::newest(desk, ids.case, send::owner(*held, ids.referral))?;
        let disclosed = pieces.into_iter().filter(|piece| view.disclosed.contains(piece.part));
        shown.extend(disclosed.map(|piece| (piece.part, piece)));
    }
    Ok(shown.into_values().collect())
}

#[cfg(test)]
mod tests;
