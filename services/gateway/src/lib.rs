//! Ways into an access point for people and programs that do not speak gRPC. So far one: the duty page, by which
//! whoever is on duty at a unit sees what waits there and acknowledges it, with any browser.
//!
//! Owns no table and no rule: whatever it shows or asks for goes through the doors of the access point's own services,
//! which authorise, decide and record. They are handed in ([`Doors`]), like who is on duty ([`Roll`]).
//! Promises: whoever is not signed in sees nothing; whoever is sees what is for their unit, and nothing else of their
//! party; a form that is sent twice is carried out once; no page is loaded from elsewhere or needs a script; no
//! reference of a person, address or code stands in a log line, a path or a title.
//! Never: finds a case by anything but its unit, keeps what it showed, or tells whether somebody is on duty. Sessions
//! and codes are in memory alone and end with the process.

mod duty;
pub mod foreign;
mod server;
mod slots;
mod tls;

pub use duty::{Counts, Doors, Needs, Roll};
pub use server::{Error, Server};
pub use tls::{Renewal, TlsError};
