//! What the service promises between a publisher and two subscribers, on a bus that the test controls.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failure here is what the test is for")]

mod convergence;
mod door;
mod publishing;
mod reading;
mod refusing;
mod untouched;
mod waiting;
mod world;
