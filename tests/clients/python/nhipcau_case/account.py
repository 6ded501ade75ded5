"""What a file of evidence says, as the document that `nhipcau verify FILE --json` writes."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from nhipcau_home import branch_log
from nhipcau_home.branch_fold import fold
from nhipcau_home.branch_log import Branch, Event
from nhipcau_home.transitions import ORIGIN, RECIPIENT
from nhipcau_verify.contracts import referral_pb, referral_work_pb
from nhipcau_verify.errors import Reason, require, require_length
from nhipcau_verify.instant import nanoseconds, text, text_of

from . import file, judgement, standing, told
from .file import File
from .judgement import HELD, REFUSED, Finding
from .standing import TOLD, Place, Standings
from .told import NOT_SERVED, SIDES, UNKEPT, Told

_HOLDERS = {referral_pb.SIDE_ORIGIN: ORIGIN, referral_pb.SIDE_RECIPIENT: RECIPIENT}
#: Findings that follow from what is not there, of the whole branch.
_OF_ALL = ("LIMIT_BROKEN", "NO_PERSON")
#: Findings that rest on what receipts say of an event.
_OF_RECEIPTS = ("UNRECEIPTED", "RESPONSIBILITY_GAP")


@dataclass(frozen=True)
class _Read:
    """A branch with what speaks for its events."""

    branch: Branch
    holder: str
    events: dict[Place, Told]
    standings: Standings
    #: Its events in the order in which the rules read them, with their number in it.
    order: dict[Place, int]

    @cached_property
    def first_told(self) -> int | None:
        """From where on in that order everything is told: a told event may stand in any other's place."""
        places = (index for place, index in self.order.items() if self.standing(place) == TOLD)
        return next(places, None)

    def standing(self, place: Place) -> str:
        """How well an event is known."""
        return self.standings.standing(self.events[place])

    def is_told(self, place: Place) -> bool:
        """Whether what follows from an event is the word of who made the file."""
        return self.first_told is not None and self.first_told <= self.order[place]


def read(data: bytes, fingerprint: bytes, now: int) -> dict[str, Any]:
    """Verifies a file under the fingerprint of the directory's first root, at a time, and says what it proves."""
    opened = file.read(data, fingerprint, now)
    evidence, newest = opened.evidence, opened.release
    branches, known = [], set()
    for wire in evidence.branches:
        require_length(wire.branch_uid, 16, "branch")
        require(wire.holder in _HOLDERS, Reason.BAD_EVIDENCE, "a branch that neither side holds")
        require((wire.branch_uid, wire.holder) not in known, Reason.BAD_EVIDENCE, "a branch that is there twice")
        known.add((wire.branch_uid, wire.holder))
        branches.append(_branch(wire, opened))
    later = list(_later(opened))
    head = evidence.access_head if evidence.HasField("access_head") else None
    return {
        "case": str(uuid.UUID(bytes=evidence.case_uid)),
        "access_point": evidence.access_point,
        "make_time": text(evidence.make_time),
        "directory_version": newest.version,
        "directory_time": text(newest.message.issue_time),
        "branches": branches,
        "findings": later,
        "access_records": None if head is None else head.records,
        "access_head": None if head is None else head.digest.hex(),
        "finding_count": len(later) + sum(len(branch["findings"]) for branch in branches),
    }


def _branch(wire: Any, opened: File) -> dict[str, Any]:
    found = _read(wire, opened)
    branch, opening = found.branch, found.branch.opening
    folded = fold(branch)
    units = {ORIGIN: opening.writer, RECIPIENT: branch.addressed}
    answers = judgement.tenures(folded)
    concerns = judgement.findings(branch, folded, _delivered(found), _heard(found), opened.made)
    return {
        "branch": str(uuid.UUID(bytes=branch.uid)),
        "kind": branch.kind,
        "origin": units[ORIGIN],
        "recipient": units[RECIPIENT],
        "holder": found.holder,
        "state": folded.state,
        "one_for_both": found.standings.one_for_both,
        "events": [_event(found, place) for place in found.order],
        "responsible": [{
            "since": text(tenure.by.message.event_time),
            "unit": units[tenure.side],
            "standing": found.standing(tenure.place),
            "told": found.is_told(tenure.place),
        } for tenure in answers],
        "findings": [*_marked(found, concerns)],
    }


