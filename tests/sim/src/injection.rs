//! What an enemy with the broker's powers puts on the wire: it can repeat, change and misplace bytes, but it has no
//! key of any access point except one that it signs with in another's name.

use std::{collections::BTreeMap, rc::Rc};

use nhipcau_messaging::{crypto::sign::SigningKey, engine::Kind, message::Lane, pae};
use nhipcau_proto::envelope::v1 as pb;
use prost::Message as _;

use crate::{Point, coverage::Fault, prng::Prng};

/// Bytes that went over the broker, with the subject they went under.
#[derive(Debug, Clone)]
pub struct Captured {
    /// Kind of the subject; none for a signal.
    pub kind: Option<Kind>,
    /// Sender named by the subject.
    pub sender: Point,
    /// Recipient named by the subject; none for a broadcast.
    pub recipient: Option<Point>,
    /// The bytes.
    pub bytes: Rc<[u8]>,
}

const CAPTURED: usize = 96;

/// The enemy, with what it has seen.
#[derive(Debug)]
pub struct Enemy {
    prng: Prng,
    points: usize,
    seen: Vec<Captured>,
    signals: BTreeMap<(Point, Point), Rc<[u8]>>,
    receipts: BTreeMap<(Point, Point), Rc<[u8]>>,
}

impl Enemy {
    /// An enemy who has seen nothing yet.
    #[must_use]
    pub fn new(prng: Prng, points: usize) -> Self {
        Self { prng, points, seen: Vec::new(), signals: BTreeMap::new(), receipts: BTreeMap::new() }
    }

    /// Sees what passes. Keeps old and new alike, so that what it repeats may be long past.
    pub fn see(&mut self, captured: Captured) {
        let last = match captured.kind {
            None => Some(&mut self.signals),
            Some(Kind::Receipts) => Some(&mut self.receipts),
            Some(_) => None,
        };
        if let (Some(last), Some(recipient)) = (last, captured.recipient) {
            last.insert((captured.sender, recipient), captured.bytes.clone());
        }
        if self.seen.len() < CAPTURED {
            self.seen.push(captured);
        } else if self.prng.chance(200) {
            let place = self.prng.index(CAPTURED);
            self.seen[place] = captured;
        }
    }

    /// The last signal from one to the other.
    #[must_use]
    pub fn last_signal(&self, from: Point, to: Point) -> Option<&Rc<[u8]>> {
        self.signals.get(&(from, to))
    }

    /// The last receipts from one to the other.
    #[must_use]
    pub fn last_receipts(&self, from: Point, to: Point) -> Option<&Rc<[u8]>> {
        self.receipts.get(&(from, to))
    }

    /// Something that it has seen.
    pub fn recall(&mut self) -> Option<Captured> {
        self.prng.pick(&self.seen).cloned()
    }

    /// Makes something that must not be believed, with the name of what it is.
    pub fn make(&mut self, keys: &[SigningKey]) -> Option<(Fault, Captured)> {
        let seen = self.prng.pick(&self.seen).cloned();
        let choice = self.prng.below(7);
        if choice == 0 {
            let length = self.prng.index(400);
            let bytes = self.prng.bytes(length);
            return Some((Fault::Garbage, self.subject(bytes)));
        }
        if choice == 1 {
            let bytes = br#"{"stream":"NC_AP","seq":14,"domain":"hub"}"#.to_vec();
            return Some((Fault::ServerMade, self.subject(bytes)));
        }
        let mut made = seen?;
        let fault = match choice {
            2 => {
                let length = self.prng.index(made.bytes.len().max(1));
                made.bytes = made.bytes[..length].into();
                Fault::Truncated
            }
            3 => {
                made.bytes = flip(&mut self.prng, &made)?;
                Fault::BitFlipped
            }
            4 => {
                made = Captured { bytes: made.bytes, ..self.subject(Vec::new()) };
                Fault::Readdressed
            }
            5 => Fault::Replayed,
            _ => {
                // Not its sender's own: that would be believed, and rightly so.
                let signer = (made.sender + 1 + self.prng.index(self.points - 1)) % self.points;
                made.bytes = sign_again(&made, keys.get(signer)?)?;
                Fault::Resigned
            }
        };
        Some((fault, made))
    }

    fn subject(&mut self, bytes: Vec<u8>) -> Captured {
        let kinds = [
            None,
            Some(Kind::Lane(Lane::Messages)),
            Some(Kind::Lane(Lane::Messages)),
            Some(Kind::Lane(Lane::Bulk)),
            Some(Kind::Receipts),
            Some(Kind::Broadcast),
        ];
        let kind = kinds[self.prng.index(kinds.len())];
        let (sender, recipient) = (self.prng.index(self.points), self.prng.index(self.points));
        let recipient = (kind != Some(Kind::Broadcast)).then_some(recipient);
        Captured { kind, sender, recipient, bytes: bytes.into() }
    }
}

