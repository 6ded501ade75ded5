"""The signed directory: releases in the order of their versions, and what parties revoked on top of them.

Everything begins with a fingerprint that was compared out of band. What a release says of participants beyond their
keys is read as it stands: that its references resolve is the concern of those who sign it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from . import root as roots
from .contracts import release_pb as pb
from .errors import Reason, VerificationError, require, require_length
from .instant import nanoseconds
from .pae import digest, pae
from .wire import parse, require_access_point, require_counts, require_label, require_time

_LARGEST_BYTES = 4 << 20
_MOST_SIGNATURES = 16
KeyName = tuple[str, str]


@dataclass(frozen=True)
class Key:
    """The public half of a key of an access point, as a release has it."""

    public: bytes
    start: int
    expire: int
    #: Whether it expires no earlier than its release; then only the next release ends it.
    outlives_release: bool
    revoked: int | None

    def is_usable(self, at: int) -> bool:
        """Whether it may be used at an instant, apart from revocations that came later."""
        lasts = at < self.expire or self.outlives_release
        return self.start <= at and lasts and (self.revoked is None or at < self.revoked)


@dataclass(frozen=True)
class Release:
    """A release whose signatures hold."""

    message: pb.Release
    digest: bytes
    root: roots.Root
    signing: Mapping[KeyName, Key]
    sealing: Mapping[KeyName, Key]

    @property
    def version(self) -> int:
        """Its number."""
        return int(self.message.version)


@dataclass
class Directory:
    """Every release since the pinned root, and the earliest revocation of each key."""

    fingerprint: bytes
    releases: list[Release] = field(default_factory=list)
    revoked: dict[KeyName, int] = field(default_factory=dict)
    #: Signing keys that releases revoke: unlike those a party revoked itself, they sign no revocation any more.
    withdrawn: set[KeyName] = field(default_factory=set)

    @property
    def newest(self) -> Release:
        """The release in use."""
        require(bool(self.releases), Reason.BAD_RELEASE, "there is no release")
        return self.releases[-1]

    def add(self, data: bytes) -> None:
        """Verifies the next signed release and takes it into use."""
        require(len(data) <= _LARGEST_BYTES, Reason.TOO_LARGE, "a release has at most 4 MiB")
        signed = parse(pb.SignedRelease, data)
        require(len(signed.signatures) <= _MOST_SIGNATURES, Reason.TOO_LARGE, "more than 16 signatures")
        release = _read(parse(pb.Release, signed.release), digest("nhipcau/1/release-digest", signed.release))
        if not self.releases:
            expected = release.root.fingerprint == self.fingerprint
            require(expected, Reason.WRONG_ROOT, "the first root is not the one that was compared")
        authority = self.releases[-1].root if self.releases else release.root
        authority.require_signed(signed)
        if self.releases:
            _check_order(self.releases[-1], release)
        if release.root != authority:
            _check_new_root(authority, release.root)
            release.root.require_signed(signed)
        self._take(release)

    def revoke(self, data: bytes) -> None:
        """Verifies a signed revocation by the release in use and applies it."""
        signed = parse(pb.SignedRevocation, data)
        revocation = parse(pb.Revocation, signed.revocation)
        require(revocation.format == 1, Reason.UNSUPPORTED_FORMAT, "revocation format is not 1")
        programme = self.newest.root.programme
        require(revocation.programme == programme, Reason.BAD_REVOCATION, "a revocation of another programme")
        require_time(revocation, "revoke_time")
        public = self._revoking_key(revocation)
        message = pae("nhipcau/1/revocation", signed.revocation)
        fits = roots.is_signature(public, message, signed.signature)
        require(fits, Reason.BAD_SIGNATURE, "the revocation is not signed by the key it names")
        operated = self._operator(revocation.access_point) == revocation.party
        require(operated, Reason.BAD_REVOCATION, "another party's access point")
        require(len(revocation.keys) >= 1, Reason.BAD_REVOCATION, "nothing is revoked")
        names = [(revocation.access_point, key) for key in revocation.keys]
        known = all(name in self.newest.signing or name in self.newest.sealing for name in names)
        require(known, Reason.BAD_REVOCATION, "a revoked key is not in the release")
        for name in names:
            self._note_revoked(name, nanoseconds(revocation.revoke_time))

    def check_signer(self, name: KeyName, version: int, time: Any) -> None:
        """Refuses what was signed with a key that the directory does not give that access point at that time. The
        release that the signer names decides, or the last before it that is held."""
        at = nanoseconds(time)
        named = [release for release in self.releases if release.version <= version and name in release.signing]
        require(bool(named), Reason.UNKNOWN_SIGNER, "the directory knows no such key at that release")
        require(named[-1].signing[name].is_usable(at), Reason.KEY_NOT_USABLE, "the signing key was not in force then")
        revoked = self.revoked.get(name)
        require(revoked is None or at < revoked, Reason.KEY_NOT_USABLE, "the signing key was revoked before")

    def signing_keys(self) -> dict[KeyName, bytes]:
        """Every signing key that ever was: an id never stands for two keys."""
        return {name: key.public for release in self.releases for name, key in release.signing.items()}

    def _take(self, release: Release) -> None:
        for before in self.releases:
            for name, key in (*before.signing.items(), *before.sealing.items()):
                now = release.signing.get(name) or release.sealing.get(name)
                same = now is None or now.public == key.public
                require(same, Reason.BAD_RELEASE, "a key id stands for another key than before")
        for name, key in (*release.signing.items(), *release.sealing.items()):
            if key.revoked is not None:
                self._note_revoked(name, key.revoked)
                self.withdrawn.add(name)
        self.releases.append(release)

    def _note_revoked(self, name: KeyName, at: int) -> None:
        self.revoked[name] = min(at, self.revoked.get(name, at))

    def _operator(self, access_point: str) -> str | None:
        found = [item.operator_party for item in self.newest.message.access_points
                 if item.access_point == access_point]
        return found[0] if found else None

    def _revoking_key(self, revocation: pb.Revocation) -> bytes:
        kind = revocation.WhichOneof("signer")
        if kind == "recovery_key":
            keys = [key.public_key for party in self.newest.message.parties if party.party == revocation.party
                    for key in party.recovery_keys if key.key_id == revocation.recovery_key]
        else:
            name = (revocation.signing_key.access_point, revocation.signing_key.key_id)
            own = self._operator(name[0]) == revocation.party and name not in self.withdrawn
            keys = [self.newest.signing[name].public] if own and name in self.newest.signing else []
        require(bool(keys), Reason.BAD_REVOCATION, "the revocation names no key of the party")
        return bytes(keys[0])


def load(fingerprint: bytes, releases: Iterable[bytes], revocations: Iterable[bytes]) -> Directory:
    """Verifies files in their order. A revocation is applied under the first release that it fits."""
    directory, waiting = Directory(fingerprint), list(revocations)
    for data in releases:
        directory.add(data)
        waiting = [item for item in waiting if not _applies(directory, item)]
    require(bool(directory.releases), Reason.BAD_RELEASE, "there is no release")
    for item in waiting:
        directory.revoke(item)
    return directory


def _applies(directory: Directory, data: bytes) -> bool:
    try:
        directory.revoke(data)
    except VerificationError:
        return False
    return True


def _read(message: pb.Release, own_digest: bytes) -> Release:
    require(message.format == 1, Reason.UNSUPPORTED_FORMAT, "release format is not 1")
    require(message.version >= 1, Reason.BAD_RELEASE, "releases count from 1")
    require_counts(Reason.BAD_RELEASE, message.version)
    require_length(message.previous_digest, 0 if message.version == 1 else 32, "previous digest")
    require_time(message, "issue_time")
    require_time(message, "expire_time")
    expire = nanoseconds(message.expire_time)
    require(nanoseconds(message.issue_time) < expire, Reason.BAD_RELEASE, "a release that expires before its issue")
    signing: dict[KeyName, Key] = {}
    sealing: dict[KeyName, Key] = {}
    for point in message.access_points:
        require_access_point(point.access_point, "access point")
        for wire in point.signing_keys:
            _add_key(signing, sealing, (point.access_point, wire.key_id), _key(wire, expire))
        for wire in point.sealing_keys:
            _add_key(sealing, signing, (point.access_point, wire.key_id), _key(wire, expire))
    public = [key.public for key in (*signing.values(), *sealing.values())]
    require(len(set(public)) == len(public), Reason.BAD_RELEASE, "a public key stands twice")
    return Release(message, own_digest, roots.read(message), signing, sealing)


def _add_key(keys: dict[KeyName, Key], others: dict[KeyName, Key], name: KeyName, key: Key) -> None:
    require(name not in keys and name not in others, Reason.BAD_RELEASE, "a key id stands twice")
    keys[name] = key


def _key(wire: Any, release_expires: int) -> Key:
    require_label(wire.key_id, Reason.BAD_RELEASE, "key id")
    require_length(wire.public_key, 32, "public key")
    require_time(wire, "start_time")
    require_time(wire, "expire_time")
    start, expire = nanoseconds(wire.start_time), nanoseconds(wire.expire_time)
    require(start < expire, Reason.BAD_RELEASE, "a key that expires before it starts")
    revoked = nanoseconds(wire.revoke_time) if wire.HasField("revoke_time") else None
    return Key(wire.public_key, start, expire, release_expires <= expire, revoked)


def _check_order(before: Release, after: Release) -> None:
    require(after.version >= before.version, Reason.WRONG_VERSION, "the version goes back")
    if after.version == before.version:
        require(after.digest == before.digest, Reason.WRONG_VERSION, "two releases of one version")
    if after.version == before.version + 1:
        follows = after.message.previous_digest == before.digest
        require(follows, Reason.WRONG_PREVIOUS, "the release names another one before it")


def _check_new_root(before: roots.Root, after: roots.Root) -> None:
    require(after.programme == before.programme, Reason.WRONG_ROOT, "another programme")
    require(after.version > before.version, Reason.WRONG_ROOT, "the number of the root does not rise")
