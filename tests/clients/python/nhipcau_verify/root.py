"""The root of a directory: the three offline signers, two of whom make a release.

The first root is compared out of band by its fingerprint; every later one is vouched for by the one before.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from .contracts import release_pb as pb
from .errors import Reason, require, require_length
from .pae import digest, pae
from .wire import require_label

THRESHOLD = 2


@dataclass(frozen=True)
class Root:
    """Who may sign the next release."""

    programme: str
    version: int
    #: Holder, role and public key by key id, in ascending order of key id.
    signers: tuple[tuple[str, str, int, bytes], ...]

    @property
    def fingerprint(self) -> bytes:
        """What people compare."""
        pieces: list[bytes | str | int] = ["nhipcau/1/root", self.programme, self.version, THRESHOLD]
        for signer in self.signers:
            pieces.extend(signer)
        return digest(*pieces)

    def count(self, signed: pb.SignedRelease) -> int:
        """How many distinct signers of this root signed. Whoever signs twice counts once, a stranger not at all."""
        message = pae("nhipcau/1/release", signed.release)
        public = {key_id: key for key_id, _, _, key in self.signers}
        return len({item.signer for item in signed.signatures
                    if item.signer in public and is_signature(public[item.signer], message, item.signature)})

    def require_signed(self, signed: pb.SignedRelease) -> None:
        """Refuses a release that too few of this root signed."""
        require(self.count(signed) >= THRESHOLD, Reason.UNDER_SIGNED, f"fewer than {THRESHOLD} signers of the root")


def read(release: Any) -> Root:
    """The root in a release; nobody vouches for it yet."""
    wire = release.root
    require_label(release.programme, Reason.BAD_RELEASE, "programme")
    require(wire.version >= 1, Reason.BAD_RELEASE, "roots count from 1")
    require(wire.threshold == THRESHOLD, Reason.BAD_RELEASE, "a root asks for two signers")
    for signer in wire.signers:
        require_label(signer.key_id, Reason.BAD_RELEASE, "signer")
        require_label(signer.holder, Reason.BAD_RELEASE, "holder")
        require_length(signer.public_key, 32, "signer's key")
    roles = sorted(signer.role for signer in wire.signers)
    two_and_one = [pb.SIGNER_ROLE_PARTY, pb.SIGNER_ROLE_PARTY, pb.SIGNER_ROLE_PROGRAMME_OFFICE]
    require(roles == two_and_one, Reason.BAD_RELEASE, "a root has two parties and the programme office")
    signers = sorted((item.key_id, item.holder, item.role, item.public_key) for item in wire.signers)
    distinct = all(len({signer[field] for signer in signers}) == 3 for field in (0, 1, 3))
    require(distinct, Reason.BAD_RELEASE, "the signers of a root are not distinct")
    return Root(release.programme, wire.version, tuple(signers))


def is_signature(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether an Ed25519 signature fits."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except InvalidSignature:
        return False
    return True
