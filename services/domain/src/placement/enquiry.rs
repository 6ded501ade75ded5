//! The two logs of an enquiry as one side holds them: what they say together, what is judged, what may be written next.

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::event::{Answer, Body, Draft, Event, State};
use crate::{
    reason,
    referral::{Actor, Fault, Recorded, Refusal, Rejection, Side, UnitRef},
};

/// An enquiry that got neither yes nor no ends so long after somebody would have come.
pub const ANSWERED_WITHIN: SignedDuration = SignedDuration::from_hours(24);
/// Longest that a desk holds. An example: no rule says how long a desk may.
pub const LONGEST_HOLD: SignedDuration = SignedDuration::from_hours(24);
/// How far ahead somebody may need it.
pub const LONGEST_AHEAD: SignedDuration = SignedDuration::from_hours(7 * 24);
/// How long an enquiry is kept after its end.
pub const KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);
/// Enquiries of one party in an hour that a desk's access point takes without a word: whoever asks more often may be
/// looking for somebody. An example.
pub const MOST_AN_HOUR: u64 = 20;

/// What two logs say together, whatever time it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    state: State,
    since: Timestamp,
    /// From when on somebody needs it.
    pub from: Option<Timestamp>,
    /// Until when the desk holds it.
    pub until: Option<Timestamp>,
    /// When nobody waits for an answer any more, by the asker's clock.
    pub lapse: Timestamp,
    /// Why the desk says no.
    pub refused: Option<Rejection>,
    /// For which referral it is held.
    pub referral: Option<Uuid>,
    /// When the asker confirmed, by its clock.
    pub confirmed: Option<Timestamp>,
    /// Nobody at the desk was left to tell that somebody asks. It stays so when somebody is there again.
    pub unattended: bool,
}

impl View {
    /// When it ends by itself, if it would; `None` once it has ended, or was confirmed.
    #[must_use]
    pub fn expiry(&self) -> Option<Timestamp> {
        match self.state {
            State::Asked | State::CallWanted => Some(self.lapse),
            State::Held => self.until,
            _ => None,
        }
    }

    /// The state at a time, and since when.
    #[must_use]
    pub fn at(&self, time: Timestamp) -> (State, Timestamp) {
        match self.expiry() {
            Some(expiry) if time >= expiry => (State::Expired, expiry),
            _ => (self.state, self.since),
        }
    }

    /// When it has ended, or will if nothing more is said.
    #[must_use]
    pub fn end(&self) -> Timestamp {
        self.expiry().unwrap_or(self.since)
    }

    /// What stands against an event, by what this view and the event's own time say.
    fn objection(&self, event: &Draft) -> Option<&'static str> {
        let (state, _) = self.at(event.time);
        let is_lawful = match event.body {
            Body::Asked { .. } => return Some(reason::ALREADY_OPENED),
            Body::Withdrawn => state.is_open(),
            Body::Confirmed { .. } => state == State::Held,
            Body::Released => matches!(state, State::Held | State::Confirmed),
            Body::Answered(Answer::CallMe) => state == State::Asked,
            Body::Answered(Answer::Yes { until }) if state.is_open() => {
                let is_in_time = until > event.time && until <= later(event.time, LONGEST_HOLD);
                return (!is_in_time).then_some(reason::PLACEMENT_TIME_INVALID);
            }
            Body::Answered(_) => state.is_open(),
            Body::Unattended => state == State::Asked && !self.unattended,
        };
        (!is_lawful).then_some(reason::WRONG_STATE)
    }

    /// Takes an event; one that is against the rules stays in its log and changes nothing.
    fn take(&mut self, event: &Event) {
        if against(self, event).is_some() {
            return;
        }
        self.state = match event.body {
            Body::Asked { .. } => return,
            Body::Withdrawn => State::Withdrawn,
            Body::Released => State::Released,
            Body::Confirmed { referral } => {
                (self.referral, self.confirmed) = (Some(referral), Some(event.time));
                State::Confirmed
            }
            Body::Unattended => {
                self.unattended = true;
                return;
            }
            Body::Answered(Answer::CallMe) => State::CallWanted,
            Body::Answered(Answer::No { code }) => {
                self.refused = Some(code);
                State::Refused
            }
            Body::Answered(Answer::Yes { until }) => {
                self.until = Some(until);
                State::Held
            }
        };
        self.since = event.time;
    }
}

