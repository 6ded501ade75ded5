//! Real processes of the program around a real nats-server: what goes through them, and what happens when they are
//! killed, lose disks or are started wrongly.
//!
//! Every wait asks again until a condition holds or a deadline is over; nothing is assumed about how long anything
//! takes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, in what its functions share too"
)]

mod directory;
mod due;
mod duty_browser;
mod duty_page;
mod evidence;
mod faults;
mod figures;
mod keys;
mod limits;
mod referrals;
mod renewing;
mod sandbox;
mod standby;
mod starting;
mod stories;
