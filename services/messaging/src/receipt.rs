//! Receipts: a recipient's signed statement that positions are on its disk with their effect, or refused.
//!
//! They outlive everything else and verify offline, years later, from the directory releases alone.

use jiff::Timestamp;
use nhipcau_domain::{
    directory::Release,
    id::{AccessPointId, KeyId},
};
use nhipcau_proto::envelope::v1 as wire;
use prost::Message;

use crate::{
    crypto::sign,
    envelope::{Sender, time},
    message::{Lane, MessageId, NUMBER_LIMIT, Recipient, RefusalReason},
    pae::{self, Digest},
};

const FORMAT: u32 = 1;

/// Most refusals in a receipt issued here; more positions take another receipt.
pub const REFUSALS_LIMIT: usize = 1024;

/// Most bytes of a statement that is believed: room for [`REFUSALS_LIMIT`] refusals. What is held of a peer may have to
/// be returned to it, and has to fit into a return.
const STATEMENT_LIMIT: usize = 64 * 1024;

/// A receipt's place among those of its channel: by series, then number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Number {
    /// The issuer's start number.
    pub series: u64,
    /// From 1 within the series.
    pub number: u64,
}

/// What a receipt states.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// Who received.
    pub issuer: AccessPointId,
    /// Who sent.
    pub sender: AccessPointId,
    /// The channel's recipient: the issuer, or everybody.
    pub recipient: Recipient,
    /// The channel's lane.
    pub lane: Lane,
    /// Incarnation at `last`.
    pub incarnation: u64,
    /// First position covered.
    pub first: u64,
    /// Last position covered.
    pub last: u64,
    /// Digest of the envelope at `last`.
    pub head: Digest,
    /// Refused positions among them, ascending.
    pub refusals: Vec<Refusal>,
    /// Place among the channel's receipts.
    pub number: Number,
    /// Digest of the receipt before it.
    pub previous: Digest,
    /// When the positions were on disk.
    pub receive_time: Timestamp,
    /// Directory release applied.
    pub directory_version: u64,
}

/// A refused position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    /// The position.
    pub sequence: u64,
    /// The message at it.
    pub id: MessageId,
    /// Why it was refused.
    pub reason: RefusalReason,
    /// With `NOT_YET`, the number that comes next in the message's case; 0 when that is not known.
    pub expected: u64,
}

/// A receipt whose signature holds.
#[derive(Debug, Clone)]
pub struct Verified {
    /// The original.
    pub receipt: wire::Receipt,
    /// What it states.
    pub statement: Statement,
    /// Its digest, named by the next receipt.
    pub digest: Digest,
}

/// Why a receipt cannot be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// Not a receipt of this format, or a field is out of its bounds.
    #[error("the bytes are not a receipt of a known format")]
    Malformed,
    /// The issuer's key is not in the directory, or was revoked.
    #[error("the signing key is not in the directory or was revoked")]
    UnknownSigner,
    /// The signature is not the issuer's.
    #[error("the signature does not verify")]
    BadSignature,
}

/// Signs a statement.
#[must_use]
pub fn issue(statement: Statement, signer: Sender<'_>) -> Verified {
    let bytes = wire::ReceiptStatement {
        format: FORMAT,
        issuer: statement.issuer.to_string(),
        sender: statement.sender.to_string(),
        recipient: statement.recipient.as_str().to_owned(),
        lane: statement.lane.number(),
        incarnation: statement.incarnation,
        first_sequence: statement.first,
        last_sequence: statement.last,
        head_digest: statement.head.to_vec(),
        refusals: statement
            .refusals
            .iter()
            .map(|refusal| wire::Refusal {
                sequence: refusal.sequence,
                id: refusal.id.0.to_vec(),
                reason: refusal.reason as i32,
                expected_ordinal: refusal.expected,
            })
            .collect(),
        number: statement.number.number,
        previous_digest: statement.previous.to_vec(),
        receive_time: Some(crate::envelope::timestamp(statement.receive_time)),
        directory_version: statement.directory_version,
        signing_key: signer.signing.id().to_string(),
        series: statement.number.series,
    }
    .encode_to_vec();
    let signature = signer.signing.sign(pae::RECEIPT, &[&bytes]);
    let receipt = wire::Receipt { statement: bytes, signature };
    Verified { digest: digest(&receipt), statement, receipt }
}

