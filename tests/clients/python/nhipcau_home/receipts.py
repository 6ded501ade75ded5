"""Receipts at both ends: those issued cover exactly what was accepted, those held conclude what was sent."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from nhipcau_verify import receipt as receipts
from nhipcau_verify.contracts import envelope_pb as pb
from nhipcau_verify.instant import microseconds
from nhipcau_verify.receipt import Coverage, Receipt

from .channels import NOT_YET, Channels, Position
from .findings import Findings
from .home import Home

#: Issuer, sender, recipient and lane, as every receipt names them.
Series = tuple[str, str, str, int]
#: Receipts in the order of series and number.
Receipts = dict[Series, list[Receipt]]


def issued(home: Home, accepted: Channels, findings: Findings) -> Receipts:
    """What this access point signed, checked against tables `receipt_issued` and `received`."""
    found = _read(home, "receipt_issued", findings)
    for series, chain in found.items():
        _, sender, recipient, lane = series
        where = f"{home.name} receipt_issued {sender} to {recipient}, lane {lane}"
        positions = accepted.get((sender, recipient, lane), [])
        with findings.at(where):
            said = receipts.check_chain(chain, [position.envelope for position in positions])
            _check_outcomes(findings, home.name, positions, said)
    for channel, positions in accepted.items():
        covered = (home.name, *channel) in found
        findings.expect(covered or not positions, f"{home.name} received {channel[0]} to {channel[1]}, "
                        f"lane {channel[2]}", "has no receipts")
    return found


def held(home: Home, channels: Channels, findings: Findings) -> tuple[Receipts, dict[tuple[str, int], Coverage]]:
    """What recipients signed, checked against tables `receipt_held` and `sent`; and, by recipient and lane, what it
    says of each position. Of a broadcast every subscriber says its own, which concludes nothing."""
    found = _read(home, "receipt_held", findings)
    coverage = {}
    for (issuer, sender, recipient, lane), chain in found.items():
        where = f"{home.name} receipt_held of {issuer} for {recipient}, lane {lane}"
        findings.expect(sender == home.name, where, "is for another sender")
        positions = channels.get((sender, recipient, lane), [])
        with findings.at(where):
            said = receipts.check_chain(chain, [position.envelope for position in positions])
            if issuer == recipient:
                coverage[(recipient, lane)] = said
    return found, coverage


def _read(home: Home, table: str, findings: Findings) -> Receipts:
    found: Receipts = defaultdict(list)
    for row in home.rows(f"SELECT * FROM {table} ORDER BY series, number"):
        issuer = home.name if table == "receipt_issued" else row["issuer"]
        sender = row["sender"] if table == "receipt_issued" else home.name
        series = (issuer, sender, row["recipient"], row["lane"])
        where = f"{home.name} {table} {'/'.join(map(str, series))} {row['series']} {row['number']}"
        with findings.at(where):
            receipt = receipts.verify(row["receipt"], home.keys)
            statement = receipt.statement
            signer = (statement.issuer, statement.signing_key)
            home.directory.check_signer(signer, statement.directory_version, statement.receive_time)
            findings.expect(_columns(row, series) == _signed(row, receipt), where, "the row is not that of its receipt")
            found[series].append(receipt)
    return dict(found)


def _columns(row: sqlite3.Row, series: Series) -> tuple[object, ...]:
    time = (row["receive_time"],) if "receive_time" in row.keys() else ()
    return (*series, row["series"], row["number"], row["first_sequence"], row["last_sequence"], row["digest"], *time)


def _signed(row: sqlite3.Row, receipt: Receipt) -> tuple[object, ...]:
    said = receipt.statement
    time = (microseconds(said.receive_time),) if "receive_time" in row.keys() else ()
    return (said.issuer, said.sender, said.recipient, said.lane, said.series, said.number, said.first_sequence,
            said.last_sequence, receipt.digest, *time)


def _check_outcomes(findings: Findings, name: str, positions: Sequence[Position], said: Coverage) -> None:
    """Every accepted position is covered, with the outcome that its row has. What an issuer said first of a position
    counts; where it said something else later, the row holds the later word."""
    stated: Mapping[int, int] = {**dict.fromkeys(said.received, 0), **said.refused}
    for position in positions:
        where = f"{name} received {position.row['sender']} {position.row['lane']} {position.sequence}"
        outcome = stated.get(position.sequence)
        findings.expect(outcome is not None, where, "no receipt covers it")
        same = outcome in (None, position.row["outcome"]) or position.sequence in said.contradicted
        findings.expect(same, where, "its receipt says otherwise")


def counted(home: Home, accepted: Channels, findings: Findings) -> None:
    """The last number counted within a case with a sender: each counts that came next and was not put off, and what was
    put off names the one that comes next. Of an erased case only that there is one."""
    applied: dict[tuple[str, bytes], int] = {}
    unreadable = set()
    for positions in accepted.values():
        for position in positions:
            row, opened = position.row, position.opened
            number = opened.control.ordinal if opened is not None and opened.control.correlation else 0
            case = (row["sender"], row["correlation"])
            put_off = row["outcome"] == NOT_YET
            if opened is None:
                unreadable.add(case)
            following = applied.get(case, 0) + 1
            named = following if put_off and number else 0
            where = f"{home.name} received {row['sender']} {row['lane']} {position.sequence}"
            findings.expect(case in unreadable or row["expected"] == named, where, "names another number")
            if number == following and not put_off:
                applied[case] = number
    noted = {(row["sender"], row["correlation"]): row["ordinal"]
             for row in home.rows("SELECT sender, correlation, ordinal FROM counted")}
    for peer, correlation in applied.keys() | noted.keys() | {case for case in unreadable if case[1]}:
        last, case = noted.get((peer, correlation)), (peer, correlation)
        same = last is not None if case in unreadable else applied.get(case) == last
        findings.expect(same, f"{home.name} counted of {peer} {correlation.hex()}", "counts otherwise")


def counted_there(home: Home, channels: Channels, found: Receipts, findings: Findings) -> None:
    """What recipients are noted to have counted within a case is what their receipts say, and at which position."""
    learnt: dict[tuple[str, bytes], tuple[int, int]] = {}
    for (issuer, sender, recipient, lane), chain in found.items():
        if issuer == recipient:
            for receipt in chain:
                for row, number in _learnt(channels.get((sender, recipient, lane), []), receipt):
                    learnt[(recipient, row["correlation"])] = (number, row["sequence"])
    noted = {(row["recipient"], row["correlation"]): (row["ordinal"], row["sequence"])
             for row in home.rows("SELECT * FROM counted_there")}
    for case in learnt.keys() | noted.keys():
        where = f"{home.name} counted_there {case[0]} {case[1].hex()}"
        findings.expect(learnt.get(case) == noted.get(case), where, "counts otherwise")


def _learnt(positions: Sequence[Position], receipt: Receipt) -> Iterator[tuple[sqlite3.Row, int]]:
    """The rows that a receipt covers, with the number that its issuer had counted there."""
    said = receipt.statement
    refusals = {refusal.sequence: refusal for refusal in said.refusals}
    covered = positions[said.first_sequence - 1:said.last_sequence]
    if not covered or covered[-1].envelope.digest != said.head_digest:
        return
    for position in covered:
        refusal = refusals.get(position.sequence)
        if not (position.row["correlation"] and position.row["ordinal"]):
            continue
        if refusal is None or refusal.reason not in (NOT_YET, pb.REFUSAL_REASON_UNREADABLE):
            yield position.row, position.row["ordinal"]
        elif refusal.expected_ordinal:
            yield position.row, refusal.expected_ordinal - 1
