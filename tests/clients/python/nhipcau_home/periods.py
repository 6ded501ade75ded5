"""SDMX periods of the calendar, in their short spelling and in the order of time (docs/indicators.md)."""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass

from nhipcau_verify.errors import Reason, VerificationError

#: From long to short, which is the order of periods that begin together.
_LENGTHS = ("A", "S", "Q", "M", "W", "D")
_PARTS = {"A": 1, "S": 2, "Q": 4, "M": 12}
_DIGITS = {"A": 1, "S": 1, "Q": 1, "M": 2, "W": 2, "D": 3}
_FORM = re.compile(r"(\d{4})(?:-(?:([ASQMWD])(\d{1,3})|(\d{2})(?:-(\d{2}))?))?\Z", re.ASCII)


@dataclass(frozen=True, order=True)
class Period:
    """A period by its first day and its length; the text is its short spelling."""

    first: datetime.date
    length: int
    text: str


def parse(spelled: str) -> Period:
    """Reads either spelling."""
    form = _FORM.match(spelled)
    try:
        if form is None:
            raise ValueError(spelled)
        year, kind, ordinal, month, day = form.groups()
        return _period(int(year), kind, ordinal, month, day)
    except ValueError:
        raise VerificationError(Reason.MALFORMED, "a period that is none") from None


def _period(year: int, kind: str | None, ordinal: str | None, month: str | None, day: str | None) -> Period:
    if kind is not None and ordinal is not None:
        if len(ordinal) != _DIGITS[kind]:
            raise ValueError(ordinal)
        return _part(year, kind, int(ordinal))
    if day is not None and month is not None:
        return _day(datetime.date(year, int(month), int(day)))
    return _part(year, "A", 1) if month is None else _part(year, "M", int(month))


def _part(year: int, kind: str, ordinal: int) -> Period:
    if kind == "W":
        monday = datetime.date.fromisocalendar(year, ordinal, 1)
        return Period(monday, _LENGTHS.index(kind), f"{year:04}-W{ordinal:02}")
    if kind == "D":
        day = datetime.date(year, 1, 1) + datetime.timedelta(days=ordinal - 1)
        if ordinal < 1 or day.year != year:
            raise ValueError(ordinal)
        return _day(day)
    if not 1 <= ordinal <= _PARTS[kind]:
        raise ValueError(ordinal)
    month = (ordinal - 1) * 12 // _PARTS[kind] + 1
    texts = {"A": f"{year:04}", "S": f"{year:04}-S{ordinal}", "Q": f"{year:04}-Q{ordinal}", "M": f"{year:04}-{month:02}"}
    return Period(datetime.date(year, month, 1), _LENGTHS.index(kind), texts[kind])


def _day(day: datetime.date) -> Period:
    return Period(day, _LENGTHS.index("D"), day.isoformat())
