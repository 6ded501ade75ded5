"""The outbox: every message that an access point accepted to send, its content, and what became of it.

A message is concluded by a receipt that covers the last position it was signed at; a broadcast is never concluded.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping

from nhipcau_verify.contracts import envelope_pb as pb
from nhipcau_verify.errors import Reason, require
from nhipcau_verify.opening import Opened, content_digest
from nhipcau_verify.receipt import Coverage
from nhipcau_verify.wire import BROADCAST, parse

from .channels import NOT_YET, Channels, Position, apart_from_ordinal, flow_of
from .findings import Findings
from .home import Home

_DRAFT, _SIGNED, _RECEIVED, _REFUSED, _WAITING, _SKIPPED = range(6)
#: Contents by message id.
Contents = dict[bytes, Opened]


def check(home: Home, channels: Channels, coverage: Mapping[tuple[str, int], Coverage],
          findings: Findings) -> Contents:
    """Checks every row against its content, its last signed position and the receipts held. `coverage` is by
    recipient and lane. Gives the contents."""
    last = {position.id: position for positions in channels.values() for position in positions}
    rows = {row["id"]: row for row in home.rows(
        "SELECT o.*, c.content FROM outbox o LEFT JOIN outbox_content c ON c.serial = o.serial ORDER BY o.serial")}
    for row in home.rows("SELECT serial FROM outbox_content WHERE serial NOT IN (SELECT serial FROM outbox)"):
        findings.add(f"{home.name} outbox content {row['serial']}", "belongs to no message")
    for message_id, position in last.items():
        where = f"{home.name} outbox {message_id.hex()}"
        findings.expect(message_id in rows, where, "was signed and is not in the outbox")
    contents: Contents = {}
    for message_id, row in rows.items():
        where = f"{home.name} outbox {message_id.hex()}"
        with findings.at(where):
            opened = _content(home, row)
            if opened is not None:
                contents[message_id] = opened
                _check_content(findings, where, row, opened)
            else:
                _check_missing(findings, where, row, last.get(message_id))
            _check_state(findings, where, row, last.get(message_id), coverage)
            _check_position(findings, where, row, last.get(message_id), opened)
    return contents


def _content(home: Home, row: sqlite3.Row) -> Opened | None:
    """The content at rest: an Envelope message that has nothing but the parts before sealing."""
    if row["content"] is None:
        return None
    packed = parse(pb.Envelope, home.wake(row["correlation"], "outbox", row["id"], row["content"])).parts
    require(len(packed) >= 1, Reason.BAD_CONTROL, "a content without control part")
    control = parse(pb.Control, packed[0])
    opened = Opened(control, packed[0], tuple(packed[1:]))
    fits = content_digest(control, opened.content) == control.content_digest
    require(fits, Reason.WRONG_CONTENT_DIGEST, "the parts are not the content that the control part names")
    return opened


def _check_missing(findings: Findings, where: str, row: sqlite3.Row, last: Position | None) -> None:
    """A content goes with the parts of its positions, when it is erased or has become old. A skip never had one."""
    is_skipped = row["reason"] != 0 and row["state"] in (_DRAFT, _SIGNED, _SKIPPED)
    is_whole = last is not None and last.row["envelope"] is not None
    findings.expect(is_skipped or not is_whole, where, "has lost its content")


def _check_content(findings: Findings, where: str, row: sqlite3.Row, opened: Opened) -> None:
    findings.expect(row["draft_digest"] == apart_from_ordinal(opened), where, "has another content than was accepted")
    findings.expect((row["contract"], row["kind"]) == flow_of(opened.control), where, "is counted under another flow")
    findings.expect(row["correlation"] == opened.control.correlation, where, "was noted under another case")


def _check_position(findings: Findings, where: str, row: sqlite3.Row, last: Position | None,
                    opened: Opened | None) -> None:
    findings.expect(bool(row["signed"]) == (last is not None), where, "is marked as signed and has no position, "
                    "or the other way round")
    if last is None:
        return
    place = (last.row["recipient"], last.row["lane"], last.row["correlation"])
    noted = (row["recipient"], row["lane"], row["correlation"])
    findings.expect(place == noted, where, "was signed for another channel or case")
    if row["reason"] == 0:
        flow = (last.row["contract"], last.row["kind"])
        findings.expect(flow == (row["contract"], row["kind"]), where, "is counted elsewhere than its message")
    numbered = row["state"] == _DRAFT or last.row["ordinal"] == row["ordinal"]
    findings.expect(numbered, where, "was signed under another number than its position")
    if last.opened is not None and row["state"] == _SIGNED:
        skipped = last.opened.control.HasField("skip")
        findings.expect(skipped == (row["reason"] != 0), where, "is skipped and not signed so, or the other way round")
    if last.opened is not None and not last.opened.control.HasField("skip"):
        digest = apart_from_ordinal(last.opened)
        findings.expect(digest == row["draft_digest"], where, "was signed with another content than was accepted")
        findings.expect(last.opened.control.ordinal == row["ordinal"], where, "was signed under another number")


def _check_state(findings: Findings, where: str, row: sqlite3.Row, last: Position | None,
                 coverage: Mapping[tuple[str, int], Coverage]) -> None:
    state, known = row["state"], range(_DRAFT, _SKIPPED + 1)
    marks = row["signed"] in (0, 1) and row["told"] in (0, 1)
    findings.expect(state in known and marks, where, "is in no state")
    if row["recipient"] == BROADCAST:
        open_still = state in (_DRAFT, _SIGNED, _SKIPPED) and not row["told"]
        findings.expect(open_still, where, "a broadcast is concluded by nobody")
        return
    said = coverage.get((row["recipient"], row["lane"]))
    at = last.sequence if last else 0
    is_received = said is not None and at in said.received
    refused = said.refused.get(at) if said else None
    if state == _RECEIVED:
        findings.expect(is_received, where, "counts as received and no receipt says so")
        findings.expect(row["told"] == 1 and row["reason"] == 0, where, "its conclusion is not what was noted")
    elif state == _REFUSED:
        findings.expect(refused is not None and refused == row["reason"], where, "was refused otherwise than noted")
    elif state == _WAITING:
        findings.expect(refused == NOT_YET, where, "waits for a release and was not asked to")
    elif state == _SKIPPED:
        concluded = last is None or is_received or refused is not None
        findings.expect(concluded, where, "counts as skipped and no receipt says so")
    else:
        open_still = not is_received and refused in (None, NOT_YET)
        findings.expect(open_still, where, "a receipt concludes it and it counts as open")
