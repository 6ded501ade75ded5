//! A branch as one access point holds it: both logs, and the judgement of an event that arrives.
//!
//! Events of the two logs may be recorded in any interleaving that keeps each log's own order and what each event
//! names as seen; the view is the same. An event is judged by what its writer knew, never by what arrived
//! meanwhile, so that crossing events are superseded on both sides alike and never refused on one.

use jiff::{SignedDuration, Timestamp};

use super::{
    basis::Basis,
    code::Revocation,
    event::{Body, Event, Ids, Opening, UnitRef},
    fold::fold,
    guard,
    kind::Side,
    log::{Fault, Log, Recorded},
    parts::PartSet,
    view::{HandOver, View},
    violation::Refusal,
};
use crate::reason;

/// By how much another's clock may be ahead and still be believed.
pub const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_mins(5);

/// Both logs of a branch.
#[derive(Debug, Clone)]
pub struct Branch {
    opening: Opening,
    basis: Basis,
    ids: Ids,
    origin_unit: UnitRef,
    recipient_unit: UnitRef,
    origin: Log,
    recipient: Log,
    /// Who took over the recipient's duties, and the position in its log at which.
    moves: Vec<(u64, UnitRef)>,
    hand_over: HandOver,
    given: Option<PartSet>,
    heard: Option<Timestamp>,
    telephone_heard: Option<Timestamp>,
    /// When answers came that began limits, by their position in the recipient's log.
    answers_heard: Vec<(u64, Timestamp)>,
    held: bool,
    /// Whether this is the copy of its origin.
    origins: bool,
}

impl Branch {
    /// Begins a branch with the first event of the origin's log.
    ///
    /// # Errors
    /// [`Fault::NotAnOpening`] when the event is not an opening with its basis, [`Fault::Gap`] when it is not first.
    pub fn open(event: Event) -> Result<Self, Fault> {
        let (Body::Opened(opening), Some(basis)) = (&event.body, &event.basis) else {
            return Err(Fault::NotAnOpening);
        };
        let recipient = Log::new(Side::Recipient);
        let mut branch = Self {
            opening: opening.clone(),
            basis: basis.clone(),
            ids: event.ids,
            origin_unit: event.owner.clone(),
            recipient_unit: event.counterpart.clone(),
            origin: Log::new(Side::Origin),
            recipient: recipient.clone(),
            moves: Vec::new(),
            hand_over: HandOver::None,
            given: None,
            heard: None,
            telephone_heard: None,
            answers_heard: Vec::new(),
            held: false,
            origins: false,
        };
        branch.origin.append(event, &recipient)?;
        Ok(branch)
    }

    /// Rebuilds a branch from stored logs, checking every chain anew.
    ///
    /// # Errors
    /// The first [`Fault`] found.
    pub fn restore(origin: Vec<Event>, recipient: Vec<Event>) -> Result<Self, Fault> {
        let mut origin = origin.into_iter().peekable();
        let mut recipient = recipient.into_iter().peekable();
        let mut branch = Self::open(origin.next().ok_or(Fault::NotAnOpening)?)?;
        loop {
            let written = branch.recipient.events().len() as u64;
            let event = match (origin.peek(), recipient.peek()) {
                (Some(next), _) if next.seen_ordinal() <= written => origin.next(),
                (_, Some(_)) => recipient.next(),
                (Some(_), None) => return Err(Fault::SeenUnknown),
                (None, None) => return Ok(branch),
            };
            if let Some(event) = event {
                branch.record(event)?;
            }
        }
    }

