"""Instants as whole nanoseconds since 1970, which is all that comparing signed times takes."""

from __future__ import annotations

import datetime
from typing import Any

_SECOND = 1_000_000_000
_EPOCH = datetime.datetime(1970, 1, 1)


def nanoseconds(time: Any) -> int:
    """A protobuf Timestamp as nanoseconds."""
    return int(time.seconds) * _SECOND + int(time.nanos)


def microseconds(time: Any) -> int:
    """A protobuf Timestamp as whole microseconds, as stores keep it."""
    return nanoseconds(time) // 1_000


def text(time: Any) -> str:
    """RFC 3339 in UTC; the fraction as long as it needs to be."""
    return text_of(nanoseconds(time))


def text_of(instant: int) -> str:
    """The same of nanoseconds since 1970."""
    seconds, nanos = divmod(instant, _SECOND)
    whole = (_EPOCH + datetime.timedelta(seconds=seconds)).isoformat(timespec="seconds")
    fraction = f".{nanos:09d}".rstrip("0").rstrip(".")
    return f"{whole}{fraction}Z"
