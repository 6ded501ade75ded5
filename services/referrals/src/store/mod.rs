//! The SQL of referrals: branches with both logs, content, answered requests, what reading needs, what keeps content,
//! who is told, what is attached. No decisions; whoever calls holds the transaction.

pub(crate) mod acceptance;
pub(crate) mod access;
pub(crate) mod branch;
pub(crate) mod content;
pub(crate) mod due;
pub(crate) mod hold;
pub(crate) mod kept;
pub(crate) mod log;
pub(crate) mod notice;
pub(crate) mod reading;
pub(crate) mod request;
pub(crate) mod sending;
pub(crate) mod succession;
pub(crate) mod upload;

/// The tables; idempotent, for `Store::add_tables`.
pub const SCHEMA: &str = concat!(
    include_str!("schema.sql"),
    include_str!("reading.sql"),
    include_str!("retention.sql"),
    include_str!("succession.sql"),
    include_str!("waking.sql"),
    include_str!("attachment.sql")
);
