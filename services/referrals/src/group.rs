//! What the origin's rules write by themselves: the receipt of an opening is noted, the first acceptance is assigned
//! with the disclosure that is due, and the other branches of the group are relieved. An acceptance of a party that
//! accepts more within an hour than was agreed is stored, and waits for a person.

use nhipcau_domain::{
    reason,
    referral::{
        Command, EventKind, PartDigest, ReceiptRef, Request, Side,
        disclosure::Stage,
        group::{ACCEPTANCE_WINDOW, Member, Pace, Settlement, is_acceptance, pace, settle as settlement},
    },
};
use nhipcau_messaging::{desk::Desk, message::Outcome};
use uuid::Uuid;

use crate::{
    Referrals, act, content,
    error::Error,
    ladder, metrics, send,
    store::{
        acceptance,
        branch::{self, Known},
    },
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
    lawful(by_rule(desk, shared, known, command))?;
    if outcome != Outcome::Received {
        ladder::look(desk, known.held.branch)?;
    }
    Ok(())
}

/// Decides on the group of a branch whose acceptance, or in a TRANSFER a person's acknowledgement, was stored. Every
/// acceptance counts among those of its party, whatever comes of it.
pub(crate) fn settle<'t>(
    desk: &mut impl Desk<'t>,
    shared: &Referrals,
    ready: &Known,
    event: EventKind,
) -> Result<(), Error> {
    if !is_acceptance(ready.branch.opening().kind, event) {
        return Ok(());
    }
    let is_held = is_held(desk, shared, ready)?;
    let (mut members, Settlement { assign, relieve }) = of(desk, ready)?;
    if assign.is_some() && is_held {
        return Ok(());
    }
    if let Some(known) = members.iter_mut().find(|known| assign == Some(known.held.branch)) {
        let due = due(desk, known)?;
        match by_rule(desk, shared, known, Command::Assign(due)) {
            // Nobody is let go for who cannot be assigned.
            Err(Error::Rules(refusal)) => {
                let branch = known.held.branch;
                tracing::error!(%branch, %refusal, "An acceptance cannot be followed. Somebody must look.");
                return Ok(());
            }
            Err(Error::Recovering) => return Ok(()),
            written => written?,
        }
    }
    self::relieve(desk, shared, &mut members, &relieve)
}

/// The branches of a group, and what follows for them from the acceptance of one.
pub(crate) fn of<'t>(desk: &mut impl Desk<'t>, ready: &Known) -> Result<(Vec<Known>, Settlement), Error> {
    let mut members = Vec::new();
    for held in branch::of_group(desk.tx(), ready.branch.ids().referral, ready.branch.opening().group)? {
        members.extend(branch::known(desk.tx(), held)?);
    }
    let views: Vec<_> = members.iter().map(|known| (known.held.branch, known.branch.view())).collect();
    let views: Vec<_> = views.iter().map(|(branch, view)| Member { branch: *branch, view }).collect();
    let settlement = settlement(&views, ready.held.branch);
    Ok((members, settlement))
}

/// Relieves branches of a group.
pub(crate) fn relieve<'t>(
    desk: &mut impl Desk<'t>,
    shared: &Referrals,
    members: &mut [Known],
    relieve: &[Uuid],
) -> Result<(), Error> {
    for known in members.iter_mut().filter(|known| relieve.contains(&known.held.branch)) {
        lawful(by_rule(desk, shared, known, Command::Relieve))?;
    }
    Ok(())
}

/// Counts an acceptance where a limit was agreed, and says whether it waits for a person. The operator is told of each
/// that does, and when a party begins to acknowledge in bulk.
fn is_held<'t>(desk: &mut impl Desk<'t>, shared: &Referrals, known: &Known) -> Result<bool, Error> {
    let now = desk.now();
    let [origin, recipient] = Side::ALL.map(|side| &known.branch.unit(side).party);
    let limit = shared.release().hourly_acceptances(origin, &crate::contract(), recipient, &known.purpose, now);
    let Some(limit) = limit else { return Ok(false) };
    let within = acceptance::add(desk.tx(), known, now, now - ACCEPTANCE_WINDOW, limit)?;
    let Pace::Bulk { is_held, is_new } = pace(known.branch.opening().kind, limit, within) else { return Ok(false) };
    metrics::add(&shared.counters.over_limit);
    if is_held || is_new {
        let (reason, branch) = (reason::ACCEPTANCE_LIMIT, known.held.branch);
        tracing::error!(reason, party = %recipient, %branch, is_held, %limit, "A party accepts in bulk. Somebody must look.");
    }
    Ok(is_held)
}

/// The parts that an assignment discloses: what the tier and the basis allow and the recipient does not have yet.
pub(crate) fn due<'t>(desk: &mut impl Desk<'t>, known: &Known) -> Result<Vec<PartDigest>, Error> {
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
