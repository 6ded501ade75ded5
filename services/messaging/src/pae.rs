//! The type strings of what messaging signs and hashes, for the encoding that the directory is signed under as well.

pub use nhipcau_domain::pae::{Digest, digest_of, pae, sha256};

/// Type string of a channel's envelope signature.
pub const ENVELOPE: &[u8] = b"nhipcau/1/envelope";
/// Type string of a Return's signature.
pub const RETURN: &[u8] = b"nhipcau/1/return";
/// Type string of a receipt's signature.
pub const RECEIPT: &[u8] = b"nhipcau/1/receipt";
/// Type string of a status's signature.
pub const STATUS: &[u8] = b"nhipcau/1/status";
/// Type string of an inquiry's signature.
pub const INQUIRY: &[u8] = b"nhipcau/1/inquiry";
/// Type string of an account's signature.
pub const ACCOUNT: &[u8] = b"nhipcau/1/account";
/// Type string of the signature of a file of evidence.
pub const EVIDENCE: &[u8] = b"nhipcau/1/evidence";
pub(crate) const POSITIONS: &[u8] = b"nhipcau/1/positions";
pub(crate) const ENVELOPE_DIGEST: &[u8] = b"nhipcau/1/digest";
pub(crate) const RECEIPT_DIGEST: &[u8] = b"nhipcau/1/receipt-digest";
pub(crate) const WRAP: &[u8] = b"nhipcau/1/wrap";
pub(crate) const PART: &[u8] = b"nhipcau/1/part";
pub(crate) const CONTENT: &[u8] = b"nhipcau/1/content";
pub(crate) const ID: &[u8] = b"nhipcau/1/id";
pub(crate) const REST: &[u8] = b"nhipcau/1/rest";