/// Every event is a person's, but the one that says that there is none.
fn against(view: &View, event: &Draft) -> Option<&'static str> {
    match (event.actor.person.is_some(), event.body == Body::Unattended) {
        (false, false) => Some(reason::PERSON_REQUIRED),
        (true, true) => Some(reason::FIELD_FORMAT),
        _ => view.objection(event),
    }
}

/// The first event of an enquiry.
///
/// # Errors
/// A [`Refusal`] with every reason against it.
pub fn ask(
    placement: Uuid,
    (origin, recipient): (UnitRef, UnitRef),
    from: Option<Timestamp>,
    actor: Actor,
    now: Timestamp,
) -> Result<Draft, Refusal> {
    let body = Body::Asked { from };
    let draft =
        Draft { placement, owner: origin, counterpart: recipient, ordinal: 1, seen: None, time: now, actor, body };
    against_asking(&draft).or(draft)
}

fn against_asking(draft: &Draft) -> Refusal {
    let mut refusal = Refusal::default();
    match draft.body {
        Body::Asked { from: Some(from) } => {
            if from < draft.time || from > later(draft.time, LONGEST_AHEAD) {
                refusal.add("from_time", reason::PLACEMENT_TIME_INVALID);
            }
        }
        Body::Asked { from: None } => {}
        _ => refusal.add("event", reason::WRONG_STATE),
    }
    if draft.ordinal != 1 || draft.seen.is_some() {
        refusal.add("ordinal", reason::FIELD_FORMAT);
    }
    if draft.actor.person.is_none() {
        refusal.add("actor", reason::PERSON_REQUIRED);
    }
    if draft.owner == draft.counterpart {
        refusal.add("recipient", reason::RECIPIENT_REPEATED);
    }
    refusal
}

/// Both logs of an enquiry. The first event of the origin's is always there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enquiry {
    asked: Event,
    origin: Vec<Event>,
    recipient: Vec<Event>,
}

impl Enquiry {
    /// Begins with what was asked, by oneself or by another side.
    ///
    /// # Errors
    /// A [`Refusal`] with every reason against it.
    pub fn open(event: Event) -> Result<Self, Refusal> {
        against_asking(&event).or(())?;
        Ok(Self { origin: vec![event.clone()], asked: event, recipient: Vec::new() })
    }

    /// Puts two logs together as far as they fit, and says whether that is all: after a rollback events come back in
    /// any order. `None` while the first one is missing.
    ///
    /// # Errors
    /// A [`Refusal`] when the first one is none.
    pub fn assemble(origin: &[Event], recipient: &[Event]) -> Result<Option<(Self, bool)>, Refusal> {
        let Some((asked, later)) = origin.split_first().filter(|(first, _)| first.ordinal == 1) else {
            return Ok(None);
        };
        let mut enquiry = Self::open(asked.clone())?;
        let mut rest = [later, recipient];
        let mut moved = true;
        while moved {
            moved = false;
            for log in &mut rest {
                while let Some((next, after)) = log.split_first() {
                    if enquiry.record(next.clone()).is_err() {
                        break;
                    }
                    *log = after;
                    moved = true;
                }
            }
        }
        Ok(Some((enquiry, rest.iter().all(|log| log.is_empty()))))
    }

    /// What the two logs say together: of events that crossed, the origin's first.
    #[must_use]
    pub fn view(&self) -> View {
        self.seen_view(self.origin.len() as u64, self.recipient.len() as u64)
    }

    /// What the beginnings of the two logs say.
    fn seen_view(&self, of_origin: u64, of_recipient: u64) -> View {
        let from = match self.asked.body {
            Body::Asked { from } => from,
            _ => None,
        };
        let since = self.asked.time;
        let lapse = later(from.unwrap_or(since), ANSWERED_WITHIN);
        let mut view = View {
            state: State::Asked,
            since,
            from,
            until: None,
            lapse,
            refused: None,
            referral: None,
            confirmed: None,
            unattended: false,
        };
        let mut ours = self.origin.iter().take_while(|event| event.ordinal <= of_origin).skip(1).peekable();
        let mut theirs = self.recipient.iter().take_while(|event| event.ordinal <= of_recipient).peekable();
        let (mut read, mut heard) = (1, 0);
        let seen = |event: &Event| event.seen.map_or(0, |mark| mark.ordinal);
        loop {
            if let Some(event) = ours.next_if(|event| seen(event) <= heard) {
                read += 1;
                view.take(event);
            } else if let Some(event) = theirs.next_if(|event| seen(event) <= read) {
                heard += 1;
                view.take(event);
            } else {
                return view;
            }
        }
    }

