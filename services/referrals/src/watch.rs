//! Following the branches of a party as they change: some steps per call, so that whoever streams decides when to wait.
//!
//! Changes are told in the order in which they were stored, each branch as it was after its change. A cursor holds for
//! ever: where the store was restored from an older copy and a change is no longer the one that was told, everything is
//! told again, so that nothing is missed.

use jiff::Timestamp;
use nhipcau_domain::{
    id::{AccessPointId, PartyId},
    reason,
    referral::Branch,
};
use nhipcau_messaging::store::{Error as StoreError, Tx};
use nhipcau_proto::referral::v1 as pb;

use crate::{
    error::Error,
    page::Cursor,
    store::reading::{self, Change},
    view,
};

/// A reader's place among the changes of its party.
#[derive(Debug, Clone)]
pub(crate) struct Watch {
    party: PartyId,
    access_point: AccessPointId,
    at: Cursor,
}

impl Watch {
    /// Begins where the request says.
    ///
    /// # Errors
    /// [`Error::CursorInvalid`]; [`Error::Field`] when the start is none that is known.
    pub(crate) fn start(
        request: &pb::WatchReferralsRequest,
        party: PartyId,
        access_point: AccessPointId,
        tx: &mut Tx<'_>,
    ) -> Result<Self, Error> {
        let is_beginning = match pb::WatchStart::try_from(request.start) {
            Ok(pb::WatchStart::Beginning) => true,
            Ok(pb::WatchStart::Now | pb::WatchStart::Unspecified) => false,
            Err(_) => return Err(Error::Field { field: "start", reason: reason::CODE_UNKNOWN }),
        };
        let at = if !request.cursor.is_empty() {
            let told = Cursor::read(&request.cursor, &access_point, &party).map_err(|_| Error::CursorInvalid)?;
            let is_known = told.is_after(reading::mark(tx, &party, told.number)?);
            if is_known { told } else { Cursor::BEGINNING }
        } else if is_beginning {
            Cursor::BEGINNING
        } else {
            match reading::last_change(tx, &party)? {
                (0, _) => Cursor::BEGINNING,
                (number, mark) => Cursor::after(number, mark),
            }
        };
        Ok(Self { party, access_point, at })
    }

    /// A response without a branch: where the reader stands.
    pub(crate) fn sign_of_life(&self) -> pb::WatchReferralsResponse {
        pb::WatchReferralsResponse { cursor: self.at.write(&self.access_point, &self.party), branch: None }
    }

    /// Goes on by so many changes at most, and tells them in their order; none when there is none yet.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub(crate) fn steps(
        &mut self,
        limit: u64,
        now: Timestamp,
        tx: &mut Tx<'_>,
    ) -> Result<Vec<pb::WatchReferralsResponse>, Error> {
        let mut told = Vec::new();
        for change in reading::changes_after(tx, &self.party, self.at.number, limit)? {
            let branch = then(&change, tx)?;
            self.at = Cursor::after(change.number, change.mark);
            told.push(pb::WatchReferralsResponse { branch: Some(view::branch(&branch, now)), ..self.sign_of_life() });
        }
        Ok(told)
    }
}

/// The branch as it was after the change, or as it is where that cannot be said any more: a store that was rolled back
/// gives up own events that the other side never saw.
fn then(change: &Change, tx: &mut Tx<'_>) -> Result<Branch, StoreError> {
    let branch = change.held.load(tx)?.ok_or(StoreError::Corrupt("a change of a branch that is not there"))?;
    Ok(change.cut(&branch).unwrap_or(branch))
}

#[cfg(test)]
mod tests;
