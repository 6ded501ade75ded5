"""Cases as chance writes them, for two implementations to say the same of: lawful and unlawful events that cross or do
not, receipts that refuse, repeat and are missing, keys that were not kept or were revoked, units that moved. Each is
a function of its seed.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from google.protobuf.message import Message

from nhipcau_case.event_shape import BEGINNING
from nhipcau_home.branch_fold import fold
from nhipcau_home.branch_log import Branch
from nhipcau_home.branch_state import WAITED_FOR
from nhipcau_home.transitions import ORIGIN, RECIPIENT, tables
from nhipcau_verify.contracts import envelope_pb, referral_event_pb, release_pb
from nhipcau_verify.contracts import evidence_pb as pb
from nhipcau_verify.contracts import referral_pb as referral
from nhipcau_verify.contracts import referral_work_pb as work

from . import case_file, fixture, releases
from .case_file import DAY, HOSTS, OTHER, CaseFile, at

_KINDS = {"TRANSFER": referral.REFERRAL_KIND_TRANSFER, "REFERRAL": referral.REFERRAL_KIND_REFERRAL,
          "NOTIFICATION": referral.REFERRAL_KIND_NOTIFICATION}
_FORTUNES = {"entered_in_error", "consent_withdrawn", "relieved", "revoked", "returned", "redirected", "rejected"}
_DIGEST = fixture.bytes_of("a digest")
_LATER = (2, 3, 4)
_REFUSALS = (envelope_pb.REFUSAL_REASON_NOT_YET, envelope_pb.REFUSAL_REASON_NOT_AGREED, 8, 77)
_TIMES = ("start_time", "acknowledge_due_time", "warn_time", "escalate_time", "due_time")
_POINTS = ("hanoi", "moh", "vwu")


def make(seed: int) -> tuple[pb.Evidence, str]:
    """The evidence of a case, and who made it."""
    chance = random.Random(seed)
    case = CaseFile()
    ended = _story(chance, case)
    for side in OTHER:
        _receipts(chance, case, side, ended)
    maker, made = chance.choice(_POINTS), ended + chance.choice((1, 100, 1_000, 60_000))
    if chance.random() < 0.1:
        made = ended / 2
    signed = [releases.signed(_release(chance, ended))]
    told = case.evidence(maker, made, signed, chance.choice((ORIGIN, RECIPIENT)))
    _leave_out(chance, told)
    return told, maker


def _story(chance: random.Random, case: CaseFile) -> float:
    """Writes the logs; gives the time of the last event."""
    kind, limits = chance.choice(("TRANSFER", "TRANSFER", "REFERRAL", "REFERRAL", "NOTIFICATION")), _limits(chance)
    opened: dict[str, Any] = {"kind": _KINDS[kind], "group_uid": _DIGEST[:16], "cause": 1, "time_limits": limits}
    basis, seconds = _basis(chance), chance.choice((0.0, 0.25, 3_000.0, 20_000.0))
    # Consent may cover neither part; of two reasons of one kind against an opening one is enough.
    later = [] if "consent" in basis else chance.sample(_LATER, 3 if kind == "TRANSFER" else chance.choice((0, 0, 1)))
    case.write(ORIGIN, "opened", seconds, person=_person(chance), body=opened, lawful_basis=basis,
               parts=_parts([1, *later]))
    seen = {ORIGIN: 0, RECIPIENT: 0}
    for _ in range(chance.choice((0, 2, 5, 9, 14, 22))):
        state = fold(Branch(case_file.BRANCH, case.logs[ORIGIN], case.logs[RECIPIENT])).state
        if limits and state not in WAITED_FOR:
            break
        name = _event(chance, kind, state)
        side = tables()[kind][name].side
        seconds += chance.choice((-700, -10, 40_000) if chance.random() < 0.1 else (0.5, 1, 30, 600, 5_000))
        there = len(case.logs[OTHER[side]])
        seen[side] = there if chance.random() < 0.8 else chance.randint(seen[side], there)
        case.write(side, name, seconds, seen[side], _person(chance), _body(chance, name), **_beside(chance, name),
                   **_begun(chance, name, seconds))
    return seconds


def _event(chance: random.Random, kind: str, state: str) -> str:
    """Mostly one that the table takes and that does not end everything."""
    names = [name for name in tables()[kind] if name != "opened"]
    if chance.random() < 0.75:
        taken = [name for name in names if state in tables()[kind][name].by_state]
        names = [name for name in taken if name not in _FORTUNES or chance.random() < 0.12] or taken or names
    return chance.choice(names)


def _beside(chance: random.Random, name: str) -> dict[str, Any]:
    """Parts and basis of an event."""
    if name == "emergency_released":
        return {"parts": _parts(chance.sample((1, 2, 3, 4), chance.randrange(3))),
                "lawful_basis": _basis(chance, chance.choice((2, 2, 2, 1)))}
    if name == "work_recorded":
        return {"parts": _parts(chance.choice(([], [5], [5], [5], [2])))}
    if name in ("assigned", "disclosure_added"):
        return {"parts": _parts(chance.sample((1, 2, 3, 4), chance.randrange(4)))}
    return {}


def _body(chance: random.Random, name: str) -> dict[str, Any]:
    reason = {"reason": chance.randrange(1, 6)}
    receipt = {"receipt_number": 1, "receipt_digest": _DIGEST}
    bodies: dict[str, dict[str, Any]] = {
        "received": receipt, "returned": {"refusal_reason": "NOT_AGREED", **receipt},
        "escalated": {"level": chance.randrange(1, 4)}, "revoked": reason, "revocation_requested": reason,
        "consent_withdrawn": {"withdraw_time": at(3)}, "entered_in_error": reason,
        "rejected": {"code": chance.randrange(1, 9)}, "redirected": reason, "hand_back_requested": reason,
        "telephone_acknowledgement_recorded": {"acknowledgement": {
            "person": "cb-18", "role": "officer", "acknowledge_time": at(chance.choice((3, 3, 3, 90_000)))}},
        "work_recorded": {"work": _work(chance)},
        "completed": {"outcome": chance.randrange(1, 8)},
        "moved": {"successor": {"party": "hanoi", "unit": "hoan-kiem"}},
        "withdrawal_answered": {"stopped_time": at(5), "erased_parts": [1, 2], "kept_parts": [
            {"part": 3, "citation": "Luật 91/2025", "retention_class": "class", "until_time": at(DAY)}]},
    }
    return bodies.get(name, {})


def _work(chance: random.Random) -> dict[str, Any]:
    kind = chance.choice((1, 2, 3, 4, 5, 6, 7, 7, 7, 7))
    conclusion = {"conclusion": chance.choice((1, 1, 2))} if kind == work.WORK_KIND_REVIEW else {}
    return {"kind": kind, "role": "officer", "work_time": at(chance.choice((3, 3, 3, 90_000))), **conclusion}


def _basis(chance: random.Random, which: int | None = None) -> dict[str, Any]:
    which = chance.randrange(3) if which is None else which
    if which == 0:
        ends = {"expire_time": at(chance.choice((600, 5_000, 90_000)))} if chance.random() < 0.4 else {}
        scopes = chance.sample((1, 2, 3), chance.randrange(1, 4))
        return {"consent": {"giver": chance.randrange(1, 6), "scopes": scopes,
                            "consent_time": at(chance.choice((-100, -100, 500))), **ends}}
    if which == 1:
        return {"statutory_duty": {"citation": "Nghị định 56/2017/NĐ-CP art. 26"}}
    return {"vital_interest": {"citation": "art. 19.1", "danger": chance.randrange(1, 4)}}


def _limits(chance: random.Random) -> list[dict[str, Any]]:
    made = []
    for number in range(chance.choice((0, 0, 1, 2))):
        times = [at(seconds) for seconds in sorted(chance.sample(range(50_000), 5))]
        made.append({"rule": f"rule-{number}", "citation": "art. 1", "stop": chance.choice((1, 2, 3, 4, 9)),
                     **dict(zip(_TIMES, times, strict=True))})
    return made


def _begun(chance: random.Random, name: str, seconds: float) -> dict[str, Any]:
    """Time limits that an answer begins; their rules may be those of the opening."""
    if name not in BEGINNING or chance.random() < 0.4:
        return {}
    limits = []
    for number in chance.sample(range(4), chance.randrange(1, 3)):
        times = [at(seconds), *(at(seconds + later) for later in sorted(chance.sample(range(40_000), 4)))]
        stops = (1, 2, 3, 4, 9)[BEGINNING.index(name) + 1:]
        limits.append({"rule": f"rule-{number}", "citation": "art. 2", "stop": chance.choice(stops),
                       **dict(zip(_TIMES, times, strict=True))})
    refusals = [{"rule": f"rule-{number}", "reason": "LIMIT_CALENDAR_ENDED"} for number in chance.sample(range(4), 1)]
    return {"time_limits": limits, "limit_refusals": refusals if chance.random() < 0.3 else []}


def _person(chance: random.Random) -> str:
    return chance.choice(("", "p1", "q.2"))


def _parts(parts: Sequence[int]) -> list[dict[str, Any]]:
    return [{"part": part, "digest": _DIGEST} for part in parts]


def _receipts(chance: random.Random, case: CaseFile, side: str, ended: float) -> None:
    """Receipts for what a side sent: in pieces, some of it again, some refused, some not at all."""
    position, sent, number = 1, len(case.sent[side]), 0
    while position <= sent and chance.random() < 0.93:
        last, number = min(sent, position + chance.choice((0, 0, 0, 1, 3))), number + 1
        first = position if chance.random() < 0.9 else chance.randint(1, position)
        refusals = [(sequence, chance.choice(_REFUSALS)) for sequence in range(first, last + 1)
                    if chance.random() < 0.1]
        case.receive(side, chance.choice((ended, ended * chance.random(), ended + 5)), first, last,
                     number if chance.random() < 0.9 else chance.randint(1, 9), refusals)
        position = last + 1


def _release(chance: random.Random, ended: float) -> release_pb.Release:
    """The directory that the file brings: who serves the units now, and whose key was revoked."""
    hosts = dict(HOSTS)
    if chance.random() < 0.25:
        hosts[chance.choice((ORIGIN, RECIPIENT))] = chance.choice(_POINTS)
    made = case_file.release(hosts)
    if chance.random() < 0.2:
        revoked = chance.choice((0, ended / 2, ended * 0.9))
        chance.choice(made.access_points).signing_keys[0].revoke_time.CopyFrom(at(revoked))
    if chance.random() < 0.1:
        made.issue_time.CopyFrom(at(ended + DAY))
    if chance.random() < 0.2:
        _under_another(chance, made)
    return made


def _under_another(chance: random.Random, made: release_pb.Release) -> None:
    """The recipient's unit gets a parent, which somebody serves."""
    desk = next(unit for unit in made.units if unit.unit == "desk")
    above = made.units.add(party=desk.party, unit="above", names=desk.names, validity=desk.validity)
    above.hostings.add(access_point=chance.choice(_POINTS), contracts=[case_file.CONTRACT])
    desk.parent = "above"


