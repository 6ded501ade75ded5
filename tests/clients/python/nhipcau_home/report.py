"""The report on a world of access points: everything in it is recomputed from their directories, except for what no
directory can know and which is taken over from what was observed."""

from __future__ import annotations

import pathlib
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from nhipcau_verify.errors import VerificationError
from nhipcau_verify.wire import BROADCAST

from . import branch_rows, channels, figure_rows, figures, outbox, pairs, promises, receipts, submissions, timeline
from .branch_rows import Logs
from .channels import Position
from .figures import Figures
from .findings import Findings
from .home import Home
from .pairs import Side

#: Not recomputed: a directory does not say which broker carried the messages, nor how long a demonstration took.
TAKEN_OVER = ("nats_version", "elapsed_seconds")
#: What a home that is no home, or was damaged beyond its rows, raises.
UNREADABLE = (VerificationError, OSError, LookupError, ValueError, TypeError, ArithmeticError, sqlite3.Error)


@dataclass(frozen=True)
class Account:
    """What one access point's directory amounts to."""

    home: Home
    side: Side
    #: Broadcasts of others that had an effect, those included that their publisher abandoned and sent again.
    broadcasts: list[Position]
    #: Receipts that verified, those issued and those held.
    receipt_digests: frozenset[bytes]
    figures: Figures | None
    logs: Logs | None


def account(home: Home, findings: Findings) -> Account:
    """Verifies one access point by itself."""
    sent = channels.sent(home, findings)
    received, abandoned = channels.received(home, findings)
    issued = receipts.issued(home, received, findings)
    held, coverage = receipts.held(home, sent, findings)
    contents = outbox.check(home, sent, coverage, findings)
    receipts.counted(home, received, findings)
    receipts.counted_there(home, sent, held, findings)
    promised = promises.check(home, received, findings)
    ordinals = {row["id"]: row["ordinal"] for row in home.rows("SELECT id, ordinal FROM outbox")}
    side = Side(home.name, sent, received, contents, issued, held, ordinals, promised)
    heard = [position for positions in (*received.values(), abandoned) for position in positions
             if position.row["recipient"] == BROADCAST and position.row["outcome"] == 0]
    digests = frozenset(receipt.digest for chains in (issued, held) for chain in chains.values() for receipt in chain)
    return Account(home, side, heard, digests, _figures(home, side, heard, findings),
                   _logs(home, side, findings))


def _figures(home: Home, side: Side, heard: Sequence[Position], findings: Findings) -> Figures | None:
    if not home.has_table("indicator_submission"):
        return None
    published = [position for (_, recipient, _), positions in side.sent.items() if recipient == BROADCAST
                 for position in positions]
    found = submissions.read([*published, *heard], f"{home.name} figures", findings)
    replayed = figures.replay(found)
    figure_rows.check(home, found, replayed, findings)
    return replayed


def _logs(home: Home, side: Side, findings: Findings) -> Logs | None:
    if not home.has_table("referral_branch"):
        return None
    logs = branch_rows.logs(home, side.received, side.contents, findings)
    held = [receipt for chain in side.held.values() for receipt in chain]
    branch_rows.check(home, logs, held, findings)
    return logs


def recompute(world: pathlib.Path, names: Sequence[str], observed: Mapping[str, Any],
              findings: Findings) -> dict[str, Any]:
    """Verifies every access point of a world and all of them against each other; gives the report."""
    with ExitStack() as stack:
        accounts = []
        for name in names:
            try:
                accounts.append(account(stack.enter_context(Home(world / name, findings)), findings))
            except UNREADABLE as error:
                findings.add(name, f"cannot be read: {error}")
        return document(accounts, observed, findings)


def document(accounts: Sequence[Account], observed: Mapping[str, Any], findings: Findings) -> dict[str, Any]:
    """Holds access points against each other and puts the report together."""
    differences = sum(pairs.reconcile(sender.side, recipient.side, findings)
                      for sender in accounts for recipient in accounts)
    return {
        **{key: observed.get(key) for key in TAKEN_OVER},
        "observations": _observations(accounts, findings),
        "referral": {"timeline": _timeline(accounts, findings)},
        "receipts": {"verified": len(frozenset().union(*(item.receipt_digests for item in accounts)))},
        "reconciliation": {"differences": differences},
    }


def _observations(accounts: Sequence[Account], findings: Findings) -> dict[str, Any]:
    """What was submitted at the publishers, and what the others hold of it."""
    publishers = {item.home.name for item in accounts if any(
        recipient == BROADCAST and positions for (_, recipient, _), positions in item.side.sent.items())}
    submitted, held = (0, ""), {}
    for item in accounts:
        if item.figures is None:
            continue
        count, digest = figures.digest(item.figures)
        if item.home.name in publishers:
            findings.expect(submitted == (0, ""), item.home.name, "is a second publisher of figures")
            submitted = (count, digest)
        else:
            held[item.home.name] = {"count": count, "digest": digest}
    for name, its in held.items():
        same = (its["count"], its["digest"]) == submitted
        findings.expect(same, name, "holds other observations than were submitted")
    return {"submitted": submitted[0], "digest": submitted[1], "held": held}


def _timeline(accounts: Sequence[Account], findings: Findings) -> list[dict[str, str]]:
    by_home = {item.home.name: item.logs.branches for item in accounts if item.logs is not None}
    return timeline.timeline(timeline.agreed(by_home, findings))
