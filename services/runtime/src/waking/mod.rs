//! Waking: while something waits for a person at a unit with a roster, whoever is on duty there is told, one after the
//! other. A service says what waits and keeps its own book of it ([`Book`]); who is next is the domain's; how people
//! are told one after the other is the same for all.
//!
//! When nobody is left to tell, this says so and looks again, at the latest when the next shift begins. A unit
//! without a roster waits as if there were none of this. Nothing here knows what waits.

mod book;
mod notices;
#[cfg(test)]
mod tests;

use jiff::{SignedDuration, Timestamp};
use nhipcau_domain::{
    directory::{Hours, Release},
    duty::{Next, next, next_start},
    referral::UnitRef,
};
use nhipcau_messaging::{
    desk::Desk,
    pae,
    store::{Error, Tx},
};
use tokio::sync::watch;
use uuid::Uuid;

pub use self::{book::Book, notices::Notices};
use crate::{notify::Pending, rosters::Rosters};

/// When something is looked at again that could not be dealt with.
const AGAIN: SignedDuration = SignedDuration::from_mins(1);

/// When something is looked at again whose unit has no roster, or none any more. If one comes, before.
const LATER: SignedDuration = SignedDuration::from_hours(24);

/// How many are passed over at once: when rosters come, whatever waits is looked at.
const PASSED_OVER: usize = 32;

/// Who is on duty, and how long whoever was told has.
#[derive(Debug, Clone)]
pub struct Duty {
    rosters: watch::Receiver<Rosters>,
    wait: SignedDuration,
}

/// How something stands that was to be looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It waits for nobody any more.
    Over,
    /// Events of its own are on their way back: one of them may say that somebody has seen it.
    Unclear,
    /// It waits at this unit.
    Waits(UnitRef),
}

/// What was done about something that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// It is not time yet, or there is no roster.
    Early,
    /// Somebody is to be told.
    Called,
    /// Nobody is left to tell.
    Nobody,
}

impl Duty {
    /// By these rosters, the next after this time.
    #[must_use]
    pub const fn new(rosters: watch::Receiver<Rosters>, wait: SignedDuration) -> Self {
        Self { rosters, wait }
    }

    /// How long whoever was told has.
    #[must_use]
    pub const fn wait(&self) -> SignedDuration {
        self.wait
    }

    /// The rosters in use.
    #[must_use]
    pub fn rosters(&self) -> Rosters {
        self.rosters.borrow().clone()
    }

    /// When the next shift begins at a unit; `None` when none does, or there is no roster.
    #[must_use]
    pub fn next_start(&self, unit: &UnitRef, now: Timestamp) -> Option<Timestamp> {
        self.rosters().of(unit)?.and_then(|roster| next_start(roster, now))
    }

    /// Takes what is looked at first. Forgets what waits for nobody, and puts off that whose unit has no roster:
    /// whoever was told is not told again when it comes back.
    ///
    /// # Errors
    /// The store's.
    pub fn take_due<'t, D: Desk<'t>>(
        &self,
        desk: &mut D,
        book: &Book,
        standing: impl Fn(&mut Tx<'t>, Uuid, Timestamp) -> Result<Standing, Error>,
    ) -> Result<Option<Uuid>, Error> {
        let (now, rosters) = (desk.now(), self.rosters());
        for _ in 0..PASSED_OVER {
            let Some(what) = book.take(desk.tx(), now, now + AGAIN)? else { break };
            match standing(desk.tx(), what, now)? {
                Standing::Over => book.forget(desk.tx(), what)?,
                Standing::Waits(unit) if rosters.of(&unit).is_none() => book.note(desk.tx(), what, now + LATER)?,
                Standing::Unclear | Standing::Waits(_) => return Ok(Some(what)),
            }
        }
        Ok(None)
    }

    /// Puts down whom to tell of what waits at a unit, if it is time for that. By `until` it is looked at again at the
    /// latest.
    ///
    /// # Errors
    /// The store's.
    pub fn go_on<'t>(
        &self,
        desk: &mut impl Desk<'t>,
        book: &Book,
        (what, unit, until): (Uuid, &UnitRef, Timestamp),
        release: &Release,
    ) -> Result<Turn, Error> {
        let (now, rosters) = (desk.now(), self.rosters());
        let Some(roster) = rosters.of(unit) else { return Ok(Turn::Early) };
        let (told, last) = book.told(desk.tx(), what, now)?;
        if let Some(time) = last.map(|last| last + self.wait).filter(|time| *time > now) {
            book.note(desk.tx(), what, time.min(until))?;
            return Ok(Turn::Early);
        }
        let none = Hours::default();
        let hours = release.unit(&unit.party, &unit.unit).map_or(&none, |unit| &unit.hours);
        let later = now + self.wait;
        let (turn, later) = match next(roster, hours, now, &told) {
            Next::Tell(person) => {
                // Of nothing anybody is told twice: so it says the same id again, whatever came back or changed since.
                let cause = [book.cause, what.as_bytes(), person.person.as_str().as_bytes()];
                let id = desk.uid("", &pae::pae(&cause));
                let pending = Pending { id, unit: unit.clone(), person: person.person.clone() };
                book.add(desk.tx(), what, told.len() as u64 + 1, &pending, now)?;
                (Turn::Called, later)
            }
            nobody => {
                let (why, UnitRef { party, unit }) = (nobody.reason().unwrap_or_default(), unit);
                tracing::warn!(why, %party, %unit, "Nobody is left to tell that something waits.");
                let start = roster.and_then(|roster| next_start(roster, now));
                (Turn::Nobody, start.map_or(later, |start| start.min(later)))
            }
        };
        book.note(desk.tx(), what, later.min(until))?;
        Ok(turn)
    }
}
