//! What messaging promises between three access points, on a bus that the test controls: exactly one effect, in
//! order, or a signed refusal.

mod delivery;
mod disbelief;
mod recovery;
mod world;
