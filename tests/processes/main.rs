//! Real processes of the program around a real nats-server: what goes through them, and what happens when they are
//! killed, lose disks or are started wrongly.
//!
//! Every wait asks again until a condition holds or a deadline is over; nothing is assumed about how long anything
//! takes.

mod faults;
mod figures;
mod starting;
