//! What must never be, in the words of the promise that it breaks.

use nhipcau_messaging::message::{MessageId, RefusalReason};

use super::Standing;
use crate::{Point, history::Blob, payload::Verb};

/// A broken promise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// Something was believed that nobody committed.
    #[error("ap-{point} believed {id}, which nobody committed in this form")]
    Invented {
        /// Where.
        point: Point,
        /// What.
        id: MessageId,
    },
    /// Something took effect at another access point than it was for.
    #[error("{id} took effect at ap-{point}, which it was not for")]
    WrongRecipient {
        /// Where.
        point: Point,
        /// What.
        id: MessageId,
    },
    /// No agreement allowed it.
    #[error("{id} took effect at ap-{point} without an agreement")]
    Unauthorised {
        /// Where.
        point: Point,
        /// What.
        id: MessageId,
    },
    /// Two effects of one message.
    #[error("{id} took effect twice at ap-{point}")]
    Doubled {
        /// Where.
        point: Point,
        /// What.
        id: MessageId,
    },
    /// A channel went back.
    #[error("{id} took effect at ap-{point} at position {sequence}, after position {head}")]
    OutOfOrder {
        /// Where.
        point: Point,
        /// What.
        id: MessageId,
        /// Its position.
        sequence: u64,
        /// The position before it.
        head: u64,
    },
    /// A message of a case came before an earlier one.
    #[error("{id} took effect at ap-{point} before {missing} of the same case")]
    Gap {
        /// Where.
        point: Point,
        /// What.
        id: MessageId,
        /// What was to come first.
        missing: MessageId,
    },
    /// A later tier without the acceptance.
    #[error("case {case} was disclosed before its acceptance was stored")]
    EarlyDisclosure {
        /// The case.
        case: u32,
    },
    /// One id, two contents.
    #[error("{id} was committed with two contents")]
    Changed {
        /// What.
        id: MessageId,
    },
    /// A receipt for nothing.
    #[error("ap-{point} gave a receipt for {id} without its effect on disk")]
    ReceiptWithoutEffect {
        /// Where the effect is missing.
        point: Point,
        /// What.
        id: MessageId,
    },
    /// Refused or given up, and effective all the same.
    #[error("{id} was refused or given up and took effect at ap-{point}")]
    RefusedAndEffective {
        /// Where.
        point: Point,
        /// What.
        id: MessageId,
    },
    /// A service was told twice.
    #[error("ap-{point} concluded {id} twice")]
    ConcludedTwice {
        /// Where.
        point: Point,
        /// What.
        id: MessageId,
    },
    /// Refused or given up without a reason that the run gave.
    #[error("{id} ({verb:?}) was refused or given up for no reason of the run: {reason:?}")]
    WrongReason {
        /// What.
        id: MessageId,
        /// What it asked.
        verb: Verb,
        /// The reason given; none when it was given up.
        reason: Option<RefusalReason>,
    },
    /// The sender does not know its own message, though it survived.
    #[error("ap-{point} no longer knows its own {id} (effective: {effective})")]
    Forgotten {
        /// The sender.
        point: Point,
        /// What.
        id: MessageId,
        /// Whether it took effect.
        effective: bool,
    },
    /// Neither effect nor refusal, or the two sides differ.
    #[error("{id} for ap-{point} came to nothing: effective {effective}, at its sender {standing:?}")]
    Lost {
        /// The recipient.
        point: Point,
        /// What.
        id: MessageId,
        /// Whether it took effect.
        effective: bool,
        /// What the sender's store says.
        standing: Standing,
    },
    /// A limit ran out that nobody had to wait for any more.
    #[error("at ap-{point} the time of {id} ran out, and its answer was there")]
    RanOutThoughAnswered {
        /// Where.
        point: Point,
        /// The question.
        id: MessageId,
    },
    /// A limit ran out twice.
    #[error("at ap-{point} the time of {id} ran out twice")]
    RanOutTwice {
        /// Where.
        point: Point,
        /// The question.
        id: MessageId,
    },
    /// Nobody answered, and nothing came of it.
    #[error("at ap-{point} {id} was neither answered nor has its time run out")]
    LimitForgotten {
        /// Where.
        point: Point,
        /// The question.
        id: MessageId,
    },
    /// The level above was asked, and there was no need.
    #[error(
        "ap-{point} asked the level above by {id}, and the time of the question had not run out or it was answered"
    )]
    ClimbedInVain {
        /// Where.
        point: Point,
        /// What the level above was asked by.
        id: MessageId,
    },
    /// Nobody answered in time, and the level above was not asked.
    #[error("at ap-{point} {id} was not answered in time, and the level above was not asked")]
    NotClimbed {
        /// Where.
        point: Point,
        /// The question.
        id: MessageId,
    },
    /// Somebody was told that another has answered, and it is not so.
    #[error("ap-{point} said by {id} that another has answered, and that is not so")]
    ExcusedInVain {
        /// Where.
        point: Point,
        /// What it was said by.
        id: MessageId,
    },
    /// Another has answered, and who was asked too has not been told.
    #[error("ap-{point} has an answer from one level and has not told the one that {id} was sent to")]
    NotExcused {
        /// Where.
        point: Point,
        /// The question that is asked no more.
        id: MessageId,
    },
    /// Something was let go that was not held.
    #[error("ap-{point} let go what {id} had asked for, and did not hold it")]
    FreedInVain {
        /// Where.
        point: Point,
        /// The question.
        id: MessageId,
    },
    /// Something was taken that was not held.
    #[error("{id} took at ap-{point} what was not held")]
    TakenInVain {
        /// Where.
        point: Point,
        /// What.
        id: MessageId,
    },
    /// Something was held and not given to who took it.
    #[error("ap-{point} refused {id}, which took what was held")]
    HeldAndRefused {
        /// Where.
        point: Point,
        /// What.
        id: MessageId,
    },
    /// Something is held for ever.
    #[error("ap-{point} still holds what nobody has taken")]
    HeldForEver {
        /// Where.
        point: Point,
    },
    /// A blob is called whole and is not what was handed over.
    #[error("ap-{point} has blob {blob:?} as whole, which nobody handed over in this form")]
    BlobAltered {
        /// Where.
        point: Point,
        /// Which.
        blob: Blob,
    },
    /// A blob is called whole of which something is still to come, or was erased.
    #[error("ap-{point} has blob {blob:?} as whole, and not all of it came since its case was last erased")]
    BlobUnfounded {
        /// Where.
        point: Point,
        /// Which.
        blob: Blob,
    },
    /// All of a blob has come, and it is not there.
    #[error("ap-{point} has taken all of blob {blob:?} and does not have it")]
    BlobMissing {
        /// Where.
        point: Point,
        /// Which.
        blob: Blob,
    },
    /// A blob that was whole is gone, and nobody erased it.
    #[error("ap-{point} has lost blob {blob:?} without an erasure")]
    BlobGone {
        /// Where.
        point: Point,
        /// Which.
        blob: Blob,
    },
}
