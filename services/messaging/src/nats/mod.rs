//! The broker's side of messaging: subjects, the connection and the transport over NATS JetStream.
//!
//! The broker is a convenience. Everything here may lose, repeat, reorder or delay without harm, because only the
//! engine, by signed receipts, ends a message's life; what must hold here is that memory stays bounded and that
//! nothing waits for the broker for ever. Streams and consumers are made by [`crate::provision`], never here.

mod acknowledgement;
mod budget;
pub(crate) mod connection;
mod counters;
mod login;
mod publish;
mod pull;
mod queue;
mod signal;
mod state;
pub(crate) mod subject;
mod transport;

pub use connection::{ClientCertificate, Connection, Credential, Error};
pub use counters::{Counters, Totals};
pub use login::Renewal;
pub use queue::{BROADCAST_STREAM, Queue, stream_name};
pub use state::{MINIMUM_SERVER, State, Version};
pub use subject::{InvalidSubject, Subject};
pub use transport::{Outlet, Transport};

/// Largest message that the broker keeps, in bytes: one bundle.
pub const BUNDLE_BYTES: usize = 512 * 1024;

/// How long the broker waits for an acknowledgement before it delivers again.
pub const ACKNOWLEDGE_WITHIN: std::time::Duration = std::time::Duration::from_secs(10);
