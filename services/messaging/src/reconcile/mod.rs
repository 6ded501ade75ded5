//! Reconciliation: two access points find out on which positions of their channels they differ: "you sent 214, I hold
//! 213, these ids differ".
//!
//! One side asks ([`Reconciler::reconcile`]), the other answers; both only read, beside the writer, so that neither a
//! long channel nor a curious peer delays a message. Where both sides have much, digests of ranges are compared, and
//! only those that differ are looked into. An answer holds positions, ids and digests of the channels between the two
//! and nothing else, since a question cannot even name another channel.
//!
//! Every answer counts its positions by flow too, whatever was asked: who wants one flow alone chooses among what is
//! answered, so that no peer can misunderstand the question, and none that cannot count a flow is believed about it.
//!
//! Says what two stores hold at two moments that lie close together; what is under way meanwhile shows as a difference
//! until it is compared again. It repairs nothing: that is what the channels' own recovery is for.

mod account;
mod compare;
mod reconciler;
mod signed;
mod sum;
mod tally;

use jiff::Timestamp;
use nhipcau_domain::flow::{Flow, Wanted};
pub use nhipcau_proto::envelope::v1::{AccountStatement, InquiryStatement, Span};

pub use self::{
    account::account,
    compare::Comparison,
    reconciler::{Reconciler, Seams, Totals},
    signed::{sign_account, sign_inquiry, verify_account, verify_inquiry},
};
use crate::{
    message::{Lane, MessageId},
    store,
};

/// Spans of one question, at most.
pub const SPANS: usize = 16;
/// Positions that an account of a span names one by one, at most.
pub const POSITIONS: usize = 256;
/// Flows of an account of a span, at most.
pub const FLOWS: usize = 32;
/// Ranges of an account of a span, at most.
pub const RANGES: u64 = 64;

/// Why nothing was compared.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The own store could not be read.
    #[error("the store could not be read")]
    Store(#[from] store::Error),
    /// The other side did not answer in time.
    #[error("the other access point did not answer")]
    Silent,
    /// The other side signed an answer to something else.
    #[error("the other access point answered something else than was asked")]
    Misleading,
    /// The other side is of a version that does not count by flow, and a flow was asked for.
    #[error("the other access point does not count by flow")]
    NotCounted,
}

/// What is to be compared.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query {
    /// One lane, or both.
    pub lane: Option<Lane>,
    /// Begin of the period by the sender's clock, inclusive.
    pub start: Option<Timestamp>,
    /// End of the period, exclusive.
    pub end: Option<Timestamp>,
    /// Some flows, or all.
    pub flows: Option<Wanted>,
    /// Differences listed per channel; all are counted.
    pub limit: usize,
}

/// How one channel compares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reconciled {
    /// Lane.
    pub lane: Lane,
    /// Whether it is the broadcast of the side that sends.
    pub broadcast: bool,
    /// Whether the asking side sends.
    pub is_sent: bool,
    /// Positions that the sender has.
    pub sent: u64,
    /// Positions that the recipient has.
    pub held: u64,
    /// Positions that the sender filled with a skip.
    pub skipped: u64,
    /// The positions by flow: those of the flows that were wanted and those whose flow a side does not know. Empty
    /// although there are some when the other side does not count by flow.
    pub flows: Vec<Flowed>,
    /// Differences in all.
    pub difference_count: u64,
    /// The first of them, by position.
    pub differences: Vec<Difference>,
}

/// How one flow of a channel compares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flowed {
    /// The flow.
    pub flow: Flow,
    /// Positions that the sender has.
    pub sent: u64,
    /// Positions that the recipient has.
    pub held: u64,
    /// Messages for which the sender signed a skip.
    pub skipped: u64,
}

/// A position on which the sides differ.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Difference {
    /// The position.
    pub sequence: u64,
    /// The message there, as the side knows it that has it; as the asking side does when both have one.
    pub id: MessageId,
    /// How they differ.
    pub kind: DifferenceKind,
    /// The flow of the message: the sender's word where it has the position, because only it knows what it sealed.
    pub flow: Flow,
}

/// How the sides differ on a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DifferenceKind {
    /// Sent and not held.
    Missing,
    /// Held and not sent.
    UnknownToSender,
    /// Both have it, with different envelopes.
    Digest,
    /// Both have it, and the sender no receipt for it.
    Unreceipted,
}
