//! Agreeing with a recipient on where a channel stands, before anything is signed on it.

use jiff::SignedDuration;
use nhipcau_domain::id::AccessPointId;

use super::{
    AlarmKind, Engine, Error, Kind, OutgoingKey,
    channel::{IncomingKey, Phase, RESEND_FIRST, START_SHIFT, Serving},
};
use crate::{
    message::{Lane, Recipient},
    receipt::{self, Number},
    store::{
        Tx, held,
        sent::{self, Head},
    },
};

/// How long a peer that misses something is given to take what is on its way.
const AGAIN_AFTER: SignedDuration = SignedDuration::from_secs(1);
/// Broadcast envelopes served to a subscriber on one status.
const SERVED: u64 = 256;

impl Engine {
    /// Goes back to agreeing with the recipient: what no receipt has concluded is checked and signed anew, under a new
    /// incarnation. With oneself there is nothing to agree on.
    pub(super) fn reopen(&mut self, key: &OutgoingKey, tx: &mut Tx<'_>) -> Result<(), Error> {
        let to_oneself = key.0 == Recipient::One(self.me.clone());
        let Some(out) = self.outgoing.get_mut(key) else { return Ok(()) };
        let next = out.incarnation + 1;
        // Beyond lie the incarnations of the next start, and a process that showed one would end the others.
        let is_last = next >> START_SHIFT != out.incarnation >> START_SHIFT;
        if out.phase == Phase::Opening || key.0 == Recipient::All || is_last {
            return Ok(());
        }
        out.incarnation = next;
        if to_oneself {
            sent::give_up_after(tx, &key.0, key.1, out.receipted)?;
            out.base = out.receipted;
            out.handed = out.receipted;
            out.head = sent::position(tx, &key.0, key.1, out.receipted)?.unwrap_or_default();
            out.drafts = true;
        } else {
            out.phase = Phase::Opening;
        }
        self.branch("reopened");
        Ok(())
    }

    /// Shows a process of the sender that a later one has followed it, where only an envelope of that one says so.
    pub(super) fn prove_promise(&mut self, key: &IncomingKey, proposed: u64) {
        let time = self.time;
        let Some(channel) = self.incoming.get(key) else { return };
        let promised = channel.promised;
        if key.1 || proposed >= promised || !channel.promised_run.is_empty() {
            return;
        }
        let waiting = channel.window.values().find(|waiting| waiting.routing.incarnation == promised).cloned();
        let head = channel.head;
        let peer = self.peer(&key.0);
        if peer.may_often(Serving::Returns(key.2, key.1), time) {
            match waiting {
                Some(waiting) => peer.strays.push(waiting),
                None => _ = peer.returns.insert((key.2, key.1), head.sequence),
            }
        }
    }

    /// The recipient has promised to accept only this incarnation from now on. Opens the channel when its head is a
    /// position that this store knows; else asks for what this store has lost.
    pub(super) fn try_open(
        &mut self,
        key: &OutgoingKey,
        theirs: Head,
        receipt: Number,
        tx: &mut Tx<'_>,
    ) -> Result<(), Error> {
        let time = self.time;
        let Recipient::One(peer) = key.0.clone() else { return Ok(()) };
        let own = sent::position(tx, &key.0, key.1, theirs.sequence)?;
        let Some(out) = self.outgoing.get_mut(key) else { return Ok(()) };
        if own.is_none_or(|own| own != theirs) {
            if theirs.sequence <= out.tip.sequence {
                // Rolled back, it took what was given up before: its history counts, since only it can have effects
                // twice. What it had received otherwise is sent again under the same ids.
                let before = sent::position(tx, &key.0, key.1, theirs.sequence.saturating_sub(1))?;
                out.tip = before.unwrap_or_default();
                self.branch("contradicted");
                self.alarm(AlarmKind::Fork, Some(&peer));
            } else if out.return_from == 0 {
                self.branch("return_wanted");
                self.alarm(AlarmKind::RolledBack, Some(&peer));
            }
            if let Some(out) = self.outgoing.get_mut(key) {
                out.return_from = out.tip.sequence + 1;
            }
            self.peer(&peer).status_due(time);
            return Ok(());
        }
        if theirs.sequence < out.receipted {
            self.branch("recipient_rolled_back");
        }
        let Some(out) = self.outgoing.get_mut(key) else { return Ok(()) };
        let base = theirs.sequence.max(out.receipted);
        let given_up = sent::give_up_after(tx, &key.0, key.1, base)?;
        out.head = sent::position(tx, &key.0, key.1, base)?.unwrap_or_default();
        if out.tip.sequence > base {
            out.tip = out.head;
        }
        out.base = base;
        out.phase = Phase::Open;
        out.return_from = 0;
        out.vouched = receipt;
        out.again = None;
        out.drafts = true;
        out.handed = theirs.sequence;
        out.backoff = RESEND_FIRST;
        out.resend_at = time + out.backoff;
        if given_up > 0 {
            self.branch("signed_anew");
        }
        self.branch("opened");
        Ok(())
    }

