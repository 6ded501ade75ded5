//! What the origin's rules write by themselves: the receipt of an opening is noted, the first acceptance is assigned
//! with the disclosure that is due, and the other branches of the group are relieved.

use nhipcau_domain::referral::{
    Command, EventKind, PartDigest, ReceiptRef, Request, Side,
    disclosure::Stage,
    group::{Member, Settlement, settle as settlement},
};
use nhipcau_messaging::message::Outcome;

use crate::{
    Referrals, act, content,
    desk::Desk,
    error::Error,
    send,
    store::branch::{self, Known},
    submit,
};

/// Notes what became of the opening. What it was crossed by says more already.
pub(crate) fn note<'t>(
    desk: &mut impl Desk<'t>,
    shared: &Referrals,
    known: &mut Known,
    outcome: Outcome,
    receipt: (u64, [u8; 32]),
) -> Result<(), Error> {
    let receipt = ReceiptRef { number: receipt.0, digest: receipt.1 };
    let command = match outcome {
        Outcome::Received => Command::NoteReceipt(receipt),
        Outcome::Refused(reason) => {
            let name = reason.as_str_name();
            Command::NoteReturn { reason: name.strip_prefix("REFUSAL_REASON_").unwrap_or(name).into(), receipt }
        }
    };
    lawful(by_rule(desk, shared, known, command))
}

/// Decides on the group of a branch whose acceptance, or in a TRANSFER a person's acknowledgement, was stored.
pub(crate) fn settle<'t>(desk: &mut impl Desk<'t>, shared: &Referrals, ready: &Known) -> Result<(), Error> {
    let mut members = Vec::new();
    for held in branch::of_group(desk.tx(), ready.branch.ids().referral, ready.branch.opening().group)? {
        members.extend(branch::known(desk.tx(), held)?);
    }
    let Settlement { assign, relieve } = {
        let views: Vec<_> = members.iter().map(|known| (known.held.branch, known.branch.view())).collect();
        let views: Vec<_> = views.iter().map(|(branch, view)| Member { branch: *branch, view }).collect();
        settlement(&views, ready.held.branch)
    };
    for known in &mut members {
        let branch = known.held.branch;
        if assign == Some(branch) {
            let due = due(desk, known)?;
            lawful(by_rule(desk, shared, known, Command::Assign(due)))?;
        } else if relieve.contains(&branch) {
            lawful(by_rule(desk, shared, known, Command::Relieve))?;
        }
    }
    Ok(())
}

/// The parts that an assignment discloses: what the tier and the basis allow and the recipient does not have yet.
fn due<'t>(desk: &mut impl Desk<'t>, known: &Known) -> Result<Vec<PartDigest>, Error> {
    let (view, ids) = (known.branch.view(), known.branch.ids());
    let pieces = content::newest(desk, ids.case, send::owner(known.held, ids.referral))?;
    // Who consented may have come under suspicion since.
    if !view.basis.objections(&submit::suspects(&pieces), desk.now()).is_empty() {
        return Ok(Vec::new());
    }
    let stage = Stage { kind: view.kind, state: Some(view.state), event: EventKind::Assigned };
    // A reporter who did not agree is not in the content.
    let selected = stage.select(content::parts(&pieces), true, &view.basis);
    let sent: Vec<_> = known.branch.log(Side::Origin).events().iter().flat_map(|event| event.parts.iter()).collect();
    let mut due = act::digests(&pieces);
    due.retain(|entry| selected.contains(entry.part) && !sent.contains(&entry));
    Ok(due)
}

fn by_rule<'t>(desk: &mut impl Desk<'t>, shared: &Referrals, known: &mut Known, command: Command) -> Result<(), Error> {
    let request = Request { command, etag: None, actor: send::rules(), now: desk.now() };
    act::write(desk, shared, known, request, "")
}

/// What the rules or the directory do not allow now is not written; a person sees the branch as it stands.
pub(crate) fn lawful(result: Result<(), Error>) -> Result<(), Error> {
    match result {
        Err(Error::Rules(refusal)) => {
            tracing::debug!(%refusal, "The rules wrote nothing.");
            Ok(())
        }
        Err(Error::Recovering) => Ok(()),
        result => result,
    }
}
