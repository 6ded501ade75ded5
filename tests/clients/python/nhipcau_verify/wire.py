"""Parsing and the small rules that envelopes, receipts and status share.

Fields that these contracts do not know are ignored, as protobuf promises to newer senders; whatever a signature
covers is kept as the bytes that came, because serialized protobuf has no canonical form.
"""

from __future__ import annotations

import re
from typing import Any

from google.protobuf.message import DecodeError

from .contracts import envelope_pb as pb
from .errors import Reason, VerificationError, require, require_length

BROADCAST = "all"
ZERO_DIGEST = bytes(32)
# 0001-01-01T00:00:00Z and 9999-12-31T23:59:59Z
_FIRST_SECOND, _LAST_SECOND = -62_135_596_800, 253_402_300_799
_LABEL = re.compile(r"[a-z0-9-]{1,32}\Z")
_CONTRACT = re.compile(r"nhipcau\.[a-z]{1,32}\.v[1-9][0-9]{0,3}\Z")
_KIND = re.compile(r"[A-Z_]{0,32}")
_COUNT_LIMIT = 1 << 62


def parse(kind: Any, data: bytes) -> Any:
    """Parses a message of class `kind`."""
    try:
        return kind.FromString(data)
    except DecodeError:
        raise VerificationError(Reason.MALFORMED, f"does not parse as {kind.DESCRIPTOR.full_name}") from None


def require_access_point(name: str, detail: str) -> None:
    """Refuses what cannot name an access point."""
    fits = _LABEL.match(name) is not None and name != BROADCAST
    require(fits, Reason.BAD_ROUTING, f"{detail} is not an access point")


def require_label(text: str, reason: Reason, detail: str) -> None:
    """Refuses what has not the syntax of the directory's identifiers."""
    require(_LABEL.match(text) is not None, reason, f"{detail} is not an identifier")


def require_contract(text: str, reason: Reason, detail: str) -> None:
    """Refuses what cannot name a contract."""
    require(_CONTRACT.match(text) is not None, reason, f"{detail} is not a contract")


def require_kind(text: str, reason: Reason) -> None:
    """Refuses what cannot name a kind of a contract; none is named by nothing."""
    require(_KIND.fullmatch(text) is not None, reason, "not a kind")


def require_counts(reason: Reason, *counts: int) -> None:
    """Refuses numbers that stores cannot keep."""
    require(max(counts) < _COUNT_LIMIT, reason, "a number is 2^62 or larger")


def require_lane(lane: int) -> None:
    """Refuses a lane that does not exist; the list is frozen."""
    require(lane in (pb.LANE_MESSAGES, pb.LANE_BULK), Reason.BAD_ROUTING, "no such lane")


def require_optional(value: bytes, length: int, detail: str) -> None:
    """Refuses a field that is neither empty nor of its size."""
    if value:
        require_length(value, length, detail)


def require_message_id(value: bytes, detail: str) -> None:
    """Refuses what is not a UUIDv8 in 16 bytes."""
    require_length(value, 16, detail)
    require(value[6] >> 4 == 8 and value[8] >> 6 == 2, Reason.BAD_ID, f"{detail} is not a UUIDv8")


def require_time(message: Any, field: str) -> None:
    """Refuses a message without this time, or with one that protobuf does not allow."""
    time = getattr(message, field)
    fits = _FIRST_SECOND <= time.seconds <= _LAST_SECOND and 0 <= time.nanos < 1_000_000_000
    require(message.HasField(field) and fits, Reason.BAD_TIME, f"{field} is missing or out of range")