/// Checks a receipt as anyone can who has the directory. An `own` receipt is believed also under a key revoked since.
///
/// # Errors
/// [`Rejected`].
pub fn verify(receipt: wire::Receipt, release: &Release, now: Timestamp, own: bool) -> Result<Verified, Rejected> {
    let (statement, key) = parse(&receipt.statement).ok_or(Rejected::Malformed)?;
    let key = release
        .signing_key(&statement.issuer, &key)
        .filter(|key| own || key.revoked.is_none_or(|at| at > now))
        .ok_or(Rejected::UnknownSigner)?;
    if !sign::verify(&key.public, pae::RECEIPT, &[&receipt.statement], &receipt.signature) {
        return Err(Rejected::BadSignature);
    }
    Ok(Verified { digest: digest(&receipt), statement, receipt })
}

/// A receipt's place among those of its channel, and whether its signing key has not been revoked; for own receipts.
pub(crate) fn place_of(receipt: &wire::Receipt, release: &Release, now: Timestamp) -> Option<(Number, bool)> {
    let (statement, key) = parse(&receipt.statement)?;
    let key = release.signing_key(&statement.issuer, &key);
    Some((statement.number, key.is_some_and(|key| key.revoked.is_none_or(|at| at > now))))
}

/// The position and digest of the last envelope that a receipt covers; for receipts that were verified before.
pub(crate) fn head_of(receipt: &wire::Receipt) -> Option<(u64, Digest)> {
    parse(&receipt.statement).map(|(statement, _)| (statement.last, statement.head))
}

fn digest(receipt: &wire::Receipt) -> Digest {
    pae::digest_of(&[pae::RECEIPT_DIGEST, &receipt.statement, &receipt.signature])
}

fn parse(bytes: &[u8]) -> Option<(Statement, KeyId)> {
    if bytes.len() > STATEMENT_LIMIT {
        return None;
    }
    let s = wire::ReceiptStatement::decode(bytes).ok()?;
    let counted = [s.incarnation, s.first_sequence, s.last_sequence, s.number, s.series];
    let in_bounds = s.format == FORMAT
        && counted.iter().all(|n| (1..NUMBER_LIMIT).contains(n))
        && s.first_sequence <= s.last_sequence
        && s.last_sequence - s.first_sequence < REFUSALS_LIMIT as u64
        && s.directory_version < NUMBER_LIMIT
        && (s.recipient == s.issuer || s.recipient == Recipient::All.as_str())
        && s.refusals.is_sorted_by(|a, b| a.sequence < b.sequence);
    if !in_bounds {
        return None;
    }
    let covered = s.first_sequence..=s.last_sequence;
    let refusals =
        s.refusals.iter().map(|r| refusal(r).filter(|r| covered.contains(&r.sequence))).collect::<Option<_>>()?;
    let statement = Statement {
        issuer: AccessPointId::new(&s.issuer).ok()?,
        sender: AccessPointId::new(&s.sender).ok()?,
        recipient: Recipient::parse(&s.recipient).ok()?,
        lane: Lane::from_number(i64::from(s.lane))?,
        incarnation: s.incarnation,
        first: s.first_sequence,
        last: s.last_sequence,
        head: s.head_digest.as_slice().try_into().ok()?,
        refusals,
        number: Number { series: s.series, number: s.number },
        previous: s.previous_digest.as_slice().try_into().ok()?,
        receive_time: time(s.receive_time.as_ref())?,
        directory_version: s.directory_version,
    };
    Some((statement, KeyId::new(&s.signing_key).ok()?))
}

fn refusal(refusal: &wire::Refusal) -> Option<Refusal> {
    let reason = match RefusalReason::try_from(refusal.reason) {
        Ok(RefusalReason::Unspecified) => return None,
        Ok(reason) => reason,
        // A newer version's reason is final like most.
        Err(_) => RefusalReason::Invalid,
    };
    let (sequence, id, expected) = (refusal.sequence, MessageId::from_slice(&refusal.id)?, refusal.expected_ordinal);
    (expected < NUMBER_LIMIT).then_some(Refusal { sequence, id, reason, expected })
}
