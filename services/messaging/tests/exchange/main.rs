//! What messaging promises between three access points, on a bus that the test controls: exactly one effect, in
//! order, or a signed refusal.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failure here is what the test is for")]

mod admitting;
mod announcing;
mod asking;
mod auditing;
mod blobs;
mod broadcasts;
mod delivery;
mod disbelief;
mod erasure;
mod expiry;
mod flows;
mod holding_back;
mod hostile_peer;
mod limits;
mod parted_histories;
mod rechecking;
mod reconciling;
mod recovery;
mod retaining;
mod retries;
mod revoking;
mod rollbacks;
mod timing;
mod world;
