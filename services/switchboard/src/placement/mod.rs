//! Placement enquiries: what the asker and the intake desk do about one, the messages that carry it, and its end.
//!
//! An event and the message that carries it are on disk together. What was asked lies under a key of the enquiry alone,
//! which goes with it: every enquiry is gone so long after its end, whatever became of it. Nothing is answered here
//! without a person, and a party that asks more often than it may in an hour is told apart for whoever answers.
//! While nobody answers, whoever is on duty at the desk is told that something waits (`waking`); of what the desk
//! said, whoever is on duty at the unit that asked (`word`).

pub(crate) mod act;
pub(crate) mod ask;
pub(crate) mod carry;
pub(crate) mod forget;
pub(crate) mod grpc;
pub(crate) mod handler;
pub(crate) mod list;
pub(crate) mod read;
pub(crate) mod receive;
pub(crate) mod waking;
pub(crate) mod word;

use nhipcau_domain::id::ContractId;
use nhipcau_messaging::pae;
use uuid::Uuid;

pub use self::handler::Placements;

/// The contract.
pub const CONTRACT: &str = "nhipcau.placement.v1";
/// Its newest minor version here.
pub const MINOR: u32 = 1;
/// The message that carries an event.
pub(crate) const EVENT_MESSAGE: &str = "nhipcau.placement.v1.PlacementEvent";

pub(crate) fn contract() -> ContractId {
    crate::contract_of(CONTRACT)
}

/// The thread of an enquiry's messages, and the key that its content lies under. Whoever asks makes up its uid: it must
/// be no name of anything else that is here, because this is erased with its end.
pub(crate) fn thread(placement: Uuid) -> Uuid {
    let digest = pae::sha256(&pae::pae(&[b"nhipcau/1/placement-thread", placement.as_bytes()]));
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}
