"""Receipts: what a recipient signed about the positions of one channel, and whether that is everything.

A single receipt proves little; numbers without gap and previous digests show that none was left out, the head
digest fixes the envelopes, and the ranges together say of each position whether it was received or refused. An
issuer may state positions again, as it does after its store was rolled back; what was said first counts. A receipt
for an envelope that both sides lost, and whose position was signed anew since, says nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .channel import ChannelName
from .contracts import envelope_pb as pb
from .envelope import Envelope
from .errors import Reason, require, require_length
from .keyring import Keyring
from .pae import digest
from .wire import (
    BROADCAST,
    ZERO_DIGEST,
    parse,
    require_access_point,
    require_counts,
    require_label,
    require_lane,
    require_message_id,
    require_time,
)


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
    """What the receipts of one channel say in sum, of a position stated again what was said first."""

    #: Positions whose effect is on the issuer's disk.
    received: list[int]
    #: Refused positions with their reasons.
    refused: dict[int, int]
    #: Positions of which an issuer said one thing before and another after.
    contradicted: list[int]
    #: Series and number of the receipts for envelopes that were lost on both sides.
    lost: list[tuple[int, int]]


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
    """Checks all receipts of one issuer on one channel, in the order of series and number, against the channel.

    `envelopes` is a checked channel from position 1 on and reaches at least as far as the receipts; without
    envelopes only the receipts themselves are checked.
    """
    chain = list(receipts)
    check_run(chain, complete=True)
    if not envelopes:
        return _coverage(chain, [])
    lost = [receipt for receipt in chain if _is_lost(receipt.statement, envelopes)]
    held = [receipt for receipt in chain if receipt not in lost]
    for receipt in held:
        _check_against(receipt.statement, envelopes)
    return _coverage(held, lost)


def check_run(receipts: Iterable[Receipt], complete: bool = False) -> None:
    """Checks that receipts follow each other. Unless the run is `complete`, it may begin anywhere, and a series may
    follow a receipt that is not in it."""
    known: dict[bytes, Receipt] = {}
    last: Receipt | None = None
    for receipt in receipts:
        _check_number(last, receipt, complete)
        previous = receipt.statement.previous_digest
        if previous in known:
            _check_positions(known[previous].statement, receipt.statement)
        elif complete:
            require(previous == ZERO_DIGEST, Reason.WRONG_PREVIOUS, f"{_name(receipt)} follows one that is missing")
        if previous == ZERO_DIGEST:
            begins = receipt.statement.first_sequence == 1
            require(begins, Reason.SEQUENCE_GAP, f"{_name(receipt)} follows nothing and does not begin at position 1")
        known[receipt.digest] = last = receipt


def _name(receipt: Receipt) -> str:
    return f"receipt {receipt.statement.number} of series {receipt.statement.series}"


def _check_number(last: Receipt | None, receipt: Receipt, complete: bool) -> None:
    after, at = receipt.statement, _name(receipt)
    if last is None:
        require(after.number == 1 or not complete, Reason.RECEIPT_GAP, "the receipts do not begin at number 1")
        return
    before = last.statement
    same = last.channel == receipt.channel and before.issuer == after.issuer
    require(same, Reason.MIXED_CHANNEL, f"{at} is of another channel")
    if after.series == before.series:
        require(after.number == before.number + 1, Reason.RECEIPT_GAP, f"{at} follows number {before.number}")
        require(after.previous_digest == last.digest, Reason.WRONG_PREVIOUS, f"{at} names another one before it")
    else:
        require(after.series > before.series, Reason.RECEIPT_GAP, f"{at} goes back in series")
        require(after.number == 1, Reason.RECEIPT_GAP, f"{at} does not begin its series")


def _check_positions(before: pb.ReceiptStatement, after: pb.ReceiptStatement) -> None:
    at = f"receipt {after.number} of series {after.series}"
    again = after.first_sequence <= before.last_sequence
    follows = after.first_sequence == before.last_sequence + 1
    require(follows or again, Reason.SEQUENCE_GAP, f"{at} does not begin where the one before ended")
    forward = after.incarnation >= before.incarnation
    require(forward or again, Reason.WRONG_INCARNATION, f"{at} goes back in incarnation")


def _coverage(chain: list[Receipt], lost: list[Receipt]) -> Coverage:
    stated: dict[int, int | None] = {}
    contradicted: set[int] = set()
    for receipt in chain:
        refused = {refusal.sequence: refusal.reason for refusal in receipt.statement.refusals}
        for position in range(receipt.statement.first_sequence, receipt.statement.last_sequence + 1):
            now = refused.get(position)
            if stated.get(position) == pb.REFUSAL_REASON_NOT_YET:
                stated[position] = now
            elif stated.setdefault(position, now) != now:
                contradicted.add(position)
    return Coverage(
        received=[position for position, reason in sorted(stated.items()) if reason is None],
        refused={position: reason for position, reason in sorted(stated.items()) if reason is not None},
        contradicted=sorted(contradicted),
        lost=[(receipt.statement.series, receipt.statement.number) for receipt in lost],
    )


def _check_shape(statement: pb.ReceiptStatement) -> None:
    require(statement.format == 1, Reason.UNSUPPORTED_FORMAT, "receipt format is not 1")
    require_access_point(statement.issuer, "issuer")
    require_access_point(statement.sender, "sender")
    to_issuer = statement.recipient in (statement.issuer, BROADCAST)
    require(to_issuer, Reason.BAD_ROUTING, "the issuer does not receive this channel")
    require_lane(statement.lane)
    require_label(statement.signing_key, Reason.BAD_ROUTING, "signing key")
    require_time(statement, "receive_time")
    require_length(statement.head_digest, 32, "head digest")
    require_length(statement.previous_digest, 32, "previous digest")
    counted = min(statement.series, statement.number, statement.incarnation) >= 1
    require(counted, Reason.BAD_STATEMENT, "series, numbers and incarnations count from 1")
    largest = max(statement.series, statement.number, statement.incarnation, statement.directory_version)
    require_counts(Reason.BAD_STATEMENT, largest, statement.last_sequence)
    in_order = 1 <= statement.first_sequence <= statement.last_sequence
    require(in_order, Reason.BAD_STATEMENT, "the positions are not a range")
    _check_refusals(statement)


def _check_refusals(statement: pb.ReceiptStatement) -> None:
    before = 0
    for refusal in statement.refusals:
        inside = statement.first_sequence <= refusal.sequence <= statement.last_sequence
        require(inside, Reason.WRONG_REFUSAL, "a refused position is not among those covered")
        require(refusal.sequence > before, Reason.WRONG_REFUSAL, "refused positions do not ascend")
        require_message_id(refusal.id, "refused id")
        require(refusal.reason != 0, Reason.WRONG_REFUSAL, "a refusal without reason")
        require_counts(Reason.BAD_STATEMENT, refusal.expected_ordinal)
        before = refusal.sequence


def _is_lost(statement: pb.ReceiptStatement, envelopes: Sequence[Envelope]) -> bool:
    """Whether the last position that it covers was signed anew, under a higher incarnation."""
    if statement.last_sequence > len(envelopes):
        return False
    return bool(envelopes[statement.last_sequence - 1].routing.incarnation > statement.incarnation)


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
