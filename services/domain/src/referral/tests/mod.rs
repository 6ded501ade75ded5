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
mod moving;
mod onward;
mod random;
mod submission;
mod table;
mod telephone;
mod wire;
mod work;
pub(crate) mod world;
