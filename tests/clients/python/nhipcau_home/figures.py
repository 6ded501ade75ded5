"""What submissions make of observations: every revision, and what holds now (docs/indicators.md).

A replay: nothing is read from a store but the envelopes. A later directory release changes nothing of it, since what
was accepted once keeps its meaning.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field

from nhipcau_verify.contracts import indicator_pb as pb

from . import periods
from .periods import Period
from .submissions import Row, Submission


@dataclass(frozen=True)
class State:
    """What an observation is: a value, empty where there is none, and attributes."""

    value: str
    attributes: tuple[tuple[str, str], ...]

    def merged(self, given: State) -> State:
        """What a MERGE makes of it."""
        return State(given.value or self.value, tuple(sorted({**dict(self.attributes), **dict(given.attributes)}.items())))

    def without(self, named: State) -> State | None:
        """What a DELETE leaves: the whole goes unless parts of it are named."""
        if not named.value and not named.attributes:
            return None
        gone = dict(named.attributes)
        left = State("" if named.value else self.value, tuple(item for item in self.attributes if item[0] not in gone))
        return left if left.value or left.attributes else None


#: Structure, provider and key.
SeriesName = tuple[str, str, str]


@dataclass
class Figures:
    """Observations by series and period: by submission what each left of it, none where it deleted it."""

    revisions: dict[tuple[SeriesName, Period], dict[bytes, State | None]] = field(default_factory=dict)

    def apply(self, submission: Submission) -> None:
        """Applies a submission on top of those before it."""
        for row in submission.rows:
            given = State(row.value, row.attributes)
            if row.action == pb.ACTION_DELETE:
                self._delete(submission, row, given)
                continue
            name = (submission.structure, submission.provider, row.key)
            at = (name, periods.parse(row.period))
            now = self.now(at) if row.action == pb.ACTION_MERGE else None
            self.revisions.setdefault(at, {})[submission.id] = now.merged(given) if now else given

    def now(self, at: tuple[SeriesName, Period]) -> State | None:
        """What the last submission left of an observation."""
        states = list(self.revisions.get(at, {}).values())
        return states[-1] if states else None

    def current(self) -> dict[tuple[SeriesName, Period], State]:
        """The observations that there are now."""
        states = ((at, self.now(at)) for at in self.revisions)
        return {at: state for at, state in states if state is not None}

    def _delete(self, submission: Submission, row: Row, named: State) -> None:
        wanted = periods.parse(row.period) if row.period else None
        for (name, period), states in self.revisions.items():
            structure, provider, key = name
            theirs = (structure, provider) == (submission.structure, submission.provider)
            now = self.now((name, period))
            if theirs and _matches(row.key, key) and wanted in (None, period) and now is not None:
                states[submission.id] = now.without(named)


def replay(submissions: Iterable[Submission]) -> Figures:
    """Applies submissions that stand in their order."""
    figures = Figures()
    for submission in submissions:
        figures.apply(submission)
    return figures


def digest(figures: Figures) -> tuple[int, str]:
    """How many observations there are, and one digest of them all: SHA-256 over lines in the order of their bytes,
    each the structure, key, period, value and NAME=value of every attribute, joined by U+001F."""
    lines = sorted(_line(name, period, state) for (name, period), state in figures.current().items())
    return len(lines), hashlib.sha256(b"".join(lines)).hexdigest()


def _line(name: SeriesName, period: Period, state: State) -> bytes:
    attributes = [f"{attribute}={text}" for attribute, text in state.attributes if text]
    return ("\x1f".join([name[0], name[2], period.text, state.value, *attributes]) + "\n").encode()


def _matches(pattern: str, key: str) -> bool:
    """Whether a deletion names a key: an empty part stands for every code."""
    parts, codes = pattern.split("."), key.split(".")
    return not pattern or (len(parts) == len(codes) and all(part in ("", code) for part, code in zip(parts, codes)))
