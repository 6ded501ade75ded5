//! Giving a peer back what its store has lost: its own envelopes, the keys of their parts and its own receipts.
//!
//! What is given back is sealed to the peer; it believes nothing of it that it has not signed itself (`taking_back`).

use jiff::Timestamp;
use nhipcau_domain::id::{AccessPointId, ContractId, PartyId, Purpose};
use prost::Message;

use super::{Engine, Error, Output, channel::Peer, publishing::BUNDLE_LIMIT};
use crate::{
    envelope::{self, Content, OpenError, Place, Sender, Trust, Verified, seal, wire},
    message::{Address, Header, MessageId, Recipient},
    pae,
    signal::{Kind, Signal},
    store::{Tx, held, inbox},
};

/// The message name of a return.
const RETURN: &str = "nhipcau.envelope.v1.Return";
/// Envelopes in one return, at most.
pub(super) const ORIGINALS: usize = 128;
/// Receipts in one return, at most, and their bytes: with the keys of [`ORIGINALS`] they fit into the largest bucket.
const RECEIPTS: usize = 128;
const RECEIPT_BYTES: usize = 256 * 1024;

impl Engine {
    /// Sends what peers were found to have lost.
    pub(super) fn return_lost(&mut self, now: Timestamp, tx: &mut Tx<'_>) -> Result<(), Error> {
        self.find_strays(now, tx)?;
        let owed: Vec<_> = self
            .peers
            .iter()
            .filter(|(_, p)| !(p.returns.is_empty() && p.strays.is_empty() && p.receipt_returns.is_empty()))
            .map(|(id, _)| id.clone())
            .collect();
        for id in owed {
            self.return_to(now, &id, tx)?;
        }
        Ok(())
    }

    fn return_to(&mut self, now: Timestamp, id: &AccessPointId, tx: &mut Tx<'_>) -> Result<(), Error> {
        let peer = self.peer(id);
        let returns = std::mem::take(&mut peer.returns);
        let strays = std::mem::take(&mut peer.strays);
        let receipts = std::mem::take(&mut peer.receipt_returns);

        let mut parcel = wire::Return::default();
        for ((lane, broadcast), after) in receipts {
            let recipient = if broadcast { Recipient::All } else { Recipient::One(id.clone()) };
            parcel.receipts.extend(held::after(tx, id, &recipient, lane, after)?);
        }
        let mut size = 0;
        let fits = parcel.receipts.iter().take(RECEIPTS).take_while(|receipt| {
            size += receipt.encoded_len() + 8;
            size <= RECEIPT_BYTES
        });
        // The rest is returned with the next status.
        let fitting = fits.count();
        parcel.receipts.truncate(fitting);
        let mut found = Vec::new();
        for ((lane, broadcast), from) in returns {
            let key = (id.clone(), broadcast, lane);
            for row in inbox::envelopes_from(tx, self.channel(&key), from)? {
                let bytes = match (row.erased, broadcast) {
                    (Some(erased), _) => Some(erased),
                    (None, true) => row.envelope,
                    (None, false) => {
                        self.wake(row.correlation.as_ref(), "received", &row.digest, row.envelope.as_deref(), tx)?
                    }
                };
                let envelope = bytes.and_then(|b| wire::Envelope::decode(b.as_slice()).ok());
                let trust = Trust { erased: true, revoked: true };
                found.extend(envelope.and_then(|e| envelope::verify(e, pae::ENVELOPE, &self.release, now, trust).ok()));
            }
        }
        found.extend(strays);
        let mut originals = Vec::new();
        let mut size = 0;
        for verified in found {
            size += verified.envelope.encoded_len() + 8;
            // The rest is asked for again, or returned with the next status.
            if size > BUNDLE_LIMIT && !originals.is_empty() {
                break;
            }
            if let Some(keys) = self.returned_keys(&verified) {
                parcel.keys.push(keys);
                originals.push(verified.envelope);
            }
        }
        if originals.is_empty() && parcel.receipts.is_empty() {
            return Ok(());
        }
        self.branch("returned");
        if let Some(parcel) = self.seal_return(now, id, parcel.encode_to_vec())? {
            let returned = wire::Returned { parcel: Some(parcel), originals };
            let bytes = Signal { kind: Some(Kind::Returned(returned)) }.encode_to_vec();
            self.outputs.push(Output::Signal { recipient: id.clone(), bytes });
        }
        Ok(())
    }

