"""Padding to named sizes, so that an onlooker learns a bucket and not a length.

Padding is the byte 0x80, then zeros, and at least the one byte. Only the smallest bucket that fits is right, so that
a content has one padded form.
"""

from __future__ import annotations

from .contracts import envelope_pb as pb
from .errors import Reason, require

_MESSAGE_BUCKETS = (256, 1_536, 6_144, 24_576, 98_304, 262_144)
_ALL_BUCKETS = (*_MESSAGE_BUCKETS, 458_752)


def buckets(lane: int) -> tuple[int, ...]:
    """The padded lengths that a lane knows, rising. A return stands on no lane and knows all."""
    return _MESSAGE_BUCKETS if lane == pb.LANE_MESSAGES else _ALL_BUCKETS


def pad(content: bytes, lane: int) -> bytes:
    """Pads to the smallest bucket of the lane."""
    bucket = _smallest(content, lane)
    return content + b"\x80" + bytes(bucket - len(content) - 1)


def unpad(padded: bytes, lane: int) -> bytes:
    """Takes the padding off again."""
    require(len(padded) in buckets(lane), Reason.WRONG_BUCKET, "padded length is no bucket of the lane")
    marked = padded.rstrip(b"\0")
    require(marked.endswith(b"\x80"), Reason.BAD_PADDING, "padding is not 0x80 followed by zeros")
    content = marked[:-1]
    smallest = _smallest(content, lane) == len(padded)
    require(smallest, Reason.WRONG_BUCKET, "padded to a larger bucket than needed")
    return content


def _smallest(content: bytes, lane: int) -> int:
    for bucket in buckets(lane):
        if len(content) < bucket:
            return bucket
    raise ValueError("content is larger than the lane allows")
