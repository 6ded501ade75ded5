//! Parts of what was told, at rest and back. The origin keeps them under the key of its case; the recipient under that
//! of the hand-over, which goes with its end, whatever else it holds of the case.

use nhipcau_domain::{
    handover::Ids,
    referral::{Content, Part, PartDigest, Salt, Side},
};
use nhipcau_messaging::{Entropy as _, SystemEntropy, desk::Desk, pae, writer::Row};
use nhipcau_proto::referral::v1 as pb;
use prost::Message as _;
use uuid::Uuid;

use crate::{
    error::Error,
    store::{
        handover::{Held, Known},
        part::{self, Sealed, TABLE},
    },
};

/// A part as it travels. Not printable.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) part: Part,
    pub(crate) digest: [u8; 32],
    pub(crate) bytes: Vec<u8>,
}

/// 32 fresh random bytes.
pub(crate) fn salt() -> Salt {
    let mut bytes = [0; 32];
    SystemEntropy.fill(&mut bytes);
    Salt::new(bytes)
}

/// The parts of a content as they travel.
pub(crate) fn pieces(content: &Content) -> Vec<Piece> {
    let parts = content.parts();
    let piece = |part, bytes: Vec<u8>| Piece { part, digest: pae::sha256(&bytes), bytes };
    parts.iter().filter_map(|part| Some(piece(part, content.encode(part)?))).collect()
}

/// Parts by their digests, for an event.
pub(crate) fn digests(pieces: &[Piece]) -> Vec<PartDigest> {
    pieces.iter().map(|piece| PartDigest { part: piece.part, digest: piece.digest }).collect()
}

/// The thread of a hand-over's messages, and the key of what its recipient holds. Whoever offers makes up the uid of
/// the hand-over: it must be no name of anything else that is here, because this is erased with its end.
pub(crate) fn thread(handover: Uuid) -> Uuid {
    let digest = pae::sha256(&pae::pae(&[b"nhipcau/1/handover-thread", handover.as_bytes()]));
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

/// Under whose key a side's bodies lie.
pub(crate) fn key_of(held: Held, case: Uuid) -> Uuid {
    match held.side {
        Side::Origin => case,
        Side::Recipient => thread(held.handover),
    }
}

/// Puts parts to rest.
pub(crate) fn put<'t>(desk: &mut impl Desk<'t>, held: Held, ids: Ids, pieces: &[Piece]) -> Result<(), Error> {
    for piece in pieces {
        let (case, key) = (key_of(held, ids.case), key(held, &piece.digest));
        let body = desk.rest(&Row { case: case.as_bytes(), table: TABLE, key: &key }, &piece.bytes)?;
        part::add(desk.tx(), held, &Sealed { part: piece.part, digest: piece.digest, body })?;
    }
    Ok(())
}

/// The newest version of each part that a side holds. What does not open any more is left out: it was erased.
pub(crate) fn newest<'t>(desk: &mut impl Desk<'t>, known: &Known) -> Result<Vec<Piece>, Error> {
    let mut newest: Vec<Piece> = Vec::new();
    for Sealed { part, digest, body } in part::all(desk.tx(), known.held)? {
        let (case, key) = (key_of(known.held, known.handover.ids().case), key(known.held, &digest));
        let bytes = desk.wake(&Row { case: case.as_bytes(), table: TABLE, key: &key }, &body)?;
        newest.retain(|piece| piece.part != part);
        newest.extend(bytes.map(|bytes| Piece { part, digest, bytes }));
    }
    Ok(newest)
}

/// Parts as the contract shows them together.
pub(crate) fn shown(pieces: &[Piece]) -> pb::ReferralContent {
    let of = |part| pieces.iter().find(|piece| piece.part == part).map(|piece| piece.bytes.as_slice());
    pb::ReferralContent {
        preview: of(Part::Preview).and_then(|bytes| pb::ReferralPreview::decode(bytes).ok()),
        identity: of(Part::Identity).and_then(|bytes| pb::ReferralIdentity::decode(bytes).ok()),
        narrative: of(Part::Narrative).and_then(|bytes| pb::ReferralNarrative::decode(bytes).ok()),
        reporter: of(Part::Reporter).and_then(|bytes| pb::ReferralReporter::decode(bytes).ok()),
    }
}

/// Hand-over, side and digest.
fn key(held: Held, digest: &[u8; 32]) -> Vec<u8> {
    [held.handover.as_bytes().as_slice(), &held.side.to_wire().to_le_bytes(), digest].concat()
}
