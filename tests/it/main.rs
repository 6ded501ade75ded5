//! What holds for the project as a whole: the layers, the contracts, the sources, the deployment files. Promises of
//! one crate are tested in that crate.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, in what its functions share too"
)]

mod contracts;
mod delivery;
mod deploy;
mod generation;
mod layering;
mod links;
mod manifests;
mod mutants;
mod poison;
mod postgres;
mod provisioning;
mod repository;
mod sources;
mod transport;
mod validation;
