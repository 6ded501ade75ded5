//! One playing of a story: who takes part, what time it is for them, and what was asked so far.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
};

use jiff::{SignedDuration, Timestamp};
use nhipcau_messaging::pae;

use super::{office::Office, source::Clocks, strike::Strike, tell::Teller};
use crate::{exit::Failure, referral::Given};

/// A playing.
#[derive(Debug)]
pub(crate) struct Play<'w> {
    offices: [Office; 4],
    teller: Teller,
    clocks: Clocks,
    strike: Option<&'w Strike<'w>>,
    later: Cell<SignedDuration>,
    done: RefCell<Vec<&'static str>>,
    asked: RefCell<BTreeMap<String, Given>>,
}

impl<'w> Play<'w> {
    /// A playing with these offices.
    pub(crate) fn new(offices: [Office; 4], teller: Teller, clocks: Clocks, strike: Option<&'w Strike<'w>>) -> Self {
        Self {
            offices,
            teller,
            clocks,
            strike,
            later: Cell::default(),
            done: RefCell::default(),
            asked: RefCell::default(),
        }
    }

    /// Who takes part: moha, moh, vwu, hanoi.
    pub(crate) const fn offices(&self) -> &[Office; 4] {
        &self.offices
    }

    /// Who tells it.
    pub(crate) const fn teller(&self) -> Teller {
        self.teller
    }

    /// The time at an office.
    pub(super) fn now(&self, office: &Office) -> Timestamp {
        Timestamp::now() + self.clocks.ahead(office.name) + self.later.get()
    }

    /// Lets it become so much later than it was at the beginning, for everybody.
    pub(super) fn later(&self, later: SignedDuration) -> Result<(), Failure> {
        self.later.set(later);
        for office in &self.offices {
            if let Some(strike) = self.strike {
                strike.world().set_clock(office.name, self.clocks.ahead(office.name) + later)?;
            }
        }
        Ok(())
    }

    /// Does a step. Where a process is killed meanwhile and the step fails for it, it is done again: everything in it
    /// is asked under the same request ids.
    pub(super) async fn step<T>(
        &self,
        name: &'static str,
        work: impl AsyncFn() -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        self.done.borrow_mut().push(name);
        let Some(strike) = self.strike else { return Box::pin(work()).await };
        let (done, struck) = tokio::join!(Box::pin(work()), Box::pin(strike.at(name)));
        struck?;
        match done {
            Err(_) if strike.is_at(name) => Box::pin(work()).await,
            done => done,
        }
    }

    /// Has an access point read its directory anew.
    pub(super) async fn reload(&self, name: &str) -> Result<(), Failure> {
        match self.strike {
            Some(strike) => strike.reload(name).await,
            None => Ok(()),
        }
    }

    /// The steps that were done.
    pub(super) fn done(&self) -> Vec<&'static str> {
        self.done.borrow().clone()
    }

    /// A request id that is the same whenever this step asks for this.
    pub(super) fn request_id(&self, what: &str) -> String {
        let step = self.done.borrow().last().copied().unwrap_or_default();
        let digest = pae::sha256(&pae::pae(&[b"nhipcau/1/story", step.as_bytes(), what.as_bytes()]));
        let mut bytes = [0; 16];
        bytes.copy_from_slice(digest.get(..16).unwrap_or_default());
        uuid::Builder::from_custom_bytes(bytes).into_uuid().to_string()
    }

    /// What this step has asked under a name, when it is done again.
    pub(super) fn asked(&self, request_id: &str) -> Option<Given> {
        self.asked.borrow().get(request_id).cloned()
    }

    /// Remembers what is asked.
    pub(super) fn ask(&self, given: &Given) {
        self.asked.borrow_mut().insert(given.request_id.clone(), given.clone());
    }
}
