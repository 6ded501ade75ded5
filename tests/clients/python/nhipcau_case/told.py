"""Each event of a file: whether it stands where it belongs, and whether its own envelope proves it.

A part was sealed under a key of its own with nothing random beside it, so that key and event make the very ciphertext
again whose digest the signed manifest names.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from nhipcau_home import branch_log
from nhipcau_home.branch_log import CONTRACT, Event
from nhipcau_home.transitions import ORIGIN, RECIPIENT
from nhipcau_verify.contracts import referral_event_pb as event_pb
from nhipcau_verify.directory import Release
from nhipcau_verify.envelope import Envelope
from nhipcau_verify.errors import Reason, VerificationError, require, require_length
from nhipcau_verify.padding import pad
from nhipcau_verify.seal import KEY_BYTES, seal_part
from nhipcau_verify.wire import parse, require_optional

from . import event_shape
from .carriage import Carriage, Delivery

MASKED, UNKEPT = "shown in part", "no key of its envelope"
REVOKED, NOT_SERVED = "signed by a revoked key", "the release does not say that these access points serve its units"
_MESSAGE_PART = 1
_UNIT_LEVELS = 16


@dataclass(frozen=True)
class Told:
    """An event with what speaks for it."""

    event: Event
    #: Why its own envelope does not prove it; nothing where it does.
    doubt: str | None
    delivery: Delivery | None

    @property
    def is_masked(self) -> bool:
        """Whether something was taken out of it."""
        return self.event.travelled is not None


def read(wire: Any, place: tuple[bytes, bytes, str, int], carriage: Carriage, release: Release,
         successors: Sequence[Any]) -> Told:
    """Reads the event at a place: case, branch, side and position. A successor is sent what was written for the unit
    before it, and the event that hands the branch over."""
    event = _event(wire)
    message = event.message
    stands = (message.case_uid, message.branch_uid, event.side, message.ordinal)
    require(stands == place, Reason.BAD_EVIDENCE, "an event that belongs elsewhere, or is there twice")
    doubt = MASKED if event.travelled is not None else UNKEPT
    if not wire.envelope_digest:
        require(not wire.part_key, Reason.BAD_EVIDENCE, "a key of no envelope")
        return Told(event, doubt, None)
    envelope = carriage.envelopes.get(wire.envelope_digest)
    if envelope is None:
        raise VerificationError(Reason.BAD_EVIDENCE, "the envelope of an event is missing")
    ends = (envelope.routing.sender, envelope.routing.recipient)
    onward = successors if event.side == ORIGIN or event.name == "moved" else ()
    reached = {host(release, unit) for unit in (message.counterpart, *onward)}
    served = host(release, message.owner) == ends[0] and ends[1] in reached
    # Between others than the two that serve its units anybody can carry an event, and sign the receipt as well.
    delivery = carriage.deliveries.get(envelope.digest) if served else None
    if not wire.part_key:
        # Which envelope carried what is shown in part is told with the rest; of any other event it is not known.
        return Told(event, doubt, delivery if doubt == MASKED else None)
    require(doubt == UNKEPT, Reason.BAD_EVIDENCE, "a key of an event that is shown in part")
    carried = _is_carried(envelope, wire.part_key, event.data)
    require(carried, Reason.BAD_EVIDENCE, "its envelope carried something else")
    if envelope.digest in carriage.revoked:
        return Told(event, REVOKED, delivery)
    return Told(event, None if served else NOT_SERVED, delivery)


def successors_of(events: Any) -> list[Any]:
    """The units to whom the events of a recipient's log hand the branch over."""
    read_events = (parse(event_pb.ReferralEvent, wire.event) for wire in events)
    return [message.moved.successor for message in read_events if message.HasField("moved")]


def log(events: Any, case: bytes, branch: bytes, side: str, carriage: Carriage, release: Release,
        successors: Sequence[Any]) -> list[Told]:
    """Reads one log."""
    found = []
    for ordinal, wire in enumerate(events, 1):
        try:
            found.append(read(wire, (case, branch, side, ordinal), carriage, release, successors))
        except VerificationError as error:
            raise VerificationError(error.reason, f"{side} {ordinal} of {branch.hex()}: {error.detail}") from None
    return found


def host(release: Release, unit: Any) -> str | None:
    """The access point that serves a unit: as it says itself, else as its parents, else as its party."""
    units = {item.unit: item for item in release.message.units if item.party == unit.party}
    at, served = units.get(unit.unit), []
    if at is None:
        return None
    while at is not None and len(served) < _UNIT_LEVELS:
        served.append(at.hostings)
        at = units.get(at.parent)
    served += [party.hostings for party in release.message.parties if party.party == unit.party]
    named = [hosting.access_point for hostings in served for hosting in hostings if CONTRACT in hosting.contracts]
    return named[0] if named else None


def _event(wire: Any) -> Event:
    require_optional(wire.digest, 32, "digest of what travelled")
    event = branch_log.read(b"", wire.event, wire.digest or None)
    masked = bool(wire.digest)
    require(event.masked == wire.event, Reason.BAD_EVIDENCE, "it says something about a person, or what is not known")
    event_shape.check(event.message, masked)
    hides = not masked or event_shape.is_about_a_person(event.message)
    require(hides, Reason.BAD_EVIDENCE, "shown in part though nothing can have been taken out")
    return event


def _is_carried(envelope: Envelope, key: bytes, event: bytes) -> bool:
    """Whether key and event make the ciphertext of the message again."""
    require_length(key, KEY_BYTES, "part key")
    entries = envelope.manifest.entries
    if len(entries) <= _MESSAGE_PART:
        return False
    try:
        padded = pad(event, envelope.routing.lane)
    except ValueError:
        return False
    sealed = seal_part(key, padded, envelope.routing_bytes)
    entry = entries[_MESSAGE_PART]
    same = hashlib.sha256(sealed).digest() == entry.digest
    return bool(same and len(padded) == entry.padded_bytes)


#: Both sides, in the order in which files and findings have them.
SIDES = (ORIGIN, RECIPIENT)