    /// Records an event of either side after its chain was checked.
    ///
    /// # Errors
    /// A [`Fault`]; nothing was changed then.
    pub fn record(&mut self, event: Event) -> Result<Recorded, Fault> {
        let (owner, counterpart) = match event.side {
            Side::Origin => (&self.origin_unit, self.recipient_at(event.seen_ordinal())),
            Side::Recipient => (self.recipient_at(event.ordinal.saturating_sub(1)), &self.origin_unit),
        };
        if event.ids != self.ids || event.owner != *owner || event.counterpart != *counterpart {
            return Err(Fault::Foreign);
        }
        let moved = match &event.body {
            Body::Moved { successor } => Some((event.ordinal, successor.clone())),
            _ => None,
        };
        let recorded = match event.side {
            Side::Origin => self.origin.append(event, &self.recipient),
            Side::Recipient => self.recipient.append(event, &self.origin),
        }?;
        self.moves.extend(moved.filter(|_| recorded == Recorded::New));
        Ok(recorded)
    }

    /// The unit of the recipient after so many events of its log.
    fn recipient_at(&self, count: u64) -> &UnitRef {
        let moved = self.moves.iter().rev().find(|(ordinal, _)| *ordinal <= count);
        moved.map_or(&self.recipient_unit, |(_, successor)| successor)
    }

    /// Judges an event that arrived: was it lawful with what its writer knew?
    ///
    /// # Errors
    /// A [`Refusal`] with every reason against it.
    pub fn admit(&self, event: &Event) -> Result<(), Refusal> {
        let mut refusal = Refusal::default();
        let (own, other) = (self.log(event.side), self.log(event.side.other()));
        let before = own.prefix(event.ordinal.saturating_sub(1));
        let known = other.prefix(event.seen_ordinal());
        let view = match event.side {
            Side::Origin => fold(&self.opening, &self.basis, before, known),
            Side::Recipient => fold(&self.opening, &self.basis, known, before),
        };
        for objection in guard::objections(&view, event) {
            refusal.add("event", objection);
        }
        if matches!(event.body, Body::Returned { .. }) {
            refusal.add("event", reason::OPENING_STORED);
        }
        refusal.or(())
    }

    /// What the two logs say together.
    #[must_use]
    pub fn view(&self) -> View {
        let mut view = fold(&self.opening, &self.basis, self.origin.events(), self.recipient.events());
        if let Some(given) = self.given {
            view.disclosed = view.disclosed.intersection(given);
        }
        view.ahead = self.heard.map_or(SignedDuration::ZERO, |heard| self.claimed_time().duration_since(heard));
        if let (Some(telephoned), Some(heard)) = (&mut view.telephoned, self.telephone_heard) {
            telephoned.since = telephoned.since.min(heard.checked_add(view.ahead).unwrap_or(Timestamp::MAX));
        }
        for begun in &mut view.begun {
            let claimed = self.recipient.at(begun.ordinal).map(|answer| answer.time);
            let heard =
                self.answers_heard.iter().find(|(ordinal, _)| *ordinal == begun.ordinal).map(|(_, heard)| *heard);
            let ahead = claimed.zip(heard).map(|(claimed, heard)| claimed.duration_since(heard));
            begun.ahead = ahead.filter(|ahead| *ahead > CLOCK_TOLERANCE).unwrap_or_default();
        }
        view.held = self.held;
        view.hand_over = self.hand_over;
        view.assignment_held = self.origins && view.is_ready();
        view
    }

    /// The branch of a case that is kept by a legal hold, or is not.
    #[must_use]
    pub fn with_held(self, held: bool) -> Self {
        Self { held, ..self }
    }

    /// The branch as a unit whose duties ended has it, before or after it was handed over.
    #[must_use]
    pub fn with_hand_over(self, hand_over: HandOver) -> Self {
        Self { hand_over, ..self }
    }

    /// The branch as its origin holds it, or as somebody else does. The origin's rules assign an acceptance when it is
    /// stored: one that is not assigned waits for a person.
    #[must_use]
    pub fn with_origins(self, origins: bool) -> Self {
        Self { origins, ..self }
    }

    /// The branch where it is known which of the parts that its events name came to the recipient: content may be
    /// withheld after an event was written, and the log does not say so.
    #[must_use]
    pub fn with_given(self, given: PartSet) -> Self {
        Self { given: Some(given), ..self }
    }

