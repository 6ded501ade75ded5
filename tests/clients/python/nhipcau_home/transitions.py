"""The transition tables of branches, read from the document that prints them (docs/referrals.md).

The document is the contract that people agreed on; a copy of the tables here could be wrong without anyone noticing.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass, field

from nhipcau_verify.contracts import ROOT

DOCUMENT = ROOT / "docs/referrals.md"
ORIGIN, RECIPIENT = "origin", "recipient"
STATES = ("SUBMITTED", "RECEIVED", "ACKNOWLEDGED", "ACCEPTED", "ASSIGNED", "IN_SERVICE", "COMPLETED", "CLOSED", "REJECTED",
          "REDIRECTED", "RELIEVED", "REVOKED", "RETURNED", "ENTERED_IN_ERROR")
_TABLES = re.compile(r"<!-- transition table: begin -->(.*)<!-- transition table: end -->", re.DOTALL)
_MOVE = re.compile(r"(?P<of>.+?) → \*\*(?P<to>[A-Z_]+)\*\*\Z")
_STAY = re.compile(r"(?P<of>.+?): no change\Z")
_WAIT = re.compile(r"(?P<of>.+?): waits for (?P<until>[A-Z_]+)\Z")
_REFUSED = re.compile(r"(?P<of>.+?): `(?P<reason>[A-Z_]+)`\Z")


@dataclass(frozen=True)
class Transition:
    """What an event does in a state: the state afterwards, or the state that it waits for."""

    to: str = ""
    waits_for: str = ""
    #: It is taken and changes no state.
    stays: bool = False


@dataclass
class Rule:
    """An event of one kind of referral: who writes it, and what it does where. Elsewhere it is refused."""

    side: str
    by_state: dict[str, Transition] = field(default_factory=dict)
    #: Why it is refused, where that is not WRONG_STATE.
    refusals: dict[str, str] = field(default_factory=dict)


@functools.cache
def tables() -> dict[str, dict[str, Rule]]:
    """Rules by kind and event."""
    found = _TABLES.search(DOCUMENT.read_text(encoding="utf-8"))
    if found is None:
        raise ValueError(f"{DOCUMENT.name} prints no transition table")
    kinds: dict[str, dict[str, Rule]] = {}
    kind = ""
    for line in found.group(1).splitlines():
        if line.startswith("### "):
            kind = line.removeprefix("### ").strip()
            kinds[kind] = {}
        elif line.startswith("| `"):
            event, side, cell, refused = [part.strip() for part in line.split("|")[1:5]]
            kinds[kind][event.strip("`")] = Rule(side, _cell(cell), _refusals(refused))
    return kinds


def _cell(cell: str) -> dict[str, Transition]:
    by_state: dict[str, Transition] = {}
    for text in filter(None, cell.split("<br>")):
        if found := _MOVE.match(text):
            by_state.update(dict.fromkeys(_states(found["of"]), Transition(to=found["to"])))
        elif found := _WAIT.match(text):
            by_state.update(dict.fromkeys(_states(found["of"]), Transition(waits_for=found["until"])))
        elif found := _STAY.match(text):
            by_state.update({state: Transition(to=state, stays=True) for state in _states(found["of"])})
        else:
            raise ValueError(f"a cell that says nothing known: {text}")
    return by_state


def _refusals(cell: str) -> dict[str, str]:
    by_state: dict[str, str] = {}
    for text in filter(None, cell.split("<br>")):
        found = _REFUSED.match(text)
        if found is None:
            raise ValueError(f"a cell that says nothing known: {text}")
        by_state.update(dict.fromkeys(_states(found["of"]), found["reason"]))
    return by_state


def _states(text: str) -> list[str]:
    if text == "any":
        return list(STATES)
    excepted = text.removeprefix("any but ")
    named = [state.strip() for state in excepted.split(",")]
    if not set(named) <= set(STATES):
        raise ValueError(f"states that are none: {text}")
    return named if excepted == text else [state for state in STATES if state not in named]
