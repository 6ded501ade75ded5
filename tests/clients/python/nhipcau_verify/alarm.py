"""A press of an alarm key: 39 bytes, written from the comment of `alarm.proto`."""

from __future__ import annotations

import hashlib
import hmac
import struct
from dataclasses import dataclass

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from .errors import Reason, require, require_length
from .pae import pae

FRAME_BYTES, MAC_BYTES = 39, 16


@dataclass(frozen=True)
class Frame:
    """What a press says."""

    device: bytes
    counter: int
    flags: int
    area: str


def device_key(party_key: bytes, device: bytes) -> bytes:
    """The key that a device is made with."""
    return HKDF(hashes.SHA256(), 32, b"nhipcau/1/alarm-key", device).derive(party_key)


def open_frame(data: bytes, party_key: bytes) -> Frame:
    """Reads a press that a device of the party made."""
    require_length(data, FRAME_BYTES, "a press")
    body, mac = data[:-MAC_BYTES], data[-MAC_BYTES:]
    version, device, counter, flags, area = struct.unpack("<B8sQB5s", body)
    require(version == 1, Reason.UNSUPPORTED_FORMAT, "a press of another version")
    made = hmac.digest(device_key(party_key, device), pae("nhipcau/1/alarm", body), hashlib.sha256)[:MAC_BYTES]
    require(hmac.compare_digest(made, mac), Reason.BAD_SIGNATURE, "a press that its device did not make")
    return Frame(device, counter, flags, area.rstrip(b"\0").decode("ascii"))
