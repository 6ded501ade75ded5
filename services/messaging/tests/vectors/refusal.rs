//! How this implementation says what a vector's reason says.
//!
//! It names fewer things apart: whoever sent bytes that are not believed gets no answer at all, and what does not
//! open is one reason in a receipt. The table lists, for each reason of the second implementation, every way in
//! which these vectors are refused here, and is complete: a new reason needs a line.

use nhipcau_messaging::{
    envelope::{OpenError, Rejected},
    evidence::Broken,
    receipt,
};

/// A refusal by whichever part of this implementation comes first to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The envelope is not believed: quarantined, never answered.
    Envelope(Rejected),
    /// The envelope is believed and does not open: NOT_YET for a missing key, else UNREADABLE.
    Opening(OpenError),
    /// The receipt is not believed.
    Receipt(receipt::Rejected),
    /// The row of envelopes or receipts does not hold.
    Evidence(Broken),
    /// The status, question or answer is not believed: ignored.
    Signal,
    /// What opened is not a return: ignored.
    NotAReturn,
    /// What came back is not the reader's own: ignored.
    NotTheReaders,
    /// The padding is not the one that the content has.
    Padding,
}

use Refusal::{Envelope, Evidence, NotAReturn, NotTheReaders, Opening, Padding, Receipt, Signal};

const MALFORMED: Refusal = Envelope(Rejected::Malformed);
const PARTS_DIFFER: Refusal = Envelope(Rejected::PartsDiffer);
const UNREADABLE: Refusal = Opening(OpenError::Unreadable);
const BAD_RECEIPT: Refusal = Receipt(receipt::Rejected::Malformed);

/// The refusals here that stand for a reason there.
pub(crate) fn expected(reason: &str) -> &'static [Refusal] {
    match reason {
        // Before the signature is believed.
        "malformed" => &[MALFORMED, UNREADABLE],
        "too-large" => &[MALFORMED],
        "unsupported-format" => &[MALFORMED, BAD_RECEIPT, Signal],
        "unknown-suite" => &[Envelope(Rejected::UnknownSuite)],
        // A short signature does not verify; lengths behind the seal make a control part unreadable.
        "wrong-length" => &[MALFORMED, Envelope(Rejected::BadSignature), UNREADABLE, BAD_RECEIPT, Signal],
        "bad-id" => &[MALFORMED, UNREADABLE, BAD_RECEIPT],
        "bad-time" => &[MALFORMED, BAD_RECEIPT, Signal],
        "bad-routing" => &[MALFORMED, BAD_RECEIPT, Signal],
        "bad-position" => &[MALFORMED],
        "unknown-signer" => &[Envelope(Rejected::UnknownSigner), Receipt(receipt::Rejected::UnknownSigner), Signal],
        "bad-signature" => &[Envelope(Rejected::BadSignature), Receipt(receipt::Rejected::BadSignature), Signal],
        // Too few part keys in a return.
        "part-mismatch" => &[PARTS_DIFFER, UNREADABLE],
        "wrong-bucket" => &[MALFORMED, UNREADABLE, Padding],
        "wrong-recipient" => &[Envelope(Rejected::Misrouted)],
        "bad-statement" => &[BAD_RECEIPT, Signal],
        // Behind the signature.
        "unknown-sealing-key" => &[Opening(OpenError::MissingKey)],
        "unwrap-failed" | "wrong-commitment" | "open-failed" | "wrong-content-digest" => &[UNREADABLE],
        "bad-padding" => &[UNREADABLE, Padding],
        // A manifest without any part has no control part.
        "bad-control" => &[MALFORMED, UNREADABLE, NotAReturn],
        // In a row of envelopes or receipts.
        "mixed-channel" => &[Evidence(Broken::MixedChannel)],
        "sequence-gap" => &[Evidence(Broken::SequenceGap)],
        "receipt-gap" => &[Evidence(Broken::ReceiptGap)],
        // A first position that follows something, or a later one that follows nothing, cannot stand in any row.
        "wrong-previous" => &[Evidence(Broken::WrongPrevious), MALFORMED],
        "wrong-incarnation" => &[Evidence(Broken::WrongIncarnation)],
        "wrong-head" => &[Evidence(Broken::WrongHead)],
        // Only the id needs the envelopes; the rest shows in the receipt itself.
        "wrong-refusal" => &[Evidence(Broken::WrongRefusal), BAD_RECEIPT],
        "not-the-readers" => &[NotTheReaders],
        unknown => panic!("the reason {unknown} has no line in this table"),
    }
}
