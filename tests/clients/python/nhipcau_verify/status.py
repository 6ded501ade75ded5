"""Status: what an access point signed about where its channels with another stand.

A status is acted on only when it echoes the reader's own run, which is the reader's to judge; here it is parsed,
verified and held to its shape.
"""

from __future__ import annotations

from dataclasses import dataclass

from .contracts import signal_pb as pb
from .errors import Reason, require, require_length
from .keyring import Keyring
from .wire import (
    parse,
    require_access_point,
    require_contract,
    require_counts,
    require_label,
    require_lane,
    require_optional,
    require_time,
)


@dataclass(frozen=True)
class Status:
    """A status with the statement that was signed."""

    statement_bytes: bytes
    signature: bytes
    statement: pb.StatusStatement


def verify(data: bytes, keys: Keyring) -> Status:
    """Parses and verifies one serialized Status."""
    message = parse(pb.Status, data)
    statement = parse(pb.StatusStatement, message.statement)
    _check_shape(statement)
    signer = (statement.sender, statement.signing_key)
    keys.check_signature(signer, message.signature, "nhipcau/1/status", message.statement)
    return Status(message.statement, message.signature, statement)


def _check_shape(statement: pb.StatusStatement) -> None:
    require(statement.format == 1, Reason.UNSUPPORTED_FORMAT, "status format is not 1")
    require_access_point(statement.sender, "sender")
    require_access_point(statement.recipient, "recipient")
    require_label(statement.signing_key, Reason.BAD_ROUTING, "signing key")
    require_time(statement, "create_time")
    require_counts(Reason.BAD_STATEMENT, statement.number, statement.directory_version)
    for support in statement.contracts:
        require_contract(support.contract, Reason.BAD_STATEMENT, "supported contract")
    require_length(statement.run, 16, "run")
    require_optional(statement.echo, 16, "echo")
    for outgoing in statement.outgoing:
        require_counts(Reason.BAD_STATEMENT, outgoing.incarnation, outgoing.base_sequence, outgoing.return_from,
                       outgoing.receipted_sequence, *outgoing.erased_sequences)
        require(outgoing.broadcast or not outgoing.HasField("rewind"), Reason.BAD_STATEMENT, "only a broadcast rewinds")
        _check_head(outgoing.rewind)
        _check_heads(outgoing.lane, outgoing.head, outgoing.receipt)
    for incoming in statement.incoming:
        require_counts(Reason.BAD_STATEMENT, incoming.promised_incarnation)
        _check_heads(incoming.lane, incoming.head, incoming.receipt)
        require_optional(incoming.promised_run, 16, "promised run")


def _check_heads(lane: int, head: pb.Head, receipt: pb.ReceiptHead) -> None:
    require_lane(lane)
    _check_head(head)
    require_counts(Reason.BAD_STATEMENT, receipt.series, receipt.number)
    require_length(receipt.digest, 32 if receipt.number else 0, "receipt digest")
    both = (receipt.series == 0) == (receipt.number == 0)
    require(both, Reason.BAD_STATEMENT, "a receipt without series or number")


def _check_head(head: pb.Head) -> None:
    require_counts(Reason.BAD_STATEMENT, head.incarnation, head.sequence)
    require_length(head.digest, 32 if head.sequence else 0, "head digest")
    both = (head.incarnation == 0) == (head.sequence == 0)
    require(both, Reason.BAD_STATEMENT, "a head without incarnation or position")