    /// Prepares what senders gave up, and may have lost, for its return: the oldest, soon after one came or took a
    /// position, else when its sender has spoken, ever more rarely.
    fn find_strays(&mut self, now: Timestamp, tx: &mut Tx<'_>) -> Result<(), Error> {
        let time = self.time;
        let due = |peer: &Peer| peer.run.is_some() && peer.strays_at.is_some_and(|at| at <= time);
        let senders: Vec<_> = self.peers.iter().filter(|(_, peer)| due(peer)).map(|(id, _)| id.clone()).collect();
        for sender in senders {
            let mut stored = inbox::abandoned(tx, &sender)?;
            stored.extend(inbox::oldest_strays(tx, &sender, BUNDLE_LIMIT)?);
            let envelopes = stored.iter().filter_map(|bytes| wire::Envelope::decode(bytes.as_slice()).ok());
            let verified: Vec<_> = envelopes
                .filter_map(|e| envelope::verify(e, pae::ENVELOPE, &self.release, now, Trust::default()).ok())
                .collect();
            self.peer(&sender).strays_returned(time, verified);
        }
        Ok(())
    }

    fn returned_keys(&mut self, verified: &Verified) -> Option<wire::ReturnedKeys> {
        let part_keys = if verified.envelope.parts.is_empty() {
            Vec::new()
        } else {
            match self.open_key(verified) {
                Err(OpenError::MissingKey) => return None,
                // Unreadable here: its signer has to know that it took the position all the same.
                Err(OpenError::Unreadable) | Ok(None) => Vec::new(),
                Ok(Some(key)) => envelope::part_keys(verified, &key)
                    .map(|keys| keys.iter().map(|k| k.to_vec()).collect())
                    .unwrap_or_default(),
            }
        };
        Some(wire::ReturnedKeys { digest: verified.digest.to_vec(), part_keys })
    }

    fn seal_return(
        &mut self,
        now: Timestamp,
        to: &AccessPointId,
        parcel: Vec<u8>,
    ) -> Result<Option<wire::Envelope>, Error> {
        let Some(sealing) = self.release.sealing_key(to, now) else { return Ok(None) };
        let party =
            |id: &AccessPointId| -> Option<PartyId> { self.release.access_point(id)?.parties.iter().next().cloned() };
        let (Some(from_party), Some(to_party)) = (party(&self.me), party(to)) else { return Ok(None) };
        let (Ok(contract), Ok(purpose)) = (ContractId::new("nhipcau.envelope.v1"), Purpose::new("return")) else {
            return Ok(None);
        };
        let header = Header {
            message: RETURN.to_owned(),
            contract,
            contract_minor: 0,
            sender: Address { party: from_party, unit: None },
            recipient: Some(Address { party: to_party, unit: None }),
            purpose,
            legal_basis: String::new(),
            correlation: None,
            kind: String::new(),
            corrected: None,
            traceparent: String::new(),
            blobs: Vec::new(),
        };
        let content = Content { header, ordinal: 0, skip: None, parts: vec![parcel] };
        let mut id = [0; 16];
        self.entropy.fill(&mut id);
        let id = MessageId(uuid::Builder::from_custom_bytes(id).into_uuid().into_bytes());
        let sender =
            Sender { access_point: &self.me, signing: &self.keys.signing, directory_version: self.release.version() };
        let entropy = self.entropy.as_mut();
        // A public key that cannot be sealed to is as good as none.
        let to_key = (to, &sealing.id, &sealing.public);
        let Ok((key, wrapped)) = self.channel_keys.get(sender, to_key, now, entropy) else { return Ok(None) };
        let place =
            Place { lane: None, incarnation: 0, sequence: 0, base_sequence: 0, previous: [0; 32], create_time: now };
        let recipient = Recipient::One(to.clone());
        let key = Some((&sealing.id, &key, &wrapped));
        Ok(Some(seal(sender, &recipient, place, id, &content, key, entropy)?.envelope))
    }
}
