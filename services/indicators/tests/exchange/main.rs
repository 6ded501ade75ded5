//! What the service promises between a publisher and two subscribers, on a bus that the test controls.

mod convergence;
mod publishing;
mod reading;
mod refusing;
mod world;
