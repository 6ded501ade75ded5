//! The contracts of Nhịp Cầu as Rust types: generated at build time from `proto/nhipcau`, nothing by hand.
//! Conversions into types that hold their promises live in `nhipcau-domain`; no rule lives here.
//!
//! Every message whose contract states `buf.validate` rules implements [`Validate`]; [`violations`] lists what is
//! broken. A message without rules does not implement it, so that a check that checks nothing does not compile.

mod violation;

pub use prost_protovalidate::Validate;
pub use violation::{Violation, violations};

/// The encoded `FileDescriptorSet` of every contract, custom options and comments included.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

mod generated {
    #![allow(
        missing_docs,
        unreachable_pub,
        clippy::allow_attributes_without_reason,
        reason = "generated code; the contracts carry the comments"
    )]

    include!(concat!(env!("OUT_DIR"), "/contracts.rs"));
    include!(concat!(env!("OUT_DIR"), "/validate_impl.rs"));
}

pub use generated::google;
pub use generated::nhipcau::*;
