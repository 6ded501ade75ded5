//! Taking the bytes of an attachment from a calling system: chunk by chunk, each on disk before it is answered, and
//! held against digest and media type before a referral may name them.
//!
//! What nobody goes on with is given up after a day. A party has only so much that no referral names.

use std::collections::BTreeMap;

use aws_lc_rs::digest;
use jiff::SignedDuration;
use nhipcau_domain::{
    id::PartyId,
    reason,
    referral::{MediaType, Refusal, Side, Unlike, attached, looks_like, write_time},
};
use nhipcau_messaging::{blob, desk::Desk, store::Tx, writer::Row};
use nhipcau_proto::referral::v1 as pb;
use nhipcau_runtime::caller::Call;
use uuid::Uuid;

use super::CHUNK;
use crate::{
    ATTACHMENTS_MINOR, Referrals,
    content::Piece,
    error::Error,
    name::made_by,
    request,
    store::{
        branch, hold,
        upload::{self as store, State, TABLE, Upload},
    },
    submit,
};

/// After which time an upload is given up with which nobody goes on.
const KEPT: SignedDuration = SignedDuration::from_hours(24);

/// Most uploads of a party that no referral names, and their bytes.
const WAITING: u64 = 16;
const WAITING_BYTES: u64 = 200 * 1024 * 1024;

/// Most bytes that the referrals of a party may name within a case: ten attachments of the largest size.
pub(super) const CASE_BYTES: u64 = 10 * blob::BLOB_LIMIT;

/// What is to be uploaded.
#[derive(Debug, Clone)]
pub(crate) struct Begun {
    case: Option<Uuid>,
    digest: [u8; 32],
    size_bytes: u64,
    media_type: MediaType,
}

impl Begun {
    /// Reads a request.
    ///
    /// # Errors
    /// [`Error::Content`] with every violation.
    pub(crate) fn read(request: &pb::BeginUploadRequest) -> Result<Self, Error> {
        let mut refusal = Refusal::default();
        let case = Some(&request.case_uid).filter(|uid| !uid.is_empty()).map(|uid| Uuid::try_parse(uid));
        if matches!(case, Some(Err(_))) {
            refusal.add("case_uid", reason::FIELD_FORMAT);
        }
        let digest: Option<[u8; 32]> = request.digest.as_slice().try_into().ok();
        if digest.is_none() {
            refusal.add("digest", reason::FIELD_FORMAT);
        }
        let media_type = MediaType::from_wire(request.media_type).filter(|media_type| media_type.is_known());
        if media_type.is_none() {
            refusal.add("media_type", reason::CODE_UNKNOWN);
        }
        match refusal.or((digest, media_type)).map_err(Error::Content)? {
            (Some(digest), Some(media_type)) => {
                Ok(Self { case: case.and_then(Result::ok), digest, size_bytes: request.size_bytes, media_type })
            }
            _ => Err(Error::Content(Refusal::one("digest", reason::FIELD_REQUIRED))),
        }
    }
}

/// The uid of `parties/{party}/uploads/{upload}`, if that is the caller's.
pub(crate) fn named(name: &str, party: &PartyId) -> Result<Uuid, Error> {
    let parts = name.strip_prefix("parties/").and_then(|rest| rest.split_once("/uploads/"));
    let uid = parts.filter(|(of, _)| *of == party.as_str()).and_then(|(_, uid)| Uuid::try_parse(uid).ok());
    uid.ok_or(Error::AccessDenied)
}

/// Begins an upload, or gives the one of these bytes that the party has in the case already; says whether the call was
/// made before.
///
/// # Errors
/// [`Error`]; the transaction must then be undone to where the call began.
pub(crate) fn begin<'t>(desk: &mut impl Desk<'t>, call: &Call, begun: &Begun) -> Result<(Upload, bool), Error> {
    if let Some(answered) = request::answered(call, desk)? {
        let upload = store::find(desk.tx(), answered.referral)?.filter(|upload| upload.party == call.party);
        let ended = || Error::rule("request_id", reason::UPLOAD_ENDED);
        return upload.map(|upload| (upload, true)).ok_or_else(ended);
    }
    let case = match begun.case {
        Some(case) => submit::known_case(desk, &call.party, case)?,
        None => made_by(desk, call, "case", 0),
    };
    let upload = Upload {
        uid: made_by(desk, call, "upload", 0),
        party: call.party.clone(),
        case,
        digest: begun.digest,
        size_bytes: begun.size_bytes,
        media_type: begun.media_type.to_wire(),
        committed: 0,
        state: State::Open,
        due: Some(desk.now() + KEPT),
    };
    let upload = match store::same(desk.tx(), &upload)? {
        Some(same) => same,
        None => {
            let (count, bytes) = store::waiting(desk.tx(), &call.party)?;
            if count >= WAITING || bytes.saturating_add(upload.size_bytes) > WAITING_BYTES {
                return Err(Error::AttachmentsWaiting);
            }
            store::add(desk.tx(), &upload)?;
            upload
        }
    };
    request::remember(call, desk, case, upload.uid, None)?;
    Ok((upload, false))
}

