//! Status: what access points tell each other about where their channels stand, outside channels.
//!
//! A status may be lost, repeated or late. It is acted on only when it echoes the reader's own run and is newer
//! than the last one read, so that an old one does nothing.

use jiff::Timestamp;
use nhipcau_domain::{
    directory::Release,
    id::{AccessPointId, KeyId},
};
use nhipcau_proto::envelope::v1::Status;
pub use nhipcau_proto::envelope::v1::{
    ContractSupport, Head, IncomingStatus, OutgoingStatus, ReceiptHead, Signal, StatusStatement, signal::Kind,
};
use prost::Message;

use crate::{crypto::sign, envelope::Sender, pae};

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
        && statement.run.len() == 16
        && statement.outgoing.len() <= 4
        && statement.incoming.len() <= 4
        && key.revoked.is_none_or(|at| at > now)
        && sign::verify(&key.public, pae::STATUS, &[&status.statement], &status.signature);
    believed.then_some((sender, statement))
}
