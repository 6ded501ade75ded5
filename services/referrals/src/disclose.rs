//! Disclosing further details of a branch: new parts, or newer versions, in the tier that the branch has reached;
//! before acceptance only in an emergency.

use jiff::Timestamp;
use nhipcau_domain::{
    reason,
    referral::{Basis, Command, Part, Refusal, read_basis},
};
use nhipcau_messaging::desk::Desk;
use nhipcau_proto::referral::v1 as pb;
use prost::Message as _;

use crate::{
    Referrals,
    act::{self, Answer, Asked},
    attachment::upload,
    content::{self, Piece},
    error::Error,
    send,
    store::branch::Known,
    submit,
};

/// What is given. Not printable.
pub(crate) struct Given {
    pub(crate) content: pb::ReferralContent,
    pub(crate) emergency: Option<Basis>,
}

impl Given {
    /// Reads a request.
    ///
    /// # Errors
    /// [`Error::Content`] with every violation.
    pub(crate) fn read(request: &pb::DiscloseBranchRequest) -> Result<Self, Error> {
        let mut refusal = Refusal::default();
        let emergency = request.emergency.clone().map(|interest| {
            let basis = pb::LawfulBasis { vital_interest: Some(interest), ..pb::LawfulBasis::default() };
            read_basis(&basis, "emergency", &mut refusal)
        });
        let given = Self { content: request.content.clone().unwrap_or_default(), emergency: emergency.flatten() };
        refusal.or(given).map_err(Error::Content)
    }
}

/// Discloses what is given.
///
/// # Errors
/// [`Error`]; the transaction must then be undone to where the call began.
pub(crate) fn disclose<'t>(
    desk: &mut impl Desk<'t>,
    shared: &Referrals,
    asked: &Asked,
    given: &Given,
) -> Result<Answer, Error> {
    let mut known = act::authorised(desk, asked)?;
    if let Some(answer) = act::repeated(desk, asked, &known)? {
        return Ok(answer);
    }
    let ids = known.branch.ids();
    let held = content::newest(desk, ids.case, send::owner(known.held, ids.referral))?;
    let pieces = read(&given.content, &held, shared, desk.now())?;
    upload::check(desk, shared, &asked.call.party, ids.case, &pieces)?;
    for piece in &pieces {
        content::put(desk, ids.case, send::owner(known.held, ids.referral), piece)?;
    }
    if given.emergency.is_none() {
        suspected(&known, &pieces, desk.now())?;
    }
    let parts = act::digests(&pieces);
    let command = match &given.emergency {
        Some(basis) => Command::ReleaseInEmergency { basis: basis.clone(), parts },
        None => Command::Disclose(parts),
    };
    act::carry_out(desk, shared, asked, &mut known, command)?;
    act::finish(desk, asked, &known)
}

/// Refuses to go on with the consent of somebody who is under suspicion by what is given now.
fn suspected(known: &Known, given: &[Piece], now: Timestamp) -> Result<(), Error> {
    let mut refusal = Refusal::default();
    for objection in known.branch.view().basis.objections(&submit::suspects(given), now) {
        refusal.add("lawful_basis", objection);
    }
    refusal.or(()).map_err(Error::Rules)
}

/// The parts that are given, checked beside the preview that stands.
fn read(given: &pb::ReferralContent, held: &[Piece], shared: &Referrals, now: Timestamp) -> Result<Vec<Piece>, Error> {
    let stands = held.iter().find(|piece| piece.part == Part::Preview);
    let stands = stands.and_then(|piece| pb::ReferralPreview::decode(piece.bytes.as_slice()).ok());
    let is_new = given.preview.is_some();
    let whole = pb::ReferralContent { preview: given.preview.clone().or(stands), ..given.clone() };
    let mut refusal = Refusal::default();
    let content = submit::read_content(&whole, now, &mut refusal);
    if let Some(content) = &content {
        submit::look_up(content, is_new, shared, now, &mut refusal);
    }
    match refusal.or(content).map_err(Error::Content)? {
        Some(content) => {
            let mut pieces = submit::pieces(&content);
            pieces.retain(|piece| is_new || piece.part != Part::Preview);
            Ok(pieces)
        }
        None => Err(Error::Content(Refusal::one("content", reason::PART_MISSING))),
    }
}