/// Where an upload of a party stands.
pub(crate) fn find(tx: &mut Tx<'_>, party: &PartyId, uid: Uuid) -> Result<Upload, Error> {
    store::find(tx, uid)?.filter(|upload| upload.party == *party).ok_or(Error::AccessDenied)
}

/// Adds a chunk, if it is the next one.
///
/// # Errors
/// `UPLOAD_ENDED`; [`Error::Field`] when the chunk has not the length that belongs to its place.
pub(crate) fn write<'t>(
    desk: &mut impl Desk<'t>,
    party: &PartyId,
    uid: Uuid,
    (offset, data): (u64, &[u8]),
) -> Result<Upload, Error> {
    let mut upload = find(desk.tx(), party, uid)?;
    let left = upload.size_bytes.checked_sub(offset).filter(|left| *left > 0);
    if offset % CHUNK != 0 || left.is_none_or(|left| left.min(CHUNK) != data.len() as u64) {
        return Err(Error::Field { field: "data", reason: reason::FIELD_FORMAT });
    }
    if upload.state == State::Refused {
        return Err(Error::rule("name", reason::UPLOAD_ENDED));
    }
    if upload.state != State::Open || offset != upload.committed {
        return Ok(upload);
    }
    let position = offset / CHUNK;
    let body = desk.rest(&Row { case: upload.case.as_bytes(), table: TABLE, key: &key(uid, position) }, data)?;
    store::add_chunk(desk.tx(), uid, position, &body)?;
    upload.committed += data.len() as u64;
    upload.due = Some(desk.now() + KEPT);
    store::update(desk.tx(), &upload)?;
    Ok(upload)
}

/// The chunk at a place of an upload; `None` when it is not there or its case was erased.
pub(crate) fn chunk<'t>(desk: &mut impl Desk<'t>, upload: &Upload, position: u64) -> Result<Option<Vec<u8>>, Error> {
    let Some(body) = store::chunk(desk.tx(), upload.uid, position)? else { return Ok(None) };
    let row = Row { case: upload.case.as_bytes(), table: TABLE, key: &key(upload.uid, position) };
    Ok(desk.wake(&row, &body)?)
}

/// An upload that is finished, or the reason for which it was refused and its bytes were dropped. To be committed in
/// either case.
pub(crate) type Finished = Result<Upload, &'static str>;

/// Finishes an upload.
///
/// # Errors
/// `ATTACHMENT_CUT` while bytes are missing, `UPLOAD_ENDED` when it was refused before.
pub(crate) fn finish<'t>(desk: &mut impl Desk<'t>, party: &PartyId, uid: Uuid) -> Result<Finished, Error> {
    let mut upload = find(desk.tx(), party, uid)?;
    match upload.state {
        State::Finished => return Ok(Ok(upload)),
        State::Refused => return Err(Error::rule("name", reason::UPLOAD_ENDED)),
        State::Open if upload.committed < upload.size_bytes => {
            return Err(Error::rule("name", reason::ATTACHMENT_CUT));
        }
        State::Open => {}
    }
    let refused = look(desk, &upload)?;
    upload.state = if refused.is_some() { State::Refused } else { State::Finished };
    upload.due = Some(desk.now() + KEPT);
    if refused.is_some() {
        store::empty(desk.tx(), uid)?;
    } else if store::is_named(desk.tx(), upload.case, Side::Origin, &upload.digest)? {
        // Handed over again, because a store was put back that had lost it.
        upload.due = None;
    }
    store::update(desk.tx(), &upload)?;
    Ok(refused.map_or(Ok(upload), Err))
}

