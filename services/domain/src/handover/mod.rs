//! Hand-overs between switchboards, while somebody waits: the state is a pure function of two logs, each written by one
//! side alone, as with the branch of a referral.
//!
//! [`table`] says which event leads where, [`fold`](fold()) reads two logs into a [`View`], and [`Handover`] holds both
//! logs, judges what arrives and says what may be written next. The origin answers for the contact until it has stored
//! an acceptance and written that the contact is taken; whoever accepted answers from then on, so that at no moment
//! nobody does. Nobody is asked twice: the offer says what was [`asked()`], and the answers follow once it is taken.
//!
//! Knows nothing of agreements, storage or telephones. Consent that is withdrawn after the contact was taken is the
//! recipient's to deal with.

mod asked;
mod event;
mod event_wire;
mod fold;
mod guard;
mod log;
pub mod table;

#[cfg(test)]
pub(crate) mod tests;

pub use asked::{Asked, asked};
pub use event::{Body, Draft, Event, EventKind, Ids, State};
pub use fold::{Superseded, View, fold};
pub use guard::{MOST_NOTES, may_tell, objections};
pub use log::{Handover, Offer, offer};
