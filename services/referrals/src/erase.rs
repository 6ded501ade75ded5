//! Erasure: what an ended branch left at its recipient goes at once, and the stored envelopes of the case with its key
//! as soon as nobody here may keep them and every own event has arrived.
//!
//! What must be kept is asked of the rules of retention, and asked again when its time has come. Whoever withdrew
//! consent is told by an event what went and what must be kept; that it cannot be told delays no erasure.

use jiff::{SignedDuration, Timestamp};
use nhipcau_domain::{
    id::PartyId,
    reason,
    referral::{Command, Effect, HandOver, Kept, Part, PartSet, Request, Side, WithdrawalAnswer},
    retention::{Ended, Verdict, classes, verdict},
};
use nhipcau_messaging::desk::Desk;
use uuid::Uuid;

use crate::{
    CONTRACT, Referrals, act, attachment,
    error::Error,
    metrics, send,
    store::{
        branch::{self, Known},
        content, hold, kept, log,
        reading::Held,
        succession::{self, Stage},
        upload,
    },
    succession::leave,
};

/// How long after a try an answer to a withdrawal is tried again that could not be given.
const RETRY: SignedDuration = SignedDuration::from_hours(1);

/// Answers a withdrawal and erases what a branch leaves behind, when it has ended at its recipient.
pub(crate) fn purge<'t>(desk: &mut impl Desk<'t>, shared: &Referrals, known: &Known) -> Result<(), Error> {
    let Some(ended) = ended(desk, known)? else { return Ok(()) };
    let kept = keeping(desk, shared, known, &ended)?;
    // Storing the answer leads here again, with nothing left to say.
    if answer(desk, shared, known, (ended.time, &kept))? { Ok(()) } else { drop(desk, shared, known, &kept) }
}

/// As [`purge`], but says nothing: what this store said before may be on its way back.
pub(crate) fn purge_in_silence<'t>(desk: &mut impl Desk<'t>, shared: &Referrals, known: &Known) -> Result<(), Error> {
    let Some(ended) = ended(desk, known)? else { return Ok(()) };
    let kept = keeping(desk, shared, known, &ended)?;
    drop(desk, shared, known, &kept)
}

/// Looks at every branch again that a party holds of a case, because a hold was released.
pub(crate) fn released<'t>(
    desk: &mut impl Desk<'t>,
    shared: &Referrals,
    party: &PartyId,
    uid: Uuid,
) -> Result<(), Error> {
    for held in branch::of_case(desk.tx(), uid)? {
        let known = branch::known(desk.tx(), held)?;
        match known.filter(|known| known.branch.unit(held.side).party == *party) {
            Some(known) if known.branch.hand_over() == HandOver::Done => leave(desk, &known)?,
            Some(known) => purge(desk, shared, &known)?,
            None => {}
        }
    }
    case(desk, shared, uid)
}

/// Refuses the confirmation that everything was erased while something must be kept.
pub(crate) fn may_confirm<'t>(desk: &mut impl Desk<'t>, shared: &Referrals, known: &Known) -> Result<(), Error> {
    let Some(ended) = ended(desk, known)? else { return Ok(()) };
    let party = &known.branch.unit(known.held.side).party;
    if !hold::of(desk.tx(), party, known.branch.ids().case)?.is_empty() {
        return Err(Error::rule("branch", reason::LEGAL_HOLD));
    }
    let is_kept = !keeping(desk, shared, known, &ended)?.is_empty();
    if is_kept { Err(Error::rule("branch", reason::RETAINED)) } else { Ok(()) }
}

/// Erases a case when none of its branches here may keep content. Not before own events have arrived: they would be
/// erased with it, and the other side's copy of the log would end.
pub(crate) fn case<'t>(desk: &mut impl Desk<'t>, shared: &Referrals, case: Uuid) -> Result<(), Error> {
    if hold::is_held(desk.tx(), case)? {
        return Ok(());
    }
    for held in branch::of_case(desk.tx(), case)? {
        let Some(known) = branch::known(desk.tx(), held)?.filter(|known| known.is_whole) else { return Ok(()) };
        if known.branch.hand_over() == HandOver::Done {
            // Of what was handed over nothing is kept once the successor has had time to ask for it again.
            match succession::of(desk.tx(), held.branch)? {
                Some(way) if way.stage == Stage::Gone => continue,
                _ => return Ok(()),
            }
        }
        let Some(ended) = ended(desk, &known)? else { return Ok(()) };
        if !keeping(desk, shared, &known, &ended)?.is_empty() {
            return Ok(());
        }
    }
    if branch::is_under_way(desk.tx(), case)? {
        return Ok(());
    }
    upload::erase(desk.tx(), case)?;
    desk.erase(case.as_bytes())?;
    metrics::add(&shared.counters.erased);
    Ok(())
}

