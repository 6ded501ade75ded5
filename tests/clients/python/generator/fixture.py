"""Keys, ids and messages of the vectors. Everything is derived from its name; nothing is about a person."""

from __future__ import annotations

import hashlib
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from nhipcau_verify.contracts import envelope_pb as pb
from nhipcau_verify.seal import wrap_info
from nhipcau_verify.sealing import Content, publish, publish_plain, seal, serialize
from nhipcau_verify.wire import ZERO_DIGEST

from . import hpke_fixed

ACCESS_POINTS = ("hanoi", "moh", "moha", "vwu")
SIGNING_KEY = "sign-2026"
SEALING_KEY = "seal-2026-11"
#: 2026-11-23T01:00:00Z
TIME = 1_795_395_600
RELEASE = 7


def bytes_of(name: str, length: int = 32) -> bytes:
    """Fixed bytes for a name."""
    return hashlib.sha256(b"nhipcau vector " + name.encode()).digest()[:length]


def message_id(name: str) -> bytes:
    """A UUIDv8 for a name."""
    value = bytearray(bytes_of(f"id {name}", 16))
    value[6] = value[6] & 0x0F | 0x80
    value[8] = value[8] & 0x3F | 0x80
    return bytes(value)


def signer(access_point: str) -> Ed25519PrivateKey:
    """The signing key of an access point."""
    return Ed25519PrivateKey.from_private_bytes(bytes_of(f"{access_point} {SIGNING_KEY}"))


def sealing_private(access_point: str) -> bytes:
    """The private sealing key of an access point."""
    return bytes_of(f"{access_point} {SEALING_KEY}")


def sealing_public(access_point: str) -> bytes:
    """The public sealing key of an access point."""
    return X25519PrivateKey.from_private_bytes(sealing_private(access_point)).public_key().public_bytes_raw()


def channel_key(sender: str, recipient: str) -> bytes:
    """The channel key in one direction."""
    return bytes_of(f"channel key {sender} to {recipient}")


def routing(name: str, sender: str = "moh", recipient: str = "hanoi", **changes: Any) -> pb.Routing:
    """A routing with wrap and salt, at position 1 unless `changes` say otherwise."""
    fields: dict[str, Any] = {
        "format": 1,
        "suite": pb.SUITE_X25519_AES256GCM_ED25519,
        "id": message_id(name),
        "lane": pb.LANE_MESSAGES,
        "incarnation": 1,
        "sequence": 1,
        "previous_digest": ZERO_DIGEST,
        "directory_version": RELEASE,
        "signing_key": SIGNING_KEY,
        "salt": bytes_of(f"salt {name}"),
    }
    made = pb.Routing(sender=sender, recipient=recipient, **(fields | changes))
    made.create_time.FromSeconds(TIME)
    wrap_to(made, recipient)
    return made


def wrap_to(made: pb.Routing, recipient: str, info: bytes | None = None) -> None:
    """Puts the wrap of the channel key into a routing; `info` replaces what it should be bound to."""
    made.wrap.sealing_key = SEALING_KEY
    public = sealing_public(recipient if recipient in ACCESS_POINTS else "hanoi")
    key = channel_key(made.sender, recipient)
    ephemeral = bytes_of(f"ephemeral {made.sender} to {recipient}")
    enc, ciphertext = hpke_fixed.seal(key, public, ephemeral, info or wrap_info(made))
    made.wrap.encapsulated_key, made.wrap.ciphertext = enc, ciphertext


def public_routing(name: str, **changes: Any) -> pb.Routing:
    """The routing of a broadcast of moha."""
    fields: dict[str, Any] = {"suite": pb.SUITE_PUBLIC, "lane": pb.LANE_BULK, "salt": b""}
    made = routing(name, "moha", "all", **(fields | changes))
    made.ClearField("wrap")
    return made


def control(**changes: Any) -> pb.Control:
    """A short control part of a referral from moh to hanoi."""
    fields: dict[str, Any] = {
        "message": "nhipcau.referral.v1.ReferralEvent",
        "contract": "nhipcau.referral.v1",
        "sender": pb.Address(party="moh", unit="111"),
        "recipient": pb.Address(party="hanoi", unit="commune-00004"),
        "purpose": "child-protection",
        "correlation": bytes_of("case 1", 16),
        "ordinal": 1,
    }
    return pb.Control(**(fields | changes))


def content(*parts: bytes, **changes: Any) -> Content:
    """A message with these parts."""
    return Content(control(**changes), parts or (b"content of part 1",))


def skip(reason: int = pb.SKIP_REASON_ERASED, skipped_id: bytes = b"", **changes: Any) -> Content:
    """Fills the position of a message that is given up."""
    given_up = pb.Skip(skipped_id=skipped_id or message_id("erased"), reason=reason)
    fields: dict[str, Any] = {
        "message": "nhipcau.envelope.v1.Skip",
        "contract": "nhipcau.envelope.v1",
        "sender": pb.Address(party="moh"),
        "recipient": pb.Address(party="hanoi"),
        "purpose": "skip",
        "skip": given_up,
    }
    return Content(control(**(fields | changes)), ())


def sealed(made: pb.Routing, message: Content) -> pb.Envelope:
    """Seals and signs as the sender in the routing."""
    return seal(made, message, channel_key(made.sender, made.recipient), signer(made.sender))


def publish_first(message: Content) -> pb.Envelope:
    """A broadcast of moha at position 1."""
    return publish(public_routing("broadcast"), message, signer("moha"))


def publish_bare(head: pb.Control, *parts: bytes) -> pb.Envelope:
    """A broadcast of moha whose control part goes out as it is, without its digest."""
    return publish_plain(public_routing("broadcast"), [serialize(head), *parts], signer("moha"))
