//! What makes a process of an access point: configuration, telemetry, the gRPC door with named callers, the mapping
//! of refusals to statuses, chains of access records, key, directory and roster files, telling people on duty one
//! after the other, and an orderly end.
//!
//! Knows what no message means and decides about none. Promises that nobody comes in without a certificate and a role,
//! that every refusal carries a stable reason, and that shutting down is bounded. Nothing here is global: everything is
//! an argument.

pub mod access;
pub mod access_point;
pub mod caller;
pub mod clock;
pub mod config;
pub mod directory;
pub mod distribution;
pub mod keys;
pub mod metrics;
pub mod notify;
pub mod operations;
pub mod private_file;
pub mod process;
pub mod rosters;
pub mod server;
pub mod shutdown;
pub mod status;
pub mod telemetry;
pub mod trace;
pub mod traced;
pub mod validity;
pub mod waking;
