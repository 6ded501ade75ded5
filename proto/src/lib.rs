//! The contracts of Nhịp Cầu as Rust types: generated at build time from `proto/nhipcau`, nothing by hand.
//! Conversions into types that hold their promises live in `nhipcau-domain`; no rule lives here.
#![allow(missing_docs, clippy::allow_attributes_without_reason, reason = "generated code; the contracts carry the comments")]

/// The encoded `FileDescriptorSet` of every contract, custom options and comments included.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

include!(concat!(env!("OUT_DIR"), "/contracts.rs"));

pub use nhipcau::*;
