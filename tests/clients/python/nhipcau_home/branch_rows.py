"""The tables of referrals, held against the events that the envelopes carried and what both logs amount to.

Both sides of a branch may be held by one access point; each has its own copy of both logs.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from nhipcau_verify.contracts import referral_event_pb as event_pb
from nhipcau_verify.contracts import referral_pb as pb
from nhipcau_verify.pae import digest
from nhipcau_verify.receipt import Receipt
from nhipcau_verify.wire import ZERO_DIGEST

from . import branch_log
from .branch_fold import fold
from .branch_log import Branch, Event
from .channels import Channels
from .findings import Findings
from .home import Home
from .outbox import Contents
from .transitions import ORIGIN, RECIPIENT, tables

_NUMBERS = {ORIGIN: 1, RECIPIENT: 2}
_HELD_BACK = 2
_RULES = "access-point"
_OF_ALL_BRANCHES = ("consent_withdrawn", "entered_in_error")
_SIDES = {number: side for side, number in _NUMBERS.items()}
_OTHER = {ORIGIN: RECIPIENT, RECIPIENT: ORIGIN}
#: A branch as one side holds it.
Held = tuple[bytes, str]


@dataclass(frozen=True)
class Logs:
    """The branches of an access point by side, with the purpose that their messages name."""

    branches: Mapping[Held, Branch]
    purposes: Mapping[Held, str]
    #: Cases whose content was erased here.
    erased: frozenset[bytes]


def logs(home: Home, accepted: Channels, contents: Contents, findings: Findings) -> Logs:
    """Both logs of every branch, from messages sent and messages received with effect. Of erased cases the envelopes
    cannot be opened any more: their events are the stored ones, which have to be those that the other side proves."""
    applied = {position.id: position.opened for positions in accepted.values() for position in positions
               if position.opened is not None and position.row["outcome"] == 0}
    own = branch_log.collect(contents, f"{home.name} outbox", findings)
    theirs = branch_log.collect(applied, f"{home.name} received", findings)
    by_holder: dict[str, list[Event]] = {ORIGIN: [], RECIPIENT: []}
    for event in own:
        by_holder[event.side].append(event)
    for event in theirs:
        by_holder[_OTHER[event.side]].append(event)
    erased = home.erased_cases()
    for row in home.rows("SELECT e.* FROM referral_event e JOIN referral_branch b ON b.branch = e.branch AND "
                         "b.holder = e.holder") if erased else ():
        with findings.at(f"{home.name} referral_event {row['branch'].hex()}"):
            event = branch_log.read(row["message"], row["bytes"], row["digest"])
            if event.message.case_uid in erased:
                by_holder[_SIDES[row["holder"]]].append(event)
    found: dict[Held, Branch] = {}
    for holder, events in by_holder.items():
        for uid, branch in branch_log.branches(events, f"{home.name} as {holder}", findings).items():
            found[uid, holder] = branch
    purposes = {name: opened.control.purpose for name, opened in (*applied.items(), *contents.items())}
    carriers = {held: next(iter(branch.opening.carriers)) for held, branch in found.items()}
    return Logs(found, {held: purposes[name] for held, name in carriers.items() if name in purposes}, erased)


def check(home: Home, logs: Logs, held: Iterable[Receipt], findings: Findings) -> None:
    """Checks every table of referrals that is evidence."""
    _check_branches(home, logs, findings)
    receipts = {receipt.digest: receipt for receipt in held}
    for (uid, holder), branch in logs.branches.items():
        _check_events(home, holder, branch, logs, receipts, findings)
        _check_content(home, holder, branch, logs, findings)
    _check_known(home, logs, findings)
    _check_requests(home, logs, findings)
    _check_changes(home, logs, findings)
    _check_accesses(home, findings)


def _where(home: Home, table: str, uid: bytes, holder: str) -> str:
    return f"{home.name} {table} {uid.hex()} as {holder}"


def _check_branches(home: Home, logs: Logs, findings: Findings) -> None:
    rows = {(row["branch"], row["holder"]): row for row in home.rows("SELECT * FROM referral_branch")}
    expected = {(uid, _NUMBERS[holder]): (holder, branch) for (uid, holder), branch in logs.branches.items()}
    for uid, number in rows.keys() - expected.keys():
        findings.add(f"{home.name} referral_branch {uid.hex()} {number}", "follows from no envelope")
    for name, (holder, branch) in expected.items():
        where, row = _where(home, "referral_branch", branch.uid, holder), rows.get(name)
        if findings.expect(row is not None, where, "is missing") and row is not None:
            opening = branch.opening.message
            purpose = logs.purposes.get((branch.uid, holder), row["purpose"])
            asks = holder == RECIPIENT and branch.kind != "NOTIFICATION"
            signed = (opening.case_uid, opening.referral_uid, opening.opened.group_uid, purpose,
                      opening.owner.party, _unit(branch, holder).party,
                      _unit(branch, holder).unit if asks else "")
            stored = (row["case_uid"], row["referral"], row["group_uid"], row["purpose"], row["origin"], row["party"],
                      row["unit"])
            findings.expect(stored == signed, where, "is not what its opening says")
            state = pb.BranchState.Value(f"BRANCH_STATE_{fold(branch).state}")
            findings.expect(row["state"] == state, where, "is not what both logs amount to")


def _check_events(home: Home, holder: str, branch: Branch, logs: Logs, receipts: Mapping[bytes, Receipt],
                  findings: Findings) -> None:
    rows = {(row["side"], row["ordinal"]): row for row in home.rows(
        "SELECT * FROM referral_event WHERE branch = ? AND holder = ?", branch.uid, _NUMBERS[holder])}
    events = {(_NUMBERS[event.side], event.message.ordinal): event for event in (*branch.origin, *branch.recipient)}
    for place in sorted(rows.keys() | events.keys()):
        where = f"{_where(home, 'referral_event', branch.uid, holder)} {place[0]} {place[1]}"
        row, event = rows.get(place), events.get(place)
        if row is None:
            findings.add(where, "was sent or received and is not stored")
        elif event is None:
            findings.expect(not row["message"], where, "is stored and was neither sent nor received")
        else:
            same = row["bytes"] == event.masked and row["message"] in event.carriers
            findings.expect(same, where, "is not the event that travelled")
            with findings.at(where):
                _check_sealed(home, where, row, event, logs, findings)
            how = 0 if event.carriers.get(row["message"]) else 1
            allowed = (how, _HELD_BACK) if event.side == holder else (how,)
            findings.expect(row["carried"] in allowed, where, "was carried otherwise")
            if event.side == holder:
                _check_conclusion(home, where, row, receipts, findings)
            else:
                nothing = (row["outcome"], row["receipt_number"], row["receipt_digest"])
                findings.expect(nothing == (None, None, None), where, "is another's and was concluded here")


def _check_sealed(home: Home, where: str, row: sqlite3.Row, event: Event, logs: Logs, findings: Findings) -> None:
    """What an event says about a person is sealed beside the rest of it; nothing is sealed that says nothing."""
    says_something = event.travelled is not None or event.data != event.masked
    expected = (event.digest, True) if says_something else (None, False)
    findings.expect((row["digest"], row["sealed"] is not None) == expected, where, "is sealed otherwise")
    if says_something and row["sealed"] is not None and event.message.case_uid not in logs.erased:
        place = b"".join(number.to_bytes(4, "little") for number in (row["holder"], row["side"]))
        place += row["ordinal"].to_bytes(8, "little")
        body = home.wake(event.message.case_uid, "referral_event", row["branch"] + place, row["sealed"])
        same = body == event.data and event.digest == row["digest"]
        findings.expect(same, where, "what is sealed is not the event that travelled")


def _check_conclusion(home: Home, where: str, row: sqlite3.Row, receipts: Mapping[bytes, Receipt],
                      findings: Findings) -> None:
    """What a service noted of its own event is what the outbox and the named receipt say."""
    outbox = home.rows("SELECT state, reason FROM outbox WHERE id = ?", row["message"])
    said = {2: 0, 3: outbox[0]["reason"]}.get(outbox[0]["state"]) if outbox else None
    findings.expect(row["outcome"] == said, where, "its message was concluded otherwise")
    if row["receipt_digest"] is not None or row["receipt_number"] is not None:
        receipt = receipts.get(row["receipt_digest"])
        named = receipt is not None and receipt.statement.number == row["receipt_number"]
        findings.expect(named, where, "names a receipt that is not held")


def _check_content(home: Home, holder: str, branch: Branch, logs: Logs, findings: Findings) -> None:
    """Every part that travelled lies here, unless it had to go; the origin keeps it once for all branches."""
    opening = branch.opening.message
    owner = opening.referral_uid if holder == ORIGIN else branch.uid
    stored = {(row["part"], row["digest"]) for row in home.rows(
        "SELECT part, digest FROM referral_content WHERE owner = ? AND holder = ?", owner, _NUMBERS[holder])}
    has_to_go = fold(branch).state in tables()[branch.kind]["erased"].by_state
    erased = (holder == RECIPIENT and has_to_go) or opening.case_uid in logs.erased
    came = [event for event in branch.origin if any(event.carriers.values())]
    for event in () if erased else came:
        for part in event.message.parts:
            where = f"{_where(home, 'referral_content', owner, holder)} {part.digest.hex()}"
            findings.expect((part.part, part.digest) in stored, where, "travelled and is not stored")


def _check_known(home: Home, logs: Logs, findings: Findings) -> None:
    """Rows that name a branch name one that exists; content opens, and is what its digest says."""
    known = {(uid, _NUMBERS[holder]) for uid, holder in logs.branches}
    for table, column in (("referral_event", "holder"), ("referral_change", "side")):
        for row in home.rows(f"SELECT DISTINCT branch, {column} FROM {table}"):
            findings.expect((row[0], row[1]) in known, f"{home.name} {table} {row[0].hex()}", "is of no known branch")
    cases = {owner: branch.opening.message.case_uid for (_, holder), branch in logs.branches.items()
             for owner in ((branch.opening.message.referral_uid if holder == ORIGIN else branch.uid,
                            _NUMBERS[holder]),)}
    for row in home.rows("SELECT owner, holder, part, digest, body FROM referral_content"):
        owner = (row["owner"], row["holder"])
        where = f"{home.name} referral_content {row['owner'].hex()} {row['part']}"
        with findings.at(where):
            known_owner = findings.expect(owner in cases, where, "belongs to no known referral")
            if known_owner and cases[owner] not in logs.erased:
                body = home.wake(cases[owner], "referral_content", row["owner"] + row["digest"], row["body"])
                findings.expect(hashlib.sha256(body).digest() == row["digest"], where, "is not what its digest says")


def _check_requests(home: Home, logs: Logs, findings: Findings) -> None:
    """Every own event that a system caused answers a request of that system. A submission and a recall speak of the
    whole referral, everything else of one branch."""
    wanted: Counter[tuple[str, bytes, bytes]] = Counter()
    of_whole: set[tuple[str, bytes, str]] = set()
    for (uid, holder), branch in logs.branches.items():
        referral = branch.opening.message.referral_uid
        for event in branch.origin if holder == ORIGIN else branch.recipient:
            if event.message.actor.system == _RULES:
                continue
            system = f"{event.message.owner.party}/{event.message.actor.system}"
            is_first = event.name == "opened" and event.message.opened.cause == event_pb.OPENING_CAUSE_INITIAL
            if is_first or event.name in _OF_ALL_BRANCHES:
                of_whole.add((system, referral, event.name))
            else:
                wanted[system, referral, uid] += 1
    wanted.update((system, referral, b"") for system, referral, _ in of_whole)
    # An upload of an attachment is answered by itself: no event comes of it.
    uploads = {row["upload"] for row in home.rows("SELECT upload FROM referral_upload")}
    for row in home.rows("SELECT system, request_id, case_uid, digest, referral, branch FROM referral_request"):
        answered = (row["system"], row["referral"], row["branch"])
        where = f"{home.name} referral_request of {row['system']} for {row['referral'].hex()}"
        with findings.at(where):
            findings.expect(answered in wanted or not row["branch"] and row["referral"] in uploads, where, "was answered with nothing")
            if row["case_uid"] not in logs.erased:
                said = home.wake(row["case_uid"], "referral_request", row["request_id"].encode(), row["digest"])
                findings.expect(len(said) == 32, where, "is no digest of a request")
        wanted[answered] -= 1
    for (system, referral, uid), missing in wanted.items():
        where = f"{home.name} referral_request of {system} for {referral.hex()} {uid.hex()}"
        findings.expect(missing <= 0, where, "is missing, and an event answers it")


def _check_changes(home: Home, logs: Logs, findings: Findings) -> None:
    """Changes are numbered for each party and chained; the last one of a branch knows both its logs to the end."""
    marks: dict[str, bytes] = {}
    last: dict[Held, tuple[int, int]] = {}
    for row in home.rows("SELECT * FROM referral_change ORDER BY party, number"):
        where = f"{home.name} referral_change {row['party']} {row['number']}"
        held = (row["branch"], _SIDES.get(row["side"], ""))
        branch = logs.branches.get(held)
        if branch is None:
            continue
        heads = [log[count - 1].digest for log, count in ((branch.origin, row["origin"]),
                                                          (branch.recipient, row["recipient"]))
                 if 0 < count <= len(log)]
        mark = digest("nhipcau/1/referral-change", marks.get(row["party"], ZERO_DIGEST), row["branch"], *heads)
        findings.expect(row["mark"] == mark, where, "does not follow the changes before it")
        marks[row["party"]] = row["mark"]
        last[held] = (row["origin"], row["recipient"])
    for held, branch in logs.branches.items():
        known = last.get(held) == (len(branch.origin), len(branch.recipient))
        findings.expect(known, _where(home, "referral_change", *held), "the last change of the branch is missing")
    for row in home.rows("SELECT party, COUNT(*) AS count, MAX(number) AS last FROM referral_change GROUP BY party"):
        findings.expect(row["count"] == row["last"], f"{home.name} referral_change {row['party']}", "has a gap")


def _check_accesses(home: Home, findings: Findings) -> None:
    """Access records are numbered and chained from a beginning that names the access point, up to the noted head."""
    number, previous = 0, digest("nhipcau/1/referral-access", home.name)
    for number, row in enumerate(home.rows("SELECT * FROM referral_access ORDER BY number"), 1):
        own = digest(
            "nhipcau/1/referral-access", row["number"].to_bytes(8, "little"),
            row["access_time"].to_bytes(8, "little", signed=True), row["party"], row["system"], row["person"],
            row["origin"], row["referral"], row["parts"], previous,
        )
        fits = (row["number"], row["previous"], row["digest"]) == (number, previous, own)
        findings.expect(fits, f"{home.name} referral_access {row['number']}", "does not follow the record before it")
        previous = row["digest"]
    heads = [(row["number"], row["digest"]) for row in home.rows("SELECT number, digest FROM referral_access_head")]
    findings.expect(heads == ([(number, previous)] if number else []), f"{home.name} referral_access_head",
                    "is not the last access record")


def _unit(branch: Branch, side: str) -> Any:
    opening = branch.opening.message
    return opening.owner if side == ORIGIN else opening.counterpart
