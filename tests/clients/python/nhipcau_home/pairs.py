"""Two access points against each other: what one signed the other has, and what one receipted the other holds.

Both sides are read after they were stopped in good order, so that nothing may be on its way any more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nhipcau_verify.channel import ChannelName
from nhipcau_verify.contracts import envelope_pb as pb
from nhipcau_verify.opening import Opened
from nhipcau_verify.receipt import Receipt
from nhipcau_verify.wire import BROADCAST

from .channels import Channels, Position, apart_from_ordinal
from .findings import Findings
from .outbox import Contents
from .receipts import Receipts

_LANES = (pb.LANE_MESSAGES, pb.LANE_BULK)


@dataclass(frozen=True)
class Side:
    """What one access point sent, accepted and holds receipts for."""

    name: str
    sent: Channels
    received: Channels
    contents: Contents
    issued: Receipts
    held: Receipts
    #: Numbers within cases by message id, as its outbox has them.
    ordinals: Mapping[bytes, int]
    #: Channels on which it promised a sender what it accepts.
    promised: frozenset[ChannelName]


def reconcile(sender: Side, recipient: Side, findings: Findings) -> int:
    """Compares everything that one sent the other, its broadcast included, and gives the number of ids that differ."""
    differences = 0
    for addressed in (recipient.name, BROADCAST):
        if addressed == BROADCAST and sender.name == recipient.name:
            continue
        for lane in _LANES:
            channel = (sender.name, addressed, lane)
            where = f"{sender.name} to {addressed}, lane {lane}, at {recipient.name}"
            mine, theirs = sender.sent.get(channel, []), recipient.received.get(channel, [])
            differences += _compare_positions(findings, where, mine, theirs)
            _compare_contents(findings, where, sender, theirs)
            promised = channel in recipient.promised or BROADCAST == addressed or sender.name == recipient.name
            findings.expect(promised, where, "nothing was ever agreed on")
            series = (recipient.name, *channel)
            _compare_receipts(findings, where, recipient.issued.get(series, []), sender.held.get(series, []))
    return differences


def _compare_positions(findings: Findings, where: str, mine: Sequence[Position], theirs: Sequence[Position]) -> int:
    sent, received = {position.id for position in mine}, {position.id for position in theirs}
    for message_id in sorted(sent - received):
        findings.add(where, f"{message_id.hex()} was sent and not received")
    for message_id in sorted(received - sent):
        findings.add(where, f"{message_id.hex()} was received and is not with its sender")
    there = {position.sequence: position for position in theirs}
    for position in mine:
        other = there.get(position.sequence)
        same = other is None or other.envelope.digest == position.envelope.digest
        findings.expect(same, where, f"another envelope stands at position {position.sequence}")
    return len(sent ^ received)


def _compare_contents(findings: Findings, where: str, sender: Side, theirs: Sequence[Position]) -> None:
    last = {position.id: position for position in theirs}
    for position in theirs:
        meant, read = sender.contents.get(position.id), position.opened
        if read is None or read.control.HasField("skip"):
            continue
        same = meant is None or _said(meant) == _said(read)
        findings.expect(same, where, f"{position.id.hex()} says something else than was sent")
        counted = last[position.id] is not position or sender.ordinals.get(position.id) == read.control.ordinal
        findings.expect(counted, where, f"{position.id.hex()} has another number within its case than at its sender")


def _said(opened: Opened) -> tuple[bytes, tuple[bytes, ...]]:
    return apart_from_ordinal(opened), opened.content


def _compare_receipts(findings: Findings, where: str, issued: Sequence[Receipt], held: Sequence[Receipt]) -> None:
    theirs, mine = {_name(receipt): receipt.digest for receipt in issued}, {_name(item): item.digest for item in held}
    for series, number in sorted(theirs.keys() | mine.keys()):
        at = f"receipt {number} of series {series}"
        if (series, number) not in mine:
            findings.add(where, f"{at} was issued and is not held")
        elif (series, number) not in theirs:
            findings.add(where, f"{at} is held and is not with its issuer")
        elif mine[series, number] != theirs[series, number]:
            findings.add(where, f"{at} is another one at its issuer")


def _name(receipt: Receipt) -> tuple[int, int]:
    return receipt.statement.series, receipt.statement.number
