"""Returns: what a peer gives back to an access point whose store was rolled back.

The reader believes its own signatures and nothing else: every returned envelope and receipt must carry one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from . import receipt as receipts
from .channel import ChannelName
from .contracts import signal_pb as pb
from .envelope import Envelope, Kind, check_parts, read, verify, verify_signed
from .errors import Reason, require
from .keyring import Keyring
from .opening import Opened, open_envelope, open_with_part_keys
from .receipt import Receipt
from .wire import BROADCAST, parse

_CONTROL = ("nhipcau.envelope.v1.Return", "nhipcau.envelope.v1", "return")


@dataclass(frozen=True)
class ReturnedEnvelope:
    """An envelope that the reader once signed, and its content unless that was erased."""

    envelope: Envelope
    content: Opened | None


@dataclass(frozen=True)
class Returned:
    """All that one return proved."""

    envelopes: list[ReturnedEnvelope]
    receipts: list[Receipt]


def open_return(data: bytes, reader: str, keys: Keyring) -> Returned:
    """Opens the parcel of a serialized Returned, and checks what comes with it and in it."""
    returned = parse(pb.Returned, data)
    outer = verify(returned.parcel.SerializeToString(), keys, Kind.RETURN)
    opened = open_envelope(outer, reader, keys)
    named = (opened.control.message, opened.control.contract, opened.control.purpose) == _CONTROL
    require(named, Reason.BAD_CONTROL, "a return of another name, contract or purpose")
    message = parse(pb.Return, opened.content[0])
    peer = outer.routing.sender
    part_keys = {item.digest: item.part_keys for item in message.keys}
    return Returned(
        envelopes=[_envelope(read(item), part_keys, reader, peer, keys) for item in returned.originals],
        receipts=_receipts(message.receipts, reader, peer, keys),
    )


def _envelope(envelope: Envelope, part_keys: Mapping[bytes, Sequence[bytes]], reader: str, peer: str,
              keys: Keyring) -> ReturnedEnvelope:
    verify_signed(envelope, keys, Kind.CHANNEL)
    routing = envelope.routing
    ours = routing.sender == reader and routing.recipient in (peer, BROADCAST)
    require(ours, Reason.NOT_THE_READERS, "an envelope that the reader did not send to this peer")
    own_keys = part_keys.get(envelope.digest, ())
    if not envelope.parts:
        require(not own_keys, Reason.PART_MISMATCH, "keys for parts that are not there")
        return ReturnedEnvelope(envelope, None)
    check_parts(envelope)
    return ReturnedEnvelope(envelope, open_with_part_keys(envelope, own_keys))


def _receipts(items: Sequence[pb.Receipt], reader: str, peer: str, keys: Keyring) -> list[Receipt]:
    found = [receipts.verify_message(item, keys) for item in items]
    by_channel: dict[ChannelName, list[Receipt]] = defaultdict(list)
    for item in found:
        ours = item.statement.issuer == reader and item.statement.sender == peer
        require(ours, Reason.NOT_THE_READERS, "a receipt that the reader did not issue to this peer")
        by_channel[item.channel].append(item)
    for run in by_channel.values():
        receipts.check_run(run)
    return found
