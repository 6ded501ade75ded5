//! Exchanges of referrals between access points: real doors, writers and stores on disk around a simulated bus.

mod crossing;
mod deeds;
mod door;
mod ending;
mod groups;
mod reading;
mod restoring;
mod stories;
mod world;
