//! Hand-overs between switchboards: the offer, what each side does about it, and what follows by rule.
//!
//! An event and the message that carries it are on disk together. What is to be told once the contact is taken is made
//! of the contact then, and not sealed before. Where the rules could not act at once they look again.

pub(crate) mod act;
pub(crate) mod content;
pub(crate) mod continued;
pub(crate) mod grpc;
pub(crate) mod list;
pub(crate) mod offer;
pub(crate) mod read;
pub(crate) mod receive;
pub(crate) mod recover;
pub(crate) mod request;
pub(crate) mod send;
pub(crate) mod take;

/// The message that carries an event.
pub(crate) const EVENT_MESSAGE: &str = "nhipcau.switchboard.v1.SwitchboardEvent";
