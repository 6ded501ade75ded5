"""What follows from the two logs of a branch: who answered for the child when, and what was promised, or is the law, and
did not happen so. The findings are those of docs/evidence.md, in its words for limits and responsibility in
docs/referrals.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from nhipcau_home.branch_fold import fold
from nhipcau_home.branch_log import Branch, Event
from nhipcau_home.branch_rules import objections, of_disclosure
from nhipcau_home.branch_state import Folded
from nhipcau_home.transitions import ORIGIN
from nhipcau_verify.contracts import referral_basis_pb as basis_pb
from nhipcau_verify.instant import nanoseconds, text_of

from .standing import Place

_SECOND = 1_000_000_000
#: By how much a clock may be ahead and still be believed.
TOLERANCE = 5 * 60 * _SECOND
#: How long an event may be without a receipt.
RECEIPT_WAIT = 15 * 60 * _SECOND
_WAITED_FOR = ("SUBMITTED", "RECEIVED", "ACKNOWLEDGED", "ACCEPTED", "ASSIGNED", "IN_SERVICE")
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


def findings(branch: Branch, folded: Folded, delivered: Mapping[Place, str], heard: int | None,
             made: int) -> Iterator[Finding]:
    """Everything that is found. `delivered` says what the other side has said of events, `heard` when the opening came
    there, if that is known."""
    yield from _limits(branch, folded, heard, made)
    yield from _handed(folded, delivered)
    for log in (branch.origin, branch.recipient):
        for event in log:
            yield from _unreceipted(event, delivered, made)
            yield from _unlawful(branch, event)


def span(nanos: int) -> str:
    """Days, hours, minutes and seconds."""
    seconds = nanos // _SECOND
    parts = ((seconds // 86_400, "d"), (seconds // 3_600 % 24, "h"), (seconds // 60 % 60, "min"), (seconds % 60, "s"))
    return " ".join(f"{count} {unit}" for count, unit in parts if count) or "less than 1 s"


def _limits(branch: Branch, folded: Folded, heard: int | None, made: int) -> Iterator[Finding]:
    runs = folded.state in _WAITED_FOR
    claimed = nanoseconds(branch.opening.message.event_time)
    # An opening that claims to be later than it came has a clock that is not believed: its times are reckoned from
    # when it came.
    ahead = claimed - heard if heard is not None and claimed - heard > TOLERANCE else 0
    ended = made if runs or folded.led_by is None else nanoseconds(folded.led_by.message.event_time)

    def over(stop: str, due: Any) -> tuple[str, str] | None:
        """By how much, and whether it goes on."""
        event = folded.stops.get(stop)
        end = ended if event is None else nanoseconds(event.message.event_time)
        by = end + ahead - nanoseconds(due)
        return (span(by), ", and is still open" if runs and event is None else "") if by > 0 else None

    for limit in branch.opening.message.opened.time_limits:
        passed = over(_stop(limit.stop), limit.due_time)
        if passed is not None:
            yield Finding("LIMIT_BROKEN", f"limit {limit.rule} ({limit.citation}) was passed by {passed[0]}{passed[1]}")
        passed = over("ACKNOWLEDGED", limit.acknowledge_due_time)
        if passed is not None:
            asked = f"no person had acknowledged as {limit.rule} asks ({limit.citation})"
            yield Finding("NO_PERSON", f"{asked}, by {passed[0]}{passed[1]}")


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


def _unlawful(branch: Branch, event: Event) -> Iterator[Finding]:
    """What is against an event with what its writer knew."""
    own, seen = int(event.message.ordinal) - 1, int(event.message.seen.ordinal)
    place = event.side, own + 1
    if place == (ORIGIN, 1):
        reasons = list(of_disclosure(branch, event, ""))
    else:
        read = (own, seen) if event.side == ORIGIN else (seen, own)
        known = Branch(branch.uid, branch.origin[:read[0]], branch.recipient[:read[1]])
        if not known.origin:
            # Its writer had not even the opening.
            known = Branch(branch.uid, branch.origin[:1], branch.recipient[:read[1]])
        reasons = objections(known, event, fold(known))
    for reason in reasons:
        if reason == "DISCLOSURE_TOO_EARLY":
            yield Finding("DISCLOSED_EARLY", f"origin {place[1]} discloses before the acceptance", place)
        else:
            yield Finding("UNLAWFUL", f"{place[0]} {place[1]} is against {reason}", place)

