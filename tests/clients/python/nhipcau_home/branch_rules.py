"""What an event of a branch needs beside the transition table, written from docs/referrals.md: a person, a pending
request, room in its log, parts of the tier, a basis that covers them.

Each rule gives the reason that docs/errors.md has for it, so that a verifier can say what an event was against.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from nhipcau_verify.contracts import referral_basis_pb as basis_pb
from nhipcau_verify.contracts import referral_pb as pb
from nhipcau_verify.contracts import referral_work_pb as work_pb
from nhipcau_verify.instant import nanoseconds

from .branch_log import Branch, Event
from .branch_state import SERVING, Folded
from .transitions import tables

#: Events of a log after which none is taken that would change no state.
MOST_EVENTS = 1_000
_PREVIEW = frozenset({pb.REFERRAL_PART_PREVIEW})
_LATER = frozenset({pb.REFERRAL_PART_IDENTITY, pb.REFERRAL_PART_NARRATIVE})
_ALL = _PREVIEW | _LATER | {pb.REFERRAL_PART_REPORTER}
_WORK = frozenset({pb.REFERRAL_PART_WORK})
#: Works of a branch, and words by telephone, after which no other is taken.
MOST_WORK, MOST_WORDS = 100, 16
#: By how much another clock may be ahead, in nanoseconds.
_TOLERANCE = 300 * 1_000_000_000
_WITH_PARTS = ("opened", "disclosure_added", "emergency_released")
#: What consent has to cover for a part; a reporter speaks for himself.
_SCOPES = {
    pb.REFERRAL_PART_PREVIEW: basis_pb.CONSENT_SCOPE_SERVICES,
    pb.REFERRAL_PART_IDENTITY: basis_pb.CONSENT_SCOPE_IDENTITY,
    pb.REFERRAL_PART_NARRATIVE: basis_pb.CONSENT_SCOPE_NARRATIVE,
}


def objections(branch: Branch, event: Event, folded: Folded) -> list[str]:
    """Every reason against an event where both logs amount to this, in alphabetical order."""
    found = {*_of_table(branch, event, folded), *_of_conditions(branch, event, folded)}
    return sorted(found | set(of_disclosure(branch, event, folded.state)))


def of_disclosure(branch: Branch, event: Event, state: str) -> Iterator[str]:
    """The reasons against the parts of an event in a state; of the opening, in none."""
    parts, tier = [item.part for item in event.message.parts], _tier(branch.kind, event.name, state)
    basis = _basis(branch, event)
    for place, part in enumerate(parts):
        if part in parts[:place]:
            yield "PART_REPEATED"
        elif part not in tier:
            yield "DISCLOSURE_TOO_EARLY"
        elif not _covers(basis, part):
            yield "BASIS_SCOPE"
    if event.name in _WITH_PARTS and not parts or event.name == "opened" and not _PREVIEW <= set(parts):
        yield "PART_MISSING"
    if parts and basis.HasField("consent"):
        yield from _out_of_time(basis.consent, nanoseconds(event.message.event_time))


def _of_table(branch: Branch, event: Event, folded: Folded) -> Iterator[str]:
    rule = tables()[branch.kind][event.name]
    done = rule.by_state.get(folded.state)
    if rule.side != event.side:
        yield "WRONG_SIDE"
    elif done is None:
        yield rule.refusals.get(folded.state, "WRONG_STATE")
    elif done.waits_for:
        waits = {waiting.name for _, waiting in folded.waiting}
        if waits & {event.name, "completed"}:
            yield "WRONG_STATE"
    elif done.stays and event.message.ordinal > MOST_EVENTS:
        first_answer = event.name == "withdrawal_answered" and not folded.withdrawal_is_answered
        if event.name not in ("erased", "moved") and not first_answer and not _ends_review(event, folded):
            yield "TOO_MANY"


def _of_conditions(branch: Branch, event: Event, folded: Folded) -> Iterator[str]:
    """The conditions of the document's last table."""
    message, name = event.message, event.name
    asks = folded.hand_back_was_asked and folded.state in SERVING
    broken = {
        "acknowledged": {"PERSON_REQUIRED": not message.actor.person},
        "hand_back_taken": {"PERSON_REQUIRED": not message.actor.person, "NO_HAND_BACK_REQUESTED": not asks},
        "consent_withdrawn": {"BASIS_NOT_CONSENT": not _opened_on(branch).HasField("consent")},
        "revocation_granted": {"NO_REVOCATION_REQUESTED": not folded.revocation_is_pending},
        "revocation_refused": {"NO_REVOCATION_REQUESTED": not folded.revocation_is_pending},
        "hand_back_requested": {"HAND_BACK_REQUESTED": folded.hand_back_was_asked},
        "returned": {"OPENING_STORED": bool(branch.recipient)},
        "erased": {"ERASURE_NOT_DUE": folded.is_erased},
        "withdrawal_answered": {"WRONG_STATE": not folded.consent_is_withdrawn},
        "unattended": {"WRONG_STATE": folded.is_unattended},
        "completed": {"REVIEW_OPEN": folded.review_is_open},
        "work_recorded": _of_work(event, folded),
        "telephone_acknowledgement_recorded": _of_word(event, folded),
        "emergency_released": {"BASIS_NOT_VITAL": not message.lawful_basis.HasField("vital_interest")},
    }
    return (reason for reason, holds in broken.get(name, {}).items() if holds)


