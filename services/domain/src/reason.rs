//! The stable reasons of refusals at the door: what `google.rpc.ErrorInfo.reason` carries. Every constant is
//! documented in `docs/errors.md`, held by a test; a published one never changes its meaning.