def _leave_out(chance: random.Random, told: pb.Evidence) -> None:
    """What whoever makes a file may do to it: leave out, and tell otherwise what is only told."""
    for log in (told.branches[0].origin, told.branches[0].recipient):
        while len(log) > 1 and chance.random() < 0.05:
            del log[-1]
        for event in log:
            what = chance.random()
            if what < 0.15:
                event.part_key = b""
            if what < 0.05:
                event.envelope_digest = b""
            if event.digest and chance.random() < 0.1:
                left = referral_event_pb.ReferralEvent.FromString(event.event)
                left.event_time.seconds += chance.choice((-5_000, 100, 7_000))
                event.event = left.SerializeToString(deterministic=True)
    if told.receipts and chance.random() < 0.3:
        del told.receipts[chance.randrange(len(told.receipts))]
    if chance.random() < 0.1:
        told.access_head.records, told.access_head.digest = 3, _DIGEST


def altered(chance: random.Random, told: pb.Evidence) -> None:
    """Changes one field of evidence, or one of what lies in it."""
    before = told.SerializeToString(deterministic=True)
    while told.SerializeToString(deterministic=True) == before:
        _alter(chance, told)


def _alter(chance: random.Random, message: Message) -> None:
    found = message.ListFields()
    field, value = chance.choice(found)
    if field.message_type is not None:
        inner = value[chance.randrange(len(value))] if field.is_repeated else value
        if field.is_repeated and chance.random() < 0.2:
            del value[chance.randrange(len(value))]
        elif inner.ListFields() and chance.random() < 0.9:
            _alter(chance, inner)
        else:
            message.ClearField(field.name)
    elif isinstance(value, bytes):
        place = chance.randrange(len(value))
        flipped = bytes([value[place] ^ 1 << chance.randrange(8)])
        setattr(message, field.name, value[:place] + flipped + value[place + 1:])
    elif isinstance(value, str):
        setattr(message, field.name, chance.choice((value + "x", value[:-1], "", "A b", "e\u0301", "moh")))
    elif isinstance(value, int):
        setattr(message, field.name, chance.choice((value + 1, abs(value - 1), 0, 2, 17)))
    else:
        del value[chance.randrange(len(value))]
