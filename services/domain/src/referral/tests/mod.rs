//! Promises of the referral rules, checked over every state, event and side, every interleaving of bounded logs, and
//! random longer ones.

mod attachment;
mod content;
mod decide;
mod document;
mod group;
mod handing_back;
mod interleaving;
mod limits;
mod onward;
mod random;
mod submission;
mod table;
mod wire;
pub(crate) mod world;
