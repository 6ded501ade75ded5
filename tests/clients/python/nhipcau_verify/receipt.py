"""Receipts: what a recipient signed about the positions of one channel, and whether that is everything.

A single receipt proves little; numbers without gap and previous digests show that none was left out, the head
digest fixes the envelopes, and the ranges together say of each position whether it was received or refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from .channel import ChannelName
from .contracts import envelope_pb as pb
from .envelope import Envelope
from .errors import Reason, require, require_length
from .keyring import Keyring
from .pae import digest
from .wire import BROADCAST, ZERO_DIGEST, parse, require_access_point, require_lane, require_message_id


@dataclass(frozen=True)
class Receipt:
    """A receipt with the statement that was signed."""

    statement_bytes: bytes
    signature: bytes
    statement: pb.ReceiptStatement

    @property
    def digest(self) -> bytes:
        """The digest by which the next receipt and status name this one."""
        return digest("nhipcau/1/receipt-digest", self.statement_bytes, self.signature)

    @property
    def channel(self) -> ChannelName:
        """The channel that it speaks of."""
        return self.statement.sender, self.statement.recipient, self.statement.lane


@dataclass(frozen=True)
class Coverage:
    """What the receipts of one channel say in sum: every position from 1 to `last`."""

    last: int = 0
    refused: dict[int, int] = field(default_factory=dict)

    @property
    def received(self) -> list[int]:
        """Positions whose effect is on the issuer's disk."""
        return [position for position in range(1, self.last + 1) if position not in self.refused]


def verify(data: bytes, keys: Keyring) -> Receipt:
    """Parses and verifies one serialized Receipt."""
    return verify_message(parse(pb.Receipt, data), keys)


def verify_message(message: pb.Receipt, keys: Keyring) -> Receipt:
    """Verifies shape and signature of one receipt."""
    statement = parse(pb.ReceiptStatement, message.statement)
    _check_shape(statement)
    signer = (statement.issuer, statement.signing_key)
    keys.check_signature(signer, message.signature, "nhipcau/1/receipt", message.statement)
    return Receipt(message.statement, message.signature, statement)


def check_chain(receipts: Iterable[Receipt], envelopes: Sequence[Envelope] = ()) -> Coverage:
    """Checks all receipts of one issuer on one channel, from number 1 on, against the channel's envelopes.

    `envelopes` is a checked channel from position 1 on and reaches at least as far as the receipts; without
    envelopes only the receipts themselves are checked.
    """
    chain = list(receipts)
    if not chain:
        return Coverage()
    first = chain[0].statement
    require(first.number == 1, Reason.RECEIPT_GAP, "the receipts do not begin at number 1")
    require(first.first_sequence == 1, Reason.SEQUENCE_GAP, "the receipts do not begin at position 1")
    check_run(chain)
    if envelopes:
        for receipt in chain:
            _check_against(receipt.statement, envelopes)
    refused = {refusal.sequence: refusal.reason for receipt in chain for refusal in receipt.statement.refusals}
    return Coverage(chain[-1].statement.last_sequence, refused)


def check_run(receipts: Iterable[Receipt]) -> None:
    """Checks that receipts follow each other, wherever they begin."""
    for earlier, later in pairwise(receipts):
        before, after = earlier.statement, later.statement
        at = f"receipt {after.number}"
        same = earlier.channel == later.channel and before.issuer == after.issuer
        require(same, Reason.MIXED_CHANNEL, f"{at} is of another channel")
        require(after.number == before.number + 1, Reason.RECEIPT_GAP, f"{at} follows {before.number}")
        require(after.previous_digest == earlier.digest, Reason.WRONG_PREVIOUS, f"{at} names another one before it")
        follows = after.first_sequence == before.last_sequence + 1
        require(follows, Reason.SEQUENCE_GAP, f"{at} does not begin where the one before ended")
        require(after.incarnation >= before.incarnation, Reason.WRONG_INCARNATION, f"{at} goes back in incarnation")


def _check_shape(statement: pb.ReceiptStatement) -> None:
    require(statement.format == 1, Reason.UNSUPPORTED_FORMAT, "receipt format is not 1")
    require_access_point(statement.issuer, "issuer")
    require_access_point(statement.sender, "sender")
    to_issuer = statement.recipient in (statement.issuer, BROADCAST)
    require(to_issuer, Reason.BAD_ROUTING, "the issuer does not receive this channel")
    require_lane(statement.lane)
    require_length(statement.head_digest, 32, "head digest")
    require_length(statement.previous_digest, 32, "previous digest")
    require(statement.number >= 1 and statement.incarnation >= 1, Reason.BAD_STATEMENT, "numbers count from 1")
    in_order = 1 <= statement.first_sequence <= statement.last_sequence
    require(in_order, Reason.BAD_STATEMENT, "the positions are not a range")
    follows_nothing = statement.number > 1 or statement.previous_digest == ZERO_DIGEST
    require(follows_nothing, Reason.WRONG_PREVIOUS, "receipt 1 follows nothing")
    _check_refusals(statement)


def _check_refusals(statement: pb.ReceiptStatement) -> None:
    seen: set[int] = set()
    for refusal in statement.refusals:
        inside = statement.first_sequence <= refusal.sequence <= statement.last_sequence
        require(inside, Reason.WRONG_REFUSAL, "a refused position is not among those covered")
        require(refusal.sequence not in seen, Reason.WRONG_REFUSAL, "a position is refused twice")
        require_message_id(refusal.id, "refused id")
        require(refusal.reason != 0, Reason.WRONG_REFUSAL, "a refusal without reason")
        seen.add(refusal.sequence)


def _check_against(statement: pb.ReceiptStatement, envelopes: Sequence[Envelope]) -> None:
    at = f"receipt {statement.number}"
    require(statement.last_sequence <= len(envelopes), Reason.WRONG_HEAD, f"{at} covers more than was sent")
    head = envelopes[statement.last_sequence - 1]
    channel = (head.routing.sender, head.routing.recipient, head.routing.lane)
    mine = channel == (statement.sender, statement.recipient, statement.lane)
    require(mine, Reason.MIXED_CHANNEL, f"{at} is of another channel")
    require(head.digest == statement.head_digest, Reason.WRONG_HEAD, f"{at} names another head")
    same = head.routing.incarnation == statement.incarnation
    require(same, Reason.WRONG_INCARNATION, f"{at} names another incarnation")
    for refusal in statement.refusals:
        refused = envelopes[refusal.sequence - 1].routing.id
        require(refusal.id == refused, Reason.WRONG_REFUSAL, f"{at} refuses another id at its position")