/// One bit changed within a field. The wire's own structure stays: a changed length would have the reader take random
/// bytes for structure, and what it then made of them would not be the seed's doing.
fn flip(prng: &mut Prng, seen: &Captured) -> Option<Rc<[u8]>> {
    if seen.kind.is_none() {
        let mut signal = pb::Signal::decode(&*seen.bytes).ok()?;
        match signal.kind.as_mut()? {
            pb::signal::Kind::Status(status) => flip_bit(prng, &mut status.signature)?,
            pb::signal::Kind::Returned(returned) => flip_envelope(prng, returned.parcel.as_mut()?)?,
            pb::signal::Kind::ReleaseRequest(version) => *version ^= 1 << prng.below(8),
            pb::signal::Kind::Release(release) => flip_bit(prng, release)?,
            pb::signal::Kind::Inquiry(inquiry) => flip_bit(prng, &mut inquiry.signature)?,
            pb::signal::Kind::Account(account) => flip_bit(prng, &mut account.signature)?,
            pb::signal::Kind::FileRequest(request) => flip_bit(prng, &mut request.digest)?,
            pb::signal::Kind::FilePiece(piece) => flip_bit(prng, &mut piece.content)?,
        }
        return Some(signal.encode_to_vec().into());
    }
    let mut bundle = pb::Bundle::decode(&*seen.bytes).ok()?;
    if let Some(receipt) = bundle.receipts.first_mut() {
        if prng.chance(500) {
            flip_bit(prng, &mut receipt.signature)?;
        } else {
            let mut statement = pb::ReceiptStatement::decode(&*receipt.statement).ok()?;
            statement.last_sequence ^= 1 << prng.below(3);
            receipt.statement = statement.encode_to_vec();
        }
    } else {
        let place = prng.index(bundle.envelopes.len().max(1));
        flip_envelope(prng, bundle.envelopes.get_mut(place)?)?;
    }
    Some(bundle.encode_to_vec().into())
}

fn flip_envelope(prng: &mut Prng, envelope: &mut pb::Envelope) -> Option<()> {
    let mut routing = pb::Routing::decode(&*envelope.routing).ok()?;
    match prng.below(8) {
        0 => routing.sequence ^= 1 << prng.below(4),
        1 => routing.incarnation ^= 1 << prng.below(4),
        2 => flip_bit(prng, &mut routing.id)?,
        3 => flip_bit(prng, &mut routing.previous_digest)?,
        4 => flip_bit(prng, &mut routing.wrap.as_mut()?.ciphertext)?,
        5 => flip_bit(prng, &mut envelope.signature)?,
        _ => {
            let part = prng.index(envelope.parts.len().max(1));
            flip_bit(prng, envelope.parts.get_mut(part)?)?;
        }
    }
    envelope.routing = routing.encode_to_vec();
    Some(())
}

fn flip_bit(prng: &mut Prng, bytes: &mut [u8]) -> Option<()> {
    let bit = prng.index(bytes.len().max(1) * 8);
    *bytes.get_mut(bit / 8)? ^= 1 << (bit % 8);
    Some(())
}

/// The first signed thing in the bytes under another signature.
fn sign_again(seen: &Captured, key: &SigningKey) -> Option<Rc<[u8]>> {
    let Some(kind) = seen.kind else {
        let mut signal = pb::Signal::decode(&*seen.bytes).ok()?;
        let Some(pb::signal::Kind::Status(status)) = &mut signal.kind else { return None };
        status.signature = key.sign(pae::STATUS, &[&status.statement]);
        return Some(signal.encode_to_vec().into());
    };
    let mut bundle = pb::Bundle::decode(&*seen.bytes).ok()?;
    if kind == Kind::Receipts {
        let receipt = bundle.receipts.first_mut()?;
        receipt.signature = key.sign(pae::RECEIPT, &[&receipt.statement]);
    } else {
        let envelope = bundle.envelopes.first_mut()?;
        let mut routing = pb::Routing::decode(&*envelope.routing).ok()?;
        key.id().as_str().clone_into(&mut routing.signing_key);
        envelope.routing = routing.encode_to_vec();
        envelope.signature = key.sign(pae::ENVELOPE, &[&envelope.routing, &envelope.manifest]);
    }
    Some(bundle.encode_to_vec().into())
}
