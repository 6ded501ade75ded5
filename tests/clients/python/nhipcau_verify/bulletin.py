"""Bulletins: the sealing epochs that an access point signs itself, over the release in use.

Who may sign is for the directory to say; here a bulletin is read, and every rule that it keeps by itself is checked.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .contracts import bulletin_pb as pb
from .errors import Reason, require, require_length
from .instant import nanoseconds
from .wire import parse, require_access_point, require_counts, require_label, require_time

LARGEST_BYTES = 16 << 10
_MOST_KEYS = 16
_LONGEST = 90 * 86_400 * 1_000_000_000


@dataclass(frozen=True)
class Epoch:
    """A sealing key of a bulletin."""

    key_id: str
    public: bytes
    start: int
    expire: int


@dataclass(frozen=True)
class Bulletin:
    """What an access point says, newest epoch first; not believed before the directory has looked at its signature."""

    content: bytes
    signature: bytes
    programme: str
    party: str
    access_point: str
    version: int
    signing_key: str
    epochs: tuple[Epoch, ...]

    def sealing_key(self, at: int) -> str | None:
        """The key to seal to at an instant: the newest that has begun; the last goes on until the next bulletin."""
        begun = [(place, epoch) for place, epoch in enumerate(self.epochs) if epoch.start <= at]
        usable = [epoch.key_id for place, epoch in begun if place == 0 or at < epoch.expire]
        return usable[0] if usable else None


def read(data: bytes) -> Bulletin:
    """Reads a serialized SignedBulletin."""
    require(len(data) <= LARGEST_BYTES, Reason.TOO_LARGE, "a bulletin has at most 16 KiB")
    signed = parse(pb.SignedBulletin, data)
    message = parse(pb.Bulletin, signed.bulletin)
    require(message.format == 1, Reason.UNSUPPORTED_FORMAT, "bulletin format is not 1")
    require(message.version >= 1, Reason.BAD_BULLETIN, "bulletins count from 1")
    require_counts(Reason.BAD_BULLETIN, message.version)
    require_access_point(message.access_point, "access point")
    require_time(message, "issue_time")
    issue = nanoseconds(message.issue_time)
    counted = 1 <= len(message.sealing_keys) <= _MOST_KEYS
    require(counted, Reason.BAD_BULLETIN, "a bulletin has 1 to 16 keys")
    epochs = [_epoch(wire, issue) for wire in message.sealing_keys]
    once = len({epoch.key_id for epoch in epochs}) == len(epochs) == len({epoch.public for epoch in epochs})
    require(once, Reason.BAD_BULLETIN, "a key stands twice")
    require(any(epoch.start <= issue for epoch in epochs), Reason.BAD_BULLETIN, "no epoch has begun")
    epochs.sort(key=lambda epoch: (epoch.start, epoch.key_id), reverse=True)
    return Bulletin(signed.bulletin, signed.signature, message.programme, message.party, message.access_point,
                    message.version, message.signing_key, tuple(epochs))


def _epoch(wire: Any, issue: int) -> Epoch:
    require_label(wire.key_id, Reason.BAD_BULLETIN, "key id")
    require_length(wire.public_key, 32, "public key")
    require_time(wire, "start_time")
    require_time(wire, "expire_time")
    require(not wire.HasField("revoke_time"), Reason.BAD_BULLETIN, "a key that says it is revoked")
    start, expire = nanoseconds(wire.start_time), nanoseconds(wire.expire_time)
    require(start < expire, Reason.BAD_BULLETIN, "an epoch that ends before it starts")
    near = start - issue <= _LONGEST and expire - max(start, issue) <= _LONGEST
    require(near, Reason.BAD_BULLETIN, "an epoch that is too long or too far ahead")
    return Epoch(wire.key_id, wire.public_key, start, expire)
