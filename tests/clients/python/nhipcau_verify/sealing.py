"""Seals and signs: the sender's half of the format, so that the bus can be shown envelopes that it did not make.

The caller brings channel key, wrap and salt. A real sender draws them at random and never uses a salt twice.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from .contracts import envelope_pb as pb
from .envelope import Kind
from .opening import content_digest
from .padding import pad
from .pae import pae
from .seal import extract, part_key, seal_part


@dataclass(frozen=True)
class Content:
    """A message before sealing: the control part without its digest, and the parts after it."""

    control: pb.Control
    parts: Sequence[bytes]

    def plain(self) -> list[bytes]:
        """All parts with the control part first and its digest filled in."""
        control = pb.Control()
        control.CopyFrom(self.control)
        control.content_digest = content_digest(control, self.parts)
        return [serialize(control), *self.parts]


def serialize(message: pb.Control | pb.Routing | pb.Manifest | pb.Envelope) -> bytes:
    """Serialized once; from then on only the bytes count."""
    data: bytes = message.SerializeToString(deterministic=True)
    return data


def seal(routing: pb.Routing, content: Content, key: bytes, signer: Ed25519PrivateKey,
         kind: Kind = Kind.CHANNEL) -> pb.Envelope:
    """Seals to the recipient whose wrap and salt the routing holds. `key` is the channel key inside that wrap."""
    padded = [pad(part, routing.lane) for part in content.plain()]
    return seal_padded(routing, padded, key, signer, kind)


def seal_padded(routing: pb.Routing, padded: Sequence[bytes], key: bytes, signer: Ed25519PrivateKey,
                kind: Kind = Kind.CHANNEL) -> pb.Envelope:
    """Seals parts that are padded already, well or badly: what a test of a reader needs."""
    routing_bytes = serialize(routing)
    prk = extract(key, routing.salt)
    manifest, parts = pb.Manifest(), []
    for index, plain in enumerate(padded):
        single = part_key(prk, routing_bytes, index)
        part = seal_part(single.key, plain, routing_bytes)
        parts.append(part)
        manifest.entries.add(digest=hashlib.sha256(part).digest(), padded_bytes=len(plain),
                             key_commitment=single.commitment)
    return sign(routing_bytes, serialize(manifest), parts, signer, kind)


def publish(routing: pb.Routing, content: Content, signer: Ed25519PrivateKey) -> pb.Envelope:
    """Signs a broadcast of PUBLIC content, which is not sealed."""
    return publish_plain(routing, content.plain(), signer)


def publish_plain(routing: pb.Routing, parts: Sequence[bytes], signer: Ed25519PrivateKey) -> pb.Envelope:
    """Signs a broadcast of these parts, whatever they are."""
    manifest = pb.Manifest()
    for part in parts:
        manifest.entries.add(digest=hashlib.sha256(part).digest(), padded_bytes=len(part))
    return sign(serialize(routing), serialize(manifest), parts, signer, Kind.CHANNEL)


def sign(routing: bytes, manifest: bytes, parts: Sequence[bytes], signer: Ed25519PrivateKey,
         kind: Kind) -> pb.Envelope:
    """Signs serialized routing and manifest and puts the envelope together."""
    signature = signer.sign(pae(kind.value, routing, manifest))
    return pb.Envelope(routing=routing, manifest=manifest, parts=parts, signature=signature)
