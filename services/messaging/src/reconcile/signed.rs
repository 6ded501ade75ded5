//! Questions and answers as they travel: signed, bounded, and for one reader.

use jiff::Timestamp;
use nhipcau_domain::{
    directory::Release,
    id::{AccessPointId, KeyId},
};
use nhipcau_proto::envelope::v1::{
    Account, AccountStatement, Inquiry, InquiryStatement, PositionRange, Span, SpanAccount,
};
use prost::Message;

use super::{POSITIONS, RANGES, SPANS, tally};
use crate::{
    crypto::sign::{self, SigningKey},
    envelope::time,
    message::{Lane, MessageId, NUMBER_LIMIT},
    pae,
    signal::{Kind, Signal},
};

/// Format of questions and answers.
pub(super) const FORMAT: u32 = 1;

/// Signs a question.
#[must_use]
pub fn sign_inquiry(statement: &InquiryStatement, signing: &SigningKey) -> Signal {
    let statement = statement.encode_to_vec();
    let signature = signing.sign(pae::INQUIRY, &[&statement]);
    Signal { kind: Some(Kind::Inquiry(Inquiry { statement, signature })) }
}

/// Signs an answer.
#[must_use]
pub fn sign_account(statement: &AccountStatement, signing: &SigningKey) -> Signal {
    let statement = statement.encode_to_vec();
    let signature = signing.sign(pae::ACCOUNT, &[&statement]);
    Signal { kind: Some(Kind::Account(Account { statement, signature })) }
}

/// Checks a question to `me`; `None` when it cannot be believed, is somebody else's or asks for more than one may.
#[must_use]
pub fn verify_inquiry(
    inquiry: &Inquiry,
    me: &AccessPointId,
    release: &Release,
    now: Timestamp,
) -> Option<(AccessPointId, InquiryStatement)> {
    let s = InquiryStatement::decode(inquiry.statement.as_slice()).ok()?;
    let well_formed = s.format == FORMAT
        && s.recipient == me.as_str()
        && s.nonce.len() == 16
        && (1..=SPANS).contains(&s.spans.len())
        && s.spans.iter().all(span_is_well_formed);
    let signed = (pae::INQUIRY, inquiry.statement.as_slice(), inquiry.signature.as_slice());
    let sender = well_formed.then(|| signer(&s.sender, &s.signing_key, signed, release, now))??;
    (sender != *me).then_some((sender, s))
}

/// Checks an answer to `me`; as [`verify_inquiry`].
#[must_use]
pub fn verify_account(
    account: &Account,
    me: &AccessPointId,
    release: &Release,
    now: Timestamp,
) -> Option<(AccessPointId, AccountStatement)> {
    let s = AccountStatement::decode(account.statement.as_slice()).ok()?;
    let well_formed = s.format == FORMAT
        && s.recipient == me.as_str()
        && s.nonce.len() == 16
        && (1..=SPANS).contains(&s.accounts.len())
        && s.accounts.iter().all(account_is_well_formed);
    let signed = (pae::ACCOUNT, account.statement.as_slice(), account.signature.as_slice());
    let sender = well_formed.then(|| signer(&s.sender, &s.signing_key, signed, release, now))??;
    (sender != *me).then_some((sender, s))
}

fn signer(
    name: &str,
    key: &str,
    (kind, statement, signature): (&[u8], &[u8], &[u8]),
    release: &Release,
    now: Timestamp,
) -> Option<AccessPointId> {
    let sender = AccessPointId::new(name).ok()?;
    let key = release.signing_key(&sender, &KeyId::new(key).ok()?)?;
    let believed = key.revoked.is_none_or(|at| at > now) && sign::verify(&key.public, kind, &[statement], signature);
    believed.then_some(sender)
}

fn span_is_well_formed(span: &Span) -> bool {
    let times = [&span.start_time, &span.end_time];
    let lane = Lane::from_number(i64::from(span.lane));
    lane.is_some_and(|lane| !span.broadcast || lane == Lane::Bulk)
        && is_stretch(span.first_sequence, span.last_sequence)
        && times.iter().all(|at| at.is_none() || (span.sent_by_asked && time(at.as_ref()).is_some()))
}

/// Whether the positions begin at 1 or later and end where or after they begin, or do not end.
fn is_stretch(first: u64, last: u64) -> bool {
    (1..NUMBER_LIMIT).contains(&first) && last < NUMBER_LIMIT && (last == 0 || first <= last)
}

fn account_is_well_formed(account: &SpanAccount) -> bool {
    let (first, last) = (account.first_sequence, account.last_sequence);
    if first == 0 {
        return *account == SpanAccount::default();
    }
    let position = |p: &nhipcau_proto::envelope::v1::HeldPosition| {
        p.sequence >= first
            && p.sequence < NUMBER_LIMIT
            && (last == 0 || p.sequence <= last)
            && MessageId::from_slice(&p.id).is_some()
            && p.digest.len() == 32
    };
    is_stretch(first, last)
        && account.skipped_count < NUMBER_LIMIT
        && account.positions.len() <= POSITIONS
        && account.positions.iter().all(position)
        && account.positions.is_sorted_by(|a, b| a.sequence < b.sequence)
        && tally::is_well_formed(account)
        && (account.ranges.is_empty() || (account.positions.is_empty() && divides(&account.ranges, first, last)))
}

/// Whether two ranges or more follow each other from the first to the last position, so that each is smaller than all.
fn divides(ranges: &[PositionRange], first: u64, last: u64) -> bool {
    let counted = |r: &PositionRange| r.count < NUMBER_LIMIT && r.unreceipted_count <= r.count && r.digest.len() == 32;
    let follow = |pair: &[PositionRange]| match pair {
        [before, after] => before.last_sequence != 0 && after.first_sequence == before.last_sequence + 1,
        _ => false,
    };
    (2..=RANGES).contains(&(ranges.len() as u64))
        && ranges.iter().all(|r| is_stretch(r.first_sequence, r.last_sequence) && counted(r))
        && ranges.windows(2).all(follow)
        && ranges.first().is_some_and(|r| r.first_sequence == first)
        && ranges.last().is_some_and(|r| r.last_sequence == last)
}
