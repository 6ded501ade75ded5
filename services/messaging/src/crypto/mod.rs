//! The cryptography of the protocol: signatures, sealing, padding, encryption at rest. Nothing here knows of
//! channels or stores, and nothing here invents a primitive.

pub mod padding;
pub mod rest;
pub mod seal;
pub mod sign;

/// Why a key could not be used. Says nothing of the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not an Ed25519 seed.
    #[error("the signing key is not usable")]
    Signing,
    /// A wrap or a part does not open, or a sealing key is not one.
    #[error("the sealed bytes do not open under this key")]
    Sealing,
    /// A body at rest does not open.
    #[error("the stored body does not open under its case key")]
    Rest,
}
