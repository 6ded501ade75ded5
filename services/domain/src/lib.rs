//! The rules of Nhịp Cầu: identifiers, areas, the directory, routing, duty, time limits, contacts, alarm keys,
//! hand-overs, placement enquiries, pseudonyms, referrals, retention, proof and indicators.
//!
//! Pure: no I/O, no async, no clock, no randomness; the same input gives the same answer on every machine. Owns
//! every conversion from wire types, so that no other crate handles an unchecked one.

pub mod alarm;
pub mod area;
pub mod contact;
pub mod directory;
pub mod duty;
pub mod flow;
pub mod handover;
pub mod id;
pub mod indicator;
pub mod limit;
pub mod pae;
pub mod placement;
pub mod proof;
pub mod pseudonym;
pub mod reason;
pub mod referral;
pub mod retention;
pub mod route;
