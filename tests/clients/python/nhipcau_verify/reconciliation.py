"""Reconciliation: what access points ask each other about their channels, and what they answer.

Here questions and answers are parsed, verified and held to their shape, and the digest of a range is made from its
rows; whether an answer fits a question is the asker's to judge.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from .contracts import envelope_pb
from .contracts import reconciliation_pb as pb
from .errors import Reason, require, require_length
from .keyring import Keyring
from .pae import digest
from .wire import (
    ZERO_DIGEST,
    parse,
    require_access_point,
    require_contract,
    require_counts,
    require_kind,
    require_label,
    require_lane,
    require_message_id,
    require_time,
)

_SPANS, _POSITIONS, _RANGES, _FLOWS, _BLOCK = 16, 256, 64, 32, 1024

Row = tuple[int, bytes, bytes]


@dataclass(frozen=True)
class Signed:
    """A question or an answer with the statement that was signed."""

    statement_bytes: bytes
    signature: bytes
    statement: Any


def verify_inquiry(data: bytes, keys: Keyring) -> Signed:
    """Parses and verifies one serialized Inquiry."""
    message = parse(pb.Inquiry, data)
    statement = parse(pb.InquiryStatement, message.statement)
    _check_head(statement)
    require(1 <= len(statement.spans) <= _SPANS, Reason.BAD_STATEMENT, "no span or too many")
    for span in statement.spans:
        require_lane(span.lane)
        bulk = not span.broadcast or span.lane == envelope_pb.LANE_BULK
        require(bulk, Reason.BAD_STATEMENT, "a broadcast is bulk")
        _check_stretch(span.first_sequence, span.last_sequence)
        for field in ("start_time", "end_time"):
            if span.HasField(field):
                require(span.sent_by_asked, Reason.BAD_STATEMENT, "the sender's clock counts")
                require_time(span, field)
    return _signed(message, statement, "nhipcau/1/inquiry", keys)


def verify_account(data: bytes, keys: Keyring) -> Signed:
    """Parses and verifies one serialized Account."""
    message = parse(pb.Account, data)
    statement = parse(pb.AccountStatement, message.statement)
    _check_head(statement)
    require(1 <= len(statement.accounts) <= _SPANS, Reason.BAD_STATEMENT, "no account or too many")
    for account in statement.accounts:
        _check_account(account)
    return _signed(message, statement, "nhipcau/1/account", keys)


def rows_digest(rows: Iterable[Row]) -> bytes:
    """The digest over the positions of a range: position, id and digest of each, in ascending order."""
    value, remaining = ZERO_DIGEST, iter(rows)
    while block := list(itertools.islice(remaining, _BLOCK)):
        value = digest("nhipcau/1/positions", value, b"".join(_row_bytes(block)))
    return value


def _row_bytes(rows: Iterable[Row]) -> Iterator[bytes]:
    for sequence, message_id, envelope_digest in rows:
        yield sequence.to_bytes(8, "little") + message_id + envelope_digest


def _signed(message: Any, statement: Any, kind: str, keys: Keyring) -> Signed:
    signer = (statement.sender, statement.signing_key)
    keys.check_signature(signer, message.signature, kind, message.statement)
    return Signed(message.statement, message.signature, statement)


def _check_head(statement: Any) -> None:
    require(statement.format == 1, Reason.UNSUPPORTED_FORMAT, "format is not 1")
    require_access_point(statement.sender, "sender")
    require_access_point(statement.recipient, "recipient")
    require_label(statement.signing_key, Reason.BAD_ROUTING, "signing key")
    require_length(statement.nonce, 16, "nonce")


def _check_stretch(first: int, last: int) -> None:
    require_counts(Reason.BAD_STATEMENT, first, last)
    require(first >= 1 and (last == 0 or first <= last), Reason.BAD_STATEMENT, "positions that cannot be")


def _check_account(account: Any) -> None:
    first, last = account.first_sequence, account.last_sequence
    if first == 0:
        require(account == pb.SpanAccount(), Reason.BAD_STATEMENT, "something is said of nothing")
        return
    _check_stretch(first, last)
    require_counts(Reason.BAD_STATEMENT, account.skipped_count)
    counted = len(account.positions) <= _POSITIONS and not (account.positions and account.ranges)
    require(counted, Reason.BAD_STATEMENT, "too many positions, or positions beside ranges")
    before = first - 1
    for position in account.positions:
        inside = before < position.sequence and (last == 0 or position.sequence <= last)
        require(inside, Reason.BAD_STATEMENT, "a position out of order or beyond the span")
        require_counts(Reason.BAD_STATEMENT, position.sequence)
        require_message_id(position.id, "id of a position")
        require_length(position.digest, 32, "digest of a position")
        before = position.sequence
    if account.ranges:
        _check_ranges(account.ranges, first, last)
    _check_flows(account)


def _check_flows(account: Any) -> None:
    """The flows are flows, in order, and count the positions and skips; who does not count by flow names none."""
    flows = account.flows
    if not flows:
        unnumbered = all(position.flow == 0 for position in account.positions)
        require(unnumbered, Reason.BAD_STATEMENT, "a position of a flow that there is not")
        return
    require(len(flows) <= _FLOWS, Reason.BAD_STATEMENT, "too many flows")
    names = [(item.contract.encode(), item.kind.encode()) for item in flows]
    require(names == sorted(set(names)), Reason.BAD_STATEMENT, "flows out of order or twice")
    for item in flows:
        require(item.contract != "" or item.kind == "", Reason.BAD_STATEMENT, "a kind of no contract")
        require_kind(item.kind, Reason.BAD_STATEMENT)
        if item.contract:
            require_contract(item.contract, Reason.BAD_STATEMENT, "the contract of a flow")
    total = len(account.positions) + sum(item.count for item in account.ranges)
    require(sum(item.count for item in flows) == total, Reason.BAD_STATEMENT, "flows that count something else")
    skipped = sum(item.skipped_count for item in flows)
    require(skipped == account.skipped_count, Reason.BAD_STATEMENT, "flows that skip something else")
    for number, item in enumerate(flows, 1):
        listed = sum(position.flow == number for position in account.positions)
        require(bool(account.ranges) or listed == item.count, Reason.BAD_STATEMENT, "a flow of other positions")


def _check_ranges(ranges: Any, first: int, last: int) -> None:
    require(2 <= len(ranges) <= _RANGES, Reason.BAD_STATEMENT, "one range or too many")
    expected = first
    for item in ranges:
        _check_stretch(item.first_sequence, item.last_sequence)
        require_counts(Reason.BAD_STATEMENT, item.count)
        require(item.unreceipted_count <= item.count, Reason.BAD_STATEMENT, "more are unreceipted than there are")
        require_length(item.digest, 32, "digest of a range")
        require(expected != 0 and item.first_sequence == expected, Reason.BAD_STATEMENT, "ranges with a gap")
        expected = item.last_sequence and item.last_sequence + 1
    require(ranges[-1].last_sequence == last, Reason.BAD_STATEMENT, "the ranges end elsewhere")
