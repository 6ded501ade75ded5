"""What follows from the two logs of a branch: who answered for the child when, and what was promised, or is the law,
and did not happen so. The findings are those of docs/evidence.md, in its words for limits and responsibility in
docs/referrals.md.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from nhipcau_home.branch_fold import one_sequence, read_on
from nhipcau_home.branch_log import Branch, Event
from nhipcau_home.branch_rules import objections, of_disclosure
from nhipcau_home.branch_state import WAITED_FOR, Folded
from nhipcau_home.transitions import ORIGIN, RECIPIENT
from nhipcau_verify.contracts import referral_basis_pb as basis_pb
from nhipcau_verify.instant import nanoseconds, text_of

from .standing import Place

_SECOND = 1_000_000_000
#: By how much a clock may be ahead and still be believed.
TOLERANCE = 5 * 60 * _SECOND
#: How long an event may be without a receipt.
RECEIPT_WAIT = 15 * 60 * _SECOND
HELD, REFUSED = "held", "refused"


@dataclass(frozen=True)
class Tenure:
    """Who answered for the child from an event on."""

    side: str
    by: Event

    @property
    def place(self) -> Place:
        """The event by which it began."""
        return self.by.side, int(self.by.message.ordinal)


@dataclass(frozen=True)
class Finding:
    """Why somebody has to look at a branch, and the event that it is about; none where it follows from what is not
    there."""

    name: str
    text: str
    about: Place | None = None


def tenures(folded: Folded) -> list[Tenure]:
    """Who answered when, in order; no two of one side follow each other."""
    found: list[Tenure] = []
    for event, side in folded.history:
        if not found or found[-1].side != side:
            found.append(Tenure(side, event))
    return found


def findings(branch: Branch, folded: Folded, delivered: Mapping[Place, str], heard: Mapping[Place, int],
             made: int) -> Iterator[Finding]:
    """Everything that is found. `delivered` says what the other side has said of events, `heard` when those came there
    that begin time limits, as far as that is known."""
    yield from _limits(branch, folded, heard, made)
    yield from _handed(folded, delivered)
    for log in (branch.origin, branch.recipient):
        known = _Known(branch)
        for event in log:
            yield from _unreceipted(event, delivered, made)
            yield from _unlawful(known, event)


def span(nanos: int) -> str:
    """Days, hours, minutes and seconds."""
    seconds = nanos // _SECOND
    parts = ((seconds // 86_400, "d"), (seconds // 3_600 % 24, "h"), (seconds // 60 % 60, "min"), (seconds % 60, "s"))
    return " ".join(f"{count} {unit}" for count, unit in parts if count) or "less than 1 s"


def _limits(branch: Branch, folded: Folded, heard: Mapping[Place, int], made: int) -> Iterator[Finding]:
    runs = folded.state in WAITED_FOR
    limits = [(limit, branch.opening) for limit in branch.opening.message.opened.time_limits]
    for limit, by in [*limits, *folded.begun]:
        ahead = _ahead(by, heard)

        def over(stop: str, due: Any, by: Event = by, ahead: int = ahead) -> tuple[str, str] | None:
            """By how much, and whether it goes on. An answer ends what an answer began as the same clock has it."""
            event = folded.stops.get(stop)
            ended = event or folded.ended_by
            end = made if ended is None else nanoseconds(ended.message.event_time)
            if ended is None or (ended.side, by.side) != (RECIPIENT, RECIPIENT):
                end += ahead
            late = end - nanoseconds(due)
            return (span(late), ", and is still open" if runs and event is None else "") if late > 0 else None

        passed = over(_stop(limit.stop), limit.due_time)
        if passed is not None:
            text = f"limit {limit.rule} ({_one_line(limit.citation)}) was passed by {passed[0]}{passed[1]}"
            yield Finding("LIMIT_BROKEN", text)
        # What an answer began asks for no other person.
        passed = over("ACKNOWLEDGED", limit.acknowledge_due_time) if by is branch.opening else None
        if passed is not None:
            asked = f"no person had acknowledged as {limit.rule} asks ({_one_line(limit.citation)})"
            yield Finding("NO_PERSON", f"{asked}, by {passed[0]}{passed[1]}")


def _ahead(event: Event, heard: Mapping[Place, int]) -> int:
    """By how much the clock of an event is not believed that begins limits: what claims to be later than it came is
    reckoned from when it came."""
    claimed = nanoseconds(event.message.event_time)
    by = claimed - heard.get((event.side, int(event.message.ordinal)), claimed)
    return by if by > TOLERANCE else 0


def _one_line(text: str) -> str:
    """Text of others, of which an end of line begins no line of what is printed."""
    return "".join(" " if unicodedata.category(sign) == "Cc" else sign for sign in text)


def _stop(number: int) -> str:
    """The name of a stop; an unknown one never comes."""
    known = number in basis_pb.TimeLimitStop.values()
    return basis_pb.TimeLimitStop.Name(number).removeprefix("TIME_LIMIT_STOP_") if known else ""


def _handed(folded: Folded, delivered: Mapping[Place, str]) -> Iterator[Finding]:
    """Hand-overs that the other side never took. Whoever takes the child back knows it without a receipt."""
    for tenure in tenures(folded)[1:]:
        side, ordinal = tenure.place
        if side != tenure.side and delivered.get(tenure.place) != HELD:
            since = text_of(nanoseconds(tenure.by.message.event_time))
            text = f"{side} {ordinal} handed over at {since}, and the other side did not take it"
            yield Finding("RESPONSIBILITY_GAP", text, tenure.place)


def _unreceipted(event: Event, delivered: Mapping[Place, str], made: int) -> Iterator[Finding]:
    place = event.side, int(event.message.ordinal)
    became = delivered.get(place)
    waits = became is None and made - nanoseconds(event.message.event_time) > RECEIPT_WAIT
    if waits or became == REFUSED:
        how = "was refused" if became == REFUSED else "has no receipt"
        yield Finding("UNRECEIPTED", f"{place[0]} {place[1]} ({event.name}) {how}", place)


def _unlawful(known: _Known, event: Event) -> Iterator[Finding]:
    """What is against an event with what its writer knew."""
    place = event.side, int(event.message.ordinal)
    for reason in known.against(event):
        if reason == "DISCLOSURE_TOO_EARLY":
            yield Finding("DISCLOSED_EARLY", f"{place[0]} {place[1]} discloses before the acceptance", place)
        else:
            yield Finding("UNLAWFUL", f"{place[0]} {place[1]} is against {reason}", place)


class _Known:
    """What the writer of each event of a log knew. Read on from one event to the next where what comes with it follows
    what was read, and from the beginning where it crossed it."""

    def __init__(self, branch: Branch) -> None:
        """Begins with nothing."""
        self._branch = branch
        self._read: list[int] = []
        self._folded = Folded(branch.kind)

    def against(self, event: Event) -> list[str]:
        """The reasons against an event, each once."""
        own, seen = int(event.message.ordinal) - 1, int(event.message.seen.ordinal)
        if (event.side, own) == (ORIGIN, 0):
            return list(dict.fromkeys(of_disclosure(self._branch, event, "")))
        read = (own, seen) if event.side == ORIGIN else (seen, own)
        # Without even the opening, its writer knew a branch that was just submitted.
        known = Branch(self._branch.uid, self._branch.origin[:max(read[0], 1)], self._branch.recipient[:read[1]])
        return objections(known, event, self._fold(known))

    def _fold(self, known: Branch) -> Folded:
        # Some rules ask whether there is anything of the recipient at all, wherever it is read.
        events = list(one_sequence(known))
        order = [int(bool(known.recipient)), *map(id, events)]
        if order[:len(self._read)] != self._read:
            self._read, self._folded = order[:1], Folded(known.kind)
        read_on(known, events[len(self._read[1:]):], self._folded)
        self._read = order
        return self._folded
