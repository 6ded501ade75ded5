//! Blobs: content too large for a message, cut into chunks that travel on the bulk lane and are put together by digest.
//!
//! A message on the messages lane names its blobs by digest and takes effect without them; until every chunk is there
//! the blob is awaited. Each chunk is an ordinary message of its own: agreed, sealed, receipted, sent again, returned,
//! skipped and erased like every other, so that a transfer goes on where it stopped. Chunks stand outside the order of
//! their case. What arrives under a digest is kept only when all of it has that digest. Not for broadcasts.

use nhipcau_domain::id::AccessPointId;
use prost::Message;

use crate::{
    desk::Desk,
    engine::RestError,
    envelope::wire,
    message::{BlobRef, Cause, Correlation, Draft, Header, Lane, Recipient},
    pae,
    store::{self, Tx, blob as stored},
    writer::Row,
};

/// Bytes of a chunk; the last one of a blob may be shorter.
pub const CHUNK_BYTES: usize = 393_216;

/// Largest blob, in bytes.
pub const BLOB_LIMIT: u64 = 50 * 1024 * 1024;

/// Where chunks lie.
pub(crate) const TABLE: &str = "blob_chunk";

/// Name of the message that carries a chunk.
pub const MESSAGE: &str = "nhipcau.envelope.v1.BlobChunk";

/// A blob is empty or too large.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a blob has 1 to {BLOB_LIMIT} bytes")]
pub struct Unfit;

/// What is held of a blob.
#[derive(Clone, PartialEq, Eq)]
pub enum Blob {
    /// All of it.
    Held(Vec<u8>),
    /// Some or nothing of it yet.
    Awaited {
        /// Bytes that have arrived.
        arrived: u64,
    },
}

impl std::fmt::Debug for Blob {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Held(bytes) => write!(f, "Held({} bytes)", bytes.len()),
            Self::Awaited { arrived } => write!(f, "Awaited({arrived} bytes)"),
        }
    }
}

/// Cuts a blob into the messages that carry it to one access point, under the contract, parties, purpose and case of
/// the message that names it. The ordinals of the cause from `first` on are taken, one a chunk.
///
/// # Errors
/// [`Unfit`].
pub fn drafts(
    naming: &Header,
    recipient: &AccessPointId,
    cause: &Cause,
    first: u32,
    bytes: &[u8],
) -> Result<(BlobRef, Vec<Draft>), Unfit> {
    let size_bytes = bytes.len() as u64;
    if bytes.is_empty() || size_bytes > BLOB_LIMIT {
        return Err(Unfit);
    }
    let blob = BlobRef { digest: pae::sha256(bytes), size_bytes };
    let recipient = Recipient::One(recipient.clone());
    let draft =
        |(position, data): (usize, &[u8])| draft(naming, &recipient, (cause, first), blob, position as u64, data);
    Ok((blob, bytes.chunks(CHUNK_BYTES).enumerate().map(draft).collect()))
}

/// The message that carries one chunk of a blob, as [`drafts`] makes them all: for whoever does not hold a blob in
/// memory.
#[must_use]
pub fn draft(
    naming: &Header,
    recipient: &Recipient,
    (cause, first): (&Cause, u32),
    blob: BlobRef,
    position: u64,
    data: &[u8],
) -> Draft {
    let chunk = wire::BlobChunk {
        blob_digest: blob.digest.to_vec(),
        blob_bytes: blob.size_bytes,
        offset: position * CHUNK_BYTES as u64,
        data: data.to_vec(),
    };
    Draft {
        header: Header { message: MESSAGE.to_owned(), corrected: None, blobs: Vec::new(), ..naming.clone() },
        recipient: recipient.clone(),
        lane: Lane::Bulk,
        parts: vec![chunk.encode_to_vec()],
        cause: cause.clone(),
        // Never near the end: a blob has fewer than 200 chunks.
        ordinal: first.saturating_add(u32::try_from(position).unwrap_or(u32::MAX)),
    }
}

/// How far a blob has come that a case names, whoever sends it: a digest stands for its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Some or nothing of it is there.
    Awaited {
        /// Bytes that have arrived.
        arrived: u64,
    },
    /// All of it is there and has its digest.
    Whole,
    /// What came had another digest; nothing of it is there.
    Refused,
}

