//! Status: what access points tell each other about where their channels stand, outside channels.
//!
//! A status may be lost, repeated or late. It is acted on only when it echoes the reader's own run and is newer
//! than the last one read, so that an old one does nothing.

use jiff::Timestamp;
use nhipcau_domain::{
    directory::Release,
    id::{AccessPointId, ContractId, KeyId},
};
use nhipcau_proto::envelope::v1::Status;
pub use nhipcau_proto::envelope::v1::{
    ContractSupport, FilePiece, FileRequest, Head, IncomingStatus, OutgoingStatus, ReceiptHead, Signal,
    StatusStatement, signal::Kind,
};
use prost::Message;

use crate::{
    crypto::sign,
    envelope::{Sender, time},
    message::{Lane, NUMBER_LIMIT},
    pae,
};

/// Format number of a status.
pub const FORMAT: u32 = 1;

/// A process of an access point: 16 random bytes, new at every start.
pub type Run = [u8; 16];

/// Signs a status.
#[must_use]
pub fn sign_status(statement: &StatusStatement, signer: Sender<'_>) -> Signal {
    let bytes = statement.encode_to_vec();
    let signature = signer.signing.sign(pae::STATUS, &[&bytes]);
    Signal { kind: Some(Kind::Status(Status { statement: bytes, signature })) }
}

/// Checks a status for `me`; gives `None` when it cannot be believed, names somebody else or its lists are longer
/// than a pair of access points has channels.
#[must_use]
pub fn verify_status(
    status: &Status,
    me: &AccessPointId,
    release: &Release,
    now: Timestamp,
) -> Option<(AccessPointId, StatusStatement)> {
    let statement = StatusStatement::decode(status.statement.as_slice()).ok()?;
    let sender = AccessPointId::new(&statement.sender).ok()?;
    let key = release.signing_key(&sender, &KeyId::new(&statement.signing_key).ok()?)?;
    let believed = statement.format == FORMAT
        && statement.recipient == me.as_str()
        && is_well_formed(&statement)
        && key.revoked.is_none_or(|at| at > now)
        && sign::verify(&key.public, pae::STATUS, &[&status.statement], &status.signature);
    believed.then_some((sender, statement))
}

fn is_well_formed(s: &StatusStatement) -> bool {
    let countable = |numbers: &[u64]| numbers.iter().all(|n| *n < NUMBER_LIMIT);
    let outgoing = |o: &OutgoingStatus| {
        countable(&[o.incarnation, o.base_sequence, o.return_from, o.receipted_sequence])
            && countable(&o.erased_sequences)
            && (o.broadcast || o.rewind.is_none())
            && channel_is_well_formed(o.lane, o.rewind.as_ref(), None)
            && channel_is_well_formed(o.lane, o.head.as_ref(), o.receipt.as_ref())
    };
    let incoming = |i: &IncomingStatus| {
        countable(&[i.promised_incarnation])
            && matches!(i.promised_run.len(), 0 | 16)
            && channel_is_well_formed(i.lane, i.head.as_ref(), i.receipt.as_ref())
    };
    s.run.len() == 16
        && matches!(s.echo.len(), 0 | 16)
        && matches!(s.notices_digest.len(), 0 | 32)
        && time(s.create_time.as_ref()).is_some()
        && countable(&[s.number, s.directory_version])
        && s.contracts.iter().all(|c| ContractId::new(&c.contract).is_ok())
        && s.outgoing.len() <= 4
        && s.incoming.len() <= 4
        && s.outgoing.iter().all(outgoing)
        && s.incoming.iter().all(incoming)
}

fn channel_is_well_formed(lane: i32, head: Option<&Head>, receipt: Option<&ReceiptHead>) -> bool {
    // A place and its digest are there together or not at all.
    let place = |life: u64, number: u64, digest: &[u8]| {
        (life == 0) == (number == 0)
            && life.max(number) < NUMBER_LIMIT
            && digest.len() == if number == 0 { 0 } else { 32 }
    };
    Lane::from_number(i64::from(lane)).is_some()
        && head.is_none_or(|h| place(h.incarnation, h.sequence, &h.digest))
        && receipt.is_none_or(|r| place(r.series, r.number, &r.digest))
}

/// Checks an own status that a peer shows: signed by `me`, of whatever process, for that peer. Under a key that was
/// revoked it proves nothing: somebody else may have it.
#[must_use]
pub fn verify_own(
    status: &Status,
    me: &AccessPointId,
    peer: &AccessPointId,
    release: &Release,
) -> Option<StatusStatement> {
    let statement = StatusStatement::decode(status.statement.as_slice()).ok()?;
    let key = release.signing_key(me, &KeyId::new(&statement.signing_key).ok()?)?;
    let believed = key.revoked.is_none()
        && statement.sender == me.as_str()
        && statement.recipient == peer.as_str()
        && sign::verify(&key.public, pae::STATUS, &[&status.statement], &status.signature);
    believed.then_some(statement)
}
