//! What the operator makes at the broker for the access points of the directory: streams, consumers, permissions.
//!
//! The plan follows from the access points alone, so it is the same whoever computes it. Applying it makes what is
//! missing, brings what may safely change to what is planned, and refuses before it touches anything where the
//! broker holds something else under the same name. It deletes nothing. A broker that lost its disk is provisioned
//! again by the same command.

mod apply;
mod difference;
mod permissions;
mod plan;

pub use apply::{Action, Change, Error, apply, preview};
pub use difference::Difference;
pub use permissions::{Account, InvalidLogin, Login, permissions};
pub use plan::{Layout, Plan, PlannedStream, ReservedName};

/// The login that provisions. No access point may have this name, because its inbox would be the same.
pub const OPERATOR: &str = "operator";
