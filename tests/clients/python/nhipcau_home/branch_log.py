"""The two logs of each branch, read from the signed envelopes that carried their events.

A log is numbered from 1 without gaps and chained by digest, belongs to one unit, and names only events of the other
log that are really there. The parts beside an event must be those whose digests it names.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from nhipcau_verify.contracts import referral_event_pb as event_pb
from nhipcau_verify.contracts import referral_pb as pb
from nhipcau_verify.contracts import sensitivity_pb
from nhipcau_verify.errors import Reason, VerificationError, require
from nhipcau_verify.opening import Opened
from nhipcau_verify.pae import digest
from nhipcau_verify.wire import ZERO_DIGEST, parse, require_time

from .findings import Findings
from .transitions import ORIGIN, RECIPIENT

CONTRACT = "nhipcau.referral.v1"
_MESSAGE = "nhipcau.referral.v1.ReferralEvent"
#: A piece of an attachment, which travels under the contract and says nothing about the branch.
_CHUNK = "nhipcau.envelope.v1.BlobChunk"
_DIGEST = "nhipcau/1/referral-event"
_IN_THE_CLEAR = (sensitivity_pb.SENSITIVITY_PUBLIC, sensitivity_pb.SENSITIVITY_INTERNAL)
_SIDES = {pb.SIDE_ORIGIN: ORIGIN, pb.SIDE_RECIPIENT: RECIPIENT}


@dataclass(frozen=True)
class Event:
    """One event as it travelled; of an erased case, what is left of it."""

    data: bytes
    message: Any
    #: The messages that carried it, and whether with its parts: what was still under way when a branch ended goes on
    #: without them.
    carriers: Mapping[bytes, bool]
    #: Of what is left of an event, the digest of what travelled.
    travelled: bytes | None = None

    @property
    def name(self) -> str:
        """What happened, as the contract names it."""
        return str(self.message.WhichOneof("event"))

    @property
    def side(self) -> str:
        """Whose log it stands in."""
        return _SIDES[self.message.side]

    @property
    def digest(self) -> bytes:
        """By this the next event of the log and events of the other side name it."""
        return self.travelled or digest(_DIGEST, self.data)

    @property
    def masked(self) -> bytes:
        """What of it may lie in the clear: nothing about a person, and nothing that the contract does not know."""
        message = type(self.message)()
        message.CopyFrom(self.message)
        message.DiscardUnknownFields()
        _leave_out_personal(message)
        data: bytes = message.SerializeToString(deterministic=True)
        return data

    @property
    def writer(self) -> str:
        """The unit that wrote it, `party/unit`."""
        return f"{self.message.owner.party}/{self.message.owner.unit}"


@dataclass(frozen=True)
class Branch:
    """Both logs of a branch, each in its order."""

    uid: bytes
    origin: Sequence[Event]
    recipient: Sequence[Event]

    @property
    def opening(self) -> Event:
        """The first event of the origin's log."""
        return self.origin[0]

    @property
    def recipients(self) -> list[Any]:
        """Every unit of the recipient's side: the addressed one, then whoever took it over."""
        moved = [event.message.moved.successor for event in self.recipient if event.name == "moved"]
        return [self.opening.message.counterpart, *moved]

    @property
    def addressed(self) -> str:
        """The unit that has it by now, `party/unit`: the addressed one, or the last that took it over."""
        recipient = self.recipients[-1]
        return f"{recipient.party}/{recipient.unit}"

    def unit_after(self, count: int) -> Any:
        """The recipient's unit after so many events of its log."""
        return self.recipients[sum(event.name == "moved" for event in self.recipient[:count])]

    @property
    def kind(self) -> str:
        """TRANSFER, REFERRAL or NOTIFICATION."""
        name: str = pb.ReferralKind.Name(self.opening.message.opened.kind)
        return name.removeprefix("REFERRAL_KIND_")


def event(message_id: bytes, opened: Opened) -> Event | None:
    """The event in a message; none in a message of something else."""
    control = opened.control
    if control.contract != CONTRACT or control.HasField("skip") or control.message == _CHUNK:
        return None
    require(control.message == _MESSAGE, Reason.MALFORMED, "a message that is no event of a referral")
    data, parts = opened.content[0], tuple(opened.content[1:])
    found = read(message_id, data)
    message = found.message
    require(control.correlation == message.case_uid, Reason.MALFORMED, "an event of another case than its message")
    _require_address(message.owner, control.sender)
    _require_address(message.counterpart, control.recipient)
    named = [part.digest for part in message.parts]
    fits = not parts or named == [hashlib.sha256(part).digest() for part in parts]
    require(fits, Reason.PART_MISMATCH, "the parts are not those that the event names")
    return replace(found, carriers={message_id: len(parts) == len(named)})


