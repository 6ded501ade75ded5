//! Submitting a referral: checked whole, then one branch per addressed unit is opened in one transaction, or nothing
//! happens.

use nhipcau_runtime::caller::Call;
use std::collections::BTreeSet;

use jiff::Timestamp;
use nhipcau_domain::{
    directory::Release,
    id::{PartyId, Purpose},
    limit::Facts,
    reason,
    referral::{
        self, Basis, Branch, Cause, Content, Event, EventKind, Giver, Ids, Kind, NewBranch, Opening, Part, PartDigest,
        Refusal, Salt, Side, UnitRef, disclosure::Stage, read_basis, read_unit,
    },
};
use nhipcau_messaging::{Entropy, SystemEntropy, desk::Desk};
use nhipcau_proto::referral::v1 as pb;
use uuid::Uuid;

use crate::{
    BRANCHES_OF_A_CASE, Referrals, act, area,
    attachment::upload,
    code,
    content::{self, Piece},
    error::Error,
    get, limits, metrics,
    name::made_by,
    notified,
    regained::{self, Regained},
    request, send,
    store::{
        branch::{self, Known},
        content::Owner,
        reading::Held,
        upload as uploads,
    },
    view,
};

/// A referral that was checked as far as the request alone goes.
#[derive(Debug, Clone)]
pub(crate) struct Prepared {
    pub(crate) origin: UnitRef,
    pub(crate) recipients: Vec<UnitRef>,
    pub(crate) kind: Kind,
    pub(crate) purpose: Purpose,
    pub(crate) basis: Basis,
    pub(crate) content: Content,
    pub(crate) case: Option<Uuid>,
    /// Whether a case that nobody here knows is begun under that uid, which another service made up.
    pub(crate) begins: bool,
}

/// 32 fresh random bytes.
pub(crate) fn salt() -> Salt {
    let mut bytes = [0; 32];
    SystemEntropy.fill(&mut bytes);
    Salt::new(bytes)
}

impl Prepared {
    /// Checks a request. Its areas are looked up when it is refused anyway, to say all at once, and else where branches
    /// are opened: a repetition gets its first answer also after a reform.
    ///
    /// # Errors
    /// [`Error::Content`] with every violation.
    pub(crate) fn check(
        request: &pb::SubmitReferralRequest,
        shared: &Referrals,
        now: Timestamp,
    ) -> Result<Self, Error> {
        let mut refusal = Refusal::default();
        let origin = read_unit(request.origin.as_ref(), "origin", &mut refusal);
        let recipients = recipients(&request.recipients, &mut refusal);
        let kind = Kind::ALL.into_iter().find(|kind| kind.to_wire() == request.kind);
        if kind.is_none() {
            refusal.add("kind", reason::CODE_UNKNOWN);
        }
        let purpose = Purpose::new(&request.purpose).ok();
        if purpose.is_none() {
            refusal.add("purpose", reason::FIELD_FORMAT);
        }
        let basis = match &request.lawful_basis {
            Some(basis) => read_basis(basis, "lawful_basis", &mut refusal),
            None => {
                refusal.add("lawful_basis", reason::BASIS_MISSING);
                None
            }
        };
        let case = Some(&request.case_uid).filter(|uid| !uid.is_empty()).map(|uid| Uuid::try_parse(uid));
        if matches!(case, Some(Err(_))) {
            refusal.add("case_uid", reason::FIELD_FORMAT);
        }
        let given = request.content.clone().unwrap_or_default();
        let content = match given.preview {
            None => {
                refusal.add("content.preview", reason::PART_MISSING);
                None
            }
            Some(_) => read_content(&given, now, &mut refusal),
        };
        if let Some(content) = content.as_ref().filter(|_| refusal.total() > 0) {
            look_up(content, true, shared, now, &mut refusal);
        }
        match refusal.or((origin, kind, purpose, basis, content)) {
            Ok((Some(origin), Some(kind), Some(purpose), Some(basis), Some(content))) => {
                let case = case.and_then(Result::ok);
                Ok(Self { origin, recipients, kind, purpose, basis, content, case, begins: false })
            }
            Ok(_) => Err(Error::Content(Refusal::one("content", reason::FIELD_REQUIRED))),
            Err(refusal) => Err(Error::Content(refusal)),
        }
    }
}

/// Reads a content with fresh salts; what is wrong is added.
pub(crate) fn read_content(given: &pb::ReferralContent, now: Timestamp, refusal: &mut Refusal) -> Option<Content> {
    match Content::read(given, salt) {
        Ok(content) => {
            if code::is_future(content.preview.reception.time, now) {
                refusal.add("content.preview.reception.report_time", reason::TIME_IN_FUTURE);
            }
            Some(content)
        }
        Err(broken) => {
            for violation in broken.violations() {
                refusal.add(violation.subject.clone(), violation.reason);
            }
            None
        }
    }
}