    /// Judges an event that arrived: was it lawful with what its writer knew?
    ///
    /// # Errors
    /// A [`Refusal`].
    pub fn admit(&self, event: &Event) -> Result<(), Refusal> {
        let (own, known) = (event.ordinal.saturating_sub(1), event.seen.map_or(0, |mark| mark.ordinal));
        let view = match event.side() {
            Side::Origin => self.seen_view(own, known),
            Side::Recipient => self.seen_view(known, own),
        };
        match against(&view, event) {
            Some(reason) => Err(Refusal::one("event", reason)),
            None => Ok(()),
        }
    }

    /// Records an event of either side.
    ///
    /// # Errors
    /// A [`Fault`]; nothing was changed then.
    pub fn record(&mut self, event: Event) -> Result<Recorded, Fault> {
        let (log, other) = (self.log(event.side()), self.log(event.side().other()));
        let units = (self.unit(event.side()), self.unit(event.side().other()));
        if event.placement != self.asked.placement || (&event.owner, &event.counterpart) != units {
            return Err(Fault::Foreign);
        }
        if let Some(present) = at(log, event.ordinal) {
            return if present.digest() == event.digest() { Ok(Recorded::Again) } else { Err(Fault::Forked) };
        }
        if event.ordinal != log.len() as u64 + 1 {
            return Err(Fault::Gap);
        }
        let seen = |event: &Event| event.seen.map_or(0, |mark| mark.ordinal);
        if log.last().is_some_and(|last| seen(&event) < seen(last)) {
            return Err(Fault::SeenBackwards);
        }
        if let Some(mark) = event.seen
            && at(other, mark.ordinal).ok_or(Fault::SeenUnknown)?.digest() != mark.digest
        {
            return Err(Fault::Forked);
        }
        match event.side() {
            Side::Origin => self.origin.push(event),
            Side::Recipient => self.recipient.push(event),
        }
        Ok(Recorded::New)
    }

    /// The next event of the side that alone writes it.
    ///
    /// # Errors
    /// A [`Refusal`] with what stands against it.
    pub fn next(&self, body: Body, actor: Actor, now: Timestamp) -> Result<Draft, Refusal> {
        let side = body.side();
        let draft = Draft {
            placement: self.asked.placement,
            owner: self.unit(side).clone(),
            counterpart: self.unit(side.other()).clone(),
            ordinal: self.log(side).len() as u64 + 1,
            seen: self.log(side.other()).last().map(Event::mark),
            time: now,
            actor,
            body,
        };
        match against(&self.view(), &draft) {
            Some(reason) => Err(Refusal::one("placement", reason)),
            None => Ok(draft),
        }
    }

    /// What was asked.
    #[must_use]
    pub const fn asked(&self) -> &Event {
        &self.asked
    }

    /// What a caller must have read to change it.
    #[must_use]
    pub fn etag(&self) -> String {
        // Nobody has to look again because a machine said that nobody is there.
        let said = self.recipient.iter().filter(|event| event.body != Body::Unattended);
        format!("{}.{}", self.origin.len(), said.count())
    }

    /// The unit of a side.
    #[must_use]
    pub fn unit(&self, side: Side) -> &UnitRef {
        match side {
            Side::Origin => &self.asked.owner,
            Side::Recipient => &self.asked.counterpart,
        }
    }

    /// The log of a side.
    #[must_use]
    pub fn log(&self, side: Side) -> &[Event] {
        match side {
            Side::Origin => &self.origin,
            Side::Recipient => &self.recipient,
        }
    }
}

fn at(log: &[Event], ordinal: u64) -> Option<&Event> {
    log.get(usize::try_from(ordinal.checked_sub(1)?).ok()?)
}

/// So much later; never beyond what a time can say.
fn later(time: Timestamp, by: SignedDuration) -> Timestamp {
    time.saturating_add(by).unwrap_or(Timestamp::MAX)
}
