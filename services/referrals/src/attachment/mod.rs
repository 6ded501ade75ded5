//! Attachments of a referral: [`upload`] takes their bytes from calling systems, [`sending`] has them go to the
//! branches whose parts name them, and [`reading`] gives them to whoever may read those parts.
//!
//! Bytes are handled one chunk at a time, never as a whole. What a part names is kept as long as the part is: it goes
//! when the part goes, and not before.

pub(crate) mod reading;
pub(crate) mod sending;
pub(crate) mod upload;

use nhipcau_domain::referral::{PartSet, Side};
use nhipcau_messaging::{blob, desk::Desk, message::BlobRef};
use uuid::Uuid;

use crate::{
    error::Error,
    store::{content::Owner, upload as store},
};

/// Bytes of a chunk, as they are handed over, sent and read.
pub(crate) const CHUNK: u64 = blob::CHUNK_BYTES as u64;

/// What an attachment is in messaging.
pub(crate) fn blob_of(attachment: &nhipcau_domain::referral::Attachment) -> BlobRef {
    // By it chunks are found; messaging says it to nobody else.
    BlobRef { digest: *attachment.digest.expose(), size_bytes: attachment.size_bytes }
}

/// Drops what the parts of a recipient named but these, with its bytes where nothing else names them.
pub(crate) fn drop_but<'t>(desk: &mut impl Desk<'t>, case: Uuid, owner: Owner, kept: PartSet) -> Result<(), Error> {
    for digest in store::drop_but(desk.tx(), owner, kept)? {
        if !store::is_named(desk.tx(), case, Side::Recipient, &digest)? {
            blob::forget(desk.tx(), case.as_bytes(), &digest)?;
        }
    }
    Ok(())
}
