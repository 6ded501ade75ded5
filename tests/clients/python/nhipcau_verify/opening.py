"""Opens a verified envelope: unwrap the channel key, derive, check, decrypt, unpad, read the control part.

Two ways in: with the recipient's sealing key, or with the part keys that a peer returned. Both end in the same
checks of the content, so that neither can pass where the other would not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .contracts import envelope_pb as pb
from .envelope import Envelope
from .errors import Reason, require, require_length
from .keyring import Keyring
from .padding import unpad
from .pae import digest, pae
from .seal import PartKey, check_commitment, extract, open_part, part_key, unwrap
from .wire import (
    parse,
    require_contract,
    require_counts,
    require_kind,
    require_label,
    require_message_id,
    require_optional,
)

_SKIP = "nhipcau.envelope.v1.Skip"


@dataclass(frozen=True)
class Opened:
    """What the sender meant: the control part and the parts after it, without padding."""

    control: pb.Control
    control_bytes: bytes
    content: tuple[bytes, ...]


def open_envelope(envelope: Envelope, reader: str, keys: Keyring) -> Opened:
    """Opens an envelope that was verified before, as the access point `reader`."""
    if envelope.is_public:
        return _content(envelope, envelope.parts)
    require(envelope.routing.recipient == reader, Reason.WRONG_RECIPIENT, "sealed to another access point")
    derived = part_keys(envelope, channel_key(envelope, keys))
    for key, entry in zip(derived, envelope.manifest.entries, strict=True):
        check_commitment(key, entry.key_commitment)
    return open_with_part_keys(envelope, [key.key for key in derived])


def open_with_part_keys(envelope: Envelope, keys: Sequence[bytes]) -> Opened:
    """Opens a verified envelope by the keys of its parts. The tag of AES-GCM and the signed digest of each part
    stand in for the commitment, which cannot be computed from a part's key."""
    if envelope.is_public:
        require(not keys, Reason.PART_MISMATCH, "keys for parts that are not sealed")
        return _content(envelope, envelope.parts)
    require(len(keys) == len(envelope.parts), Reason.PART_MISMATCH, "not as many keys as parts")
    padded = (open_part(key, part, envelope.routing_bytes) for key, part in zip(keys, envelope.parts, strict=True))
    return _content(envelope, [unpad(part, envelope.routing.lane) for part in padded])


def channel_key(envelope: Envelope, keys: Keyring) -> bytes:
    """The channel key that the envelope's wrap carries."""
    routing = envelope.routing
    return unwrap(routing, keys.sealing_key((routing.recipient, routing.wrap.sealing_key)))


def part_keys(envelope: Envelope, key: bytes) -> list[PartKey]:
    """The keys and commitments of all parts."""
    prk = extract(key, envelope.routing.salt)
    return [part_key(prk, envelope.routing_bytes, index) for index in range(len(envelope.manifest.entries))]


def content_pieces(control: pb.Control, content: Sequence[bytes]) -> list[bytes | str | int]:
    """The pieces whose PAE is the content: what a message says, for whom and by what right, however it is sealed."""
    return [
        "nhipcau/1/content",
        control.message,
        control.contract,
        control.sender.party,
        control.sender.unit,
        control.recipient.party,
        control.recipient.unit,
        control.purpose,
        control.legal_basis,
        control.correlation,
        control.ordinal,
        control.corrected_id,
        *content,
    ]


def content_encoding(control: pb.Control, content: Sequence[bytes]) -> bytes:
    """The bytes that the content digest is taken over."""
    return pae(*content_pieces(control, content))


def content_digest(control: pb.Control, content: Sequence[bytes]) -> bytes:
    """SHA-256 over [`content_encoding`]."""
    return digest(*content_pieces(control, content))


def _content(envelope: Envelope, plain: Sequence[bytes]) -> Opened:
    control_bytes, content = plain[0], tuple(plain[1:])
    control = parse(pb.Control, control_bytes)
    _check_control(envelope, control)
    fits = content_digest(control, content) == control.content_digest
    require(fits, Reason.WRONG_CONTENT_DIGEST, "the parts are not the content that the control part names")
    return Opened(control, control_bytes, content)


def _check_control(envelope: Envelope, control: pb.Control) -> None:
    require_length(control.content_digest, 32, "content digest")
    require_optional(control.correlation, 16, "correlation")
    require(control.correlation != bytes(16), Reason.BAD_CONTROL, "an all-zero correlation")
    require_contract(control.contract, Reason.BAD_CONTROL, "contract")
    require_label(control.purpose, Reason.BAD_CONTROL, "purpose")
    require_kind(control.kind, Reason.BAD_CONTROL)
    require_counts(Reason.BAD_CONTROL, control.ordinal, *(blob.size_bytes for blob in control.blobs))
    _check_addresses(envelope, control)
    if control.corrected_id:
        require_message_id(control.corrected_id, "corrected id")
    for blob in control.blobs:
        require_length(blob.digest, 32, "blob digest")
    if control.HasField("skip"):
        _check_skip(envelope, control)
    else:
        require(control.message != "", Reason.BAD_CONTROL, "the message is not named")
        require(len(envelope.parts) > 1, Reason.BAD_CONTROL, "a message without content")


def _check_addresses(envelope: Envelope, control: pb.Control) -> None:
    require(control.HasField("sender"), Reason.BAD_CONTROL, "no party in whose name it was sent")
    addressed = control.HasField("recipient") != envelope.is_public
    require(addressed, Reason.BAD_CONTROL, "a broadcast for one party, or a sealed message for none")
    addresses = [control.sender] if envelope.is_public else [control.sender, control.recipient]
    for address in addresses:
        require_label(address.party, Reason.BAD_CONTROL, "party")
        if address.unit:
            require_label(address.unit, Reason.BAD_CONTROL, "unit")


def _check_skip(envelope: Envelope, control: pb.Control) -> None:
    require_message_id(control.skip.skipped_id, "skipped id")
    require(control.skip.reason != 0, Reason.BAD_CONTROL, "a skip without reason")
    named = control.message == _SKIP and control.purpose == "skip"
    require(named, Reason.BAD_CONTROL, "a skip under another name or purpose")
    require(len(envelope.parts) == 1, Reason.BAD_CONTROL, "a skip with content")
