"""One signed envelope: parse it, verify who signed it and what, digest it.

Everything here works with public keys only. The order of the checks is fixed: shape, then signature, then parts;
nothing of an envelope is believed before its signature. Opening is in `opening`, channels are in `channel`.
"""

from __future__ import annotations

import enum
import hashlib
from dataclasses import dataclass

from .contracts import envelope_pb as pb
from .errors import Reason, require, require_length
from .keyring import Keyring
from .padding import buckets
from .pae import digest
from .seal import KEY_BYTES, TAG_BYTES
from .wire import (
    BROADCAST,
    ZERO_DIGEST,
    parse,
    require_access_point,
    require_counts,
    require_label,
    require_lane,
    require_message_id,
    require_time,
)

_SEALED = pb.SUITE_X25519_AES256GCM_ED25519
_WRAPPED_BYTES = KEY_BYTES + TAG_BYTES
_LARGEST_BYTES = 496 * 1024
_MOST_PARTS = 17


class Kind(enum.StrEnum):
    """What an envelope is signed as. The value is the type string of its signature."""

    CHANNEL = "nhipcau/1/envelope"
    RETURN = "nhipcau/1/return"


@dataclass(frozen=True)
class Envelope:
    """A parsed envelope: the bytes that count, and the routing and manifest that they hold."""

    routing_bytes: bytes
    manifest_bytes: bytes
    parts: tuple[bytes, ...]
    signature: bytes
    routing: pb.Routing
    manifest: pb.Manifest

    @property
    def digest(self) -> bytes:
        """The digest by which the next envelope, receipts and status name this one."""
        return digest("nhipcau/1/digest", self.routing_bytes, self.manifest_bytes, self.signature)

    @property
    def is_public(self) -> bool:
        """Whether it is signed and not sealed."""
        return bool(self.routing.suite == pb.SUITE_PUBLIC)


def read(message: pb.Envelope) -> Envelope:
    """Takes an Envelope message apart."""
    require(message.ByteSize() <= _LARGEST_BYTES, Reason.TOO_LARGE, "an envelope has at most 496 KiB")
    return Envelope(
        routing_bytes=message.routing,
        manifest_bytes=message.manifest,
        parts=tuple(message.parts),
        signature=message.signature,
        routing=parse(pb.Routing, message.routing),
        manifest=parse(pb.Manifest, message.manifest),
    )


def verify(data: bytes, keys: Keyring, kind: Kind = Kind.CHANNEL) -> Envelope:
    """Parses and verifies a serialized Envelope: shape, signature, parts."""
    envelope = read(parse(pb.Envelope, data))
    verify_signed(envelope, keys, kind)
    check_parts(envelope)
    return envelope


def verify_signed(envelope: Envelope, keys: Keyring, kind: Kind) -> None:
    """Verifies shape and signature without the parts, which an erased envelope no longer has."""
    _check_routing(envelope.routing)
    _check_position(envelope.routing, kind)
    _check_manifest(envelope)
    signer = (envelope.routing.sender, envelope.routing.signing_key)
    keys.check_signature(signer, envelope.signature, kind.value, envelope.routing_bytes, envelope.manifest_bytes)


def check_parts(envelope: Envelope) -> None:
    """Compares the parts with the signed manifest."""
    entries = envelope.manifest.entries
    require(len(envelope.parts) == len(entries), Reason.PART_MISMATCH, "not as many parts as the manifest has")
    overhead = 0 if envelope.is_public else TAG_BYTES
    for index, (part, entry) in enumerate(zip(envelope.parts, entries, strict=True)):
        length = entry.padded_bytes + overhead
        require(len(part) == length, Reason.PART_MISMATCH, f"part {index} has another length")
        fits = hashlib.sha256(part).digest() == entry.digest
        require(fits, Reason.PART_MISMATCH, f"part {index} has another digest")


def _check_routing(routing: pb.Routing) -> None:
    require(routing.format == 1, Reason.UNSUPPORTED_FORMAT, "envelope format is not 1")
    require(routing.suite in (_SEALED, pb.SUITE_PUBLIC), Reason.UNKNOWN_SUITE, "no such suite")
    require_message_id(routing.id, "id")
    require_access_point(routing.sender, "sender")
    require_label(routing.signing_key, Reason.BAD_ROUTING, "signing key")
    require_time(routing, "create_time")
    if routing.suite == _SEALED:
        require_access_point(routing.recipient, "recipient")
        require_length(routing.salt, 32, "salt")
        require_label(routing.wrap.sealing_key, Reason.BAD_ROUTING, "sealing key")
        require_length(routing.wrap.encapsulated_key, KEY_BYTES, "encapsulated key")
        require_length(routing.wrap.ciphertext, _WRAPPED_BYTES, "wrapped channel key")
    else:
        require(routing.recipient == BROADCAST, Reason.BAD_ROUTING, "not sealed and yet for one recipient")
        require(routing.lane == pb.LANE_BULK, Reason.BAD_ROUTING, "a broadcast outside the bulk lane")
        require_length(routing.salt, 0, "salt")
        require(not routing.HasField("wrap"), Reason.BAD_ROUTING, "a wrap in a suite that does not seal")


def _check_position(routing: pb.Routing, kind: Kind) -> None:
    sequence, base = routing.sequence, routing.base_sequence
    require_length(routing.previous_digest, 32, "previous digest")
    require_counts(Reason.BAD_POSITION, sequence, base, routing.incarnation, routing.directory_version)
    if kind is Kind.RETURN:
        nowhere = routing.lane == routing.incarnation == sequence == base == 0
        require(nowhere, Reason.BAD_POSITION, "a return has no lane and no position")
        require(routing.previous_digest == ZERO_DIGEST, Reason.BAD_POSITION, "a return follows nothing")
        return
    require_lane(routing.lane)
    require(routing.incarnation >= 1 and sequence >= 1, Reason.BAD_POSITION, "positions count from 1")
    require(base < sequence, Reason.BAD_POSITION, "the agreed position is not before this one")
    follows_nothing = routing.previous_digest == ZERO_DIGEST
    require(follows_nothing == (sequence == 1), Reason.WRONG_PREVIOUS, "position 1 and no other follows nothing")


def _check_manifest(envelope: Envelope) -> None:
    entries = envelope.manifest.entries
    require(len(entries) >= 1, Reason.BAD_CONTROL, "no control part")
    require(len(entries) <= _MOST_PARTS, Reason.TOO_LARGE, "more than 16 parts besides the control part")
    for index, entry in enumerate(entries):
        require_length(entry.digest, 32, f"digest of part {index}")
        require_length(entry.key_commitment, 0 if envelope.is_public else 32, f"commitment of part {index}")
        known = envelope.is_public or entry.padded_bytes in buckets(envelope.routing.lane)
        require(known, Reason.WRONG_BUCKET, f"part {index} has a length that is no bucket of the lane")
