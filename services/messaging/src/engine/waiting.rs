//! What waits because a recipient could not take it yet: it is signed again once that may have changed.

use jiff::SignedDuration;
use nhipcau_domain::id::AccessPointId;
use prost::Message;

use super::{
    Engine, Error,
    channel::{RETRY_FIRST, RETRY_LONGEST},
};
use crate::{
    message::{Lane, Recipient},
    signal::StatusStatement,
    store::{Tx, outbox},
};

/// How often messages to oneself that could not be taken are tried again.
const OWN_WAITING_EVERY: SignedDuration = SignedDuration::from_secs(60);

impl Engine {
    /// Lets messages that a peer could not take yet be signed again: at once when it has become able to take more, else
    /// ever more rarely.
    pub(super) fn let_waiting_go(
        &mut self,
        id: &AccessPointId,
        statement: &StatusStatement,
        tx: &mut Tx<'_>,
    ) -> Result<(), Error> {
        let time = self.time;
        let mut able = statement.directory_version.to_le_bytes().to_vec();
        able.extend(&statement.run);
        able.extend(&statement.notices_digest);
        for contract in &statement.contracts {
            able.extend(contract.encode_to_vec());
        }
        let own = self.release.version();
        let peer = self.peer(id);
        let changed = able != peer.able;
        if peer.release < own || (!changed && time < peer.retry_at) {
            return Ok(());
        }
        peer.able = able;
        peer.retry_backoff = if changed { RETRY_FIRST } else { (peer.retry_backoff * 2).min(RETRY_LONGEST) };
        peer.retry_at = time + peer.retry_backoff;
        self.sign_waiting(&Recipient::One(id.clone()), tx)
    }

    /// The same with oneself, where no status tells.
    pub(super) fn let_own_waiting_go(&mut self, tx: &mut Tx<'_>) -> Result<(), Error> {
        let time = self.time;
        if time.duration_since(self.own_released_at) < OWN_WAITING_EVERY {
            return Ok(());
        }
        self.own_released_at = time;
        self.sign_waiting(&Recipient::One(self.me.clone()), tx)
    }

    pub(super) fn sign_waiting(&mut self, recipient: &Recipient, tx: &mut Tx<'_>) -> Result<(), Error> {
        if outbox::release_waiting(tx, recipient)? {
            self.branch("sent_after_not_yet");
            for lane in Lane::ALL {
                if let Some(out) = self.outgoing.get_mut(&(recipient.clone(), lane)) {
                    out.drafts = true;
                }
            }
        }
        Ok(())
    }
}
