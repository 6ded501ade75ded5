//! The state of a branch as a pure function of its two logs.
//!
//! The logs are read as one sequence that keeps each log's order and what each event had seen; of two events that
//! crossed, the origin's comes first. Then the transition table decides on each. Reading the origin first is what
//! makes a revocation win over an acceptance that crossed it, and a withdrawal or a recall over everything.

use super::{
    basis::Basis,
    code::{Revocation, WorkKind},
    event::{Body, Event, Mark, Opening},
    guard,
    kind::{EventKind, Kind, Side, State},
    table::{self, Verdict},
    telephone::Telephoned,
    view::{Begun, Effect, Entry, HandOver, Stops, View},
    work::RecordedWork,
};

/// Folds the two logs. The first event of the origin's log is the opening; both logs have been checked by
/// [`super::Branch`], and an event that names what is not there ends the reading of its log.
#[must_use]
pub fn fold(opening: &Opening, basis: &Basis, origin: &[Event], recipient: &[Event]) -> View {
    let mut replay = Replay::new((opening, basis), origin, recipient);
    replay.run(origin, recipient);
    replay.fold.view
}

/// Folds beginnings of two logs, one after the other. What was read for one is not read again for a longer one, unless
/// an event of the origin that comes with it crossed what was read and is to be read before that.
pub(crate) struct Replay<'a> {
    opening: (&'a Opening, &'a Basis),
    origin: &'a [Event],
    recipient: &'a [Event],
    fold: Fold<'a>,
    read: usize,
    heard: usize,
    /// How much was heard when the last event of the origin was read.
    heard_before: usize,
    /// Nothing of the beginnings was left unread.
    whole: bool,
    #[cfg(test)]
    pub(crate) steps: usize,
}

impl<'a> Replay<'a> {
    pub(crate) fn new(opening: (&'a Opening, &'a Basis), origin: &'a [Event], recipient: &'a [Event]) -> Self {
        Self {
            opening,
            origin,
            recipient,
            fold: Fold::new(opening, origin, recipient),
            read: 0,
            heard: 0,
            heard_before: 0,
            whole: false,
            #[cfg(test)]
            steps: 0,
        }
    }

    /// What the first so many events of the two logs say: as [`fold`] of these alone.
    pub(crate) fn to(&mut self, origin: u64, recipient: u64) -> &View {
        let (origin, recipient) = (beginning(self.origin, origin), beginning(self.recipient, recipient));
        if !self.leads_to(origin, recipient) {
            self.fold = Fold::new(self.opening, origin, recipient);
            (self.read, self.heard, self.heard_before) = (0, 0, 0);
        }
        self.fold.view.heads = [origin, recipient].map(head);
        self.fold.view.to_read = [origin, recipient].map(to_read);
        self.run(origin, recipient);
        &self.fold.view
    }

    fn leads_to(&self, origin: &[Event], recipient: &[Event]) -> bool {
        let is_longer = origin.len() >= self.read && recipient.len() >= self.heard;
        // What the rules say of an event depends on whether there is anything of the recipient at all.
        let is_first_word = self.heard == 0 && !recipient.is_empty();
        let is_next = |event: &Event| self.heard_before == self.heard || event.seen_ordinal() >= self.heard as u64;
        self.whole && is_longer && !is_first_word && origin.get(self.read).is_none_or(is_next)
    }

    fn run(&mut self, origin: &'a [Event], recipient: &'a [Event]) {
        loop {
            let ours = origin.get(self.read).filter(|event| event.seen_ordinal() <= self.heard as u64);
            let theirs = recipient.get(self.heard).filter(|event| event.seen_ordinal() <= self.read as u64);
            if let Some(event) = ours {
                self.read += 1;
                self.heard_before = self.heard;
                self.fold.read(event);
            } else if let Some(event) = theirs {
                self.heard += 1;
                self.fold.read(event);
            } else {
                self.whole = (self.read, self.heard) == (origin.len(), recipient.len());
                return;
            }
            #[cfg(test)]
            {
                self.steps += 1;
            }
        }
    }
}

fn head(log: &[Event]) -> Option<Mark> {
    log.last().map(Event::mark)
}

/// The last event that somebody has to have read who decides: behind it are words of access points that move nothing.
fn to_read(log: &[Event]) -> Option<Mark> {
    let moves_nothing = |event: &&Event| matches!(event.body, Body::Unattended | Body::Escalated { .. });
    log.iter().rfind(|event| !moves_nothing(event)).map(Event::mark)
}

fn beginning(log: &[Event], count: u64) -> &[Event] {
    let count = usize::try_from(count).unwrap_or(usize::MAX).min(log.len());
    log.get(..count).unwrap_or_default()
}

struct Fold<'a> {
    view: View,
    waiting: Vec<(usize, &'a Event)>,
}

impl<'a> Fold<'a> {
    fn new((opening, basis): (&Opening, &Basis), origin: &[Event], recipient: &[Event]) -> Self {
        let view = View {
            kind: opening.kind,
            basis: basis.clone(),
            time_limits: opening.time_limits.clone(),
            limit_refusals: opening.limit_refusals.clone(),
            begun: Vec::new(),
            state: State::Submitted,
            state_time: origin.first().map_or(jiff::Timestamp::UNIX_EPOCH, |event| event.time),
            work: Vec::new(),
            telephoned: None,
            unattended: false,
            revocation_requested: None,
            revocation: None,
            hand_back: None,
            rejection: None,
            redirection: None,
            advice: None,
            outcome: None,
            escalation: 0,
            emergency: false,
            erased: false,
            withdrawal_answer: None,
            held: false,
            assignment_held: false,
            hand_over: HandOver::None,
            disclosed: super::PartSet::EMPTY,
            ahead: jiff::SignedDuration::ZERO,
            stops: Stops::default(),
            history: Vec::with_capacity(origin.len() + recipient.len()),
            heads: [origin, recipient].map(head),
            to_read: [origin, recipient].map(to_read),
        };
        Self { view, waiting: Vec::new() }
    }

