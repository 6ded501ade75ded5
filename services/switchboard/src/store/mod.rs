//! The SQL of contacts and hand-overs, of placement enquiries and who is told of them, of what is being sent, answered
//! requests, access records; of devices with an alarm key and their alarms. No decisions; whoever calls holds the
//! transaction.

pub(crate) mod access;
pub(crate) mod alarm;
pub(crate) mod contact;
pub(crate) mod cursor;
pub(crate) mod earlier;
pub(crate) mod handover;
pub(crate) mod notice;
pub(crate) mod part;
pub(crate) mod placement;
pub(crate) mod request;
pub(crate) mod sending;
pub(crate) mod word;

/// The tables; idempotent, for `Store::add_tables`.
pub const SCHEMA: &str = include_str!("../schema.sql");
