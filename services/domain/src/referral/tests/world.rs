//! A branch with its two sides and the channel between them, small enough to be tried in every order.

use std::rc::Rc;

use jiff::Timestamp;
use uuid::Uuid;

use crate::{
    id::{PartyId, SystemId, UnitId},
    limit::Reckoning,
    referral::{
        Actor, Basis, Body, Branch, Cause, Command, Conclusion, Consent, Danger, Draft, Effect, Event, EventKind,
        Giver, HandBack, Ids, Kept, Kind, Mistake, NewBranch, Opening, Outcome, Part, PartDigest, PartSet, PersonRef,
        ReceiptRef, Redirection, Refusal, Rejection, Request, Revocation, Salt, Scope, Side, State,
        TelephoneAcknowledgement, Text, UnitRef, View, WithdrawalAnswer, Work, WorkKind, decide, open,
    },
};

pub(crate) fn time(second: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + second).expect("in range")
}

pub(crate) fn unit(party: &str, unit: &str) -> UnitRef {
    UnitRef { party: PartyId::new(party).expect("valid"), unit: UnitId::new(unit).expect("valid") }
}

pub(super) fn person() -> Actor {
    Actor { system: SystemId::new("desk").expect("valid"), person: Some(PersonRef::new("cb-17").expect("valid")) }
}

pub(super) fn system() -> Actor {
    Actor { system: SystemId::new("access-point").expect("valid"), person: None }
}

pub(crate) fn parts(parts: &[Part]) -> Vec<PartDigest> {
    parts.iter().map(|part| PartDigest { part: *part, digest: [7; 32] }).collect()
}

pub(crate) fn text(value: &str) -> Text {
    Text::read(value, 200, "citation", &mut Refusal::default()).expect("valid")
}

/// An answer to a withdrawal: one part went and another must be kept.
pub(super) fn answer() -> WithdrawalAnswer {
    let kept = Kept {
        part: Part::Narrative,
        citation: text("Article 1 of an example"),
        class: Some("service-record".into()),
        until: Some(time(86_400)),
    };
    WithdrawalAnswer { stopped: time(2), erased: PartSet::of(&[Part::Preview]), kept: vec![kept] }
}

/// A work; a review with what is said about the child.
pub(crate) fn work(kind: WorkKind, conclusion: Option<Conclusion>) -> Command {
    let work = Work { kind, done: time(1), role: "officer".into(), conclusion };
    let details = if kind == WorkKind::Review { parts(&[Part::Work]) } else { Vec::new() };
    Command::RecordWork { work, details }
}

/// Somebody at the unit said by telephone that they take it.
pub(crate) fn telephoned() -> Command {
    let person = PersonRef::new("cb-18").expect("valid");
    Command::NoteTelephoneAcknowledgement(TelephoneAcknowledgement { person, role: "officer".into(), said: time(1) })
}

fn salt() -> Salt {
    Salt::new([5; 32])
}

pub(super) fn consent() -> Basis {
    Basis::Consent(Consent {
        giver: Giver::Mother,
        scopes: vec![Scope::Services, Scope::Identity, Scope::Narrative],
        given: time(-60),
        expires: None,
    })
}

pub(crate) fn duty() -> Basis {
    Basis::StatutoryDuty { citation: text("Decree 56/2017/NĐ-CP art. 26") }
}

pub(super) fn vital() -> Basis {
    Basis::VitalInterest { citation: text("Law 91/2025/QH15 art. 19.1"), danger: Danger::Life }
}

pub(crate) fn new_branch(kind: Kind, basis: Basis, number: u128) -> NewBranch {
    let first = match kind {
        Kind::Transfer => parts(&[Part::Preview, Part::Identity, Part::Narrative]),
        Kind::Referral | Kind::Notification => parts(&[Part::Preview]),
    };
    NewBranch {
        ids: Ids { case: Uuid::from_u128(1), referral: Uuid::from_u128(2), branch: Uuid::from_u128(100 + number) },
        origin: unit("moh", "111"),
        recipient: unit("hanoi", "ba-dinh"),
        basis,
        opening: Opening {
            kind,
            group: Uuid::from_u128(3),
            cause: Cause::Initial,
            cause_branch: None,
            time_limits: Vec::new(),
            limit_refusals: Vec::new(),
        },
        parts: first,
        suspects: Vec::new(),
        actor: person(),
        now: time(0),
    }
}

