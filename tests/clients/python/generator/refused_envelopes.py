"""Vectors of envelopes that must not pass, each with one fault and the reason for it.

Faults behind the signature are signed properly: what is shown is that the later check stands on its own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from typing import Any

from nhipcau_verify.contracts import envelope_pb as pb
from nhipcau_verify.envelope import Kind
from nhipcau_verify.errors import Reason
from nhipcau_verify.padding import pad
from nhipcau_verify.pae import pae
from nhipcau_verify.sealing import Content, publish, seal_padded, serialize, sign

from . import fixture

Case = dict[str, Any]
MESSAGES = pb.LANE_MESSAGES


def cases() -> list[Case]:
    """All of them."""
    return [*on_the_way(), *by_routing(), *by_the_signer(), *by_the_sealer(), *by_the_control(), *broadcasts()]


def case(name: str, expect: Reason, envelope: pb.Envelope | bytes, reader: str = "hanoi") -> Case:
    """One vector."""
    data = envelope if isinstance(envelope, bytes) else serialize(envelope)
    return {"name": name, "expect": expect.value, "reader": reader, "envelope": data.hex()}


def good(**changes: Any) -> pb.Envelope:
    """The envelope that each fault is put into."""
    return fixture.sealed(fixture.routing("refused", **changes), fixture.content())


def edited(edit: Callable[[pb.Envelope], Any]) -> pb.Envelope:
    """The good envelope after an edit by someone on the way."""
    envelope = good()
    edit(envelope)
    return envelope


def flip(data: bytes, position: int = -1) -> bytes:
    """The same bytes with one bit changed."""
    changed = bytearray(data)
    changed[position] ^= 1
    return bytes(changed)


def resigned(envelope: pb.Envelope, routing: pb.Routing, signer: str = "moh") -> pb.Envelope:
    """The same manifest and parts below another routing, signed again."""
    return sign(serialize(routing), envelope.manifest, envelope.parts, fixture.signer(signer), Kind.CHANNEL)


def on_the_way() -> Iterator[Case]:
    """Faults that need no key."""
    yield case("flipped-bit-in-routing", Reason.BAD_SIGNATURE,
               edited(lambda e: setattr(e, "routing", flip(e.routing))))
    yield case("flipped-bit-in-manifest", Reason.BAD_SIGNATURE,
               edited(lambda e: setattr(e, "manifest", flip(e.manifest))))
    yield case("flipped-bit-in-signature", Reason.BAD_SIGNATURE,
               edited(lambda e: setattr(e, "signature", flip(e.signature, 0))))
    yield case("short-signature", Reason.WRONG_LENGTH,
               edited(lambda e: setattr(e, "signature", e.signature[:-1])))
    yield case("flipped-bit-in-part", Reason.PART_MISMATCH,
               edited(lambda e: e.parts.__setitem__(1, flip(e.parts[1]))))
    yield case("truncated-part", Reason.PART_MISMATCH, edited(lambda e: e.parts.__setitem__(1, e.parts[1][:-1])))
    yield case("trailing-byte-in-part", Reason.PART_MISMATCH,
               edited(lambda e: e.parts.__setitem__(1, e.parts[1] + b"\0")))
    yield case("swapped-parts", Reason.PART_MISMATCH, edited(lambda e: e.parts.reverse()))
    yield case("missing-part", Reason.PART_MISMATCH, edited(lambda e: e.parts.pop()))
    yield case("added-part", Reason.PART_MISMATCH, edited(lambda e: e.parts.append(e.parts[1])))
    yield case("truncated-envelope", Reason.MALFORMED, serialize(good())[:-1])
    yield case("another-recipient", Reason.WRONG_RECIPIENT, good(recipient="vwu"))

    readdressed = fixture.routing("refused")
    readdressed.recipient = "vwu"
    yield case("re-addressed", Reason.BAD_SIGNATURE,
               edited(lambda e: setattr(e, "routing", serialize(readdressed))), "vwu")


def by_routing() -> Iterator[Case]:
    """Routings that break a rule, properly signed."""
    random_id = bytearray(fixture.message_id("random"))
    random_id[6] = random_id[6] & 0x0F | 0x40
    rules: list[tuple[str, Reason, dict[str, Any]]] = [
        ("unsupported-format", Reason.UNSUPPORTED_FORMAT, {"format": 2}),
        ("unknown-suite", Reason.UNKNOWN_SUITE, {"suite": 99}),
        ("unspecified-lane", Reason.BAD_ROUTING, {"lane": pb.LANE_UNSPECIFIED}),
        ("short-id", Reason.WRONG_LENGTH, {"id": fixture.message_id("short")[:-1]}),
        ("id-not-uuidv8", Reason.BAD_ID, {"id": bytes(random_id)}),
        ("short-salt", Reason.WRONG_LENGTH, {"salt": fixture.bytes_of("short", 31)}),
        ("short-previous-digest", Reason.WRONG_LENGTH, {"previous_digest": bytes(31)}),
        ("position-zero", Reason.BAD_POSITION, {"sequence": 0}),
        ("incarnation-zero", Reason.BAD_POSITION, {"incarnation": 0}),
        ("agreed-position-not-before", Reason.BAD_POSITION,
         {"sequence": 4, "base_sequence": 4, "previous_digest": fixture.bytes_of("envelope 3")}),
        ("first-position-follows-something", Reason.WRONG_PREVIOUS,
         {"previous_digest": fixture.bytes_of("envelope 0")}),
        ("later-position-follows-nothing", Reason.WRONG_PREVIOUS, {"sequence": 2}),
        ("position-too-large", Reason.BAD_POSITION,
         {"sequence": 1 << 62, "previous_digest": fixture.bytes_of("envelope before")}),
        ("release-too-large", Reason.BAD_POSITION, {"directory_version": 1 << 62}),
        ("signing-key-in-capitals", Reason.BAD_ROUTING, {"signing_key": "SIGN-2026"}),
        ("sealed-to-all", Reason.BAD_ROUTING, {"recipient": "all"}),
    ]
    for name, expect, changes in rules:
        yield case(name, expect, good(**changes))
    shouting = fixture.routing("refused")
    shouting.sender = "MOH"
    yield case("sender-in-capitals", Reason.BAD_ROUTING, resigned(good(), shouting))
    timeless = fixture.routing("refused")
    timeless.ClearField("create_time")
    yield case("no-create-time", Reason.BAD_TIME, fixture.sealed(timeless, fixture.content()))
    backwards = fixture.routing("refused")
    backwards.create_time.nanos = -1
    yield case("negative-nanoseconds", Reason.BAD_TIME, fixture.sealed(backwards, fixture.content()))


def by_the_signer() -> Iterator[Case]:
    """Faults of whoever signs, or claims to."""
    envelope = good()
    unknown = fixture.routing("refused", signing_key="sign-1999")
    yield case("unknown-signing-key", Reason.UNKNOWN_SIGNER, resigned(envelope, unknown))

    own = pb.Routing.FromString(envelope.routing)
    yield case("resigned-by-another-key", Reason.BAD_SIGNATURE, resigned(envelope, own, "vwu"))

    stolen = pb.Routing.FromString(envelope.routing)
    stolen.sender = "vwu"
    yield case("stripped-and-resigned", Reason.UNWRAP_FAILED, resigned(envelope, stolen, "vwu"))

    passed_on = pb.Routing.FromString(envelope.routing)
    passed_on.recipient = "vwu"
    yield case("re-addressed-and-resigned", Reason.UNWRAP_FAILED, resigned(envelope, passed_on), "vwu")

    respent = pb.Routing.FromString(envelope.routing)
    respent.id = fixture.message_id("respent")
    yield case("parts-below-another-routing", Reason.WRONG_COMMITMENT, resigned(envelope, respent))

    as_status = fixture.signer("moh").sign(pae("nhipcau/1/status", envelope.routing, envelope.manifest))
    yield case("signed-under-another-type-string", Reason.BAD_SIGNATURE,
               edited(lambda e: setattr(e, "signature", as_status)))


def by_the_sealer() -> Iterator[Case]:
    """Faults inside the seal."""
    unknown = fixture.routing("refused")
    unknown.wrap.sealing_key = "seal-1999-01"
    yield case("unknown-sealing-key", Reason.UNKNOWN_SEALING_KEY, fixture.sealed(unknown, fixture.content()))

    misbound = fixture.routing("refused")
    fixture.wrap_to(misbound, "hanoi", info=b"another setting")
    yield case("wrong-wrap-info", Reason.UNWRAP_FAILED, fixture.sealed(misbound, fixture.content()))

    degenerate = fixture.routing("refused")
    degenerate.wrap.encapsulated_key = bytes(32)
    yield case("zero-encapsulated-key", Reason.UNWRAP_FAILED, fixture.sealed(degenerate, fixture.content()))

    stub = fixture.routing("refused")
    stub.wrap.encapsulated_key = stub.wrap.encapsulated_key[:-1]
    yield case("short-encapsulated-key", Reason.WRONG_LENGTH, fixture.sealed(stub, fixture.content()))

    short = fixture.routing("refused")
    short.wrap.ciphertext = short.wrap.ciphertext[:-1]
    yield case("short-wrap", Reason.WRONG_LENGTH, fixture.sealed(short, fixture.content()))

    yield case("wrong-commitment", Reason.WRONG_COMMITMENT, remade(key_commitment=fixture.bytes_of("another")))
    yield case("sealed-under-another-key", Reason.OPEN_FAILED, remade(part=fixture.bytes_of("noise") * 8 + bytes(16)))
    yield case("short-commitment", Reason.WRONG_LENGTH, remade(key_commitment=bytes(31)))
    yield case("short-part-digest", Reason.WRONG_LENGTH, remade(digest=fixture.bytes_of("digest", 31)))
    yield case("other-length-in-the-manifest", Reason.PART_MISMATCH, remade(padded_bytes=1_536))
    yield case("no-control-part", Reason.BAD_CONTROL, padded())

    control, part = fixture.content().plain()
    first = pad(control, MESSAGES)
    yield case("no-bucket", Reason.WRONG_BUCKET, padded(first, part + b"\x80" + bytes(300)))
    roomy = part + b"\x80" + bytes(1_535 - len(part))
    yield case("larger-bucket-than-needed", Reason.WRONG_BUCKET, padded(first, roomy))
    yield case("padding-not-zero", Reason.BAD_PADDING, padded(first, flip(pad(part, MESSAGES))))
    yield case("padding-without-marker", Reason.BAD_PADDING, padded(first, bytes(256)))
    yield case("other-content", Reason.WRONG_CONTENT_DIGEST, padded(first, pad(b"other content", MESSAGES)))
    yield case("more-content", Reason.WRONG_CONTENT_DIGEST, padded(first, pad(part, MESSAGES), pad(b"", MESSAGES)))
    yield case("more-than-sixteen-parts", Reason.TOO_LARGE,
               fixture.sealed(fixture.routing("refused"), fixture.content(*[b"part"] * 17)))
    yield case("unparsable-control", Reason.MALFORMED, padded(pad(b"\xff", MESSAGES), pad(part, MESSAGES)))


def by_the_control() -> Iterator[Case]:
    """Control parts that break a rule, properly sealed."""
    no_uuid8 = bytes.fromhex("9b1deb4d3b7d4bad9bdd2b0d7b3dcb6d")
    messages: list[tuple[str, Reason, dict[str, Any]]] = [
        ("sent-in-nobodys-name", Reason.BAD_CONTROL, {"sender": None}),
        ("sealed-for-no-party", Reason.BAD_CONTROL, {"recipient": None}),
        ("unit-in-capitals", Reason.BAD_CONTROL, {"sender": pb.Address(party="moh", unit="SWITCHBOARD")}),
        ("message-without-name", Reason.BAD_CONTROL, {"message": ""}),
        ("contract-without-version", Reason.BAD_CONTROL, {"contract": "nhipcau.referral"}),
        ("no-purpose", Reason.BAD_CONTROL, {"purpose": ""}),
        ("ordinal-too-large", Reason.BAD_CONTROL, {"ordinal": 1 << 62}),
        ("all-zero-correlation", Reason.BAD_CONTROL, {"correlation": bytes(16)}),
        ("short-correlation", Reason.WRONG_LENGTH, {"correlation": bytes(15)}),
        ("short-blob-digest", Reason.WRONG_LENGTH, {"blobs": [pb.Blob(digest=bytes(31))]}),
        ("corrects-no-uuidv8", Reason.BAD_ID, {"corrected_id": no_uuid8}),
    ]
    for name, expect, changes in messages:
        yield case(name, expect, fixture.sealed(fixture.routing("refused"), fixture.content(**changes)))
    skip = fixture.skip()
    skips: list[tuple[str, Reason, Content]] = [
        ("message-without-content", Reason.BAD_CONTROL, Content(fixture.control(), ())),
        ("skip-with-content", Reason.BAD_CONTROL, Content(skip.control, (b"content",))),
        ("skip-without-reason", Reason.BAD_CONTROL, fixture.skip(0)),
        ("skip-of-another-name", Reason.BAD_CONTROL, fixture.skip(message="nhipcau.referral.v1.ReferralEvent")),
        ("skip-for-another-purpose", Reason.BAD_CONTROL, fixture.skip(purpose="child-protection")),
        ("skip-of-no-uuidv8", Reason.BAD_ID, fixture.skip(skipped_id=no_uuid8)),
    ]
    for name, expect, content in skips:
        yield case(name, expect, fixture.sealed(fixture.routing("refused"), content))


def remade(part: bytes | None = None, **entry: Any) -> pb.Envelope:
    """The good envelope with another manifest entry or ciphertext for part 1, properly signed."""
    envelope = good()
    manifest = pb.Manifest.FromString(envelope.manifest)
    for field, value in entry.items():
        setattr(manifest.entries[1], field, value)
    if part is not None:
        envelope.parts[1] = part
        manifest.entries[1].digest = hashlib.sha256(part).digest()
    return sign(envelope.routing, serialize(manifest), envelope.parts, fixture.signer("moh"), Kind.CHANNEL)


def padded(*parts: bytes) -> pb.Envelope:
    """An envelope of parts that were padded by hand."""
    made = fixture.routing("refused")
    return seal_padded(made, parts, fixture.channel_key("moh", "hanoi"), fixture.signer("moh"))


def broadcasts() -> Iterator[Case]:
    """Faults of envelopes that are not sealed."""
    message = fixture.content(recipient=None)
    signer = fixture.signer("moha")
    one = fixture.public_routing("refused broadcast")
    one.recipient = "hanoi"
    yield case("unsealed-for-one-recipient", Reason.BAD_ROUTING, publish(one, message, signer))
    lane = fixture.public_routing("refused broadcast", lane=MESSAGES)
    yield case("broadcast-on-the-message-lane", Reason.BAD_ROUTING, publish(lane, message, signer))
    salted = fixture.public_routing("refused broadcast", salt=bytes(32))
    yield case("broadcast-with-salt", Reason.WRONG_LENGTH, publish(salted, message, signer))
    wrapped = fixture.public_routing("refused broadcast")
    fixture.wrap_to(wrapped, "hanoi")
    yield case("broadcast-with-a-wrap", Reason.BAD_ROUTING, publish(wrapped, message, signer))
    committed = publish(fixture.public_routing("refused broadcast"), message, signer)
    manifest = pb.Manifest.FromString(committed.manifest)
    manifest.entries[1].key_commitment = fixture.bytes_of("commitment")
    signed = sign(committed.routing, serialize(manifest), committed.parts, signer, Kind.CHANNEL)
    yield case("broadcast-with-a-commitment", Reason.WRONG_LENGTH, signed)
    addressed = fixture.content()
    yield case("broadcast-for-one-party", Reason.BAD_CONTROL,
               publish(fixture.public_routing("refused broadcast"), addressed, signer))
    changed = publish(fixture.public_routing("refused broadcast"), message, signer)
    changed.parts[1] = flip(changed.parts[1])
    yield case("flipped-bit-in-broadcast", Reason.PART_MISMATCH, changed)