def _read(wire: Any, opened: File) -> _Read:
    """Reads both logs, checks them against each other, and follows the signatures."""
    case, carriage, release = opened.evidence.case_uid, opened.carriage, opened.release
    successors = told.successors_of(wire.recipient)
    logs = {side: told.log(log, case, wire.branch_uid, side, carriage, release, successors)
            for side, log in zip(SIDES, (wire.origin, wire.recipient), strict=True)}
    branch = Branch(wire.branch_uid, *([item.event for item in logs[side]] for side in SIDES))
    branch_log.check(branch)
    opening = branch.opening.message
    hosts = {ORIGIN: told.host(release, opening.owner), RECIPIENT: told.host(release, branch.recipients[-1])}
    standings = standing.of(logs, hosts, release, opened.evidence.access_point)
    events = {standing.place_of(item): item for log in logs.values() for item in log}
    order = {_place(event): index for index, (event, _) in enumerate(fold(branch).history)}
    return _Read(branch, _HOLDERS[wire.holder], events, standings, order)


def _place(event: Event) -> Place:
    return event.side, int(event.message.ordinal)


def _event(found: _Read, place: Place) -> dict[str, Any]:
    item = found.events[place]
    message, delivery = item.event.message, item.delivery
    return {
        "time": text(message.event_time),
        "side": place[0],
        "ordinal": place[1],
        "event": item.event.name,
        "person": message.actor.person or None,
        "said": _said(item.event),
        "standing": found.standing(place),
        "signers": found.standings.signers(place),
        "doubt": item.doubt,
        "masked": item.is_masked,
        "receive_time": None if delivery is None else text_of(delivery.time),
        "refused": None if delivery is None else delivery.refused,
    }


def _said(event: Event) -> str | None:
    """A work as its unit says it, and an acknowledgement by telephone as the origin says it."""
    if event.name == "telephone_acknowledgement_recorded":
        said = event.message.telephone_acknowledgement_recorded.acknowledgement
        return f"the origin's word: {said.person} as {said.role} by telephone, {text(said.acknowledge_time)}"
    if event.name != "work_recorded":
        return None
    work = event.message.work_recorded.work
    kind = referral_work_pb.WorkKind.Name(work.kind).removeprefix("WORK_KIND_")
    conclusion = referral_work_pb.ReviewConclusion.Name(work.conclusion).removeprefix("REVIEW_CONCLUSION_")
    came = f": {conclusion}" if work.conclusion else ""
    return f"{kind} as {work.role}, done {text(work.work_time)}{came}"


def _heard(found: _Read) -> dict[Place, int]:
    """When the opening, and each answer with time limits, had come: by its receipt, or before the first that the other
    side is proven to have said after it."""
    heard = {}
    for place, item in found.events.items():
        message, side = item.event.message, place[0]
        if place != (ORIGIN, 1) and not (side == RECIPIENT and (message.time_limits or message.limit_refusals)):
            continue
        after = [nanoseconds(other.event.message.event_time) for (by, _), other in found.events.items()
                 if by != side and other.doubt is None
                 and (side == ORIGIN or other.event.message.seen.ordinal >= place[1])]
        if item.delivery is not None and item.event.travelled is None:
            heard[place] = item.delivery.time
        elif after:
            heard[place] = min(after)
    return heard


def _delivered(found: _Read) -> dict[Place, str]:
    """What the other side has said of events. Whoever names one holds it, whatever receipts say."""
    said = {}
    for place, item in found.events.items():
        if found.standings.is_named(place):
            said[place] = HELD
        elif item.delivery is not None:
            said[place] = HELD if item.delivery.refused is None else REFUSED
    return said


def _marked(found: _Read, concerns: Iterable[Finding]) -> Iterable[dict[str, Any]]:
    """The findings, and which of them are told."""
    some = found.first_told is not None
    for finding in concerns:
        about = finding.about
        if about is None or finding.name in _OF_ALL:
            is_told = some
        else:
            unkept = finding.name in _OF_RECEIPTS and found.events[about].doubt in (UNKEPT, NOT_SERVED)
            is_told = found.is_told(about) or unkept
        yield {"finding": finding.name, "text": finding.text, "told": is_told}
    if some:
        count = sum(found.standing(place) == TOLD for place in found.order)
        what = f"{count} of {len(found.order)} events are the word of who made the file, and of nobody else"
        yield {"finding": "NOT_ALL_PROVEN", "text": what, "told": True}


def _later(opened: File) -> Iterable[dict[str, Any]]:
    """What in a file is later than the file."""
    others = [(at, name) for name, at in opened.carriage.last_signed.items()
              if at - opened.made > judgement.TOLERANCE]
    issued = nanoseconds(opened.release.message.issue_time)
    if others:
        at, name = max(others)
        yield _found_later("SIGNED_LATER", f"{name} signed something at {text_of(at)}")
    if issued - opened.made > judgement.TOLERANCE:
        yield _found_later("ISSUED_LATER", f"the newest release in it was drawn up at {text_of(issued)}")


def _found_later(name: str, what: str) -> dict[str, Any]:
    return {"finding": name, "text": f"{what}, after this was made: a clock is wrong, or one lies", "told": False}

