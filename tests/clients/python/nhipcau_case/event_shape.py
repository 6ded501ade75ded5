"""The fields of an event, as the comments of `nhipcau/referral/v1/referral_event.proto` and its neighbours ask.

Of an event that is shown in part, what was taken out is not asked for. Codes that may grow are taken as they are.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from typing import Any

from nhipcau_verify.contracts import referral_basis_pb as basis_pb
from nhipcau_verify.contracts import referral_event_pb as event_pb
from nhipcau_verify.contracts import referral_pb as pb
from nhipcau_verify.contracts import referral_work_pb as work_pb
from nhipcau_verify.errors import Reason, require, require_length
from nhipcau_verify.instant import nanoseconds
from nhipcau_verify.wire import require_label, require_time

_PERSON = re.compile(r"[A-Za-z0-9._-]{0,64}\Z")
_RULE = re.compile(r"[a-z0-9-]{1,64}\Z")
_REASON = re.compile(r"[A-Z][A-Z0-9_]{0,62}\Z")
_REFUSAL = re.compile(r"[A-Z_]{1,63}\Z")
_CITATION = 200
_MOST_LIMITS, _MOST_STEPS, _MOST_PARTS, _MOST_SCOPES = 16, 8, 4, 16
#: Answers of the recipient with which time limits can begin, in the order of what they stop: from 1.
BEGINNING = ("acknowledged", "accepted", "service_started")
_WRITERS = {field.number: pb.SIDE_ORIGIN if field.number < 40 else pb.SIDE_RECIPIENT
            for field in event_pb.ReferralEvent.DESCRIPTOR.oneofs_by_name["event"].fields}


def check(message: Any, masked: bool) -> None:
    """Refuses an event with a field that the contract does not allow, or without one that it asks for."""
    for name in ("case_uid", "referral_uid", "branch_uid"):
        _uuid(getattr(message, name), name)
    name = message.WhichOneof("event")
    _must(name is not None, "an unknown event")
    number = event_pb.ReferralEvent.DESCRIPTOR.fields_by_name[name].number
    _must(message.side == _WRITERS[number], "an event that the other side writes")
    _unit(message.owner, "owner")
    _unit(message.counterpart, "counterpart")
    _must(message.ordinal >= 1, "positions count from 1")
    require_length(message.previous_digest, 32, "previous digest")
    if message.HasField("seen"):
        _must(message.seen.ordinal >= 1, "positions count from 1")
        require_length(message.seen.digest, 32, "digest of what was seen")
    require_time(message, "event_time")
    require_label(message.actor.system, Reason.MALFORMED, "system")
    _must(_PERSON.match(message.actor.person) is not None, "a person by no reference")
    _parts([part.part for part in message.parts], "parts")
    for part in message.parts:
        require_length(part.digest, 32, "digest of a part")
    _basis(message, name, masked)
    require_length(message.salt, 32 if is_about_a_person(message) and not masked else 0, "salt")
    _begun(message, name)
    _BODIES.get(name, _nothing)(getattr(message, name), masked)


def is_about_a_person(message: Any) -> bool:
    """Whether it says how a service ended or what a danger is, or did before that was taken out."""
    return bool(message.HasField("completed") or message.lawful_basis.HasField("vital_interest"))


def _must(fact: bool, detail: str) -> None:
    require(fact, Reason.MALFORMED, detail)


def _uuid(value: bytes, detail: str) -> None:
    require_length(value, 16, detail)
    _must(any(value), f"{detail} names nothing")


def _unit(unit: Any, detail: str) -> None:
    require_label(unit.party, Reason.MALFORMED, f"party of {detail}")
    require_label(unit.unit, Reason.MALFORMED, f"unit of {detail}")


def _text(text: str, detail: str, may_be_empty: bool = False) -> None:
    """Text that shows what it says: NFC, and no sign that steers a terminal or turns the direction of writing."""
    steers = any(unicodedata.category(sign) == "Cc" and sign not in "\n\r\t"
                 or "\u202a" <= sign <= "\u202e" or "\u2066" <= sign <= "\u2069" for sign in text)
    fits = unicodedata.is_normalized("NFC", text) and len(text) <= _CITATION and not steers
    _must(fits and (may_be_empty or text != ""), f"{detail} is no text")


def _parts(parts: Sequence[int], detail: str) -> None:
    known = pb.ReferralPart.values()
    _must(len(parts) <= _MOST_PARTS and all(part and part in known for part in parts), f"{detail} that are none")


def _basis(message: Any, name: str, masked: bool) -> None:
    if not message.HasField("lawful_basis"):
        _must(name != "opened", "an opening without basis")
        return
    _must(name in ("opened", "emergency_released"), "a basis where the opening's holds")
    basis = message.lawful_basis
    _must(len(basis.ListFields()) == 1, "no basis, or more than one")
    if basis.HasField("consent"):
        consent = basis.consent
        _must(consent.giver and consent.giver in basis_pb.ConsentGiver.values(), "consent of nobody")
        _must(0 < len(consent.scopes) <= _MOST_SCOPES and all(consent.scopes), "consent to nothing")
        require_time(consent, "consent_time")
        if consent.HasField("expire_time"):
            require_time(consent, "expire_time")
    elif basis.HasField("statutory_duty"):
        _text(basis.statutory_duty.citation, "citation")
    else:
        _text(basis.vital_interest.citation, "citation")
        _must(masked or basis.vital_interest.danger != 0, "no danger")


def _opened(body: Any, _: bool) -> None:
    _must(body.kind and body.kind in pb.ReferralKind.values(), "an unknown kind")
    _uuid(body.group_uid, "group")
    _must(body.cause != 0, "an opening without cause")
    if body.cause_branch_uid:
        _uuid(body.cause_branch_uid, "branch that led to it")
    if body.cause in event_pb.OpeningCause.values():
        initial = body.cause == event_pb.OPENING_CAUSE_INITIAL
        _must(initial != bool(body.cause_branch_uid), "a cause that does not fit the branch that led to it")
    _limits(body)


def _begun(message: Any, name: str) -> None:
    """Time limits that begin with an answer: at its time, and turning to nobody."""
    begins = bool(message.time_limits or message.limit_refusals)
    _must(not begins or name in BEGINNING, "an event with which no time limit begins")
    _limits(message)
    for limit in message.time_limits:
        _must(limit.start_time == message.event_time, "a time limit that begins at another time")
        _must(limit.stop > BEGINNING.index(name) + 1, "a time limit that was stopped before it began")
        _must(not limit.steps and not limit.HasField("telephone_confirmation"), "a time limit that turns to somebody")


def _limits(message: Any) -> None:
    _must(max(len(message.time_limits), len(message.limit_refusals)) <= _MOST_LIMITS, "too many time limits")
    for limit in message.time_limits:
        _time_limit(limit)
    for refusal in message.limit_refusals:
        _must(not refusal.rule or _RULE.match(refusal.rule) is not None, "a rule by no name")
        _text(refusal.citation, "citation", may_be_empty=True)
        _must(_REASON.match(refusal.reason) is not None, "a reason by no name")


def _time_limit(limit: Any) -> None:
    _must(_RULE.match(limit.rule) is not None, "a rule by no name")
    _text(limit.citation, "citation")
    _must(limit.stop != 0, "a time limit that nothing stops")
    names = ("start_time", "acknowledge_due_time", "warn_time", "escalate_time", "due_time")
    for name in names:
        require_time(limit, name)
    for step in limit.steps:
        require_time(step, "step_time")
        if step.HasField("unit"):
            _unit(step.unit, "step")
    _must(len(limit.steps) <= _MOST_STEPS, "too many steps")
    if limit.HasField("telephone_confirmation"):
        span = limit.telephone_confirmation
        counts = span.seconds >= 0 and 0 <= span.nanos < 1_000_000_000 and (span.seconds, span.nanos) > (0, 0)
        _must(counts, "no time to confirm in")
    times = [nanoseconds(getattr(limit, name)) for name in names]
    steps = [nanoseconds(step.step_time) for step in limit.steps]
    in_order = times == sorted(times) and [*steps, times[-1]] == sorted([*steps, times[-1]])
    _must(in_order and steps[:1] in ([], [times[-2]]), "a time limit whose times are in no order")


def _returned(body: Any, _: bool) -> None:
    _must(_REFUSAL.match(body.refusal_reason) is not None, "a reason by no name")
    require_length(body.receipt_digest, 32, "digest of the receipt")


def _redirected(body: Any, _: bool) -> None:
    _must(body.reason != 0, "no reason")
    if body.advised_party or body.advised_unit:
        require_label(body.advised_party, Reason.MALFORMED, "advised party")
        require_label(body.advised_unit, Reason.MALFORMED, "advised unit")


def _moved(body: Any, _: bool) -> None:
    _must(body.HasField("successor"), "a hand-over to nobody")
    _unit(body.successor, "successor")


def _withdrawal_answered(body: Any, _: bool) -> None:
    require_time(body, "stopped_time")
    kept = [item.part for item in body.kept_parts]
    _parts(body.erased_parts, "erased parts")
    _parts(kept, "kept parts")
    every = [*body.erased_parts, *kept]
    _must(len(set(every)) == len(every), "a part twice")
    for item in body.kept_parts:
        _text(item.citation, "citation")
        _must(bool(item.retention_class) == item.HasField("until_time"), "a class says until when, an order does not")
        if item.retention_class:
            require_label(item.retention_class, Reason.MALFORMED, "retention class")
            require_time(item, "until_time")


def _telephoned(body: Any, _: bool) -> None:
    _must(body.HasField("acknowledgement"), "nothing was said by telephone")
    said = body.acknowledgement
    _must(said.person != "" and _PERSON.match(said.person) is not None, "a person by no reference")
    require_label(said.role, Reason.MALFORMED, "role")
    require_time(said, "acknowledge_time")


def _work(body: Any, _: bool) -> None:
    _must(body.HasField("work"), "no work")
    work = body.work
    _must(work.kind and work.kind in work_pb.WorkKind.values(), "an unknown work")
    require_time(work, "work_time")
    require_label(work.role, Reason.MALFORMED, "role")
    _must(work.conclusion in work_pb.ReviewConclusion.values(), "an unknown conclusion")
    _must((work.kind == work_pb.WORK_KIND_REVIEW) == (work.conclusion != 0), "a review comes to something")


def _stated(field: str) -> Callable[[Any, bool], None]:
    """A number that must be stated."""
    return lambda body, _: _must(getattr(body, field) != 0, f"{field} is not stated")


def _nothing(_: Any, __: bool) -> None:
    """An event that says nothing more."""


_BODIES: dict[str, Callable[[Any, bool], None]] = {
    "opened": _opened,
    "received": lambda body, _: require_length(body.receipt_digest, 32, "digest of the receipt"),
    "returned": _returned,
    "escalated": _stated("level"),
    "revoked": _stated("reason"),
    "revocation_requested": _stated("reason"),
    "consent_withdrawn": lambda body, _: require_time(body, "withdraw_time"),
    "entered_in_error": _stated("reason"),
    "rejected": _stated("code"),
    "redirected": _redirected,
    "completed": lambda body, masked: _must(masked or body.outcome != 0, "outcome is not stated"),
    "hand_back_requested": _stated("reason"),
    "moved": _moved,
    "telephone_acknowledgement_recorded": _telephoned,
    "work_recorded": _work,
    "withdrawal_answered": _withdrawal_answered,
}
