"""The state of a branch as a function of its two logs, written from docs/referrals.md.

Both logs are read as one sequence that keeps each log's order and what each event had seen; of two events that
crossed, the origin's comes first; the table decides on each in turn, with what `branch_rules` asks beside it. What it
refuses is superseded: it stays in the log and changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from nhipcau_verify.contracts import referral_pb as pb
from nhipcau_verify.contracts import referral_work_pb as work_pb

from .branch_log import Branch, Event
from .branch_rules import objections
from .branch_state import SERVING, WAITED_FOR, Entered, Folded
from .transitions import Rule, tables

_DECISIONS = ("accepted", "rejected", "redirected")


def one_sequence(branch: Branch) -> Iterator[Event]:
    """Both logs in the order in which the rules read them."""
    origin, recipient = 0, 0
    while origin < len(branch.origin) or recipient < len(branch.recipient):
        if origin < len(branch.origin) and branch.origin[origin].message.seen.ordinal <= recipient:
            yield branch.origin[origin]
            origin += 1
        else:
            yield branch.recipient[recipient]
            recipient += 1


def fold(branch: Branch) -> Folded:
    """Reads a branch whose logs were checked."""
    folded = Folded(branch.kind)
    read_on(branch, one_sequence(branch), folded)
    return folded


def read_on(branch: Branch, events: Iterable[Event], folded: Folded) -> None:
    """Reads what follows in the sequence of a branch."""
    rules = tables()[branch.kind]
    for event in events:
        if not folded.state:
            _enter("SUBMITTED", event, folded)
            opened = event.message.opened
            folded.rules.update(item.rule for item in [*opened.time_limits, *opened.limit_refusals])
        elif objections(branch, event, folded):
            folded.superseded.append(event)
        else:
            _apply(rules, event, folded)
        folded.history.append((event, folded.responsible))


def _apply(rules: dict[str, Rule], event: Event, folded: Folded) -> None:
    done = rules[event.name].by_state[folded.state]
    if done.waits_for:
        folded.waiting.append((done.waits_for, event))
    elif not done.stays:
        _enter(done.to, event, folded)
    _note(event, folded)
    if not done.stays:
        _let_wait_no_longer(rules, folded)


def _enter(state: str, event: Event, folded: Folded) -> None:
    if state not in WAITED_FOR and folded.ended_by is None:
        folded.ended_by = event
    if state not in SERVING:
        folded.revocation_is_pending = False
    if state != folded.state:
        folded.state = state
        folded.entered.append(Entered(state, event))


def _begin(event: Event, folded: Folded) -> None:
    """Has the limits of an event run, of each rule the first that there is."""
    for limit in event.message.time_limits:
        if limit.rule not in folded.rules:
            folded.begun.append((limit, event))
            folded.rules.add(limit.rule)
    folded.rules.update(refusal.rule for refusal in event.message.limit_refusals)


def _note(event: Event, folded: Folded) -> None:
    _begin(event, folded)
    if event.name == "revocation_requested":
        folded.revocation_is_pending = True
    elif event.name == "revocation_refused":
        folded.revocation_is_pending = False
    elif event.name == "hand_back_requested":
        folded.hand_back_was_asked = True
    elif event.name in ("unattended", "moved"):
        folded.is_unattended = event.name == "unattended"
    elif event.name == "erased":
        folded.is_erased = True
    elif event.name == "revoked":
        folded.revocation = event.message.revoked.reason
    elif event.name == "consent_withdrawn":
        folded.revocation = pb.REVOCATION_REASON_CONSENT_WITHDRAWN
    elif event.name == "withdrawal_answered":
        folded.withdrawal_is_answered = True
    elif event.name == "telephone_acknowledgement_recorded":
        folded.words += 1
    elif event.name == "work_recorded":
        _note_work(event.message.work_recorded.work, folded)
    for stop in _stopped_by(event, folded.kind):
        folded.stops.setdefault(stop, event)


def _note_work(work: Any, folded: Folded) -> None:
    folded.works += 1
    folded.plan_is_drafted |= work.kind == work_pb.WORK_KIND_PLAN_DRAFTED
    if work.conclusion:
        folded.review_is_open = work.conclusion == work_pb.REVIEW_CONCLUSION_NEW_PLAN


def _stopped_by(event: Event, kind: str) -> Iterator[str]:
    """What an event stops: only one with an acting person what waits for a person."""
    if event.name in ("service_started", "completed"):
        yield event.name.upper()
    if event.message.work_recorded.work.kind == work_pb.WORK_KIND_EMERGENCY_MEASURE:
        yield "SERVICE_STARTED"
    if event.message.actor.person and event.name in ("acknowledged", *_DECISIONS):
        yield "ACKNOWLEDGED"
        if event.name != "acknowledged" or kind == "TRANSFER":
            yield "DECIDED"


def _let_wait_no_longer(rules: dict[str, Rule], folded: Folded) -> None:
    """Events that waited for the state take effect with it, in their order."""
    due = [event for until, event in folded.waiting if until == folded.state]
    folded.waiting = [item for item in folded.waiting if item[0] != folded.state]
    for event in due:
        done = rules[event.name].by_state.get(folded.state)
        if done is None or done.waits_for:
            folded.superseded.append(event)
        else:
            _enter(done.to, event, folded)
