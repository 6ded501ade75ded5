"""The keys that a verifier trusts: public signing keys of all, private sealing keys of the reader.

A key id means nothing by itself; it is looked up together with the access point that claims it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from .errors import Reason, VerificationError, require_length
from .pae import pae

#: An access point and the id of one of its keys.
KeyName = tuple[str, str]


@dataclass(frozen=True)
class Keyring:
    """Keys by access point and key id."""

    signing: dict[KeyName, bytes] = field(default_factory=dict)
    sealing: dict[KeyName, bytes] = field(default_factory=dict)

    def check_signature(self, signer: KeyName, signature: bytes, *pieces: bytes | str) -> None:
        """Checks an Ed25519 signature over the PAE of the pieces."""
        require_length(signature, 64, "signature")
        public = self.signing.get(signer)
        if public is None:
            raise VerificationError(Reason.UNKNOWN_SIGNER, "no such signing key")
        try:
            Ed25519PublicKey.from_public_bytes(public).verify(signature, pae(*pieces))
        except InvalidSignature:
            raise VerificationError(Reason.BAD_SIGNATURE, "signature does not fit") from None

    def sealing_key(self, owner: KeyName) -> X25519PrivateKey:
        """The private sealing key of that name."""
        private = self.sealing.get(owner)
        if private is None:
            raise VerificationError(Reason.UNKNOWN_SEALING_KEY, "no such sealing key")
        return X25519PrivateKey.from_private_bytes(private)
