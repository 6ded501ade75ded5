//! Numbers within a case. A recipient takes a message only under the number that comes next there, and a refusal for
//! now names that number; a sender numbers from what the receipts say the recipient has counted. So the two find
//! together again whatever either has lost, and no message of a case overtakes an earlier one.

use nhipcau_domain::id::AccessPointId;

use super::{Engine, Error, OutgoingKey, channel::IncomingKey, receiving::is_retryable};
use crate::{
    envelope::Content,
    message::{Correlation, Lane, RefusalReason},
    receipt::Refusal,
    store::{Tx, inbox, outbox, sent::Covered},
};

impl Engine {
    /// The number that comes next here in a message's case; 0 for a message without a number.
    pub(super) fn expected(&self, key: &IncomingKey, content: &Content, tx: &mut Tx<'_>) -> Result<u64, Error> {
        let (Some(case), true) = (&content.header.correlation, content.ordinal > 0) else { return Ok(0) };
        Ok(inbox::counted(tx, &key.0, case)? + 1)
    }

    /// Counts a message whose position is concluded under its number.
    pub(super) fn count(&self, key: &IncomingKey, content: &Content, tx: &mut Tx<'_>) -> Result<(), Error> {
        let Some(case) = &content.header.correlation else { return Ok(()) };
        Ok(inbox::count(tx, &key.0, case, content.ordinal)?)
    }

    /// The number to sign a message of a case under. Rather too high than too low: of what follows on a number that is
    /// too high the recipient takes nothing.
    pub(super) fn number(&self, key: &OutgoingKey, case: Option<&Correlation>, tx: &mut Tx<'_>) -> Result<u64, Error> {
        let (Some(case), Lane::Messages) = (case, key.1) else { return Ok(0) };
        Ok(outbox::last_counted(tx, &key.0, case)? + 1)
    }

    /// What a receipt tells of the recipient's count.
    pub(super) fn learn(
        &self,
        peer: &AccessPointId,
        position: &Covered,
        refusal: Option<&Refusal>,
        tx: &mut Tx<'_>,
    ) -> Result<(), Error> {
        let (Some(case), true) = (&position.correlation, position.ordinal > 0) else { return Ok(()) };
        let counted = match refusal {
            // What it cannot open it cannot count.
            Some(refusal) if refusal.reason == RefusalReason::Unreadable => return Ok(()),
            Some(refusal) if is_retryable(refusal.reason as i32) => match refusal.expected.checked_sub(1) {
                Some(counted) => counted,
                None => return Ok(()),
            },
            _ => position.ordinal,
        };
        Ok(outbox::learn(tx, peer, case, counted, position.sequence)?)
    }
}
