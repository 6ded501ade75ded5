//! Placement enquiries: a unit asks an intake desk whether somebody can be taken in, without a case, and a person at
//! the desk answers yes until a time, no, or that they want to be called. Never where, how many, or by which name.
//!
//! The state is a pure function of two logs, each written by one side alone, and of the time: [`Enquiry`] reads the
//! logs as one sequence that keeps each log's order and what each event had seen, of two that crossed the asker's
//! first, so that a withdrawal wins over an answer. A hold, and an enquiry that nobody answers, end by themselves:
//! every enquiry has an end, and is gone [`KEPT`] after it.
//!
//! A yes is the desk's word and no lock: two desks may say it, and the desk still decides on the referral. Knows
//! nothing of agreements, storage or who is on duty.

mod enquiry;
mod event;
mod event_wire;
mod need;

#[cfg(test)]
mod tests;

pub use enquiry::{ANSWERED_WITHIN, Enquiry, KEPT, LONGEST_AHEAD, LONGEST_HOLD, MOST_AN_HOUR, View, ask};
pub use event::{Answer, Body, Draft, Event, State};
pub use event_wire::read_from;
pub use need::check_need;
