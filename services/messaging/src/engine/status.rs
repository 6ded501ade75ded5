//! Status: what is said to a peer of the channels with it.

use jiff::{SignedDuration, Timestamp};
use nhipcau_domain::id::AccessPointId;
use prost::Message;

use super::{Engine, Error, Output, channel::Phase};
use crate::{
    envelope::{timestamp, wire},
    message::{Lane, Recipient},
    receipt::Number,
    signal::{self, ContractSupport, IncomingStatus, OutgoingStatus, ReceiptHead, StatusStatement},
    store::{
        Tx, held,
        sent::{self, Head},
    },
};

/// How often a peer is told without being asked.
const STATUS_EVERY: SignedDuration = SignedDuration::from_secs(60);
/// How soon it is told again what is new in the directory: a revocation must not wait for a status that was lost.
const STATUS_SOON: SignedDuration = SignedDuration::from_secs(10);

impl Engine {
    /// Sends the statuses that are due.
    pub(super) fn send_status(&mut self, now: Timestamp, tx: &mut Tx<'_>) -> Result<(), Error> {
        let time = self.time;
        let due: Vec<_> = self.peers.iter().filter(|(_, p)| p.status_at <= time).map(|(id, _)| id.clone()).collect();
        for id in due {
            let to = Recipient::One(id.clone());
            let opening = Lane::ALL
                .iter()
                .any(|lane| self.outgoing.get(&(to.clone(), *lane)).is_some_and(|o| o.phase == Phase::Opening));
            let statement = self.statement(now, &id, tx)?;
            let unsynced = self.incoming.iter().any(|((sender, _, _), c)| *sender == id && !c.synced);
            let Some(peer) = self.peers.get_mut(&id) else { continue };
            peer.status_sent = Some(time);
            peer.status_at = if opening || unsynced {
                let next = time + peer.status_backoff;
                peer.status_backoff = (peer.status_backoff * 2).min(STATUS_EVERY / 2);
                next
            } else {
                peer.status_backoff = SignedDuration::from_secs(1);
                let is_soon = peer.status_soon > 0;
                peer.status_soon = peer.status_soon.saturating_sub(1);
                time + if is_soon { STATUS_SOON } else { STATUS_EVERY }
            };
            let bytes = signal::sign_status(&statement, self.sender()).encode_to_vec();
            self.outputs.push(Output::Signal { recipient: id, bytes });
        }
        Ok(())
    }

    fn statement(&mut self, now: Timestamp, id: &AccessPointId, tx: &mut Tx<'_>) -> Result<StatusStatement, Error> {
        self.status_number += 1;
        let echo = self.peers.get_mut(id).and_then(|p| p.unheard.take().or(p.run));
        let rewind = self.peers.get(id).and_then(|p| p.rewind);
        let mut outgoing = Vec::new();
        for (broadcast, lane) in [(false, Lane::Messages), (false, Lane::Bulk), (true, Lane::Bulk)] {
            let recipient = if broadcast { Recipient::All } else { Recipient::One(id.clone()) };
            let (number, digest, _) = held::last(tx, id, &recipient, lane)?;
            if let Some(out) = self.outgoing.get(&(recipient.clone(), lane)) {
                let erased_sequences = if !broadcast && out.theirs < out.receipted {
                    sent::erased_after(tx, &recipient, lane, out.theirs)?
                } else {
                    Vec::new()
                };
                outgoing.push(OutgoingStatus {
                    lane: lane.number(),
                    broadcast,
                    incarnation: out.incarnation,
                    opening: out.phase == Phase::Opening,
                    head: Some(to_wire(out.head)),
                    receipt: Some(receipt_to_wire(number, &digest)),
                    return_from: out.return_from,
                    base_sequence: out.base,
                    receipted_sequence: out.receipted,
                    rewind: rewind.filter(|_| broadcast).map(to_wire),
                    erased_sequences,
                });
            }
        }
        let incoming = self
            .incoming
            .iter()
            .filter(|((sender, _, _), _)| sender == id)
            .map(|((_, broadcast, lane), channel)| IncomingStatus {
                lane: lane.number(),
                broadcast: *broadcast,
                head: Some(to_wire(channel.head)),
                promised_incarnation: channel.promised,
                promised_run: channel.promised_run.clone(),
                // To the run that proposed it its own proposal proves nothing.
                proposal: if echo.is_none_or(|echo| echo.as_slice() == channel.promised_run) {
                    Vec::new()
                } else {
                    channel.proposal.clone()
                },
                receipt: Some(receipt_to_wire(channel.receipt.0, &channel.receipt.1)),
                next_receipt: channel.next.map(|(number, digest)| receipt_to_wire(number, &digest)),
            })
            .collect();
        Ok(StatusStatement {
            format: signal::FORMAT,
            sender: self.me.to_string(),
            recipient: id.to_string(),
            run: self.run.to_vec(),
            echo: echo.map(|e| e.to_vec()).unwrap_or_default(),
            number: self.status_number,
            create_time: Some(timestamp(now)),
            directory_version: self.release.version(),
            signing_key: self.keys.signing.id().to_string(),
            contracts: self
                .handlers
                .values()
                .map(|h| ContractSupport { contract: h.contract().to_string(), minor: h.minor() })
                .collect(),
            outgoing,
            incoming,
            notices_digest: self.release.notices_digest().map(Vec::from).unwrap_or_default(),
        })
    }
}

fn to_wire(head: Head) -> wire::Head {
    let digest = if head.sequence == 0 { Vec::new() } else { head.digest.to_vec() };
    wire::Head { incarnation: head.incarnation, sequence: head.sequence, digest }
}

fn receipt_to_wire(number: Number, digest: &[u8; 32]) -> ReceiptHead {
    let digest = if number.number == 0 { Vec::new() } else { digest.to_vec() };
    ReceiptHead { number: number.number, digest, series: number.series }
}