    /// The branch of somebody else, whose opening came at this time. When it claims to have been written later than
    /// that, and by more than [`CLOCK_TOLERANCE`], its clock is not believed, and its time limits run from here.
    #[must_use]
    pub fn with_heard(self, heard: Timestamp) -> Self {
        let is_ahead = self.claimed_time().duration_since(heard) > CLOCK_TOLERANCE;
        Self { heard: is_ahead.then_some(heard), ..self }
    }

    /// The branch of somebody else, who said at this time that it was taken by telephone. When that claims to have been
    /// written later, the time to confirm it runs from here.
    #[must_use]
    pub fn with_telephone_heard(self, heard: Option<Timestamp>) -> Self {
        Self { telephone_heard: heard, ..self }
    }

    /// The branch of somebody else, whose answers that began limits came at these times, by their positions. When one
    /// claims to have been written later than that, and by more than [`CLOCK_TOLERANCE`], its limits run from there.
    #[must_use]
    pub fn with_answers_heard(self, heard: Vec<(u64, Timestamp)>) -> Self {
        Self { answers_heard: heard, ..self }
    }

    /// The branch with what is known of another copy of it beside the logs.
    #[must_use]
    pub fn known_like(self, other: &Self) -> Self {
        // What is shorter than the other copy waited for nobody if that one does not.
        let origins = other.origins && other.view().assignment_held;
        let Self { given, heard, telephone_heard, held, hand_over, .. } = *other;
        let answers_heard = other.answers_heard.clone();
        Self { given, heard, telephone_heard, answers_heard, held, origins, hand_over, ..self }
    }

    /// When it was opened, as far as that is believed.
    #[must_use]
    pub fn opening_time(&self) -> Timestamp {
        self.heard.unwrap_or_else(|| self.claimed_time())
    }

    fn claimed_time(&self) -> Timestamp {
        self.origin.at(1).map_or(Timestamp::UNIX_EPOCH, |opening| opening.time)
    }

    /// Its referral was recalled, or its consent withdrawn: nothing further is opened for it.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.is_over_as(&self.view())
    }

    /// The same by a view of it that is at hand.
    pub(crate) fn is_over_as(&self, view: &View) -> bool {
        let is_ended = || self.origin.events().iter().any(|event| event.body.ends_referral());
        view.revocation == Some(Revocation::ConsentWithdrawn) || is_ended()
    }

    /// The log of a side.
    #[must_use]
    pub const fn log(&self, side: Side) -> &Log {
        match side {
            Side::Origin => &self.origin,
            Side::Recipient => &self.recipient,
        }
    }

    /// The unit of a side: of the recipient, the last one that took it over. Whoever handed it over is still the unit
    /// of its own copy.
    #[must_use]
    pub fn unit(&self, side: Side) -> &UnitRef {
        match (side, self.moves.last()) {
            (Side::Origin, _) => &self.origin_unit,
            (Side::Recipient, Some((ordinal, _))) if self.hand_over == HandOver::Done => self.recipient_at(ordinal - 1),
            (Side::Recipient, _) => self.recipient_at(u64::MAX),
        }
    }

    /// How far its hand-over has come, where this is the copy of a unit whose duties ended.
    #[must_use]
    pub const fn hand_over(&self) -> HandOver {
        self.hand_over
    }

    /// Every unit that the recipient's side has had, the addressed one first.
    pub fn recipients(&self) -> impl Iterator<Item = &UnitRef> {
        std::iter::once(&self.recipient_unit).chain(self.moves.iter().map(|(_, successor)| successor))
    }

    /// The last event by which the branch was handed over; `None` when it never was.
    #[must_use]
    pub fn last_move(&self) -> Option<&Event> {
        self.recipient.at(self.moves.last()?.0)
    }

    /// What it belongs to.
    #[must_use]
    pub const fn ids(&self) -> Ids {
        self.ids
    }

    /// What the opening says.
    #[must_use]
    pub const fn opening(&self) -> &Opening {
        &self.opening
    }
}