/// Every command a side can be asked, one of each.
pub(crate) fn commands(kind: Kind, side: Side) -> Vec<Command> {
    let late = match kind {
        Kind::Referral => parts(&[Part::Identity, Part::Narrative]),
        Kind::Transfer => Vec::new(),
        Kind::Notification => parts(&[Part::Preview]),
    };
    let receipt = ReceiptRef { number: 1, digest: [9; 32] };
    match side {
        Side::Origin => vec![
            Command::NoteReceipt(receipt),
            Command::NoteReturn { reason: "NOT_AGREED".into(), receipt },
            Command::Assign(late.clone()),
            Command::Disclose(if late.is_empty() { parts(&[Part::Narrative]) } else { late }),
            Command::ReleaseInEmergency { basis: vital(), parts: parts(&[Part::Identity]) },
            Command::Escalate { level: 1 },
            Command::Relieve,
            Command::Revoke { reason: Revocation::NeedMet },
            Command::WithdrawConsent { time: time(1) },
            Command::EnterInError { reason: Mistake::WrongPerson },
            Command::Close,
            Command::TakeHandBack,
            telephoned(),
        ],
        Side::Recipient => vec![
            Command::Acknowledge,
            Command::Accept,
            Command::Reject { code: Rejection::NoCapacity },
            Command::Redirect { reason: Redirection::OutsideArea, advice: Some(unit("hanoi", "cua-nam")) },
            Command::StartService,
            Command::Complete { outcome: Outcome::Resolved },
            Command::GrantRevocation,
            Command::RefuseRevocation,
            Command::ConfirmErasure,
            Command::HandBack { reason: HandBack::NotCompetent },
            Command::AnswerWithdrawal(answer()),
            Command::ReportUnattended,
            work(WorkKind::Review, Some(Conclusion::NewPlan)),
            work(WorkKind::Review, Some(Conclusion::Close)),
            work(WorkKind::PlanApproved, None),
            work(WorkKind::EmergencyMeasure, None),
        ],
    }
}

/// What an event begins that is about to be written.
pub(crate) type Begins = Rc<dyn Fn(&View, &Draft) -> Reckoning>;

/// Both sides' copies of one branch.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) origin: Branch,
    /// `None` until the opening is delivered.
    pub(super) recipient: Option<Branch>,
    /// The recipient's access point refused the opening for good.
    pub(super) refused: bool,
    /// By which rules answers begin time limits.
    pub(crate) begins: Option<Begins>,
}

impl World {
    pub(super) fn open(kind: Kind, basis: Basis, number: u128) -> Self {
        Self::opened(new_branch(kind, basis, number))
    }

    pub(crate) fn opened(new: NewBranch) -> Self {
        let draft = open(new).expect("lawful opening");
        let (event, _) = Event::write(draft.salted(salt));
        Self { origin: Branch::open(event).expect("an opening"), recipient: None, refused: false, begins: None }
    }

    pub(crate) fn copy(&self, side: Side) -> Option<&Branch> {
        match side {
            Side::Origin => Some(&self.origin),
            Side::Recipient => self.recipient.as_ref(),
        }
    }

    pub(super) fn decide(&self, side: Side, command: Command) -> Option<Result<Draft, Refusal>> {
        self.decide_at(side, command, time(2))
    }

    fn decide_at(&self, side: Side, command: Command, now: Timestamp) -> Option<Result<Draft, Refusal>> {
        let copy = self.copy(side)?;
        let possible = match command {
            Command::NoteReceipt(_) => self.recipient.is_some(),
            Command::NoteReturn { .. } => self.refused,
            _ => true,
        };
        let request = Request { command, etag: None, actor: person(), now };
        possible.then(|| decide(copy, side, request))
    }

    /// Gives a side a command; false when the rules refuse it.
    pub(crate) fn act(&mut self, side: Side, command: Command) -> bool {
        self.act_at(side, command, time(2))
    }

    /// As [`World::act`], at a time of the side's clock.
    pub(crate) fn act_at(&mut self, side: Side, command: Command, now: Timestamp) -> bool {
        let Some(Ok(mut draft)) = self.decide_at(side, command, now) else { return false };
        if let (Some(begins), Some(copy)) = (&self.begins, self.copy(side)) {
            draft.begun = begins(&copy.view(), &draft);
        }
        let (event, _) = Event::write(draft.salted(salt));
        let copy = match side {
            Side::Origin => &mut self.origin,
            Side::Recipient => self.recipient.as_mut().expect("decided before"),
        };
        copy.record(event).expect("own event fits");
        true
    }

    /// Delivers the next event to a side; false when there is none.
    pub(crate) fn deliver(&mut self, to: Side) -> bool {
        let Some(event) = self.next_for(to) else { return false };
        match (to, &mut self.recipient) {
            (Side::Recipient, None) => {
                if self.refused {
                    return false;
                }
                self.recipient = Some(Branch::open(event).expect("an opening"));
            }
            (Side::Origin, _) => {
                self.origin.admit(&event).expect("lawful with what its writer knew");
                self.origin.record(event).expect("fits");
            }
            (Side::Recipient, Some(copy)) => {
                copy.admit(&event).expect("lawful with what its writer knew");
                copy.record(event).expect("fits");
            }
        }
        true
    }

