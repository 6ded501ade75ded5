//! A message before it is submitted, and the draft that it becomes. The same plan gives the same draft, so that a
//! caller can ask again.

use nhipcau_domain::id::SystemId;
use nhipcau_messaging::{
    blob,
    message::{Address, BlobRef, Cause, Draft, Header, Lane, MessageId, Recipient},
    pae,
};

use crate::{
    Point,
    directory::{self, DESK, NIGHT_DESK},
    history::{Blob, Message, Piece},
    payload::{Body, Verb, correlation, digest, stated},
};

/// What a caller or a handler wants to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// From which access point.
    pub from: Point,
    /// To which; none for a broadcast.
    pub to: Option<Point>,
    /// On which lane.
    pub lane: Lane,
    /// What it says.
    pub body: Body,
    /// Whether it is for the unit that only later releases know; if it is published, by that unit.
    pub night: bool,
    /// Minor version that it needs.
    pub minor: u32,
    /// Why it exists.
    pub cause: Cause,
}

impl Plan {
    /// An answer to a message, or what follows from it.
    #[must_use]
    pub fn following(cause: MessageId, from: Point, to: Point, body: Body) -> Self {
        let (lane, cause) = (Lane::Messages, Cause::Event(cause));
        Self { from, to: Some(to), lane, body, night: false, minor: 0, cause }
    }

    /// The cause of a caller's request.
    #[must_use]
    pub fn request(number: u64) -> Cause {
        let system = SystemId::new("caller").expect("a system's name");
        Cause::Request { system, request_id: format!("request-{number}") }
    }

    /// The draft.
    #[must_use]
    pub fn draft(&self) -> Draft {
        let (contract, kind) = stated(self.body.verb, self.body.case);
        let unit = |name| Some(directory::unit(name));
        let desk = unit(if self.night { NIGHT_DESK } else { DESK });
        let header = Header {
            message: format!("{contract}.Event"),
            contract: directory::contract(contract),
            contract_minor: self.minor,
            sender: Address {
                party: directory::party(self.from),
                unit: if self.to.is_none() { desk.clone() } else { unit(DESK) },
            },
            recipient: self.to.map(|to| Address { party: directory::party(to), unit: desk }),
            purpose: directory::purpose(),
            legal_basis: "simulated".to_owned(),
            correlation: correlation(self.body.case),
            kind: kind.to_owned(),
            corrected: None,
            traceparent: String::new(),
            blobs: self.body.blob().iter().map(|bytes| blob_of(bytes)).collect(),
        };
        Draft {
            header,
            recipient: self.to.map_or(Recipient::All, |to| Recipient::One(directory::access_point(to))),
            lane: self.lane,
            parts: self.parts(),
            cause: self.cause.clone(),
            ordinal: 0,
        }
    }

    /// The messages that carry the blob which the draft's header names, if it names one.
    #[must_use]
    pub fn carriers(&self, naming: &Header, id_key: &[u8; 32]) -> Vec<Carrier> {
        let (Some(bytes), Some(to)) = (self.body.blob(), self.to) else { return Vec::new() };
        let recipient = directory::access_point(to);
        let (BlobRef { digest, size_bytes: size }, drafts) =
            blob::drafts(naming, &recipient, &self.cause, 1, &bytes).expect("a small blob");
        let blob = Blob { sender: self.from, case: self.body.case, digest, size };
        let of = drafts.len() as u64;
        let carrier = |(place, draft): (u64, Draft)| {
            let id = MessageId::derive(id_key, &draft.cause, draft.ordinal);
            // What it says stands in the blob's digest.
            let digest = blob.short() ^ place;
            let message = Message { id, lane: draft.lane, verb: Verb::Chunk, digest, ..self.message(id_key) };
            Carrier { draft, message, piece: Piece { blob, place, of } }
        };
        (0..).zip(drafts).map(carrier).collect()
    }

    /// The message that the checker knows it by.
    #[must_use]
    pub fn message(&self, id_key: &[u8; 32]) -> Message {
        Message {
            id: MessageId::derive(id_key, &self.cause, 0),
            sender: self.from,
            recipient: self.to,
            lane: self.lane,
            verb: self.body.verb,
            case: self.body.case,
            nonce: self.body.nonce,
            digest: digest(&self.parts()),
        }
    }

    fn parts(&self) -> Vec<Vec<u8>> {
        let mut parts = vec![self.body.encode()];
        if self.body.nonce.is_multiple_of(3) {
            parts.push(self.body.nonce.to_be_bytes().to_vec());
        }
        parts
    }
}

/// A blob by its content.
#[must_use]
pub fn blob_of(bytes: &[u8]) -> BlobRef {
    BlobRef { digest: pae::sha256(bytes), size_bytes: bytes.len() as u64 }
}

/// A message that carries a piece of a blob.
#[derive(Debug)]
pub struct Carrier {
    /// What is submitted.
    pub draft: Draft,
    /// The message that the checker knows it by.
    pub message: Message,
    /// What it carries.
    pub piece: Piece,
}
