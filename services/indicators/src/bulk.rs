//! Bulk load: pieces are uploaded one by one, in any order and as often as needed, then committed as one submission.
//!
//! A piece is known by its digest, so that sending it again is harmless. Pieces wait two days and at most 10,000 of a
//! party; they count for nothing until the commit, which is checked and takes effect as a whole.

use nhipcau_domain::id::PartyId;
use nhipcau_messaging::{pae, store::Tx};
use nhipcau_proto::indicator::v1 as pb;
use prost::Message;

use crate::{
    error::Error,
    registry::Registry,
    store,
    submit::{Prepared, references},
};

/// How long an uploaded piece is kept, in microseconds: two days, one more than promised.
const KEPT: i64 = 2 * 24 * 3_600 * 1_000_000;
/// Most pieces of a party that wait.
const WAITING_LIMIT: u64 = 10_000;

/// Keeps a piece and gives its digest.
///
/// # Errors
/// [`Error`] when it is not a Chunk or too many wait.
pub fn upload(party: &PartyId, chunk: &[u8], now: jiff::Timestamp, tx: &mut Tx<'_>) -> Result<[u8; 32], Error> {
    if pb::Chunk::decode(chunk).is_err() {
        return Err(Error::Field { field: "chunk", reason: nhipcau_domain::reason::FIELD_FORMAT });
    }
    let now = now.as_microsecond();
    store::purge_uploads(tx, now - KEPT)?;
    if store::uploads_waiting(tx, party.as_str())? >= WAITING_LIMIT {
        return Err(Error::TooManyUploads);
    }
    let digest = pae::sha256(chunk);
    store::hold_upload(tx, party.as_str(), &digest, chunk, now)?;
    Ok(digest)
}

/// The pieces of a bulk load in their order.
///
/// # Errors
/// [`Error::ChunksMissing`] with every piece that is not held.
pub fn pieces(party: &PartyId, digests: &[[u8; 32]], tx: &mut Tx<'_>) -> Result<Vec<Vec<u8>>, Error> {
    let held = store::uploads(tx, party.as_str(), digests)?;
    let missing: Vec<_> = digests.iter().zip(&held).filter(|(_, held)| held.is_none()).map(|(d, _)| *d).collect();
    if missing.is_empty() { Ok(held.into_iter().flatten().collect()) } else { Err(Error::ChunksMissing(missing)) }
}

/// Checks what uploaded pieces contain as one submission.
///
/// # Errors
/// [`Error`] with every violation.
pub fn check(submission: &pb::Submission, pieces: &[Vec<u8>], registry: &Registry) -> Result<Prepared, Error> {
    if !submission.datasets.is_empty() {
        let reason = nhipcau_domain::reason::FIELD_FORMAT;
        return Err(Error::Field { field: "submission.datasets", reason });
    }
    let mut whole = submission.clone();
    for piece in pieces {
        let malformed = |_| Error::Field { field: "chunks", reason: nhipcau_domain::reason::FIELD_FORMAT };
        whole.datasets.extend(pb::Chunk::decode(piece.as_slice()).map_err(malformed)?.datasets);
    }
    Prepared::check(&whole, registry)
}

/// The digest of a commit, for telling a repetition from another request without the pieces.
///
/// # Errors
/// [`Error::Field`] when the structure or dataflow is malformed.
pub fn digest(submission: &pb::Submission, digests: &[[u8; 32]]) -> Result<[u8; 32], Error> {
    let (structure, dataflow) = references(submission)?;
    let dataflow = dataflow.as_ref().map_or("", nhipcau_domain::indicator::StructureRef::as_str);
    let mut fields: Vec<&[u8]> = vec![b"nhipcau/1/bulk-load", structure.as_str().as_bytes(), dataflow.as_bytes()];
    fields.extend(digests.iter().map(<[u8; 32]>::as_slice));
    Ok(pae::digest_of(&fields))
}
