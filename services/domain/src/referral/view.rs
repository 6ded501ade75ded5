//! What the two logs of a branch say together: state, conditions, responsibility, etag.

use jiff::{SignedDuration, Timestamp};

use super::{
    basis::Basis,
    code::{HandBack, Outcome, Redirection, Rejection, Revocation, Stop},
    event::{Digest, LimitRefusal, Mark, TimeLimit, UnitRef},
    kind::{EventKind, Kind, Side, State},
    parts::PartSet,
    telephone::Telephoned,
    withdrawal::WithdrawalAnswer,
    work::RecordedWork,
};

/// What became of an event in the fold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Led to this state.
    Took(State),
    /// Was taken and left the state as it was.
    Kept,
    /// Waits for the assignment.
    Waits,
    /// The other side's word came first; for this reason it has no effect.
    Superseded(&'static str),
}

/// One event in the order in which the rules read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// Whose log.
    pub side: Side,
    /// Position there.
    pub ordinal: u64,
    /// What happened.
    pub event: EventKind,
    /// By the writer's clock.
    pub time: Timestamp,
    /// What became of it.
    pub effect: Effect,
}

/// What holds beside the state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Condition {
    /// A legal time limit has passed without its stop event.
    Overdue,
    /// The origin has turned to the next level.
    Escalated,
    /// No person has acknowledged in time.
    Unacknowledged,
    /// A warning time has passed.
    Warned,
    /// The recipient has been asked to stop and has not answered.
    RevocationRequested,
    /// Content was released in an emergency before acceptance.
    EmergencyReleased,
    /// The recipient has to erase and has not said that it did.
    ErasureDue,
    /// A time limit runs that could not be computed.
    LimitUnknown,
    /// The recipient has asked the origin to take the branch back, and the origin has not.
    HandBackRequested,
    /// Consent was withdrawn and the recipient has not said what became of the content.
    WithdrawalUnanswered,
    /// Whoever holds this copy keeps its case by a legal hold.
    LegalHold,
    /// The origin holds the acceptance and has not assigned the branch: a person decides.
    AssignmentHeld,
    /// The origin says that somebody took it by telephone, and no person there has confirmed it.
    AcknowledgedByTelephone,
    /// The unit says that nobody there is left to tell, and no person has acknowledged.
    Unattended,
    /// The unit is over and somebody has to see to it that the branch comes to its successor.
    HandOverHeld,
    /// The branch was handed over to the unit's successor.
    HandedOver,
}

/// How far the hand-over of a branch has come, as the unit whose duties ended knows it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum HandOver {
    /// Nothing is to be handed over, or it is under way.
    #[default]
    None,
    /// It has to be, and waits: a person has to decide, or nobody takes it.
    Held,
    /// It was: nothing is done with this copy any more.
    Done,
}

/// With which answer a time limit began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Begun {
    /// Its rule.
    pub rule: Box<str>,
    /// The answer.
    pub event: EventKind,
    /// Its position in the recipient's log.
    pub ordinal: u64,
    /// By how much the recipient's clock was ahead then; zero when it is believed.
    pub ahead: SignedDuration,
}

/// When the events came that stop time limits; only those by a person where one is waited for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stops {
    /// A person acknowledged or decided.
    pub acknowledged: Option<Timestamp>,
    /// A person decided.
    pub decided: Option<Timestamp>,
    /// The service began, or a measure was taken that danger did not let wait.
    pub started: Option<Timestamp>,
    /// The service ended.
    pub completed: Option<Timestamp>,
}