def read(message_id: bytes, data: bytes, travelled: bytes | None = None) -> Event:
    """An event by itself, as a message carried it whole; with the digest of what travelled, what is left of one."""
    message = parse(event_pb.ReferralEvent, data)
    require(message.side in _SIDES and message.WhichOneof("event") is not None, Reason.MALFORMED, "an unknown event")
    require_time(message, "event_time")
    return Event(data, message, {message_id: True}, travelled)


def _leave_out_personal(message: Any) -> None:
    """Clears what the contract does not call PUBLIC or INTERNAL, all the way down."""
    for field, value in message.ListFields():
        if field.GetOptions().Extensions[sensitivity_pb.sensitivity] not in _IN_THE_CLEAR:
            message.ClearField(field.name)
        elif field.message_type is not None and field.message_type.file.package.startswith("nhipcau."):
            for inner in value if field.is_repeated else [value]:
                _leave_out_personal(inner)


def _require_address(unit: Any, address: Any) -> None:
    same = (unit.party, unit.unit) == (address.party, address.unit)
    require(same, Reason.MALFORMED, "an event of other units than its message")


def collect(messages: Mapping[bytes, Opened], where: str, findings: Findings) -> list[Event]:
    """The events in messages by id."""
    found = []
    for message_id, opened in messages.items():
        with findings.at(f"{where} {message_id.hex()}"):
            item = event(message_id, opened)
            if item is not None:
                found.append(item)
    return found


def branches(events: Iterable[Event], where: str, findings: Findings) -> dict[bytes, Branch]:
    """The branches that events belong to, each checked as two logs; one that is broken is a finding and left out."""
    once: dict[bytes, Event] = {}
    for item in events:
        known = once.get(item.digest, item)
        once[item.digest] = replace(known, carriers={**known.carriers, **item.carriers})
    logs: dict[bytes, dict[str, list[Event]]] = {}
    for item in once.values():
        logs.setdefault(item.message.branch_uid, {ORIGIN: [], RECIPIENT: []})[item.side].append(item)
    found = {}
    for uid, sides in logs.items():
        branch = Branch(uid, *(sorted(sides[side], key=lambda item: int(item.message.ordinal))
                               for side in (ORIGIN, RECIPIENT)))
        try:
            check(branch)
            found[uid] = branch
        except VerificationError as error:
            findings.add(f"{where} branch {uid.hex()}", str(error))
    return found


def check(branch: Branch) -> None:
    """Checks both logs by themselves and against each other."""
    require(bool(branch.origin) and branch.opening.name == "opened", Reason.MALFORMED, "the opening is missing")
    first = branch.opening.message
    for side, log, other in ((ORIGIN, branch.origin, branch.recipient), (RECIPIENT, branch.recipient, branch.origin)):
        previous, seen = ZERO_DIGEST, 0
        for ordinal, item in enumerate(log, 1):
            message, at = item.message, f"{side} {ordinal}"
            require(message.ordinal == ordinal, Reason.SEQUENCE_GAP, f"{at} is missing or stands twice")
            require(message.previous_digest == previous, Reason.WRONG_PREVIOUS, f"{at} follows another event")
            same = (message.case_uid, message.referral_uid) == (first.case_uid, first.referral_uid)
            require(same, Reason.MALFORMED, f"{at} is of another referral")
            seen = _check_seen(message, other, seen, at)
            of_recipient = branch.unit_after(seen if side == ORIGIN else ordinal - 1)
            units = (first.owner, of_recipient) if side == ORIGIN else (of_recipient, first.owner)
            require((message.owner, message.counterpart) == units, Reason.MALFORMED, f"{at} is of another unit")
            previous = item.digest
    _check_order(branch)


def _check_seen(message: Any, other: Sequence[Event], before: int, at: str) -> int:
    """Checks what an event names of the other log, and gives how far its writer knew that log."""
    if not message.HasField("seen"):
        require(before == 0, Reason.MALFORMED, f"{at} forgets what was seen before")
        return 0
    ordinal = int(message.seen.ordinal)
    require(before <= ordinal <= len(other), Reason.SEQUENCE_GAP, f"{at} names an event that is not there")
    named = ordinal >= 1 and other[ordinal - 1].digest == message.seen.digest
    require(named, Reason.WRONG_PREVIOUS, f"{at} saw another event of the other side")
    return ordinal


def _check_order(branch: Branch) -> None:
    """Refuses logs that cannot be read as one sequence: each waits for what the other has not said yet. Only what is
    left of an event, whose digest is told, can name something that came later."""
    read = {ORIGIN: 0, RECIPIENT: 0}
    logs = ((ORIGIN, branch.origin, RECIPIENT), (RECIPIENT, branch.recipient, ORIGIN))
    while any(read[side] < len(log) for side, log, _ in logs):
        ready = [side for side, log, other in logs
                 if read[side] < len(log) and log[read[side]].message.seen.ordinal <= read[other]]
        require(bool(ready), Reason.SEQUENCE_GAP, "both logs name what comes after them")
        read[ready[0]] += 1
