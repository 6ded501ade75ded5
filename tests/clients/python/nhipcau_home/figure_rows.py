"""The tables of figures, held against what the signed submissions make of them."""

from __future__ import annotations

import dataclasses
import datetime
import itertools
import sqlite3
from collections.abc import Iterable, Mapping, Sequence

from nhipcau_verify.contracts import indicator_pb as pb
from nhipcau_verify.wire import parse

from . import periods, submissions
from .figures import Figures, SeriesName, State
from .findings import Findings
from .home import Home
from .submissions import Submission

#: A revision: series, spelled period, submission and what it left.
Revision = tuple[SeriesName, str, bytes, State | None]
_NOTHING = State("", ())
_EPOCH = datetime.date(1970, 1, 1)


def check(home: Home, published: Sequence[Submission], figures: Figures, findings: Findings) -> None:
    """Checks every table of figures that is evidence. `published` holds the submissions of this access point and of
    the others."""
    stored = {row["serial"]: row for row in home.rows("SELECT * FROM indicator_submission")}
    _check_submissions(home, stored, published, findings)
    _check_contents(home, stored, published, findings)
    _check_requests(home, stored, findings)
    _check_revisions(home, stored, figures, findings)


def _check_submissions(home: Home, stored: Mapping[int, sqlite3.Row], published: Iterable[Submission],
                       findings: Findings) -> None:
    rows = {(row["provider"], row["id"]): row for row in stored.values()}
    known = {(item.provider, item.id): item for item in published}
    for name in rows.keys() - known.keys():
        findings.add(f"{home.name} submission {name[1].hex()}", "is stored and no signed event published it")
    for name, item in known.items():
        where = f"{home.name} submission {name[1].hex()}"
        row = rows.get(name)
        if findings.expect(row is not None, where, "was published and is not stored") and row is not None:
            own = item.access_point == home.name
            fields = {**dataclasses.asdict(item), "position": 0 if own and row["submitter"] else item.position}
            differ = [column for column, value in fields.items() if column != "rows" and row[column] != value]
            findings.expect(not differ, where, f"is stored with another {', '.join(differ)}")


def _check_contents(home: Home, stored: Mapping[int, sqlite3.Row], published: Iterable[Submission],
                    findings: Findings) -> None:
    said = {(item.provider, item.id): item.rows for item in published}
    pieces = home.rows("SELECT submission, position, bytes FROM indicator_content ORDER BY submission, position")
    by_submission = {serial: list(rows) for serial, rows in itertools.groupby(pieces, lambda row: row["submission"])}
    for serial in by_submission.keys() - stored.keys():
        findings.add(f"{home.name} indicator_content {serial}", "belongs to no submission")
    for serial, row in stored.items():
        where = f"{home.name} submission {row['id'].hex()}"
        kept = by_submission.get(serial, [])
        with findings.at(where):
            in_order = [piece["position"] for piece in kept] == list(range(len(kept)))
            findings.expect(in_order, where, "a piece of its content is missing")
            datasets = [dataset for piece in kept for dataset in parse(pb.Chunk, piece["bytes"]).datasets]
            same = submissions.rows(datasets) == said.get((row["provider"], row["id"]))
            findings.expect(same, where, "its stored content is not what was published")


def _check_requests(home: Home, stored: Mapping[int, sqlite3.Row], findings: Findings) -> None:
    """Every own submission answered the request of its submitter."""
    rows = home.rows("SELECT system, digest, submission FROM indicator_request")
    answered = {(row["system"], row["submission"]) for row in rows}
    for row in rows:
        known = row["submission"] in stored and len(row["digest"]) == 32
        findings.expect(known, f"{home.name} indicator_request of {row['system']}", "was answered with nothing")
    for serial, row in stored.items():
        remembered = not row["submitter"] or (row["submitter"], serial) in answered
        findings.expect(remembered, f"{home.name} submission {row['id'].hex()}", "answers no request")


def _check_revisions(home: Home, stored: Mapping[int, sqlite3.Row], figures: Figures, findings: Findings) -> None:
    kept = _stored_revisions(home, stored, findings)
    made: set[Revision] = {(name, period.text, submission, state)
                           for (name, period), states in figures.revisions.items()
                           for submission, state in states.items()}
    for what, revisions in (("is stored and follows from no submission", kept - made),
                            ("follows from the submissions and is not stored", made - kept)):
        for (structure, provider, key), period, submission, _ in sorted(revisions, key=lambda item: item[:3]):
            where = f"{home.name} observation {structure} {provider} {key} {period}"
            findings.add(where, f"its revision by {submission.hex()} {what}")


def _stored_revisions(home: Home, stored: Mapping[int, sqlite3.Row], findings: Findings) -> set[Revision]:
    series = {row["serial"]: (row["structure"], row["provider"], row["key"])
              for row in home.rows("SELECT * FROM indicator_series")}
    left: dict[tuple[SeriesName, str, bytes], State | None] = {}
    parts: dict[int, list[int]] = {}
    # In the order in which a submission says it: of two parts that name an observation the later one holds.
    for row in home.rows("SELECT * FROM indicator_segment ORDER BY submission, part"):
        where = f"{home.name} indicator_segment {row['series']} {row['submission']} {row['part']}"
        known = row["series"] in series and row["submission"] in stored
        if not findings.expect(known, where, "its series or submission is missing"):
            continue
        parts.setdefault(row["submission"], []).append(row["part"])
        with findings.at(where):
            block = parse(pb.SeriesBlock, row["block"])
            rows = submissions.rows([pb.Dataset(action=pb.ACTION_REPLACE, blocks=[block])])
            orders = [_order(periods.parse(said.period)) for said in rows]
            findings.expect(not block.key, where, "names a key of its own")
            findings.expect(orders == sorted(set(orders)), where, "periods do not stand in the order of time")
            spanned = orders[:1] + orders[-1:] == [row["first_period"], row["last_period"]]
            findings.expect(spanned, where, "spans other periods than it says")
            for said in rows:
                state = State(said.value, said.attributes)
                name = (series[row["series"]], said.period, stored[row["submission"]]["id"])
                left[name] = None if state == _NOTHING else state
    for submission, counted in parts.items():
        in_order = counted == list(range(len(counted)))
        findings.expect(in_order, f"{home.name} indicator_segment of {submission}", "a part is missing")
    return {(*name, state) for name, state in left.items()}


def _order(period: periods.Period) -> int:
    """The place of a period in the order of periods, as segments are found by."""
    return (period.first - _EPOCH).days * 8 + period.length
