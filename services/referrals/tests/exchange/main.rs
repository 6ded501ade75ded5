//! Exchanges of referrals between access points: real doors, writers and stores on disk around a simulated bus.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failure here is what the test is for")]

mod acceptances;
mod areas;
mod attachments;
mod attachments_lost;
mod attacks;
mod beginning;
mod closed;
mod cost;
mod crossing;
mod deeds;
mod door;
mod due;
mod ending;
mod evidence;
mod groups;
mod handed_content;
mod handing_back;
mod ladder;
mod largest;
mod limits;
mod minors;
mod notified;
mod older;
mod onward;
mod programme;
mod reading;
mod requested;
mod resting;
mod restoring;
mod retention;
mod stories;
mod succession;
mod telephone;
mod traces;
mod unbelieved;
mod waking;
mod working;
mod world;
