"""Signed directories of a small programme, for tests: three offline signers, one party with one access point."""

from __future__ import annotations

from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from nhipcau_verify import root
from nhipcau_verify.contracts import bulletin_pb
from nhipcau_verify.contracts import release_pb as pb
from nhipcau_verify.pae import digest, pae

from . import fixture

DAY = 86_400
HOLDERS = ("lead", "office", "partner")
RECOVERY = "recovery-1"
NEXT_EPOCH = "seal-next"


def key(name: str) -> Ed25519PrivateKey:
    """An offline key by its name."""
    return Ed25519PrivateKey.from_private_bytes(fixture.bytes_of(f"offline {name}"))


def release(version: int = 1, before: bytes = b"", root_version: int = 1, **changes: Any) -> pb.Release:
    """A release of one access point, in force for a year from the day before the fixture's time."""
    made = pb.Release(format=1, programme="nhipcau", version=version, previous_digest=before)
    made.issue_time.FromSeconds(fixture.TIME - DAY)
    made.expire_time.FromSeconds(fixture.TIME + 365 * DAY)
    made.root.version, made.root.threshold = root_version, 2
    for holder in HOLDERS:
        role = pb.SIGNER_ROLE_PROGRAMME_OFFICE if holder == "office" else pb.SIGNER_ROLE_PARTY
        name = signer(holder, root_version)
        made.root.signers.add(key_id=name, holder=holder, role=role, public_key=key(name).public_key().public_bytes_raw())
    party = made.parties.add(party="moh")
    party.recovery_keys.add(key_id=RECOVERY, public_key=key(RECOVERY).public_key().public_bytes_raw())
    point = made.access_points.add(access_point="moh", operator_party="moh", parties=["moh"])
    _key(point.signing_keys.add(), fixture.SIGNING_KEY, fixture.signer("moh").public_key().public_bytes_raw())
    _key(point.sealing_keys.add(), fixture.SEALING_KEY, fixture.sealing_public("moh"))
    made.MergeFrom(pb.Release(**changes))
    return made


def signer(holder: str, root_version: int = 1) -> str:
    """The key id of an offline signer in a root."""
    return f"{holder}-{root_version}"


def signed(made: pb.Release, *signers: str) -> bytes:
    """A serialized SignedRelease by these key ids; by two of the first root when none is named."""
    data = made.SerializeToString(deterministic=True)
    both = pb.SignedRelease(release=data)
    for name in signers or (signer("lead"), signer("office")):
        both.signatures.add(signer=name, signature=key(name).sign(pae("nhipcau/1/release", data)))
    return bytes(both.SerializeToString())


def digest_of(made: pb.Release) -> bytes:
    """By this the next release names it."""
    return digest("nhipcau/1/release-digest", made.SerializeToString(deterministic=True))


def fingerprint(made: pb.Release) -> bytes:
    """What people compare of a first release."""
    return root.read(made).fingerprint


def revocation(keys: list[str], at: int, by: Ed25519PrivateKey, **changes: Any) -> bytes:
    """A serialized SignedRevocation of keys of moh, by its recovery key unless `changes` name another."""
    fields: dict[str, Any] = {"recovery_key": RECOVERY} if "signing_key" not in changes else {}
    fields |= {"format": 1, "programme": "nhipcau", "party": "moh", "access_point": "moh", "keys": keys}
    made = pb.Revocation(**(fields | changes))
    made.revoke_time.FromSeconds(at)
    data = made.SerializeToString(deterministic=True)
    signature = by.sign(pae("nhipcau/1/revocation", data))
    return bytes(pb.SignedRevocation(revocation=data, signature=signature).SerializeToString())


def bulletin(version: int = 1, by: Ed25519PrivateKey | None = None, **changes: Any) -> bytes:
    """A serialized SignedBulletin of moh: the epoch of its release, and one that begins in 20 days."""
    made = bulletin_pb.Bulletin(format=1, programme="nhipcau", party="moh", access_point="moh", version=version,
                                signing_key=fixture.SIGNING_KEY)
    made.issue_time.FromSeconds(fixture.TIME)
    _key(made.sealing_keys.add(), fixture.SEALING_KEY, fixture.sealing_public("moh"))
    _key(made.sealing_keys.add(), NEXT_EPOCH, fixture.bytes_of("next epoch"), 20)
    made.MergeFrom(bulletin_pb.Bulletin(**changes))
    data = made.SerializeToString(deterministic=True)
    signature = (by or fixture.signer("moh")).sign(pae("nhipcau/1/bulletin", data))
    return bytes(bulletin_pb.SignedBulletin(bulletin=data, signature=signature).SerializeToString())


def _key(wire: Any, key_id: str, public: bytes, after: int = -1) -> None:
    wire.key_id, wire.public_key = key_id, public
    wire.start_time.FromSeconds(fixture.TIME + after * DAY)
    wire.expire_time.FromSeconds(fixture.TIME + (after + 31) * DAY)
