"""The envelopes of an access point: what it sent and what it accepted, each verified, opened where it can be, and
held against its row.

An access point cannot open what it sealed for another; what it meant is the content in its outbox, whose digest the
recipient's copy must have.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from dataclasses import dataclass, replace

from nhipcau_verify.channel import ChannelName, check_chain
from nhipcau_verify.contracts import envelope_pb as pb
from nhipcau_verify.envelope import Envelope, Kind, check_parts, read, verify_signed
from nhipcau_verify.errors import VerificationError
from nhipcau_verify.opening import Opened, content_digest, open_envelope
from nhipcau_verify.seal import open_part
from nhipcau_verify.wire import BROADCAST, ZERO_DIGEST, parse

from .findings import Findings
from .home import Home

NOT_YET = pb.REFUSAL_REASON_NOT_YET
_KINDS = ("TRANSFER", "REFERRAL", "NOTIFICATION")


@dataclass(frozen=True)
class Position:
    """A signed position as a store has it."""

    row: sqlite3.Row
    envelope: Envelope
    #: What the envelope says; none where it is sealed for another, erased, or not for this reader to open.
    opened: Opened | None
    is_erased: bool

    @property
    def id(self) -> bytes:
        """The message's id."""
        return bytes(self.envelope.routing.id)

    @property
    def sequence(self) -> int:
        """The place in the channel."""
        return int(self.envelope.routing.sequence)


#: Positions in order by channel.
Channels = dict[ChannelName, list[Position]]


def apart_from_ordinal(opened: Opened) -> bytes:
    """What an id is spent on: the same message may have another number within its case when it is sent again."""
    control = pb.Control()
    control.CopyFrom(opened.control)
    control.ordinal = 0
    return content_digest(control, opened.content)


def flow_of(control: pb.Control) -> tuple[str, str]:
    """Under what a message is counted: its contract, and its kind where the contract has such a kind."""
    known = control.contract == "nhipcau.referral.v1" and control.kind in _KINDS
    return control.contract, control.kind if known else ""


def sent(home: Home, findings: Findings) -> Channels:
    """What this access point signed, checked against table `sent`."""
    channels: Channels = defaultdict(list)
    for row in home.rows("SELECT * FROM sent ORDER BY recipient, lane, sequence"):
        where = f"{home.name} sent {row['recipient']} {row['lane']} {row['sequence']}"
        with findings.at(where):
            position = _read(home, row, "sent", row["id"], row["recipient"], home.name)
            routing = position.envelope.routing
            place = (home.name, row["recipient"], row["lane"])
            _same(findings, where, position, place)
            signed_before = routing.create_time.seconds * 1_000_000 + routing.create_time.nanos // 1_000
            findings.expect(row["sign_time"] >= signed_before, where, "was signed before the time it names")
            channels[place].append(position)
    _check_chains(findings, home.name, "sent", channels)
    return dict(channels)


def received(home: Home, findings: Findings) -> tuple[Channels, list[Position]]:
    """What this access point accepted, checked against table `received`; and what a publisher abandoned."""
    channels: Channels = defaultdict(list)
    abandoned = []
    for row in home.rows("SELECT * FROM received ORDER BY sender, recipient, lane, branch, sequence"):
        where = f"{home.name} received {row['sender']} {row['lane']} {row['branch']} {row['sequence']}"
        with findings.at(where):
            position = _read(home, row, "received", row["digest"], row["recipient"], row["sender"])
            place = (row["sender"], row["recipient"], row["lane"])
            _same(findings, where, position, place)
            position = _opened(home, position, where, findings)
            _check_content(findings, where, position)
            channels[place].append(position) if row["branch"] == 0 else abandoned.append(position)
    _check_chains(findings, home.name, "received", channels)
    _check_spent(findings, home)
    return dict(channels), abandoned


def _read(home: Home, row: sqlite3.Row, table: str, at_rest: bytes, recipient: str, sender: str) -> Position:
    """Wakes, parses and verifies the envelope of a row."""
    is_erased = row["envelope"] is None
    data: bytes = row["erased"] if is_erased else row["envelope"]
    if not is_erased and recipient != BROADCAST:
        data = home.wake(row["correlation"], table, at_rest, data)
    envelope = read(parse(pb.Envelope, data))
    verify_signed(envelope, home.keys, Kind.CHANNEL)
    if not is_erased:
        check_parts(envelope)
    routing = envelope.routing
    home.directory.check_signer((sender, routing.signing_key), routing.directory_version, routing.create_time)
    opened = open_envelope(envelope, home.name, home.keys) if envelope.is_public and not is_erased else None
    return Position(row, envelope, opened, is_erased)


def _same(findings: Findings, where: str, position: Position, place: ChannelName) -> None:
    row, routing = position.row, position.envelope.routing
    columns = (*place, row["sequence"], row["incarnation"], row["id"], row["digest"])
    signed = (routing.sender, routing.recipient, routing.lane, routing.sequence, routing.incarnation, routing.id,
              position.envelope.digest)
    findings.expect(columns == signed, where, "the row is not that of its envelope")
    _check_proof(findings, where, position)


def _check_proof(findings: Findings, where: str, position: Position) -> None:
    """The key of the message's part that was kept opens that part, while it is there."""
    proof, envelope = position.row["proof"], position.envelope
    if proof is None or position.is_erased:
        return
    fits = len(proof) == 32 and len(envelope.parts) > 1 and not envelope.is_public
    findings.expect(fits, where, "has a key of a part that there is not")
    if fits:
        open_part(proof, envelope.parts[1], envelope.routing_bytes)


def _opened(home: Home, position: Position, where: str, findings: Findings) -> Position:
    """Opens what was sealed for this access point. What it refused may well not open."""
    if position.is_erased or position.opened is not None:
        return position
    try:
        return replace(position, opened=open_envelope(position.envelope, home.name, home.keys))
    except VerificationError as error:
        findings.expect(position.row["outcome"] != 0, where, str(error))
        return position


def _check_content(findings: Findings, where: str, position: Position) -> None:
    row, opened = position.row, position.opened
    if opened is None:
        return
    findings.expect(row["content_digest"] == apart_from_ordinal(opened), where, "was noted with another content")
    findings.expect(row["correlation"] == opened.control.correlation, where, "was noted under another case")
    findings.expect((row["contract"], row["kind"]) == flow_of(opened.control), where, "is counted under another flow")


def _check_spent(findings: Findings, home: Home) -> None:
    """An id is spent once, by what was received or refused for good, or by a skip of it (3), unless it came without its
    content; it is spent and abandoned (2) while it stands in no present position."""
    for row in home.rows(
        "SELECT sender, id, SUM(spent > 0) AS spent, MAX(spent) AS mark, "
        "SUM(outcome <> ? AND (erased IS NULL OR content_digest <> ?)) AS final, SUM(branch = 0) AS present "
        "FROM received GROUP BY sender, id", NOT_YET, ZERO_DIGEST,
    ):
        where = f"{home.name} received {row['sender']} {row['id'].hex()}"
        findings.expect(row["spent"] == min(row["final"], 1), where, "is not marked as spent once")
        findings.expect(row["mark"] != 2 or row["present"] == 0, where, "is marked as abandoned and stands there")


def _check_chains(findings: Findings, name: str, table: str, channels: Channels) -> None:
    for (sender, recipient, lane), positions in channels.items():
        with findings.at(f"{name} {table} {sender} to {recipient}, lane {lane}"):
            check_chain(position.envelope for position in positions)
