"""The state of a branch as a function of its two logs, written from docs/referrals.md.

Both logs are read as one sequence that keeps each log's order and what each event had seen; of two events that
crossed, the origin's comes first; the table decides on each in turn. What it refuses is superseded: it stays in the
log and changes nothing.

Left out: whether a lawful basis covered the parts at that time, which decides whether an event may be written and
not what it does.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from nhipcau_verify.contracts import referral_pb as pb

from .branch_log import Branch, Event
from .transitions import Rule, tables

_LATER_TIERS = {pb.REFERRAL_PART_IDENTITY, pb.REFERRAL_PART_NARRATIVE, pb.REFERRAL_PART_REPORTER}
_ASSIGNED_OR_LATER = ("ASSIGNED", "IN_SERVICE")


@dataclass(frozen=True)
class Entered:
    """A state that the branch entered, and by which event."""

    state: str
    event: Event


@dataclass
class Folded:
    """What two logs amount to."""

    state: str = ""
    entered: list[Entered] = field(default_factory=list)
    superseded: list[Event] = field(default_factory=list)
    is_erased: bool = False
    consent_is_withdrawn: bool = False
    revocation_is_pending: bool = False
    hand_back_was_asked: bool = False
    waiting: list[tuple[str, Event]] = field(default_factory=list)


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
    rules, folded = tables()[branch.kind], Folded()
    for event in one_sequence(branch):
        rule = rules[event.name]
        if rule.side == event.side and _is_met(branch, event, folded):
            _apply(rules, rule, event, folded)
        else:
            folded.superseded.append(event)
    return folded


def _apply(rules: dict[str, Rule], rule: Rule, event: Event, folded: Folded) -> None:
    if event.name == "opened" and not folded.state:
        _enter("SUBMITTED", event, folded)
        return
    done = rule.by_state.get(folded.state)
    if done is None:
        folded.superseded.append(event)
    elif done.waits_for:
        folded.waiting.append((done.waits_for, event))
    else:
        _enter(done.to, event, folded)
        _note(event, folded)
        _let_wait_no_longer(rules, folded)


def _enter(state: str, event: Event, folded: Folded) -> None:
    if state != folded.state:
        folded.state = state
        folded.entered.append(Entered(state, event))


def _note(event: Event, folded: Folded) -> None:
    if event.name == "revocation_requested":
        folded.revocation_is_pending = True
    elif event.name in ("revocation_granted", "revocation_refused"):
        folded.revocation_is_pending = False
    elif event.name == "hand_back_requested":
        folded.hand_back_was_asked = True
    elif event.name == "erased":
        folded.is_erased = True
    elif event.name == "consent_withdrawn":
        folded.consent_is_withdrawn = True


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


def _is_met(branch: Branch, event: Event, folded: Folded) -> bool:
    """What an event needs beside the table."""
    opened = branch.opening.message
    met = {
        "acknowledged": event.message.actor.person != "",
        "consent_withdrawn": opened.lawful_basis.HasField("consent"),
        "revocation_granted": folded.revocation_is_pending,
        "revocation_refused": folded.revocation_is_pending,
        "hand_back_requested": not folded.hand_back_was_asked,
        "hand_back_taken": folded.hand_back_was_asked and event.message.actor.person != "",
        "returned": not branch.recipient,
        "erased": not folded.is_erased,
        "withdrawal_answered": folded.consent_is_withdrawn,
        "emergency_released": event.message.lawful_basis.HasField("vital_interest"),
    }
    return met.get(event.name, True) and _may_disclose(branch.kind, event, folded)


def _may_disclose(kind: str, event: Event, folded: Folded) -> bool:
    """In a REFERRAL the later tiers come with the assignment or later, but for an emergency, which never releases who
    reported; in a NOTIFICATION never."""
    later = {part.part for part in event.message.parts} & _LATER_TIERS
    if not later or kind == "TRANSFER":
        return True
    if event.name == "emergency_released":
        return kind == "REFERRAL" and pb.REFERRAL_PART_REPORTER not in later
    return kind == "REFERRAL" and (event.name == "assigned" or folded.state in _ASSIGNED_OR_LATER)