    fn next_for(&self, to: Side) -> Option<Event> {
        let from = to.other();
        let held = self.copy(to).map_or(0, |copy| copy.log(from).events().len() as u64);
        self.copy(from)?.log(from).at(held + 1).cloned()
    }

    /// A world in which everything written has arrived, delivered to `first` before the other side.
    pub(super) fn exchanged(&self, first: Side) -> Self {
        let mut world = self.clone();
        while world.deliver(first) || world.deliver(first.other()) {}
        world
    }

    /// What holds at every moment, whatever has arrived yet.
    pub(super) fn check(&self) {
        let origin = self.origin.view();
        let recipient = self.recipient.as_ref().map(Branch::view);
        self.check_disclosure();
        let copies = [Some((&self.origin, &origin)), self.recipient.as_ref().zip(recipient.as_ref())];
        for (copy, view) in copies.into_iter().flatten() {
            check_wins(copy, view);
            check_work(copy, view);
        }
        if origin.responsible() == Side::Recipient {
            let theirs = recipient.as_ref().expect("a recipient");
            assert!(theirs.stops.acknowledged.is_some(), "nobody took over: {origin:?}");
            let gone = [State::Rejected, State::Redirected, State::Relieved, State::Revoked, State::Returned];
            assert!(!gone.contains(&theirs.state), "nobody answers: {origin:?} {theirs:?}");
            let answers = !theirs.state.is_assigned() || theirs.responsible() == Side::Recipient;
            assert!(answers, "each says that the other answers: {origin:?} {theirs:?}");
        }
        if !self.refused {
            assert_ne!(origin.state, State::Returned, "returned without a refusal");
        }
    }

    /// What holds once everything written has arrived, in whatever order.
    pub(crate) fn check_exchange(&self) {
        let (one, two) = (self.exchanged(Side::Origin), self.exchanged(Side::Recipient));
        assert_eq!(one.origin.view(), two.origin.view());
        if let (Some(a), Some(b)) = (&one.recipient, &two.recipient) {
            assert_eq!(one.origin.view(), a.view(), "the sides differ after the exchange");
            assert_eq!(a.view(), b.view());
            let restored =
                Branch::restore(a.log(Side::Origin).events().to_vec(), a.log(Side::Recipient).events().to_vec());
            assert_eq!(restored.expect("chains fit").view(), a.view());
        }
    }

    fn check_disclosure(&self) {
        if self.origin.opening().kind != Kind::Referral {
            return;
        }
        for event in self.origin.log(Side::Origin).events() {
            let late = event.parts.iter().any(|entry| entry.part != Part::Preview);
            let emergency = event.body.kind() == EventKind::EmergencyReleased;
            let known = self.origin.log(Side::Recipient).prefix(event.seen_ordinal());
            let accepted = known.iter().any(|event| event.body.kind() == EventKind::Accepted);
            assert!(!late || emergency || accepted, "disclosed before acceptance was stored: {event:?}");
        }
    }
}

/// No case is at its end while a review asks for a new plan, and no plan is approved that nobody drafted.
fn check_work(branch: &Branch, view: &View) {
    let (mut is_open, mut is_drafted) = (false, false);
    for entry in view.history.iter().filter(|entry| !matches!(entry.effect, Effect::Superseded(_))) {
        let event = branch.log(entry.side).at(entry.ordinal).expect("read");
        match &event.body {
            Body::Completed { .. } => assert!(!is_open, "completed while a review is open: {view:?}"),
            Body::WorkRecorded(work) => {
                is_drafted |= work.kind == WorkKind::PlanDrafted;
                assert!(work.kind != WorkKind::PlanApproved || is_drafted, "approved without a draft: {view:?}");
                is_open = work.conclusion.map_or(is_open, |conclusion| conclusion == Conclusion::NewPlan);
            }
            _ => {}
        }
    }
    assert_eq!(view.has_open_review(), is_open);
}

fn check_wins(branch: &Branch, view: &View) {
    let written = |kind| branch.log(Side::Origin).events().iter().any(|event| event.body.kind() == kind);
    if written(EventKind::EnteredInError) {
        assert_eq!(view.state, State::EnteredInError);
    } else if written(EventKind::ConsentWithdrawn) {
        assert_eq!((view.state, view.revocation), (State::Revoked, Some(Revocation::ConsentWithdrawn)));
    } else if written(EventKind::HandBackTaken) {
        assert_eq!((view.state, view.revocation), (State::Revoked, Some(Revocation::HandedBack)));
    } else if written(EventKind::Revoked) {
        assert_eq!(view.state, State::Revoked, "an unassigned acceptance or a rejection won over a revocation");
    } else if written(EventKind::Relieved) {
        assert_eq!(view.state, State::Relieved, "a relieved branch came back");
    }
}
