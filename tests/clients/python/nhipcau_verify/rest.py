"""Bodies at rest: encrypted for their row under the key of their case, which a key-encryption key wraps.

A stored body is a nonce of 12 bytes and an AES-256-GCM ciphertext, bound to PAE("nhipcau/1/rest", table, row), so
that bodies cannot change places. A wrapped case key is stored the same way, as the row of its case in `case_key`.
"""

from __future__ import annotations

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from .errors import Reason, VerificationError, require_length
from .pae import pae
from .seal import KEY_BYTES, TAG_BYTES

NONCE_BYTES = 12


def open_body(key: bytes, table: str, row: bytes, stored: bytes) -> bytes:
    """Decrypts the body of a row."""
    nonce, sealed = stored[:NONCE_BYTES], stored[NONCE_BYTES:]
    if len(sealed) < TAG_BYTES:
        raise VerificationError(Reason.NOT_AT_REST, f"a body of {table} is too short")
    try:
        return AESGCM(key).decrypt(nonce, sealed, _bound_to(table, row))
    except InvalidTag:
        raise VerificationError(Reason.NOT_AT_REST, f"a body of {table} does not open") from None


def seal_body(key: bytes, table: str, row: bytes, body: bytes, nonce: bytes) -> bytes:
    """Encrypts a body for its row. A real access point draws the nonce at random."""
    require_length(nonce, NONCE_BYTES, "nonce")
    return nonce + AESGCM(key).encrypt(nonce, body, _bound_to(table, row))


def unwrap_case_key(kek: bytes, case: bytes, wrapped: bytes) -> bytes:
    """The key of a case."""
    key = open_body(kek, "case_key", case, wrapped)
    require_length(key, KEY_BYTES, "case key")
    return key


def _bound_to(table: str, row: bytes) -> bytes:
    return pae("nhipcau/1/rest", table, row)
