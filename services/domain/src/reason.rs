//! The stable reasons of refusals at the door: what `google.rpc.ErrorInfo.reason` carries. Every constant is
//! documented in `docs/errors.md`, held by a test; a published one never changes its meaning.


/// The file is not a directory release, revocation or attachment that this version can read.
pub const DIRECTORY_MALFORMED: &str = "DIRECTORY_MALFORMED";
/// Fewer than two signers of the trusted root have signed the release.
pub const DIRECTORY_UNDER_SIGNED: &str = "DIRECTORY_UNDER_SIGNED";
/// The release has another root, and that root is not vouched for.
pub const DIRECTORY_ROOT_REFUSED: &str = "DIRECTORY_ROOT_REFUSED";
/// The release is older than the one in use.
pub const DIRECTORY_ROLLED_BACK: &str = "DIRECTORY_ROLLED_BACK";
/// Two contents are signed where there must be one.
pub const DIRECTORY_CONFLICT: &str = "DIRECTORY_CONFLICT";
/// The release is signed, but its content does not hold together.
pub const DIRECTORY_INVALID: &str = "DIRECTORY_INVALID";
/// The release has expired and there is none that it succeeds.
pub const DIRECTORY_EXPIRED: &str = "DIRECTORY_EXPIRED";
/// The revocation is not signed by a key of the party that may revoke.
pub const DIRECTORY_REVOCATION_REFUSED: &str = "DIRECTORY_REVOCATION_REFUSED";
/// The release in use names no attached file with this digest.
pub const DIRECTORY_ATTACHMENT_UNKNOWN: &str = "DIRECTORY_ATTACHMENT_UNKNOWN";
