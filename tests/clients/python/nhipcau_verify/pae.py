"""Pre-authentication encoding (PASETO's PAE): the only way in which several values become one byte string.

Lengths are explicit, so two different lists of pieces never encode to the same bytes, which plain concatenation
cannot promise. Everything that is signed, digested or bound to a key goes through here.
"""

from __future__ import annotations

import hashlib
import struct


def piece(value: bytes | str | int) -> bytes:
    """One piece: bytes as they are, text in UTF-8, a number in decimal without sign or leading zeros."""
    if isinstance(value, bytes):
        return value
    return str(value).encode()


def pae(*pieces: bytes | str | int) -> bytes:
    """The number of pieces as 64-bit little-endian, then each piece's length likewise and the piece."""
    encoded = bytearray(struct.pack("<Q", len(pieces)))
    for item in map(piece, pieces):
        encoded += struct.pack("<Q", len(item)) + item
    return bytes(encoded)


def digest(*pieces: bytes | str | int) -> bytes:
    """SHA-256 over the PAE of the pieces."""
    return hashlib.sha256(pae(*pieces)).digest()