/// Looks the areas of a content up; what is wrong is added. The area of a preview that stands already is not looked up
/// again: a reform since is no fault of what is given now.
pub(crate) fn look_up(
    content: &Content,
    is_preview_new: bool,
    shared: &Referrals,
    now: Timestamp,
    refusal: &mut Refusal,
) {
    if let Some(areas) = &shared.areas {
        area::check(content, is_preview_new, &areas.borrow(), now, refusal);
    }
}

fn recipients(given: &[pb::UnitRef], refusal: &mut Refusal) -> Vec<UnitRef> {
    let mut read = Vec::with_capacity(given.len());
    let mut seen = BTreeSet::new();
    for (index, unit) in given.iter().enumerate() {
        let path = format!("recipients[{index}]");
        let Some(unit) = read_unit(Some(unit), &path, refusal) else { continue };
        if !seen.insert(unit.clone()) {
            refusal.add(path, reason::RECIPIENT_REPEATED);
        }
        read.push(unit);
    }
    read
}

/// The parts of a content as they travel.
pub(crate) fn pieces(content: &Content) -> Vec<Piece> {
    let parts = content.parts();
    parts.iter().filter_map(|part| Some(Piece::new(part, content.encode(part)?))).collect()
}

/// Opens the branches of a checked referral; gives the referral and whether it was there before.
///
/// # Errors
/// [`Error`]; the transaction must then be undone to where the call began.
pub(crate) fn submit<'t>(
    desk: &mut impl Desk<'t>,
    shared: &Referrals,
    call: &Call,
    prepared: &Prepared,
) -> Result<(pb::Referral, bool), Error> {
    let referral = made_by(desk, call, "referral", 0);
    if let Some(answered) = request::answered(call, desk)? {
        if (answered.referral, answered.branch) != (referral, None) {
            return Err(Error::RequestIdReused);
        }
        return Ok((answer(desk, &call.party, answered.referral)?, true));
    }
    let case = case_of(desk, call, prepared)?;
    let regained = regained::take(desk, call, prepared, (case, referral))?;
    if let Some(Regained { missing, came, .. }) = &regained
        && missing.is_empty()
    {
        for known in came {
            notified::tell(desk, shared, known, &call.traceparent)?;
        }
        request::remember(call, desk, case, referral, None)?;
        return Ok((answer(desk, &call.party, referral)?, true));
    }
    let now = desk.now();
    let mut refusal = Refusal::default();
    look_up(&prepared.content, true, shared, now, &mut refusal);
    refusal.or(()).map_err(Error::Content)?;
    let opened = branch::of_case_by(desk.tx(), case, &call.party, Side::Origin)?;
    if prepared.begins && regained.is_none() && opened > 0 {
        // Whoever asks has forgotten it, as after a store was put back: a person decides whether there is another need.
        return Err(Error::rule("case_uid", reason::CASE_HAS_REFERRAL));
    }
    if opened + prepared.recipients.len() as u64 > BRANCHES_OF_A_CASE {
        return Err(Error::rule("case_uid", reason::TOO_MANY));
    }
    directory(shared, prepared, now)?;
    let Regained { missing, pieces, came } = match regained {
        Some(regained) => regained,
        None => {
            let pieces = pieces(&prepared.content);
            upload::check(desk, shared, &call.party, case, &pieces)?;
            for piece in &pieces {
                content::put(desk, case, Owner { uid: referral, side: Side::Origin }, piece)?;
            }
            Regained { missing: (0..prepared.recipients.len()).collect(), pieces, came: Vec::new() }
        }
    };
    let reported = prepared.content.preview.reception.time;
    let group = made_by(desk, call, "group", 0);
    let before = came.iter().map(|known| &known.branch).filter(|branch| branch.opening().group == group);
    let facts = Facts::of_need(prepared.kind, reported, now, before);
    let reckoned = limits::reckoned(&shared.release(), &facts);
    let opening = Opening {
        kind: prepared.kind,
        group,
        cause: Cause::Initial,
        cause_branch: None,
        time_limits: reckoned.limits,
        limit_refusals: reckoned.refused,
    };
    let mut branches = came;
    for (index, recipient) in prepared.recipients.iter().enumerate().filter(|(index, _)| missing.contains(index)) {
        let new = NewBranch {
            ids: Ids { case, referral, branch: made_by(desk, call, "branch", index) },
            origin: prepared.origin.clone(),
            recipient: recipient.clone(),
            basis: prepared.basis.clone(),
            opening: opening.clone(),
            parts: first_tier(prepared.kind, &pieces, &prepared.basis),
            suspects: prepared.content.suspects().to_vec(),
            actor: call.actor(),
            now,
        };
        branches.push(open(desk, shared, new, prepared.purpose.clone(), &pieces, &call.traceparent)?);
    }
    // Once all that were addressed have a branch: none of them is told beside it.
    for known in &branches {
        notified::tell(desk, shared, known, &call.traceparent)?;
    }
    request::remember(call, desk, case, referral, None)?;
    Ok((answer(desk, &call.party, referral)?, false))
}

