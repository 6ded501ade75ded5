//! Carrying out a command on one branch: who may, was it asked before, is it lawful, write.

use nhipcau_domain::{
    id::PartyId,
    reason,
    referral::{Command, HandOver, PartDigest, Request, Side, View, decide},
};
use nhipcau_messaging::desk::Desk;
use nhipcau_proto::referral::v1 as pb;
use nhipcau_runtime::caller::Call;

use crate::{
    Referrals, erase,
    error::Error,
    ladder, limits,
    name::BranchName,
    notified, request, send,
    store::{
        branch::{self, Known},
        reading::Held,
    },
    view,
};

/// A command of a calling system on one branch.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) call: Call,
    pub(crate) name: BranchName,
    pub(crate) etag: String,
    /// The side that alone may ask.
    pub(crate) side: Side,
}

/// A branch after a call, and whether the call was a repetition.
pub(crate) type Answer = (pb::Branch, bool);

/// Carries out a command that needs nothing but the branch.
///
/// # Errors
/// [`Error`]; the transaction must then be undone to where the call began.
pub(crate) fn act<'t>(
    desk: &mut impl Desk<'t>,
    shared: &Referrals,
    asked: &Asked,
    command: Command,
) -> Result<Answer, Error> {
    let mut known = authorised(desk, asked)?;
    if let Some(answer) = repeated(desk, asked, &known)? {
        return Ok(answer);
    }
    carry_out(desk, shared, asked, &mut known, command)?;
    finish(desk, asked, &known)
}

/// The branch, if it is there and the caller's party is on the side that may ask.
pub(crate) fn authorised<'t>(desk: &mut impl Desk<'t>, asked: &Asked) -> Result<Known, Error> {
    let Asked { call, name, side, .. } = asked;
    let known = branch::known(desk.tx(), Held { branch: name.branch, side: *side })?;
    let is_theirs = |known: &Known| {
        known.branch.unit(*side).party == call.party
            && known.branch.unit(Side::Origin).party == name.origin
            && known.branch.ids().referral == name.referral
    };
    known.filter(is_theirs).ok_or(Error::AccessDenied)
}

/// The answer to a call that was made before.
pub(crate) fn repeated<'t>(desk: &mut impl Desk<'t>, asked: &Asked, known: &Known) -> Result<Option<Answer>, Error> {
    let Some(answered) = request::answered(&asked.call, desk)? else { return Ok(None) };
    // Of an erased case the digest tells nothing any more, but the branch does.
    if answered.branch != Some(known.held.branch) {
        return Err(Error::RequestIdReused);
    }
    Ok(Some((view::branch(&known.branch, desk.now()), true)))
}

/// Writes what a command leads to. What ends the branch takes back what is still under way.
pub(crate) fn carry_out<'t>(
    desk: &mut impl Desk<'t>,
    shared: &Referrals,
    asked: &Asked,
    known: &mut Known,
    command: Command,
) -> Result<(), Error> {
    let request = Request { command, etag: Some(asked.etag.clone()), actor: asked.call.actor(), now: desk.now() };
    write(desk, shared, known, request, &asked.call.traceparent)
}

/// Decides on a request and writes the event.
///
/// # Errors
/// [`Error::Rules`] with every reason against it.
pub(crate) fn write<'t>(
    desk: &mut impl Desk<'t>,
    shared: &Referrals,
    known: &mut Known,
    request: Request,
    traceparent: &str,
) -> Result<(), Error> {
    if !known.is_whole {
        return Err(Error::Recovering);
    }
    if known.branch.hand_over() == HandOver::Done {
        return Err(Error::rule("branch", reason::BRANCH_MOVED));
    }
    if request.command == Command::ConfirmErasure {
        erase::may_confirm(desk, shared, known)?;
    }
    let is_end = ends(&request.command, &known.branch.view());
    let leaves = is_end || request.command == Command::Close;
    let draft = decide(&known.branch, known.held.side, request).map_err(Error::Rules)?;
    let draft = limits::beginning(&shared.release(), &known.branch, draft);
    if is_end {
        send::withhold(desk, shared, known)?;
    }
    send::write(desk, shared, known, draft, traceparent)?;
    if is_end {
        desk.recheck(known.branch.ids().case.as_bytes())?;
        // Of units that were asked together nobody else may be waited for.
        ladder::look(desk, known.held.branch)?;
    }
    if leaves {
        notified::close_with(desk, shared, known)?;
    }
    Ok(())
}

/// Remembers the call and answers it.
pub(crate) fn finish<'t>(desk: &mut impl Desk<'t>, asked: &Asked, known: &Known) -> Result<Answer, Error> {
    let ids = known.branch.ids();
    request::remember(&asked.call, desk, ids.case, ids.referral, Some(ids.branch))?;
    Ok((view::branch(&known.branch, desk.now()), false))
}

/// Parts by their digests, for a command.
pub(crate) fn digests(pieces: &[crate::content::Piece]) -> Vec<PartDigest> {
    pieces.iter().map(|piece| PartDigest { part: piece.part, digest: piece.digest }).collect()
}

/// Whether a command of the origin ends the branch.
fn ends(command: &Command, view: &View) -> bool {
    match command {
        Command::Relieve | Command::WithdrawConsent { .. } | Command::EnterInError { .. } | Command::TakeHandBack => {
            true
        }
        Command::Revoke { .. } => view.state.is_pending(),
        _ => false,
    }
}

/// True when the calling system's party is the one that a name begins with. Looked at before anything else, so that
/// another party learns nothing.
pub(crate) fn is_of(name: &str, party: &PartyId) -> bool {
    let rest = name.strip_prefix("parties/").and_then(|rest| rest.strip_prefix(party.as_str()));
    rest.is_some_and(|rest| rest.starts_with('/'))
}
