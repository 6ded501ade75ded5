//! Contacts at a real door, writer and store on disk, beside a stand-in for the service that submits referrals, around
//! a simulated bus.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failure here is what the test is for")]

mod continuing;
mod deeds;
mod devices;
mod earlier;
mod ending;
mod handing_over;
mod handover_losses;
mod handovers;
mod noise;
mod placement_losses;
mod placements;
mod placing;
mod presses;
mod pressing;
mod reading;
mod recording;
mod sending;
mod stand_in;
mod unanswered;
mod waking;
mod words;
mod world;
