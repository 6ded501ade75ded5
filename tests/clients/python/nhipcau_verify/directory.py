"""The signed directory: releases in the order of their versions, and what parties revoked and announced on top of them.

Everything begins with a fingerprint that was compared out of band. What a release says of participants beyond their
keys is read as it stands: that its references resolve is the concern of those who sign it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from . import bulletin as bulletins
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
    #: The bulletin in use of each access point that has one.
    bulletins: dict[str, bulletins.Bulletin] = field(default_factory=dict)

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
        known = any(name in self.newest.signing or self._sealing(name) is not None for name in names)
        require(known, Reason.BAD_REVOCATION, "no revoked key is in the release or a bulletin")
        for name in names:
            self._note_revoked(name, nanoseconds(revocation.revoke_time))
        self._drop_bulletins()

    def announce(self, data: bytes) -> None:
        """Verifies a signed bulletin by the release in use and takes it into use."""
        offered = bulletins.read(data)
        name = (offered.access_point, offered.signing_key)
        own = offered.programme == self.newest.root.programme and self._operator(name[0]) == offered.party
        in_force = own and name in self.newest.signing and name not in self.revoked
        require(in_force, Reason.BAD_BULLETIN, "the bulletin names no signing key in force of its access point")
        message = pae("nhipcau/1/bulletin", offered.content)
        fits = roots.is_signature(self.newest.signing[name].public, message, offered.signature)
        require(fits, Reason.BAD_SIGNATURE, "the bulletin is not signed by the key it names")
        known = self.bulletins.get(offered.access_point)
        if known is not None:
            require(offered.version >= known.version, Reason.WRONG_VERSION, "the version goes back")
            same = offered.version > known.version or offered.content == known.content
            require(same, Reason.WRONG_VERSION, "two bulletins of one version")
        release = self.newest
        elsewhere = {key.public: other for other, key in (*release.signing.items(), *release.sealing.items())}
        for epoch in offered.epochs:
            key = (offered.access_point, epoch.key_id)
            stands = self._sealing(key) or (release.signing[key].public if key in release.signing else epoch.public)
            require(stands == epoch.public, Reason.BAD_BULLETIN, "a key id stands for two keys")
            free = elsewhere.get(epoch.public, key) == key and key not in release.signing
            require(free, Reason.BAD_BULLETIN, "a key has another owner, use or id")
        self.bulletins[offered.access_point] = offered

    def sealing_key(self, access_point: str, at: int) -> str | None:
        """The key that others seal to at an instant."""
        if access_point in self.bulletins:
            name = self.bulletins[access_point].sealing_key(at)
            return name if name is not None and at < self.revoked.get((access_point, name), at + 1) else None
        own = [(key.start, name) for name, key in self.newest.sealing.items() if name[0] == access_point
               and key.is_usable(at) and at < self.revoked.get(name, at + 1)]
        return max(own)[1][1] if own else None

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
        self._drop_bulletins()

    def _drop_bulletins(self) -> None:
        """A bulletin counts for as long as the key that signed it."""
        signers = {name: (name, said.signing_key) for name, said in self.bulletins.items()}
        for name, signer in signers.items():
            if signer in self.revoked or signer not in self.newest.signing:
                del self.bulletins[name]

    def _sealing(self, name: KeyName) -> bytes | None:
        """The sealing key of this name, in the release or in a bulletin."""
        said = self.bulletins[name[0]].epochs if name[0] in self.bulletins else ()
        found = [epoch.public for epoch in said if epoch.key_id == name[1]]
        listed = self.newest.sealing.get(name)
        return listed.public if listed is not None else next(iter(found), None)

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


def load(fingerprint: bytes, releases: Iterable[bytes], revocations: Iterable[bytes],
         heard: Iterable[bytes] = (), announced: Iterable[bytes] = ()) -> Directory:
    """Verifies files in their order. A revocation is applied under the first release that it fits; one that came over the
    bus (`heard`), and a bulletin (`announced`), may fit none."""
    directory, waiting, over_bus = Directory(fingerprint), list(revocations), list(heard)
    said = list(announced)
    for data in releases:
        directory.add(data)
        for item in said:
            _applies(directory.announce, item)
        waiting = [item for item in waiting if not _applies(directory.revoke, item)]
        over_bus = [item for item in over_bus if not _applies(directory.revoke, item)]
    require(bool(directory.releases), Reason.BAD_RELEASE, "there is no release")
    for item in waiting:
        directory.revoke(item)
    return directory


def _applies(take: Callable[[bytes], None], data: bytes) -> bool:
    try:
        take(data)
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
