//! Recording what was done in a case, and showing what was said about the child beside it.
//!
//! What is said lies with the content of the branch, under the key of the case, and is sealed with its event. It is
//! shown to a person who may read content, at either side, as long as it is there.

use nhipcau_domain::{
    reason,
    referral::{Command, Part, Refusal, Work, WorkDetails},
};
use nhipcau_messaging::desk::Desk;
use nhipcau_proto::referral::v1 as pb;
use prost::Message as _;

use crate::{
    Referrals,
    act::{self, Answer, Asked},
    content::{self, Piece},
    error::Error,
    get, send,
    store::reading::Held,
    submit,
};

/// What was done. Not printable.
pub(crate) struct Done {
    work: Work,
    details: Option<Piece>,
}

impl Done {
    /// Reads a request.
    ///
    /// # Errors
    /// [`Error::Content`] with every violation.
    pub(crate) fn read(request: &pb::RecordWorkRequest) -> Result<Self, Error> {
        let mut refusal = Refusal::default();
        let work = request.work.as_ref().and_then(|work| Work::read(work, "work", &mut refusal));
        let pb::RecordWorkRequest { criteria, note, .. } = request;
        let value = pb::WorkDetails { criteria: criteria.clone(), note: note.clone(), ..pb::WorkDetails::default() };
        let is_said = !criteria.is_empty() || !note.is_empty();
        let details = is_said.then(|| WorkDetails::given(value, submit::salt(), &mut refusal)).flatten();
        if let Some(work) = &work {
            work.check(details.as_ref(), &mut refusal);
        }
        let details = details.map(|details| Piece::new(Part::Work, details.write().encode_to_vec()));
        let work = refusal.or(work).map_err(Error::Content)?;
        let missing = Error::Field { field: "work", reason: reason::FIELD_REQUIRED };
        Ok(Self { work: work.ok_or(missing)?, details })
    }
}

/// Records it.
///
/// # Errors
/// [`Error`]; the transaction must then be undone to where the call began.
pub(crate) fn record<'t>(
    desk: &mut impl Desk<'t>,
    shared: &Referrals,
    asked: &Asked,
    done: &Done,
) -> Result<Answer, Error> {
    let mut known = act::authorised(desk, asked)?;
    if let Some(answer) = act::repeated(desk, asked, &known)? {
        return Ok(answer);
    }
    let (ids, details) = (known.branch.ids(), done.details.as_slice());
    for piece in details {
        content::put(desk, ids.case, send::owner(known.held, ids.referral), piece)?;
    }
    let command = Command::RecordWork { work: done.work.clone(), details: act::digests(details) };
    act::carry_out(desk, shared, asked, &mut known, command)?;
    act::finish(desk, asked, &known)
}

/// Whether what arrived beside a work is what such a work has.
pub(crate) fn fits(work: &Work, pieces: &[Piece]) -> bool {
    let mut refusal = Refusal::default();
    let said = pieces.iter().find(|piece| piece.part == Part::Work);
    let said = said.and_then(|piece| pb::WorkDetails::decode(piece.bytes.as_slice()).ok());
    let details = said.and_then(|value| WorkDetails::read(&value, "work", &mut refusal));
    work.check(details.as_ref(), &mut refusal);
    refusal.or(()).is_ok()
}

/// Puts what was said about the child beside each work of a branch; false when there was nothing.
pub(crate) fn reveal<'t>(
    desk: &mut impl Desk<'t>,
    held: Held,
    branch: &nhipcau_domain::referral::Branch,
    shown: &mut pb::Branch,
) -> Result<bool, Error> {
    let (view, ids) = (branch.view(), branch.ids());
    if !get::is_readable(held, branch) {
        return Ok(false);
    }
    let mut is_any = false;
    for recorded in &view.work {
        let Some(digest) = recorded.details else { continue };
        let piece = content::find(desk, ids.case, send::owner(held, ids.referral), &digest)?;
        let details = piece.and_then(|piece| pb::WorkDetails::decode(piece.bytes.as_slice()).ok());
        is_any |= details.is_some();
        shown.work.iter_mut().filter(|work| work.ordinal == recorded.ordinal).for_each(|work| {
            work.details.clone_from(&details);
        });
    }
    Ok(is_any)
}
