"""Padding to named sizes, so that an onlooker learns a bucket and not a length.

Padding is the byte 0x80, then zeros, and at least the one byte. A sender takes the smallest bucket that fits; a
reader accepts any bucket of the lane, since the contract asks no more.
"""

from __future__ import annotations

from .contracts import envelope_pb as pb
from .errors import Reason, VerificationError, require

_MESSAGE_BUCKETS = (256, 1_536, 6_144, 24_576, 98_304, 262_144)
_BULK_BUCKETS = (*_MESSAGE_BUCKETS, 458_752)


def buckets(lane: int) -> tuple[int, ...]:
    """The padded lengths that a lane knows, rising."""
    return _BULK_BUCKETS if lane == pb.LANE_BULK else _MESSAGE_BUCKETS


def pad(content: bytes, lane: int) -> bytes:
    """Pads to the smallest bucket of the lane."""
    for bucket in buckets(lane):
        if len(content) < bucket:
            return content + b"\x80" + bytes(bucket - len(content) - 1)
    raise ValueError("content is larger than the lane allows")


def unpad(padded: bytes, lane: int) -> bytes:
    """Takes the padding off again."""
    require(len(padded) in buckets(lane), Reason.WRONG_BUCKET, "padded length is no bucket of the lane")
    content = padded.rstrip(b"\0")
    if not content.endswith(b"\x80"):
        raise VerificationError(Reason.BAD_PADDING, "padding is not 0x80 followed by zeros")
    return content[:-1]