/// The fold of both logs. Equal logs give equal views.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// Kind.
    pub kind: Kind,
    /// Basis of the opening.
    pub basis: Basis,
    /// Time limits of the opening, then those that answers began; of these none of a rule that is there before.
    pub time_limits: Vec<TimeLimit>,
    /// Time limits that could not be computed, in the same order.
    pub limit_refusals: Vec<LimitRefusal>,
    /// Which limits answers began.
    pub begun: Vec<Begun>,
    /// State.
    pub state: State,
    /// When it was entered, by the clock of the side that caused it.
    pub state_time: Timestamp,
    /// What the recipient says that it did, in the order of its log.
    pub work: Vec<RecordedWork>,
    /// The first acknowledgement by telephone; stays, whatever came of it.
    pub telephoned: Option<Telephoned>,
    /// True when the unit that has it said that nobody there is left to tell; stays, whatever came of it.
    pub unattended: bool,
    /// Why the recipient was asked to stop; `None` when nothing is pending.
    pub revocation_requested: Option<Revocation>,
    /// Why it was revoked.
    pub revocation: Option<Revocation>,
    /// Why the recipient asked to hand it back; stays, whatever came of it.
    pub hand_back: Option<HandBack>,
    /// Why it was rejected.
    pub rejection: Option<Rejection>,
    /// Why another unit was advised.
    pub redirection: Option<Redirection>,
    /// The advised unit.
    pub advice: Option<UnitRef>,
    /// How the service ended.
    pub outcome: Option<Outcome>,
    /// Level of escalation; 0 when none.
    pub escalation: u32,
    /// True when content was released in an emergency.
    pub emergency: bool,
    /// True when the recipient confirmed the erasure.
    pub erased: bool,
    /// What the recipient said last became of the content after consent was withdrawn.
    pub withdrawal_answer: Option<WithdrawalAnswer>,
    /// True when whoever holds this copy keeps its case by a legal hold. No event says so.
    pub held: bool,
    /// True when this is the origin's copy and waits for a person to assign it. No event says so.
    pub assignment_held: bool,
    /// How far it has come where this is the copy of a unit whose duties ended. No event of another says so.
    pub hand_over: HandOver,
    /// Parts that the recipient was given, as far as that is known; else those that events name.
    pub disclosed: PartSet,
    /// By how much the origin's clock was ahead when it computed the limits; zero when it is believed.
    pub ahead: SignedDuration,
    /// When time limits were stopped.
    pub stops: Stops,
    /// Every event in the order in which the rules read it.
    pub history: Vec<Entry>,
    pub(super) heads: [Option<Mark>; 2],
    /// The same, as far as people have to have read.
    pub(super) to_read: [Option<Mark>; 2],
}

impl View {
    /// The last event of a side's log.
    #[must_use]
    pub const fn head(&self, side: Side) -> Option<Mark> {
        let [origin, recipient] = self.heads;
        match side {
            Side::Origin => origin,
            Side::Recipient => recipient,
        }
    }

    /// Changes with either log, but for what access points say by rule and moves nothing: that nobody is left to
    /// tell, and that a level was turned to. Required on transitions.
    #[must_use]
    pub fn etag(&self) -> String {
        let mut pieces = Vec::new();
        for head in self.to_read {
            let (ordinal, digest) = head.map_or((0, Digest::ZERO), |mark| (mark.ordinal, mark.digest));
            pieces.extend_from_slice(&ordinal.to_le_bytes());
            pieces.extend_from_slice(digest.as_bytes());
        }
        let digest = Digest::over(&[b"nhipcau/1/referral-etag", &pieces]);
        hex::encode(digest.as_bytes()).chars().take(32).collect()
    }

    /// The side that answers for the child. In a TRANSFER the origin answers until it has stored the acknowledgement
    /// and assigned the branch, and again from the moment it asks for the child back or takes it back. A recipient that
    /// asks to hand the child back answers until it holds the origin's word.
    #[must_use]
    pub const fn responsible(&self) -> Side {
        let moved = matches!(self.kind, Kind::Transfer) && self.state.is_assigned();
        if moved && self.revocation_requested.is_none() { Side::Recipient } else { Side::Origin }
    }

    /// True while the recipient's request to hand the branch back waits for the origin.
    #[must_use]
    pub const fn asks_to_hand_back(&self) -> bool {
        self.hand_back.is_some() && matches!(self.state, State::Assigned | State::InService)
    }

    /// True when the recipient sent the need on: by a redirect, or by a hand-back that was taken.
    #[must_use]
    pub const fn is_sent_on(&self) -> bool {
        matches!((self.state, self.revocation), (State::Redirected, _) | (State::Revoked, Some(Revocation::HandedBack)))
    }

    /// True when nobody at the unit is left to tell and no person has acknowledged.
    #[must_use]
    pub const fn is_unattended(&self) -> bool {
        self.unattended && matches!(self.state, State::Submitted | State::Received)
    }

    /// True when it ended because consent was withdrawn.
    #[must_use]
    pub fn is_withdrawn(&self) -> bool {
        self.state == State::Revoked && self.revocation == Some(Revocation::ConsentWithdrawn)
    }

