"""Why bytes are not what they claim to be: one error type with a closed set of reasons.

The reasons are part of the vector format (README.md); texts beside them are for people and never hold content.
"""

from __future__ import annotations

import enum


class Reason(enum.StrEnum):
    """A stable name for one kind of failure. Documented in README.md."""

    MALFORMED = "malformed"
    TOO_LARGE = "too-large"
    UNSUPPORTED_FORMAT = "unsupported-format"
    UNKNOWN_SUITE = "unknown-suite"
    WRONG_LENGTH = "wrong-length"
    BAD_ID = "bad-id"
    BAD_TIME = "bad-time"
    BAD_ROUTING = "bad-routing"
    BAD_POSITION = "bad-position"
    UNKNOWN_SIGNER = "unknown-signer"
    BAD_SIGNATURE = "bad-signature"
    WRONG_RECIPIENT = "wrong-recipient"
    PART_MISMATCH = "part-mismatch"
    WRONG_BUCKET = "wrong-bucket"
    UNKNOWN_SEALING_KEY = "unknown-sealing-key"
    UNWRAP_FAILED = "unwrap-failed"
    WRONG_COMMITMENT = "wrong-commitment"
    OPEN_FAILED = "open-failed"
    BAD_PADDING = "bad-padding"
    BAD_CONTROL = "bad-control"
    WRONG_CONTENT_DIGEST = "wrong-content-digest"
    MIXED_CHANNEL = "mixed-channel"
    SEQUENCE_GAP = "sequence-gap"
    WRONG_PREVIOUS = "wrong-previous"
    WRONG_INCARNATION = "wrong-incarnation"
    BAD_STATEMENT = "bad-statement"
    RECEIPT_GAP = "receipt-gap"
    WRONG_HEAD = "wrong-head"
    WRONG_REFUSAL = "wrong-refusal"
    NOT_THE_READERS = "not-the-readers"
    WRONG_ROOT = "wrong-root"
    UNDER_SIGNED = "under-signed"
    WRONG_VERSION = "wrong-version"
    BAD_RELEASE = "bad-release"
    BAD_REVOCATION = "bad-revocation"
    BAD_BULLETIN = "bad-bulletin"
    BAD_EVIDENCE = "bad-evidence"
    KEY_NOT_USABLE = "key-not-usable"
    NOT_AT_REST = "not-at-rest"


#: Reasons of what is no message, of which there are no vectors: the signed directory, evidence and bodies at rest.
WITHOUT_VECTORS = frozenset({
    Reason.WRONG_ROOT, Reason.UNDER_SIGNED, Reason.WRONG_VERSION, Reason.BAD_RELEASE, Reason.BAD_REVOCATION,
    Reason.BAD_BULLETIN, Reason.BAD_EVIDENCE, Reason.KEY_NOT_USABLE, Reason.NOT_AT_REST,
})


class VerificationError(Exception):
    """Bytes that do not verify or do not open. `reason` is stable, `detail` says where."""

    def __init__(self, reason: Reason, detail: str) -> None:
        """Keeps both apart, so that callers act on the reason and never on the text."""
        super().__init__(f"{reason.value}: {detail}")
        self.reason = reason
        self.detail = detail


def require(fact: bool, reason: Reason, detail: str) -> None:
    """Raises [`VerificationError`] unless `fact` holds."""
    if not fact:
        raise VerificationError(reason, detail)


def require_length(value: bytes, length: int, detail: str) -> None:
    """Raises unless a fixed-size field has its size."""
    require(len(value) == length, Reason.WRONG_LENGTH, f"{detail} has {len(value)} bytes instead of {length}")
