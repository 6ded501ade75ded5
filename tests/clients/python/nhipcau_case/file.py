"""The file itself: its bounds, its directory, who made it when, and how its events travelled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from nhipcau_verify.contracts import evidence_pb as pb
from nhipcau_verify.directory import Directory, Release
from nhipcau_verify.errors import Reason, VerificationError, require, require_length
from nhipcau_verify.instant import nanoseconds, text
from nhipcau_verify.keyring import Keyring
from nhipcau_verify.wire import parse, require_access_point, require_label, require_time

from . import bounds, carriage
from .carriage import Carriage
from .judgement import TOLERANCE


@dataclass(frozen=True)
class File:
    """A file whose maker, directory, envelopes and receipts were verified."""

    evidence: Any
    #: The newest release in it.
    release: Release
    #: When it was made, by its maker's clock.
    made: int
    carriage: Carriage


def read(data: bytes, fingerprint: bytes, now: int) -> File:
    """Verifies everything but the events."""
    require(len(data) <= bounds.FILE_BYTES, Reason.TOO_LARGE, "evidence has at most 32 MiB")
    signed = parse(pb.EvidenceFile, data)
    evidence = parse(pb.Evidence, signed.evidence)
    require(evidence.format == 1, Reason.UNSUPPORTED_FORMAT, "the format of evidence is not 1")
    require(bool(evidence.branches), Reason.BAD_EVIDENCE, "there is no branch in it")
    bounds.check(evidence)
    require_length(evidence.case_uid, 16, "case")
    if evidence.HasField("access_head"):
        require_length(evidence.access_head.digest, 32, "head of the access records")
    require_access_point(evidence.access_point, "maker")
    require_label(signed.signing_key, Reason.BAD_ROUTING, "signing key")
    require_time(evidence, "make_time")
    made = nanoseconds(evidence.make_time)

    directory = _directory(evidence.releases, fingerprint)
    release = directory.newest
    maker = (evidence.access_point, signed.signing_key)
    keys = Keyring({name: key.public for name, key in release.signing.items()})
    keys.check_signature(maker, signed.signature, "nhipcau/1/evidence", signed.evidence)
    revoked = {name: at for name, at in directory.revoked.items() if name in release.signing}
    in_force = maker not in revoked or made < revoked[maker]
    require(in_force, Reason.KEY_NOT_USABLE, "the key that signed the file had been revoked when it was made")
    require(made - now <= TOLERANCE, Reason.BAD_TIME, "the file says that it was made later than now")

    found = _carriage(evidence, release, revoked)
    own = found.last_signed.get(maker[0], made)
    require(own - made <= TOLERANCE, Reason.BAD_TIME, "its maker signed something in it later than the file")
    return File(evidence, release, made, found)


def _directory(releases: Any, fingerprint: bytes) -> Directory:
    directory = Directory(fingerprint)
    for release in releases:
        directory.add(release)
    require(bool(directory.releases), Reason.BAD_RELEASE, "there is no release")
    return directory


def _carriage(evidence: Any, release: Release, revoked: dict[tuple[str, str], int]) -> Carriage:
    try:
        return carriage.check(evidence.envelopes, evidence.receipts, release, revoked)
    except VerificationError as error:
        if error.reason is not Reason.UNKNOWN_SIGNER:
            raise
        issued = f"release {release.version} of {text(release.message.issue_time)}, the newest in the file"
        dropped = f"{issued}, does not list a key that signed an envelope or a receipt in it"
        raise VerificationError(error.reason, dropped) from None
