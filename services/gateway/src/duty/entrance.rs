//! Who signs in and who is signed in: between browsers, codes, sessions, the roster, and the ways of telling people.
//!
//! Whoever says who they are gets the same answer, on duty or not. Nothing of who they are is logged.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::http::HeaderMap;
use jiff::Timestamp;
use nhipcau_domain::{
    duty,
    referral::{PersonRef, UnitRef},
};
use nhipcau_proto::referral::v1 as pb;
use nhipcau_runtime::{
    clock::Clock,
    notify::{Notice, Notifiers, Word},
    telemetry::chain,
};
use tonic::Status;
use uuid::Uuid;

use super::{
    code::{Code, Codes, MINUTES},
    cookie::{ASKED, SESSION},
    counts::Counts,
    door::Doors,
    person::{Person, Reached},
    refusal,
    session::Sessions,
    token::Token,
};

/// So many refused codes in a minute are more than people mistype.
const MANY_REFUSED: u64 = 10;

/// What the page knows of units and of who is on duty there.
pub trait Roll: Send + Sync {
    /// Where the roster in use has somebody who is on duty at a unit; `None` when they are not.
    fn on_duty(&self, unit: &UnitRef, person: &PersonRef, at: Timestamp) -> Option<duty::Person>;

    /// The unit's name in the directory in use.
    fn name(&self, unit: &pb::UnitRef) -> Option<String>;
}

/// What the page needs of its access point.
#[derive(Clone)]
pub struct Needs {
    /// The services.
    pub doors: Doors,
    /// Who is on duty.
    pub roll: Arc<dyn Roll>,
    /// How they are told their codes.
    pub notifiers: Notifiers,
    /// What time it is.
    pub clock: Clock,
}

/// Everything that a request of a browser may need.
pub(crate) struct Entrance {
    pub(crate) needs: Needs,
    pub(crate) counts: Counts,
    codes: Mutex<Codes>,
    sessions: Mutex<Sessions>,
}

impl Entrance {
    pub(crate) fn new(needs: Needs, counts: Counts) -> Self {
        Self { needs, counts, codes: Mutex::new(Codes::new()), sessions: Mutex::default() }
    }

    /// Has a code told to somebody, if they are on duty; whoever asks keeps the secret that belongs to it. A browser
    /// keeps the one that it has, so that asking in vain leaves the code usable that was told before.
    pub(crate) fn ask(&self, headers: &HeaderMap, person: Option<Person>) -> Token {
        let token = ASKED.read(headers).unwrap_or_else(Token::fresh);
        let (code, now) = (Code::fresh(), self.needs.clock.now());
        let place = person.and_then(|person| {
            let place = self.needs.roll.on_duty(&person.unit, &person.person, now)?;
            Some((person, place))
        });
        let Some((person, place)) = place else { return token };
        let reached = Reached::by(person, &place);
        if lock(&self.codes).take(&reached, &token, &code, now) {
            self.counts.code();
            let Person { unit, person } = reached.person;
            let duty::Person { channel, address, .. } = place;
            let word = Word::SignInCode(code.told(), MINUTES);
            let notice = Notice { id: Uuid::new_v4(), word, unit, person, channel, address };
            let notifiers = self.needs.notifiers.clone();
            // Not waited for: how long it takes would tell that there is somebody.
            tokio::spawn(async move {
                if let Err(error) = notifiers.tell(&notice, now).await {
                    tracing::warn!(error = %chain(&error), "A sign-in code could not be told.");
                }
            });
        } else {
            tracing::warn!(unit = %reached.person.unit, "More sign-in codes were asked for than are told.");
        }
        token
    }

    /// Signs in by a code.
    ///
    /// # Errors
    /// The same whatever is wrong.
    pub(crate) fn sign_in(&self, headers: &HeaderMap, code: &str) -> Result<Token, Status> {
        let now = self.needs.clock.now();
        let reached = ASKED.read(headers).and_then(|asked| lock(&self.codes).give(&asked, code, now));
        let reached = reached.filter(|reached| self.is_on_duty(reached, now));
        let Some(reached) = reached else {
            self.counts.refused();
            return Err(refusal::sign_in());
        };
        self.counts.signed_in();
        tracing::info!(unit = %reached.person.unit, "Somebody signed in to the duty page.");
        let token = Token::fresh();
        lock(&self.sessions).open(reached, &token, now);
        Ok(token)
    }

    /// Who asks for something.
    ///
    /// # Errors
    /// Nobody is signed in, or no longer, or they ask too often.
    pub(crate) fn who(&self, headers: &HeaderMap) -> Result<Person, Status> {
        let now = self.needs.clock.now();
        let token = SESSION.read(headers).ok_or_else(refusal::session)?;
        lock(&self.sessions).find(&token, now, |reached| self.is_on_duty(reached, now))
    }

    /// As what somebody is on duty; empty when they no longer are.
    pub(crate) fn role(&self, person: &Person) -> String {
        let place = self.needs.roll.on_duty(&person.unit, &person.person, self.needs.clock.now());
        place.map_or_else(String::new, |place| place.role.to_string())
    }

    /// Signs out.
    pub(crate) fn sign_out(&self, headers: &HeaderMap) {
        if let Some(token) = SESSION.read(headers) {
            lock(&self.sessions).close(&token);
        }
    }

    /// How a unit is called.
    pub(crate) fn named(&self, unit: Option<&pb::UnitRef>) -> String {
        let Some(unit) = unit else { return "(không rõ)".to_owned() };
        let written = format!("{}/{}", unit.party, unit.unit);
        self.needs.roll.name(unit).map_or_else(|| written.clone(), |name| format!("{name} ({written})"))
    }

    /// What is to be done each minute: ends the sessions of whoever is on no shift any more, whether or not they ask
    /// for anything, and says when codes are refused in numbers.
    pub(crate) fn each_minute(&self) {
        let now = self.needs.clock.now();
        lock(&self.sessions).sweep(now, |reached| self.is_on_duty(reached, now));
        let refused = self.counts.refused_since();
        if refused >= MANY_REFUSED {
            tracing::warn!(refused, "Many sign-in codes did not count within a minute.");
        }
    }

    /// Whether they are on duty, and reached as they were when they were told their code.
    fn is_on_duty(&self, reached: &Reached, at: Timestamp) -> bool {
        let Person { unit, person } = &reached.person;
        self.needs.roll.on_duty(unit, person, at).is_some_and(|place| reached.is_by(&place))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
