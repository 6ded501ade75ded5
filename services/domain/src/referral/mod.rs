//! Referrals as rules: a branch's state is a pure function of two logs, each written by one side alone.
//!
//! [`table`] says which event leads where, [`fold`](fold()) reads two logs into a [`View`], [`decide`] turns a command
//! into the next event or every reason why not, [`Branch`] judges what arrives, [`group`] keeps at most one branch
//! of a need assigned, [`disclosure`] says which part may be sealed when, [`Content`] holds the parts themselves, and
//! [`Basis`] by what right. Knows nothing of agreements, areas, storage or time of its own.

mod basis;
mod branch;
mod code;
mod command;
mod content;
pub mod disclosure;
mod event;
mod event_decode;
mod event_encode;
mod event_mask;
mod fold;
pub mod group;
pub mod guard;
mod kind;
mod log;
mod parts;
mod personal;
mod submission;
pub mod table;
mod telephone;
mod text;
mod view;
mod violation;
pub(crate) mod wire;
mod wire_limit;
mod withdrawal;
mod work;

#[cfg(test)]
pub(crate) mod tests;

pub use basis::{Basis, Consent};
pub use branch::{Branch, CLOCK_TOLERANCE};
pub use code::*;
pub use command::{Command, NewBranch, Request, again, decide, open};
pub use content::{
    Attachment, Birth, Content, Identity, Known, MOST_BYTES, Narrative, Preview, Reception, Relative, Reporter,
    SafeContact, Salt, Unlike, Vagueness, attached, check_part, looks_like,
};
pub(crate) use content::{read_area, write_area};
pub use event::{
    Actor, BEGINNING_MINOR, Body, Digest, Draft, Event, Ids, LadderStep, LimitRefusal, Mark, Opening, PartDigest,
    PersonRef, ReceiptRef, TimeLimit, UnitRef,
};
pub(crate) use event_decode::{read_actor, read_mark, read_parts};
pub(crate) use event_encode::{write_actor, write_mark, write_parts};
pub use event_mask::impersonal;
pub(crate) use fold::Replay;
pub use fold::fold;
pub use kind::{EventKind, Kind, Side, State};
pub use log::{Fault, Log, Recorded};
pub use parts::PartSet;
pub use personal::Personal;
pub use submission::{Answer, Objection, Requested};
pub use telephone::{TelephoneAcknowledgement, Telephoned, write_telephone_acknowledgement};
pub use text::Text;
pub use view::{Begun, Condition, Effect, Entry, HandOver, Stops, View};
pub use violation::{LISTED, Refusal, Violation};
pub use wire::{CITATION, read_basis, read_unit, write_basis, write_time, write_unit};
pub use wire_limit::{write_limit_refusal, write_time_limit};
pub use withdrawal::{Kept, WithdrawalAnswer, write_withdrawal_answer};
pub use work::{MOST_WORK, RecordedWork, Work, WorkDetails, write_work};