/// Erases what need not be kept, and notes when the rest is looked at again.
fn drop<'t>(desk: &mut impl Desk<'t>, shared: &Referrals, known: &Known, kept: &[Kept]) -> Result<(), Error> {
    let view = known.branch.view();
    let parts: PartSet = kept.iter().map(|kept| kept.part).collect();
    let (case, owner) = (known.branch.ids().case, send::owner(known.held, known.branch.ids().referral));
    content::drop_but(desk.tx(), owner, parts)?;
    attachment::drop_but(desk, case, owner, parts)?;
    let unanswered = (view.is_withdrawn() && view.withdrawal_answer.is_none()).then(|| desk.now() + RETRY);
    let next = kept.iter().filter_map(|kept| kept.until).chain(unanswered).min();
    kept::note(desk.tx(), known.held.branch, next)?;
    self::case(desk, shared, case)
}

/// How a branch ended at its recipient, by the clock of this access point; `None` when it did not, or at its origin,
/// which keeps the case.
fn ended<'t>(desk: &mut impl Desk<'t>, known: &Known) -> Result<Option<Ended>, Error> {
    let view = known.branch.view();
    if known.held.side == Side::Origin || known.branch.hand_over() == HandOver::Done || !view.state.calls_for_erasure()
    {
        return Ok(None);
    }
    let end = view.history.iter().rev().find(|entry| matches!(entry.effect, Effect::Took(_)));
    let stored = match end {
        Some(entry) => log::at(desk.tx(), known.held, entry.side, entry.ordinal)?,
        None => None,
    };
    let time = stored.map_or_else(|| desk.now(), |stored| stored.stored);
    Ok(Ended::of(&view, time))
}

/// Of the parts that lie here those that must be kept.
fn keeping<'t>(desk: &mut impl Desk<'t>, shared: &Referrals, known: &Known, ended: &Ended) -> Result<Vec<Kept>, Error> {
    let (ids, party) = (known.branch.ids(), &known.branch.unit(known.held.side).party);
    let parts = content::parts(desk.tx(), send::owner(known.held, ids.referral))?;
    if parts.is_empty() {
        return Ok(Vec::new());
    }
    let holds = hold::of(desk.tx(), party, ids.case)?;
    let (classes, now) = (classes(&shared.release(), CONTRACT, party), desk.now());
    let verdicts = parts.iter().map(|part| verdict(part, ended, &holds, &classes, now));
    Ok(verdicts.filter_map(|verdict| if let Verdict::Keep(kept) = verdict { Some(kept) } else { None }).collect())
}

/// Tells whoever withdrew consent what becomes of the content, unless that was said; false when nothing was told.
fn answer<'t>(
    desk: &mut impl Desk<'t>,
    shared: &Referrals,
    known: &Known,
    (stopped, kept): (Timestamp, &[Kept]),
) -> Result<bool, Error> {
    let view = known.branch.view();
    if !view.is_withdrawn() {
        return Ok(false);
    }
    // What was said beside its own work was never given to it.
    let kept: Vec<Kept> = kept.iter().filter(|kept| kept.part != Part::Work).cloned().collect();
    let is_kept = |part| kept.iter().any(|kept| kept.part == part);
    let said = view.withdrawal_answer.as_ref();
    let answer = WithdrawalAnswer {
        stopped: said.map_or(stopped, |said| said.stopped),
        erased: view.disclosed.iter().filter(|part| !is_kept(*part)).collect(),
        kept: kept.clone(),
    };
    if said.is_some_and(|said| said.says_as(&answer)) {
        return Ok(false);
    }
    let command = Command::AnswerWithdrawal(answer);
    let request = Request { command, etag: None, actor: send::rules(), now: desk.now() };
    match act::write(desk, shared, &mut known.clone(), request, "") {
        Ok(()) => Ok(true),
        Err(Error::Rules(_) | Error::Recovering) => {
            tracing::warn!(branch = %known.held.branch, "A withdrawal could not be answered now.");
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

/// Looks at a branch again of which something was kept or a withdrawal could not be answered.
pub(crate) fn look<'t>(desk: &mut impl Desk<'t>, shared: &Referrals, uid: Uuid) -> Result<(), Error> {
    match branch::known(desk.tx(), Held { branch: uid, side: Side::Recipient })? {
        Some(known) => purge(desk, shared, &known),
        None => Ok(()),
    }
}

/// Takes the first branch that is to be looked at again, and puts it off.
pub(crate) fn next<'t>(desk: &mut impl Desk<'t>) -> Result<Option<Uuid>, Error> {
    let now = desk.now();
    Ok(kept::take(desk.tx(), now, now + RETRY)?)
}
