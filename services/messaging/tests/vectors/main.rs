//! Golden vectors: the bytes of contract version 1, made by the second implementation and by this one, verify, open
//! and are refused as recorded. They are for ever: a test that fails here says that the format changed.
//!
//! What the fields of a vector mean is written in `tests/clients/python/README.md`; `refusal` maps the reasons for
//! which a vector must fail to what this implementation says.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a failure here is what the test is for"
)]

mod chains;
mod envelopes;
mod events;
mod given;
mod pieces;
mod questions;
mod refusal;
mod release;
mod signals;
