//! The SQL of statistics: submissions and what they said, series and what became of their observations, and what
//! waits. No decisions; whoever calls holds the transaction.

mod series;
mod submission;
mod waiting;

pub(crate) use series::{
    Revision, Series, Slice, attributes, clear_from, current, intern, providers, record, revisions, series_after,
};
pub(crate) use submission::{
    NewSubmission, Submission, by_name, by_serial, content, from_place, insert, last_of, last_serial, move_to, next,
    remember, remembered,
};
pub(crate) use waiting::{
    Waiting, drop_pieces, events_waiting, hold_piece, hold_upload, pieces, pieces_held, purge_uploads, stop_waiting,
    uploads, uploads_waiting, wait, waiting,
};

/// The tables; idempotent, for `Store::add_tables`.
pub const SCHEMA: &str = include_str!("schema.sql");