    /// The recipient of an open channel says where it stands.
    pub(super) fn hear_head(
        &mut self,
        key: &OutgoingKey,
        theirs: Head,
        receipt: Number,
        tx: &mut Tx<'_>,
    ) -> Result<(), Error> {
        let time = self.time;
        let own = sent::position(tx, &key.0, key.1, theirs.sequence)?;
        let Recipient::One(peer) = key.0.clone() else { return Ok(()) };
        let Some(out) = self.outgoing.get_mut(key) else { return Ok(()) };
        if own.is_none_or(|own| own != theirs) {
            self.reopen(key, tx)?;
            self.branch("histories_differ");
            self.peer(&peer).status_due(time);
            return Ok(());
        }
        out.vouched = receipt;
        if theirs.sequence < out.handed && out.again.is_none() {
            // It misses what was handed over, or the broker does, or it is on its way.
            out.again = Some((theirs.sequence, time + AGAIN_AFTER));
            self.branch("sent_again_on_status");
        } else if out.again.is_some_and(|(from, _)| theirs.sequence > from) {
            out.again = None;
        }
        Ok(())
    }

    /// A subscriber of the broadcast says where it stands: it gets the original bytes from there on.
    pub(super) fn serve_subscriber(
        &mut self,
        subscriber: &AccessPointId,
        lane: Lane,
        theirs: Head,
        tx: &mut Tx<'_>,
    ) -> Result<(), Error> {
        let time = self.time;
        let key = (Recipient::All, lane);
        let own = sent::position(tx, &key.0, lane, theirs.sequence)?;
        let Some(head) = self.outgoing.get(&key).map(|out| out.head.sequence) else { return Ok(()) };
        let on_chain = own.is_some_and(|own| own == theirs);
        let shared = if on_chain { theirs } else { self.last_shared(subscriber, lane, theirs, tx)? };
        self.peer(subscriber).rewind = (!on_chain).then_some(shared);
        if !on_chain {
            // It holds what this store has lost. It returns it and goes on from the last position that both hold.
            self.branch("broadcast_differs");
            self.alarm(AlarmKind::RolledBack, Some(subscriber));
            self.peer(subscriber).status_due(time);
        }
        let after = shared.sequence;
        if after >= head || !self.peer(subscriber).may_serve(Serving::Broadcast, time) {
            return Ok(());
        }
        let stored = sent::positions(tx, &key.0, lane, after, SERVED)?;
        if let Ok(envelopes) = self.wake_envelopes(&key, stored, tx)? {
            self.branch("broadcast_served");
            let to = Recipient::One(subscriber.clone());
            self.publish_envelopes(&key, Kind::Lane(lane), &to, head, envelopes);
        }
        Ok(())
    }

    /// The last position of the broadcast before the subscriber's head that it has receipted and that is still on this
    /// store's chain.
    fn last_shared(
        &mut self,
        subscriber: &AccessPointId,
        lane: Lane,
        theirs: Head,
        tx: &mut Tx<'_>,
    ) -> Result<Head, Error> {
        for receipt in held::newest(tx, subscriber, &Recipient::All, lane)? {
            let Some((sequence, digest)) = receipt::head_of(&receipt) else { continue };
            let own = sent::position(tx, &Recipient::All, lane, sequence)?;
            if let Some(own) = own.filter(|own| own.digest == digest && sequence < theirs.sequence) {
                return Ok(own);
            }
        }
        Ok(Head::default())
    }
}