    fn read(&mut self, event: &'a Event) {
        let effect = if event.side == Side::Origin && event.ordinal == 1 {
            Effect::Took(State::Submitted)
        } else if let Some(objection) = guard::objections(&self.view, event).first() {
            Effect::Superseded(objection)
        } else {
            self.effect_of(event)
        };
        if event.side == Side::Origin {
            let parts = event.parts.iter().map(|entry| entry.part);
            self.view.disclosed = parts.chain(self.view.disclosed.iter()).collect();
        }
        self.view.history.push(Entry {
            side: event.side,
            ordinal: event.ordinal,
            event: event.body.kind(),
            time: event.time,
            effect,
        });
        match effect {
            Effect::Took(state) => self.take(state, event),
            Effect::Kept => self.note(event),
            Effect::Waits => {
                self.note(event);
                self.waiting.push((self.view.history.len() - 1, event));
            }
            Effect::Superseded(_) => {}
        }
        if effect == Effect::Took(State::Assigned) {
            self.release();
        }
    }

    /// What waited for the assignment takes effect.
    fn release(&mut self) {
        for (index, event) in std::mem::take(&mut self.waiting) {
            let effect = self.effect_of(event);
            if let Effect::Took(state) = effect {
                self.take(state, event);
            }
            if let Some(entry) = self.view.history.get_mut(index) {
                entry.effect = effect;
            }
        }
    }

    fn effect_of(&self, event: &Event) -> Effect {
        match table::verdict(self.view.kind, self.view.state, event.side, event.body.kind()) {
            Verdict::To(state) => Effect::Took(state),
            Verdict::Keep => Effect::Kept,
            Verdict::Wait => Effect::Waits,
            Verdict::Refuse(reason) => Effect::Superseded(reason),
        }
    }

    fn take(&mut self, state: State, event: &Event) {
        self.view.state = state;
        self.view.state_time = event.time;
        if !matches!(state, State::Assigned | State::InService) {
            if state == State::Revoked && event.body.kind() == EventKind::RevocationGranted {
                self.view.revocation = self.view.revocation_requested;
            }
            self.view.revocation_requested = None;
        }
        self.note(event);
    }

    fn note(&mut self, event: &Event) {
        let view = &mut self.view;
        let person = event.actor.person.is_some();
        begin(view, event);
        match &event.body {
            Body::EmergencyReleased => view.emergency = true,
            Body::Escalated { level } => view.escalation = view.escalation.max(*level),
            Body::Revoked { reason } => view.revocation = Some(*reason),
            Body::RevocationRequested { reason } => view.revocation_requested = Some(*reason),
            Body::RevocationRefused => view.revocation_requested = None,
            Body::ConsentWithdrawn { .. } => view.revocation = Some(Revocation::ConsentWithdrawn),
            Body::HandBackRequested { reason } => view.hand_back = Some(*reason),
            Body::HandBackTaken => view.revocation = Some(Revocation::HandedBack),
            Body::Rejected { code } => view.rejection = Some(*code),
            Body::Redirected { reason, advice } => {
                view.redirection = Some(*reason);
                view.advice.clone_from(advice);
            }
            Body::Completed { outcome } => {
                view.outcome = Some(*outcome);
                view.stops.completed.get_or_insert(event.time);
            }
            Body::ServiceStarted => {
                view.stops.started.get_or_insert(event.time);
            }
            Body::WorkRecorded(work) => {
                if work.kind == WorkKind::EmergencyMeasure {
                    view.stops.started.get_or_insert(event.time);
                }
                view.work.push(RecordedWork::of(event, work));
            }
            Body::TelephoneRecorded(said) => {
                view.telephoned.get_or_insert_with(|| Telephoned::of(event, said));
            }
            Body::Unattended => view.unattended = true,
            // Whether the successor reaches anybody it says itself.
            Body::Moved { .. } => view.unattended = false,
            Body::Erased => view.erased = true,
            Body::WithdrawalAnswered(answer) => view.withdrawal_answer = Some(answer.clone()),
            _ => {}
        }
        let decides = match event.body.kind() {
            EventKind::Accepted | EventKind::Rejected | EventKind::Redirected => true,
            EventKind::Acknowledged => view.kind == Kind::Transfer,
            _ => false,
        };
        if person && decides {
            view.stops.decided.get_or_insert(event.time);
        }
        if person && (decides || event.body.kind() == EventKind::Acknowledged) {
            view.stops.acknowledged.get_or_insert(event.time);
        }
    }
}

/// Has the limits of an event run: of each rule the first that there is.
fn begin(view: &mut View, event: &Event) {
    for limit in &event.begun.limits {
        if !view.has_rule(&limit.rule) {
            let (rule, event, ordinal) = (limit.rule.clone(), event.body.kind(), event.ordinal);
            view.begun.push(Begun { rule, event, ordinal, ahead: jiff::SignedDuration::ZERO });
            view.time_limits.push(limit.clone());
        }
    }
    for refused in &event.begun.refused {
        if !view.has_rule(&refused.rule) {
            view.limit_refusals.push(refused.clone());
        }
    }
}
