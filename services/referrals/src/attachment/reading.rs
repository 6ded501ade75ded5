//! Reading what is attached: chunk by chunk, each with an access record, from what the origin was handed or from what
//! has arrived at the recipient. Who may read the part that names it may read it, once it is whole.

use nhipcau_domain::{
    id::AccessPointId,
    reason,
    referral::{Attachment, Branch, Part, PartSet, Side, attached},
};
use nhipcau_messaging::{
    blob::{self, Standing},
    desk::Desk,
};
use nhipcau_proto::referral::v1 as pb;

use super::{CHUNK, blob_of, sending, upload};
use crate::{
    access::{self, Access, What},
    content::Piece,
    error::Error,
    get::{self, Name, Reader},
    store::{
        reading::Held,
        sending::{self as sendings, State},
        upload as uploads,
    },
    view,
};

/// A chunk from an offset on, and what it belongs to. May leave once the transaction is on disk, because then the
/// access record is.
///
/// # Errors
/// [`Error::AccessDenied`] as for reading the referral, `ATTACHMENT_UNKNOWN` and `ATTACHMENT_AWAITED`; nothing is
/// recorded then.
pub(crate) fn chunk<'t>(
    desk: &mut impl Desk<'t>,
    access_point: &AccessPointId,
    (name, reader): (&Name, &Reader),
    (digest, offset): (&[u8; 32], u64),
) -> Result<pb::GetAttachmentChunkResponse, Error> {
    let seen = get::named(name, &reader.party, desk.tx())?;
    let pieces = get::shown(&seen, desk)?;
    let is_it = |(_, attachment): &(Part, Attachment)| attachment.digest.expose() == digest;
    let found = named(&pieces).find(is_it).filter(|(_, attachment)| offset < attachment.size_bytes);
    let (part, attachment) = found.ok_or_else(|| Error::rule("digest", reason::ATTACHMENT_UNKNOWN))?;
    let (held, branch) = seen.first().ok_or(Error::AccessDenied)?;
    let (case, position) = (branch.ids().case, offset / CHUNK);
    let data = match held.side {
        Side::Origin => match uploads::finished(desk.tx(), case, &reader.party, digest)? {
            Some(upload) => upload::chunk(desk, &upload, position)?,
            None => None,
        },
        Side::Recipient => blob::piece(desk, case.as_bytes(), blob_of(&attachment), position)?,
    };
    let mut data = data.ok_or_else(|| Error::rule("digest", reason::ATTACHMENT_AWAITED))?;
    data.drain(..usize::try_from(offset % CHUNK).unwrap_or(usize::MAX).min(data.len()));
    let (origin, referral) = name.of();
    let Reader { party, system, person } = reader;
    let what = What::Shown { parts: PartSet::of(&[part]), branch: name.branch() };
    let now = desk.now();
    access::record(Access { party, system, person, origin, referral, what }, access_point, now, desk.tx())?;
    Ok(pb::GetAttachmentChunkResponse { attachment: Some(attachment.write()), data })
}

/// How far what is shown of a referral has come, branch by branch.
pub(crate) fn standings<'t>(
    desk: &mut impl Desk<'t>,
    seen: &[(Held, Branch)],
    pieces: &[Piece],
) -> Result<Vec<pb::AttachmentStanding>, Error> {
    let mut standings = Vec::new();
    let is_origin = seen.iter().any(|(held, _)| held.side == Side::Origin);
    for (held, branch) in seen {
        let view = branch.view();
        let name = format!("{}/branches/{}", view::name(branch), held.branch);
        for (part, attachment) in named(pieces) {
            let blob = blob_of(&attachment);
            let (state, arrived_bytes) = if is_origin {
                let Some(sending) = sendings::find(desk.tx(), held.branch, &blob.digest)? else { continue };
                let state = match sending.state {
                    State::UnderWay => pb::AttachmentState::Awaited,
                    State::Received => pb::AttachmentState::Whole,
                    State::Refused => pb::AttachmentState::Refused,
                    State::Ended => pb::AttachmentState::Ended,
                };
                (state, sending::arrived(desk, &sending)?)
            } else {
                if !view.disclosed.contains(part) || !get::is_readable(*held, branch) {
                    continue;
                }
                match blob::standing(desk.tx(), branch.ids().case.as_bytes(), blob)? {
                    Standing::Awaited { arrived } => (pb::AttachmentState::Awaited, arrived),
                    Standing::Whole => (pb::AttachmentState::Whole, blob.size_bytes),
                    Standing::Refused => (pb::AttachmentState::Refused, 0),
                }
            };
            standings.push(pb::AttachmentStanding {
                branch: name.clone(),
                part: part.to_wire(),
                digest: blob.digest.to_vec(),
                state: state.into(),
                arrived_bytes,
            });
        }
    }
    Ok(standings)
}

/// What pieces name, with the part that each does.
fn named(pieces: &[Piece]) -> impl Iterator<Item = (Part, Attachment)> {
    pieces.iter().flat_map(|piece| attached(piece.part, &piece.bytes).into_iter().map(|it| (piece.part, it)))
}