def _of_work(event: Event, folded: Folded) -> dict[str, bool]:
    """What is against recording a work, beside the table."""
    message, work = event.message, event.message.work_recorded.work
    is_review = work.kind == work_pb.WORK_KIND_REVIEW
    return {
        "PERSON_REQUIRED": not message.actor.person,
        "TIME_IN_FUTURE": nanoseconds(work.work_time) - nanoseconds(message.event_time) > _TOLERANCE,
        "PLAN_MISSING": work.kind == work_pb.WORK_KIND_PLAN_APPROVED and not folded.plan_is_drafted,
        "PART_MISSING": is_review and not message.parts,
        "TOO_MANY": folded.works >= MOST_WORK and not _ends_review(event, folded),
        "WRONG_STATE": any(waiting.name == "completed" for _, waiting in folded.waiting),
    }


def _of_word(event: Event, folded: Folded) -> dict[str, bool]:
    """What is against recording a word by telephone, beside the table."""
    message, said = event.message, event.message.telephone_acknowledgement_recorded.acknowledgement
    return {
        "PERSON_REQUIRED": not message.actor.person,
        "TIME_IN_FUTURE": nanoseconds(said.acknowledge_time) - nanoseconds(message.event_time) > _TOLERANCE,
        "TOO_MANY": folded.words >= MOST_WORDS,
    }


def _ends_review(event: Event, folded: Folded) -> bool:
    """Whether a work ends a review that is open."""
    if event.name != "work_recorded" or not folded.review_is_open:
        return False
    return bool(event.message.work_recorded.work.conclusion == work_pb.REVIEW_CONCLUSION_CLOSE)


def _tier(kind: str, name: str, state: str) -> frozenset[int]:
    """The parts that may travel with an event in a state."""
    if name == "work_recorded" and kind != "NOTIFICATION":
        return _WORK
    if kind == "TRANSFER":
        return _ALL if name in ("opened", "assigned", "disclosure_added") else frozenset()
    if name == "opened" or kind == "NOTIFICATION" and name == "disclosure_added":
        return _PREVIEW
    if kind == "NOTIFICATION":
        return frozenset()
    return {
        "assigned": _ALL if state == "ACCEPTED" else frozenset(),
        "disclosure_added": _ALL if state in SERVING else _PREVIEW,
        "emergency_released": _LATER,
    }.get(name, frozenset())


def _opened_on(branch: Branch) -> Any:
    return branch.opening.message.lawful_basis


def _basis(branch: Branch, event: Event) -> Any:
    """What an event itself says, else the opening's."""
    return event.message.lawful_basis if event.message.HasField("lawful_basis") else _opened_on(branch)


def _covers(basis: Any, part: int) -> bool:
    return not basis.HasField("consent") or part not in _SCOPES or _SCOPES[part] in basis.consent.scopes


def _out_of_time(consent: Any, at: int) -> Iterator[str]:
    if nanoseconds(consent.consent_time) > at:
        yield "BASIS_NOT_YET"
    if consent.HasField("expire_time") and nanoseconds(consent.expire_time) <= at:
        yield "BASIS_EXPIRED"