    /// True when the origin holds what it needs to assign this branch.
    #[must_use]
    pub const fn is_ready(&self) -> bool {
        matches!((self.kind, self.state), (Kind::Transfer, State::Acknowledged) | (Kind::Referral, State::Accepted))
    }

    /// True when such an event, or one that ends what it begins, waits for the assignment already.
    #[must_use]
    pub fn waits_for_assignment(&self, event: EventKind) -> bool {
        self.history
            .iter()
            .any(|entry| entry.effect == Effect::Waits && (entry.event == event || entry.event == EventKind::Completed))
    }

    /// What holds beside the state at `now`.
    #[must_use]
    pub fn conditions(&self, now: Timestamp) -> Vec<Condition> {
        let mut found = Vec::new();
        match self.hand_over {
            // What is due is the successor's matter.
            HandOver::Done => {
                found.push(Condition::HandedOver);
                found.extend(self.held.then_some(Condition::LegalHold));
                return found;
            }
            HandOver::Held => found.push(Condition::HandOverHeld),
            HandOver::None => {}
        }
        if self.state.is_waited_for() {
            let running = || self.time_limits.iter().filter(|limit| self.stopped(limit.stop).is_none());
            let is_over = |limit: &TimeLimit, time: Timestamp| time <= self.by_the_clock_of(limit, now);
            if running().any(|limit| is_over(limit, limit.due)) {
                found.push(Condition::Overdue);
            }
            if self.escalation > 0 {
                found.push(Condition::Escalated);
            }
            let acknowledged = self.stopped(Stop::Acknowledged).is_some();
            // What an answer began asks for no other person.
            let asks = |limit: &&TimeLimit| !self.begun.iter().any(|begun| begun.rule == limit.rule);
            let mut asking = self.time_limits.iter().filter(asks);
            if !acknowledged && asking.any(|limit| is_over(limit, limit.acknowledge_due)) {
                found.push(Condition::Unacknowledged);
            }
            if running().any(|limit| is_over(limit, limit.warn)) {
                found.push(Condition::Warned);
            }
            if !self.limit_refusals.is_empty() {
                found.push(Condition::LimitUnknown);
            }
        }
        if self.revocation_requested.is_some() {
            found.push(Condition::RevocationRequested);
        }
        if self.asks_to_hand_back() {
            found.push(Condition::HandBackRequested);
        }
        if self.assignment_held {
            found.push(Condition::AssignmentHeld);
        }
        if self.is_acknowledged_by_telephone() {
            found.push(Condition::AcknowledgedByTelephone);
        }
        if self.is_unattended() {
            found.push(Condition::Unattended);
        }
        if self.emergency {
            found.push(Condition::EmergencyReleased);
        }
        if self.state.calls_for_erasure() && !self.erased {
            found.push(Condition::ErasureDue);
        }
        if self.is_withdrawn() && self.withdrawal_answer.is_none() {
            found.push(Condition::WithdrawalUnanswered);
        }
        if self.held {
            found.push(Condition::LegalHold);
        }
        found
    }

    /// Whether there is a limit of this rule, or one that could not be computed.
    #[must_use]
    pub fn has_rule(&self, rule: &str) -> bool {
        self.time_limits.iter().any(|limit| *limit.rule == *rule)
            || self.limit_refusals.iter().any(|refused| *refused.rule == *rule)
    }

    /// A time by the clock by which a limit was computed: where that is not believed, the limit ends earlier than it
    /// says.
    #[must_use]
    pub(crate) fn by_the_clock_of(&self, limit: &TimeLimit, at: Timestamp) -> Timestamp {
        let begun = self.begun.iter().find(|begun| begun.rule == limit.rule);
        let ahead = begun.map_or(self.ahead, |begun| begun.ahead);
        at.checked_add(ahead).unwrap_or(Timestamp::MAX)
    }

    /// When what a limit waits for came, by the clock of who wrote it. An acceptance that a person at the origin has
    /// yet to follow stops nothing there: the need still has nobody. What came before it stands.
    #[must_use]
    pub fn stopped(&self, stop: Stop) -> Option<Timestamp> {
        let stands = |at: &Timestamp| !self.assignment_held || *at < self.state_time;
        match stop {
            Stop::Acknowledged => self.stops.acknowledged.filter(stands),
            Stop::Decided => self.stops.decided.filter(stands),
            Stop::ServiceStarted => self.stops.started,
            Stop::Completed => self.stops.completed,
            Stop::Unrecognized(_) => None,
        }
    }
}
