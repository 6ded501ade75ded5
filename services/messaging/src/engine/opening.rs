//! Agreeing with a recipient on where a channel stands, before anything is signed on it.

use jiff::Timestamp;
use nhipcau_domain::id::AccessPointId;

use super::{
    AlarmKind, Engine, Error, Kind, OutgoingKey,
    channel::{Phase, RESEND_FIRST, Serving},
};
use crate::{
    message::{Lane, Recipient},
    store::{
        Tx,
        outbox::{self, Head},
    },
};

/// Broadcast envelopes served to a subscriber on one status.
const SERVED: u64 = 256;

impl Engine {
    /// Goes back to agreeing with the recipient: what no receipt has concluded is checked and signed anew, under a new
    /// incarnation. With oneself there is nothing to agree on.
    pub(super) fn reopen(&mut self, key: &OutgoingKey, tx: &mut Tx<'_>) -> Result<(), Error> {
        let to_oneself = key.0 == Recipient::One(self.me.clone());
        let Some(out) = self.outgoing.get_mut(key) else { return Ok(()) };
        if out.phase == Phase::Opening || key.0 == Recipient::All {
            return Ok(());
        }
        out.incarnation += 1;
        if to_oneself {
            outbox::give_up_after(tx, &key.0, key.1, out.receipted)?;
            out.base = out.receipted;
            out.handed = out.receipted;
            out.head = outbox::position(tx, &key.0, key.1, out.receipted)?.unwrap_or_default();
            out.drafts = true;
        } else {
            out.phase = Phase::Opening;
        }
        self.branch("reopened");
        Ok(())
    }

    /// The recipient has promised to accept only this incarnation from now on. Opens the channel when its head is a
    /// position that this store knows; else asks for what this store has lost.
    pub(super) fn try_open(
        &mut self,
        now: Timestamp,
        key: &OutgoingKey,
        theirs: Head,
        tx: &mut Tx<'_>,
    ) -> Result<(), Error> {
        let Recipient::One(peer) = key.0.clone() else { return Ok(()) };
        let own = outbox::position(tx, &key.0, key.1, theirs.sequence)?;
        let Some(out) = self.outgoing.get_mut(key) else { return Ok(()) };
        if own.is_none_or(|own| own != theirs) {
            if theirs.sequence < out.receipted {
                // Its head contradicts a receipt of its own: only a person can tell which store is right.
                self.branch("fork");
                self.alarm(AlarmKind::Fork, Some(&peer));
                return Ok(());
            }
            if out.return_from == 0 {
                self.branch("return_wanted");
                self.alarm(AlarmKind::RolledBack, Some(&peer));
            }
            if let Some(out) = self.outgoing.get_mut(key) {
                out.return_from = out.tip.sequence + 1;
            }
            self.peer(&peer, now).status_due(now);
            return Ok(());
        }
        if theirs.sequence < out.receipted {
            self.branch("recipient_rolled_back");
        }
        let Some(out) = self.outgoing.get_mut(key) else { return Ok(()) };
        let base = theirs.sequence.max(out.receipted);
        let given_up = outbox::give_up_after(tx, &key.0, key.1, base)?;
        out.head = outbox::position(tx, &key.0, key.1, base)?.unwrap_or_default();
        out.base = base;
        out.phase = Phase::Open;
        out.return_from = 0;
        out.drafts = true;
        out.handed = theirs.sequence;
        out.backoff = RESEND_FIRST;
        out.resend_at = now + out.backoff;
        if given_up > 0 {
            self.branch("signed_anew");
        }
        self.branch("opened");
        Ok(())
    }

    /// The recipient of an open channel says where it stands.
    pub(super) fn hear_head(
        &mut self,
        now: Timestamp,
        key: &OutgoingKey,
        theirs: Head,
        tx: &mut Tx<'_>,
    ) -> Result<(), Error> {
        let own = outbox::position(tx, &key.0, key.1, theirs.sequence)?;
        let Recipient::One(peer) = key.0.clone() else { return Ok(()) };
        let Some(out) = self.outgoing.get_mut(key) else { return Ok(()) };
        if own.is_none_or(|own| own != theirs) {
            self.reopen(key, tx)?;
            self.branch("histories_differ");
            self.peer(&peer, now).status_due(now);
        } else if theirs.sequence < out.handed
            && self.peer(&peer, now).may_serve(Serving::Envelopes(key.1), now)
            && let Some(out) = self.outgoing.get_mut(key)
        {
            // It misses what was handed over, or the broker does.
            out.handed = theirs.sequence;
            self.branch("sent_again_on_status");
        }
        Ok(())
    }

    /// A subscriber of the broadcast says where it stands: it gets the original bytes from there on.
    pub(super) fn serve_subscriber(
        &mut self,
        now: Timestamp,
        subscriber: &AccessPointId,
        lane: Lane,
        theirs: Head,
        tx: &mut Tx<'_>,
    ) -> Result<(), Error> {
        let key = (Recipient::All, lane);
        let own = outbox::position(tx, &key.0, lane, theirs.sequence)?;
        let Some(out) = self.outgoing.get(&key) else { return Ok(()) };
        let (head, base) = (out.head.sequence, out.base);
        let on_branch = own.is_some_and(|own| own == theirs);
        if !on_branch {
            // It holds what this store has lost. It returns it, and what was signed since comes to it as a branch.
            self.branch("broadcast_return_wanted");
            self.alarm(AlarmKind::RolledBack, Some(subscriber));
            let from = outbox::last_held(tx, subscriber, &key.0, lane)?.2.min(theirs.sequence.saturating_sub(1)) + 1;
            if let Some(out) = self.outgoing.get_mut(&key) {
                out.return_from = from.min(base + 1);
            }
            self.peer(subscriber, now).status_due(now);
        } else if let Some(out) = self.outgoing.get_mut(&key) {
            out.return_from = 0;
        }
        let after = if on_branch { theirs.sequence } else { base.min(theirs.sequence) };
        if after >= head || !self.peer(subscriber, now).may_serve(Serving::Broadcast, now) {
            return Ok(());
        }
        let stored = outbox::positions(tx, &key.0, lane, after, SERVED)?;
        if let Some(envelopes) = self.wake_envelopes(&key.0, stored, tx)? {
            self.branch("broadcast_served");
            let to = Recipient::One(subscriber.clone());
            self.publish_envelopes(&key, Kind::Lane(lane), &to, head, envelopes);
        }
        Ok(())
    }
}
