//! The SQL of statistics: submissions and what they said, series and what became of their observations, and what
//! waits. No decisions; whoever calls holds the transaction.

mod series;
mod submission;
mod waiting;

pub(crate) use series::{
    Revision, Segment, Series, Slice, add_segment, clear_from, intern, newest, providers, revisions, series_after,
};
pub(crate) use submission::{
    NewSubmission, Submission, add_content, by_name, by_serial, content, content_at, from_place, insert, last_of,
    last_serial, move_to, next, remember, remembered,
};
pub(crate) use waiting::{
    Waiting, drop_pieces, hold_piece, hold_upload, holds_piece, names_piece, piece, pieces_held, pieces_named,
    purge_pieces, purge_uploads, stop_waiting, uploads, uploads_waiting, wait, whole,
};

/// The tables; idempotent, for `Store::add_tables`.
pub const SCHEMA: &str = include_str!("schema.sql");
