#!/usr/bin/env python3
"""Recomputes the report on a demonstration from the directories of its access points, and compares.

    verify_demo.py HOME

reads HOME/{moha,moh,vwu,hanoi}, which were stopped, and HOME/observed.json; writes HOME/report.json. Exits with 0
when everything verifies and every value is the observed one, else with 1, naming each difference.
"""

from __future__ import annotations

import datetime
import json
import pathlib
import sys
from collections.abc import Iterator
from typing import Any

from nhipcau_home import report
from nhipcau_home.findings import Findings

ACCESS_POINTS = ("moha", "moh", "vwu", "hanoi")


def differences(path: str, observed: Any, recomputed: Any) -> Iterator[str]:
    """Where two documents differ. Times are compared as instants, however they are written."""
    if isinstance(observed, dict) and isinstance(recomputed, dict):
        for key in sorted(observed.keys() | recomputed.keys()):
            yield from differences(f"{path}.{key}".lstrip("."), observed.get(key), recomputed.get(key))
    elif isinstance(observed, list) and isinstance(recomputed, list):
        if len(observed) != len(recomputed):
            yield f"{path}: {len(observed)} observed, {len(recomputed)} recomputed"
        for index, (left, right) in enumerate(zip(observed, recomputed)):
            yield from differences(f"{path}[{index}]", left, right)
    elif path.rpartition(".")[2] == "time" and isinstance(observed, str) and isinstance(recomputed, str):
        if _instant(observed) != _instant(recomputed):
            yield f"{path}: {observed} observed, {recomputed} recomputed"
    elif observed != recomputed:
        yield f"{path}: {observed!r} observed, {recomputed!r} recomputed"


def _instant(text: str) -> tuple[datetime.datetime, str]:
    """A time of RFC 3339 in UTC: the second, and the fraction without its trailing zeros."""
    whole, _, fraction = text.removesuffix("Z").partition(".")
    return datetime.datetime.fromisoformat(whole), fraction.rstrip("0")


def table(document: dict[str, Any]) -> Iterator[str]:
    """The report as a person reads it."""
    observations = document["observations"]
    yield f"nats-server          {document['nats_version']}"
    yield f"seconds              {document['elapsed_seconds']}"
    yield f"figures submitted    {observations['submitted']:>6}  {observations['digest'][:16]}"
    for name, held in observations["held"].items():
        yield f"figures held {name:<7} {held['count']:>6}  {held['digest'][:16]}"
    for entry in document["referral"]["timeline"]:
        yield f"{entry['kind']:<12} {entry['referral'][:8]}  {entry['state']:<16} {entry['actor']:<24} {entry['time']}"
    yield f"receipts verified    {document['receipts']['verified']:>6}"
    yield f"ids that differ      {document['reconciliation']['differences']:>6}"


def main(arguments: list[str]) -> int:
    """Verifies, writes, compares, and says what differs."""
    if len(arguments) != 1:
        print("usage: verify_demo.py HOME", file=sys.stderr)
        return 2
    world = pathlib.Path(arguments[0])
    observed = json.loads((world / "observed.json").read_text(encoding="utf-8"))
    findings = Findings()
    document = report.recompute(world, ACCESS_POINTS, observed, findings)
    (world / "report.json").write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    print("\n".join(table(document)))
    wrong = [*findings.found, *differences("", observed, document)]
    for line in wrong:
        print(line, file=sys.stderr)
    print(f"{len(wrong)} differences" if wrong else "everything verifies, and is what was observed")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
