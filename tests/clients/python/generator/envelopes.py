"""Vectors of single envelopes that are right, with every value on the way to the plaintext."""

from __future__ import annotations

from typing import Any

from nhipcau_verify.contracts import envelope_pb as pb
from nhipcau_verify.envelope import Envelope, read
from nhipcau_verify.opening import content_encoding, part_keys
from nhipcau_verify.seal import associated_data, extract, wrap_info
from nhipcau_verify.sealing import Content, seal, serialize

from . import fixture

Case = dict[str, Any]


def cases() -> list[Case]:
    """All of them."""
    return [four_parts(), loopback(), *skips(), unknown_field(), broadcast()]


def four_parts() -> Case:
    """A case with coded preview, identity and narrative as parts of their own."""
    message = fixture.content(
        b"coded preview", b"identity " * 40, b"",
        contract_minor=2,
        legal_basis="Điều 56 Luật Trẻ em",
        traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        blobs=[pb.Blob(digest=fixture.bytes_of("blob"), size_bytes=393_217)],
    )
    return sealed_case("sealed-four-parts", fixture.routing("four parts"), message)


def loopback() -> Case:
    """A message of an access point to itself, correcting one that was refused, with a part just below a bucket."""
    message = fixture.content(
        b"x" * 255,
        sender=pb.Address(party="hanoi", unit="commune-00004"),
        recipient=pb.Address(party="hanoi"),
        corrected_id=fixture.message_id("refused"),
    )
    made = fixture.routing("loopback", "hanoi", "hanoi", sequence=12, base_sequence=9, incarnation=3,
                           previous_digest=fixture.bytes_of("envelope 11"))
    return sealed_case("sealed-loopback-correction", made, message)


def skips() -> list[Case]:
    """Envelopes that only fill the position of a message; they have no part but the control part. The second gives a
    reason of a newer minor version."""
    return [
        sealed_case(name, fixture.routing(name), fixture.skip(reason))
        for name, reason in (("sealed-skip", pb.SKIP_REASON_ERASED), ("sealed-skip-unknown-reason", 99))
    ]


def unknown_field() -> Case:
    """A routing with a field of a newer minor version: ignored, and signed as it stands."""
    made = fixture.routing("unknown field")
    made.MergeFromString(b"\xc2\x3e\x05newer")
    return sealed_case("sealed-unknown-routing-field", made, fixture.content())


def broadcast() -> Case:
    """PUBLIC content: signed, neither sealed nor padded."""
    message = fixture.content(
        b"public figures",
        message="nhipcau.indicator.v1.SubmissionPublished", contract="nhipcau.indicator.v1",
        sender=pb.Address(party="moha", unit="gender-equality"), recipient=None, purpose="statistics",
        correlation=b"", ordinal=0,
    )
    return described("public-broadcast", fixture.publish_first(message), "vwu") | {
        "parts": [part.hex() for part in message.plain()],
        "content_encoding": content_encoding(message.control, message.parts).hex(),
    }


def sealed_case(name: str, made: pb.Routing, message: Content) -> Case:
    """Seals a message and writes down every intermediate value."""
    key = fixture.channel_key(made.sender, made.recipient)
    case = described(name, seal(made, message, key, fixture.signer(made.sender)), made.recipient)
    return case | intermediate(made, serialize(made), key) | {
        "part_keys": [single.key.hex() for single in part_keys(parsed(case), key)],
        "commitments": [single.commitment.hex() for single in part_keys(parsed(case), key)],
        "parts": [part.hex() for part in message.plain()],
        "content_encoding": content_encoding(message.control, message.parts).hex(),
    }


def intermediate(made: pb.Routing, routing_bytes: bytes, key: bytes) -> Case:
    """The values that do not depend on a part."""
    return {
        "wrap_info": wrap_info(made).hex(),
        "channel_key": key.hex(),
        "salt": made.salt.hex(),
        "prk": extract(key, made.salt).hex(),
        "aad": associated_data(routing_bytes).hex(),
    }


def described(name: str, envelope: pb.Envelope, reader: str) -> Case:
    """The fields that every accepted envelope has."""
    return {
        "name": name,
        "expect": "ok",
        "reader": reader,
        "envelope": serialize(envelope).hex(),
        "digest": read(envelope).digest.hex(),
    }


def parsed(case: Case) -> Envelope:
    """The envelope of a case."""
    return read(pb.Envelope.FromString(bytes.fromhex(case["envelope"])))
