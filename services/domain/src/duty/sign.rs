//! Signs rosters: for the command line and for tests.
//!
//! Nothing here is trusted. What comes out counts only once [`Roster::take`](super::Roster::take) has accepted it;
//! [`review`](super::review()) says beforehand whether it could.

use nhipcau_proto::directory::v1 as pb;
use prost::Message as _;

use crate::directory::ROSTER;

/// Has a roster signed: `sign` is given the type string and the bytes, to be signed as their PAE by the key that the
/// roster names.
#[must_use]
pub fn signed(roster: &pb::Roster, sign: impl FnOnce(&[u8], &[u8]) -> Vec<u8>) -> Vec<u8> {
    let roster = roster.encode_to_vec();
    let signature = sign(ROSTER, &roster);
    pb::SignedRoster { roster, signature }.encode_to_vec()
}
