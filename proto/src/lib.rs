//! The contracts of Nhịp Cầu as Rust types: generated at build time from `proto/nhipcau`, nothing by hand.
//! Conversions into types that hold their promises live in `nhipcau-domain`; no rule lives here.
//!
//! Every message whose contract states `buf.validate` rules, of its own or in what it holds, implements [`Validate`];
//! [`violations`] lists what is broken. Most messages without rules do not implement it.

mod violation;

pub use prost_protovalidate::Validate;
pub use violation::{Violation, violations};

/// The encoded `FileDescriptorSet` of every contract, custom options and comments included.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

mod generated {
    #![allow(
        missing_docs,
        unreachable_pub,
        unused_mut,
        clippy::all,
        clippy::allow_attributes_without_reason,
        clippy::expect_used,
        rustdoc::broken_intra_doc_links,
        reason = "generated code; the contracts carry the comments, and patterns are compiled once at build time"
    )]

    include!(concat!(env!("OUT_DIR"), "/contracts.rs"));
    include!(concat!(env!("OUT_DIR"), "/validate_impl.rs"));
}

pub use generated::google;
pub use generated::nhipcau::*;
