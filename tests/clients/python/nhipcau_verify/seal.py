"""Keys and ciphers of the suite X25519, HKDF-SHA256, AES-256-GCM: from a channel key to an opened part.

A part's key is used once, which is why its nonce may be zero; AES-GCM alone does not commit to its key, which is
why a commitment derived beside the key is compared before anything is opened.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from cryptography.hazmat.primitives.kdf.hkdf import HKDF, HKDFExpand

from .contracts import envelope_pb as pb
from .errors import Reason, VerificationError, require_length
from .pae import pae

KEY_BYTES = 32
TAG_BYTES = 16
_HPKE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
_NONCE = bytes(12)


@dataclass(frozen=True)
class PartKey:
    """The single-use key of one part and the commitment that the manifest shows."""

    key: bytes
    commitment: bytes


def wrap_info(routing: pb.Routing) -> bytes:
    """What a wrap is bound to: both ends and their key ids, so that it opens in no other setting."""
    return pae(
        "nhipcau/1/wrap",
        routing.suite,
        routing.sender,
        routing.signing_key,
        routing.recipient,
        routing.wrap.sealing_key,
    )


def wrap(channel_key: bytes, recipient: bytes, info: bytes) -> tuple[bytes, bytes]:
    """Seals a channel key to a recipient's public key: (encapsulated key, ciphertext)."""
    sealed = _HPKE.encrypt(channel_key, X25519PublicKey.from_public_bytes(recipient), info=info)
    return sealed[:KEY_BYTES], sealed[KEY_BYTES:]


def unwrap(routing: pb.Routing, private: X25519PrivateKey) -> bytes:
    """The channel key, opened with the recipient's private key."""
    sealed = routing.wrap.encapsulated_key + routing.wrap.ciphertext
    try:
        channel_key = _HPKE.decrypt(sealed, private, info=wrap_info(routing))
    except (InvalidTag, ValueError):
        raise VerificationError(Reason.UNWRAP_FAILED, "the wrap does not open in this setting") from None
    require_length(channel_key, KEY_BYTES, "channel key")
    return channel_key


def extract(channel_key: bytes, salt: bytes) -> bytes:
    """The envelope's pseudo-random key."""
    return HKDF.extract(hashes.SHA256(), salt, channel_key)


def associated_data(routing: bytes) -> bytes:
    """What every part is bound to: the digest of the routing as it stands."""
    return hashlib.sha256(routing).digest()


def part_key(prk: bytes, routing: bytes, index: int) -> PartKey:
    """The key and commitment of the part at `index`."""
    info = pae("nhipcau/1/part", associated_data(routing), index)
    both = HKDFExpand(hashes.SHA256(), 2 * KEY_BYTES, info).derive(prk)
    return PartKey(both[:KEY_BYTES], both[KEY_BYTES:])


def check_commitment(key: PartKey, commitment: bytes) -> None:
    """Compares the derived commitment with the manifest's."""
    if not hmac.compare_digest(key.commitment, commitment):
        raise VerificationError(Reason.WRONG_COMMITMENT, "the part was sealed under another key")


def seal_part(key: bytes, padded: bytes, routing: bytes) -> bytes:
    """Seals one padded part."""
    return AESGCM(key).encrypt(_NONCE, padded, associated_data(routing))


def open_part(key: bytes, part: bytes, routing: bytes) -> bytes:
    """Opens one part; the padding is still on."""
    require_length(key, KEY_BYTES, "part key")
    try:
        return AESGCM(key).decrypt(_NONCE, part, associated_data(routing))
    except InvalidTag:
        raise VerificationError(Reason.OPEN_FAILED, "the part does not open") from None