/// Opens a branch and sends its opening with its parts, which the referral holds.
///
/// # Errors
/// [`Error::Rules`] with every reason against it; nothing was written then.
pub(crate) fn open<'t>(
    desk: &mut impl Desk<'t>,
    shared: &Referrals,
    new: NewBranch,
    purpose: Purpose,
    pieces: &[Piece],
    traceparent: &str,
) -> Result<Known, Error> {
    let ids = new.ids;
    let (event, bytes) = Event::write(referral::open(new).map_err(Error::Rules)?.salted(salt));
    let held = Held { branch: ids.branch, side: Side::Origin };
    let branch = Branch::open(event.clone()).map_err(|fault| Error::rule("branch", fault.reason()))?;
    let known = Known { held, purpose, branch, is_whole: true };
    send::first(desk, shared, &known, (&event, &bytes, pieces), traceparent)?;
    metrics::add(&shared.counters.opened);
    Ok(known)
}

/// The parts that travel with an opening.
pub(crate) fn first_tier(kind: Kind, pieces: &[Piece], basis: &Basis) -> Vec<PartDigest> {
    let stage = Stage { kind, state: None, event: EventKind::Opened };
    // A reporter who did not agree is not in the content.
    let selected = stage.select(content::parts(pieces), true, basis);
    let mut parts = act::digests(pieces);
    parts.retain(|entry| selected.contains(entry.part));
    parts
}

/// Carers under suspicion, as a narrative at rest names them.
pub(crate) fn suspects(pieces: &[Piece]) -> Vec<Giver> {
    use prost::Message as _;
    let narrative = pieces.iter().find(|piece| piece.part == Part::Narrative);
    let read = narrative.and_then(|piece| pb::ReferralNarrative::decode(piece.bytes.as_slice()).ok());
    read.map_or_else(Vec::new, |read| read.suspects.into_iter().filter_map(Giver::from_wire).collect())
}

/// When the report was received, as a preview at rest says.
pub(crate) fn reported(pieces: &[Piece]) -> Option<Timestamp> {
    use prost::Message as _;
    let preview = pieces.iter().find(|piece| piece.part == Part::Preview)?;
    let time = pb::ReferralPreview::decode(preview.bytes.as_slice()).ok()?.reception?.report_time?;
    Timestamp::new(time.seconds, time.nanos).ok()
}

/// Everything that the directory has against the recipients, at once.
fn directory(shared: &Referrals, prepared: &Prepared, now: Timestamp) -> Result<(), Error> {
    let (release, contract) = (shared.release(), crate::contract());
    let mut refusal = Refusal::default();
    let sender = &prepared.origin.party;
    if is_closed(&release, &prepared.origin, now) {
        refusal.add("origin", reason::UNIT_CLOSED);
    }
    for (index, to) in prepared.recipients.iter().enumerate() {
        if is_closed(&release, to, now) {
            refusal.add(format!("recipients[{index}]"), reason::UNIT_CLOSED);
        }
        if release.access_point_for(&to.party, &to.unit, &contract).is_none() {
            refusal.add(format!("recipients[{index}]"), reason::NOT_HOSTED);
        }
        if !release.allows(sender, &contract, &to.party, &prepared.purpose, now) {
            refusal.add(format!("recipients[{index}]"), reason::NOT_AGREED);
        }
    }
    refusal.or(()).map_err(Error::Rules)
}

/// Whether nothing new may be sent to the unit. What is open there already goes on in both directions.
pub(crate) fn is_closed(release: &Release, unit: &UnitRef, now: Timestamp) -> bool {
    let is_known = release.unit(&unit.party, &unit.unit).is_some();
    is_known && !release.is_addressable(&unit.party, &unit.unit, now)
}

/// The case: a new one, or one in which the caller's party has a part already; or one that another service begins.
fn case_of<'t>(desk: &mut impl Desk<'t>, call: &Call, prepared: &Prepared) -> Result<Uuid, Error> {
    let Some(case) = prepared.case else { return Ok(made_by(desk, call, "case", 0)) };
    let holds = branch::of_case(desk.tx(), case)?;
    // What the party opened in it and has come back in part only is looked at later.
    if prepared.begins && (holds.is_empty() || branch::of_case_by(desk.tx(), case, &call.party, Side::Origin)? > 0) {
        return Ok(case);
    }
    known_case(desk, &call.party, case)
}

/// A case of which a party has a branch, or into which it uploaded something.
///
/// # Errors
/// [`Error::AccessDenied`].
pub(crate) fn known_case<'t>(desk: &mut impl Desk<'t>, party: &PartyId, case: Uuid) -> Result<Uuid, Error> {
    for held in branch::of_case(desk.tx(), case)? {
        let known = branch::known(desk.tx(), held)?;
        if known.is_some_and(|known| known.branch.unit(held.side).party == *party) {
            return Ok(case);
        }
    }
    if uploads::has(desk.tx(), case, party)? { Ok(case) } else { Err(Error::AccessDenied) }
}

/// A referral as its origin sees it, BASIC.
pub(crate) fn answer<'t>(desk: &mut impl Desk<'t>, party: &PartyId, referral: Uuid) -> Result<pb::Referral, Error> {
    let branches = get::branches(party, referral, desk.tx())?;
    view::referral(&branches, desk.now()).ok_or(Error::AccessDenied)
}