/// What the bytes of an upload have against them. Holds one chunk at a time.
fn look<'t>(desk: &mut impl Desk<'t>, upload: &Upload) -> Result<Option<&'static str>, Error> {
    let mut context = digest::Context::new(&digest::SHA256);
    let mut unlike = None;
    for position in 0..upload.size_bytes.div_ceil(CHUNK) {
        let Some(data) = chunk(desk, upload, position)? else { return Ok(Some(reason::ATTACHMENT_ALTERED)) };
        if position == 0 {
            let media_type = MediaType::from_wire(upload.media_type).ok_or(Error::AccessDenied)?;
            unlike = looks_like(media_type, &data).err();
        }
        context.update(&data);
    }
    let is_altered = context.finish().as_ref() != upload.digest;
    Ok(is_altered.then_some(reason::ATTACHMENT_ALTERED).or_else(|| unlike.map(Unlike::reason)))
}

/// Refuses parts that name what the party has not finished in the case, more than may be named there, or anything while
/// the directory does not let attachments be sent: what is disclosed only later must not fail then.
pub(crate) fn check<'t>(
    desk: &mut impl Desk<'t>,
    shared: &Referrals,
    party: &PartyId,
    case: Uuid,
    pieces: &[Piece],
) -> Result<(), Error> {
    let (mut refusal, mut fresh) = (Refusal::default(), BTreeMap::new());
    let is_in_use = crate::minor_in_use(&shared.release()) >= ATTACHMENTS_MINOR;
    for piece in pieces {
        for attachment in attached(piece.part, &piece.bytes) {
            if !is_in_use {
                return Err(Error::rule("contract", reason::MINOR_NOT_IN_USE));
            }
            let upload = store::finished(desk.tx(), case, party, attachment.digest.expose())?;
            let is_it = |upload: &Upload| {
                (upload.size_bytes, upload.media_type) == (attachment.size_bytes, attachment.media_type.to_wire())
            };
            if !upload.as_ref().is_some_and(is_it) {
                refusal.add("content.attachments", reason::ATTACHMENT_UNKNOWN);
            }
            if let Some(upload) = upload.filter(|upload| upload.due.is_some()) {
                fresh.insert(upload.digest, upload.size_bytes);
            }
        }
    }
    let fresh: u64 = fresh.values().sum();
    if fresh > 0 && store::named_bytes(desk.tx(), case, party)?.saturating_add(fresh) > CASE_BYTES {
        refusal.add("content.attachments", reason::TOO_MANY);
    }
    refusal.or(()).map_err(Error::Rules)
}

/// Gives up an upload whose time has come. A case that was begun for it goes as well, when nothing else is in it.
pub(crate) fn give_up<'t>(desk: &mut impl Desk<'t>, uid: Uuid) -> Result<(), Error> {
    let Some(upload) = store::find(desk.tx(), uid)?.filter(|upload| upload.due.is_some()) else { return Ok(()) };
    if hold::is_held(desk.tx(), upload.case)? {
        return Ok(());
    }
    store::remove(desk.tx(), uid)?;
    if branch::of_case(desk.tx(), upload.case)?.is_empty() && !store::has_any(desk.tx(), upload.case)? {
        desk.erase(upload.case.as_bytes())?;
    }
    Ok(())
}

/// Takes the first upload whose time has come, and puts it off.
pub(crate) fn take_due<'t>(desk: &mut impl Desk<'t>) -> Result<Option<Uuid>, Error> {
    let now = desk.now();
    Ok(store::take_due(desk.tx(), now, now + KEPT)?)
}

/// As the contract shows it.
pub(crate) fn write_upload(upload: &Upload) -> pb::Upload {
    let Upload { uid, party, case, digest, size_bytes, media_type, committed, state, due } = upload;
    let state = match state {
        State::Open => pb::UploadState::Open,
        State::Finished => pb::UploadState::Finished,
        State::Refused => pb::UploadState::Refused,
    };
    pb::Upload {
        name: format!("parties/{party}/uploads/{uid}"),
        case_uid: case.to_string(),
        digest: digest.to_vec(),
        size_bytes: *size_bytes,
        media_type: *media_type,
        committed_bytes: *committed,
        chunk_bytes: u32::try_from(CHUNK).unwrap_or(u32::MAX),
        state: state.into(),
        expire_time: due.map(write_time),
    }
}

fn key(upload: Uuid, position: u64) -> Vec<u8> {
    [upload.as_bytes().as_slice(), &position.to_be_bytes()].concat()
}
