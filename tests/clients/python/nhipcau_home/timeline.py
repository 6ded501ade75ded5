"""The states that branches entered, as both their sides prove them."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence

from nhipcau_verify.instant import nanoseconds, text

from .branch_fold import fold
from .branch_log import Branch, Event
from .branch_rows import Held
from .branch_state import Entered
from .findings import Findings


def agreed(by_home: Mapping[str, Mapping[Held, Branch]], findings: Findings) -> list[Branch]:
    """Every branch once, after comparing the logs that its two sides hold."""
    copies: dict[bytes, list[tuple[str, Branch]]] = {}
    for name, branches in by_home.items():
        for (uid, holder), branch in branches.items():
            copies.setdefault(uid, []).append((f"{name} as {holder}", branch))
    found = []
    for uid, held in copies.items():
        where = f"branch {uid.hex()}"
        findings.expect(len(held) == 2, where, f"is held by {', '.join(name for name, _ in held)} only")
        logs = {(_digests(branch.origin), _digests(branch.recipient)) for _, branch in held}
        findings.expect(len(logs) == 1, where, "its two sides hold different logs")
        found.append(held[0][1])
    return found


def _digests(log: Sequence[Event]) -> tuple[bytes, ...]:
    """One side may have erased what its events say about a person; their digests stay."""
    return tuple(event.digest for event in log)


def timeline(branches: Iterable[Branch]) -> list[dict[str, str]]:
    """The states that were entered, in the order of the events' times; those of a branch in their own order."""
    entries = []
    for branch in branches:
        latest = 0
        for place, entered in enumerate(fold(branch).entered):
            latest = max(latest, nanoseconds(entered.event.message.event_time))
            entries.append((latest, branch.uid, place, _entry(branch, entered)))
    return [entry for *_, entry in sorted(entries, key=lambda item: item[:3])]


def _entry(branch: Branch, entered: Entered) -> dict[str, str]:
    opening = branch.opening.message
    return {
        "case": str(uuid.UUID(bytes=opening.case_uid)),
        "referral": str(uuid.UUID(bytes=opening.referral_uid)),
        "branch": str(uuid.UUID(bytes=branch.uid)),
        "kind": branch.kind,
        "recipient": branch.addressed,
        "state": entered.state,
        "actor": entered.event.writer,
        "time": text(entered.event.message.event_time),
    }
