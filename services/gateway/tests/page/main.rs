//! The duty page as a browser meets it: real HTTP over real TLS, from a server with a certificate of its own, in front
//! of doors that remember what they were asked.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, in what its functions share too"
)]

mod browser;
mod doors;
mod enquiries;
mod refusing;
mod signing_in;
mod working;
mod world;
