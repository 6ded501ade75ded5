"""How much may be in a file of evidence, from the contract and docs/evidence.md: nobody could check more."""

from __future__ import annotations

from typing import Any

from nhipcau_verify.errors import Reason, require

FILE_BYTES = 32 << 20
_LOG = 1_100
_EVENTS = 20_000
_RECEIPTS_OF_AN_EVENT = 4
_RELEASES = 64
_BRANCHES = 512
_ENVELOPES = 1 << 16


def check(evidence: Any) -> None:
    """Refuses evidence with more in it than is read."""
    logs = [log for branch in evidence.branches for log in (branch.origin, branch.recipient)]
    events = sum(map(len, logs))
    fits = (
        len(evidence.releases) <= _RELEASES
        and len(evidence.branches) <= _BRANCHES
        and len(evidence.envelopes) <= _ENVELOPES
        and all(len(log) <= _LOG for log in logs)
        and events <= _EVENTS
        and len(evidence.receipts) <= _RECEIPTS_OF_AN_EVENT * events
    )
    require(fits, Reason.TOO_LARGE, "there is more in it than the evidence of one case may have")
