//! Chunks of blobs as they arrive: kept under the key of their case, and held against their digest when the last one
//! is there. How much of one sender may wait for its rest is bounded; beyond it a new blob is refused, TOO_LARGE.

use aws_lc_rs::digest;
use jiff::Timestamp;
use nhipcau_domain::id::AccessPointId;

use super::{Engine, Error, RestError};
use crate::{
    blob::{BLOB_LIMIT, Blob, Chunk, TABLE, chunks},
    handler::Context,
    message::{BlobRef, Correlation, Incoming, RefusalReason},
    store::{
        Tx,
        blob::{self, Owner},
    },
};

/// Blobs of one sender that may be awaited at a time, and their bytes in all, counted whole from the first chunk on, so
/// that a blob which was begun can end: what never becomes whole must not fill the disk.
const AWAITED_LIMIT: u64 = 256;
const AWAITED_BYTES_LIMIT: u64 = 10 * BLOB_LIMIT;

impl Engine {
    /// Keeps a chunk, or says why it is refused.
    pub(super) fn take_chunk(
        &mut self,
        now: Timestamp,
        message: &Incoming<'_>,
        tx: &mut Tx<'_>,
    ) -> Result<Result<(), RefusalReason>, Error> {
        let Some(chunk) = Chunk::read(message.parts).filter(|_| !message.broadcast) else {
            return Ok(Err(RefusalReason::Invalid));
        };
        let owner = Owner { sender: message.sender, case: message.header.correlation.as_ref(), blob: chunk.blob };
        if let Some(handler) = self.handlers.get_mut(&message.header.contract) {
            let mut context = Context::new(now, tx, &self.case_keys, &self.keys.id_key, self.entropy.as_mut());
            if !handler.awaits(message.header, chunk.blob, &mut context)? {
                return Ok(Err(RefusalReason::NotYet));
            }
        }
        match blob::progress(tx, &owner)? {
            Some(progress) if progress.size_bytes != chunk.blob.size_bytes && !progress.is_refused => {
                return Ok(Err(RefusalReason::Invalid));
            }
            Some(progress) if !progress.is_refused => {}
            found => {
                let (count, bytes) = blob::awaited(tx, message.sender)?;
                if count >= AWAITED_LIMIT || bytes.saturating_add(chunk.blob.size_bytes) > AWAITED_BYTES_LIMIT {
                    return Ok(Err(RefusalReason::TooLarge));
                }
                if found.is_some() { blob::reopen(tx, &owner)? } else { blob::begin(tx, &owner)? }
            }
        }
        if blob::has_chunk(tx, &owner, chunk.position)? {
            self.branch("chunk_repeated");
            return Ok(Ok(()));
        }
        let stored = self.rest(owner.case, TABLE, &owner.row(chunk.position), &chunk.data, tx)?;
        blob::add_chunk(tx, &owner, chunk.position, chunk.data.len() as u64, &stored)?;
        let arrived = blob::progress(tx, &owner)?.map_or(0, |progress| progress.arrived);
        if arrived < chunk.blob.size_bytes {
            return Ok(Ok(()));
        }
        if self.is_true(&owner, tx)? {
            blob::complete(tx, &owner)?;
            return Ok(Ok(()));
        }
        // Nobody can say which chunk is wrong; the sender learns of it at the last one and sends the blob anew.
        blob::refuse(tx, &owner)?;
        Ok(Err(RefusalReason::Invalid))
    }

    /// What is held of a blob that a sender's message of a case named.
    ///
    /// # Errors
    /// [`RestError`]: the work must fail.
    pub fn blob(
        &mut self,
        sender: &AccessPointId,
        case: Option<&Correlation>,
        named: BlobRef,
        tx: &mut Tx<'_>,
    ) -> Result<Blob, RestError> {
        let owner = Owner { sender, case, blob: named };
        let Some(progress) = blob::progress(tx, &owner)? else { return Ok(Blob::Awaited { arrived: 0 }) };
        if !progress.is_whole || progress.size_bytes != named.size_bytes {
            return Ok(Blob::Awaited { arrived: progress.arrived });
        }
        Ok(self.assemble(&owner, tx)?.map_or(Blob::Awaited { arrived: 0 }, Blob::Held))
    }

    fn assemble(&mut self, owner: &Owner<'_>, tx: &mut Tx<'_>) -> Result<Option<Vec<u8>>, RestError> {
        let mut bytes = Vec::with_capacity(usize::try_from(owner.blob.size_bytes).unwrap_or(0));
        Ok(self.walk(owner, tx, |data| bytes.extend_from_slice(data))?.then_some(bytes))
    }

    /// Whether what arrived has the digest that it came under. Holds one chunk at a time.
    fn is_true(&mut self, owner: &Owner<'_>, tx: &mut Tx<'_>) -> Result<bool, RestError> {
        let mut context = digest::Context::new(&digest::SHA256);
        let complete = self.walk(owner, tx, |data| context.update(data))?;
        Ok(complete && context.finish().as_ref() == owner.blob.digest)
    }

    /// Opens every chunk in order; false when one cannot be opened any more.
    fn walk(&mut self, owner: &Owner<'_>, tx: &mut Tx<'_>, mut see: impl FnMut(&[u8])) -> Result<bool, RestError> {
        for position in 0..chunks(owner.blob) {
            let stored = blob::chunk(tx, owner, position)?;
            let Some(data) = self.wake(owner.case, TABLE, &owner.row(position), stored.as_deref(), tx)? else {
                return Ok(false);
            };
            see(&data);
        }
        Ok(true)
    }
}