/// How far a blob of a case has come.
///
/// # Errors
/// [`store::Error`] when the store failed.
pub fn standing(tx: &mut Tx<'_>, case: &Correlation, blob: BlobRef) -> Result<Standing, store::Error> {
    let found = stored::furthest(tx, case, blob)?;
    Ok(found.map_or(Standing::Awaited { arrived: 0 }, |(_, progress)| progress.standing()))
}

/// The chunk at a place of a blob of a case; `None` until the blob is whole, beyond its end, and after it was erased.
///
/// # Errors
/// [`RestError`]: the work must fail.
pub fn piece<'t>(
    desk: &mut impl Desk<'t>,
    case: &Correlation,
    blob: BlobRef,
    position: u64,
) -> Result<Option<Vec<u8>>, RestError> {
    let found = stored::furthest(desk.tx(), case, blob)?;
    let Some((sender, _)) = found.filter(|(_, progress)| progress.standing() == Standing::Whole) else {
        return Ok(None);
    };
    let owner = stored::Owner { sender: &sender, case: Some(case), blob };
    let Some(body) = stored::chunk(desk.tx(), &owner, position)? else { return Ok(None) };
    desk.wake(&Row { case, table: TABLE, key: &owner.row(position) }, &body)
}

/// Takes away what there is of a blob of a case, whoever sent it.
///
/// # Errors
/// [`store::Error`] when the store failed.
pub fn forget(tx: &mut Tx<'_>, case: &Correlation, digest: &pae::Digest) -> Result<(), store::Error> {
    stored::forget(tx, case, digest)
}

/// Whether a message carries a chunk.
pub(crate) fn is_chunk(header: &Header) -> bool {
    header.message == MESSAGE
}

/// A chunk that arrived and keeps the rules.
pub(crate) struct Chunk {
    /// Blob that it belongs to.
    pub(crate) blob: BlobRef,
    /// Its place in it, from 0.
    pub(crate) position: u64,
    /// Its bytes.
    pub(crate) data: Vec<u8>,
}

impl Chunk {
    /// Reads the parts of a message, or gives `None` when they are not one chunk of the right place and length.
    pub(crate) fn read(parts: &[Vec<u8>]) -> Option<Self> {
        let [part] = parts else { return None };
        let chunk = wire::BlobChunk::decode(part.as_slice()).ok()?;
        let blob = BlobRef { digest: chunk.blob_digest.as_slice().try_into().ok()?, size_bytes: chunk.blob_bytes };
        let step = CHUNK_BYTES as u64;
        let left = blob.size_bytes.checked_sub(chunk.offset).filter(|left| *left > 0)?;
        let fits =
            blob.size_bytes <= BLOB_LIMIT && chunk.offset % step == 0 && chunk.data.len() as u64 == left.min(step);
        fits.then_some(Self { blob, position: chunk.offset / step, data: chunk.data })
    }
}

/// How many chunks a blob has.
#[must_use]
pub fn chunks(blob: BlobRef) -> u64 {
    blob.size_bytes.div_ceil(CHUNK_BYTES as u64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn chunk(size: u64, offset: u64, length: usize) -> Option<Chunk> {
        let chunk = wire::BlobChunk { blob_digest: vec![7; 32], blob_bytes: size, offset, data: vec![1; length] };
        Chunk::read(&[chunk.encode_to_vec()])
    }

    #[test]
    fn a_chunk_has_its_place_and_its_length() {
        let step = CHUNK_BYTES as u64;
        assert_eq!(chunk(step + 1, step, 1).map(|chunk| chunk.position), Some(1));
        assert_eq!(chunk(step + 1, 0, CHUNK_BYTES).map(|chunk| chunk.position), Some(0));
        for (size, offset, length) in
            [(0, 0, 0), (step + 1, 0, CHUNK_BYTES - 1), (step + 1, 1, 1), (10, 0, 9), (10, step, 1), (10, 0, 11)]
        {
            assert!(chunk(size, offset, length).is_none(), "{size} {offset} {length}");
        }
        assert!(chunk(BLOB_LIMIT, 0, CHUNK_BYTES).is_some());
        assert!(chunk(BLOB_LIMIT + 1, 0, CHUNK_BYTES).is_none());
        assert!(chunk(u64::MAX, step, CHUNK_BYTES).is_none());
        assert!(Chunk::read(&[]).is_none());
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            drop(Chunk::read(&[bytes]));
        }
    }
}
