"""How well an event is known: by the word of who made the file, by its side's signature, or by the other side's too.

A signed event vouches for the one before it in its log and for the last one of the other log that its writer had seen,
and these for theirs. It ends at an event that is shown in part, which may be any.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nhipcau_home.transitions import ORIGIN, RECIPIENT

from .told import SIDES, Told

TOLD, SIGNED, NAMED = "TOLD", "SIGNED", "NAMED"
OTHER = {ORIGIN: RECIPIENT, RECIPIENT: ORIGIN}
#: An event by its log and position.
Place = tuple[str, int]


@dataclass(frozen=True)
class Standings:
    """What the access points of the two sides vouch for."""

    #: By side, the access point that serves its unit.
    hosts: Mapping[str, str | None]
    #: By side, the events that what its access point signed leads to.
    vouched: Mapping[str, frozenset[Place]]
    maker: str

    @property
    def one_for_both(self) -> str | None:
        """The access point that serves both units: neither side says more than the other then."""
        return self.hosts[ORIGIN] if self.hosts[ORIGIN] == self.hosts[RECIPIENT] else None

    def is_named(self, place: Place) -> bool:
        """Whether something that the other side signed leads to an event."""
        return place in self.vouched[OTHER[place[0]]]

    def signers(self, place: Place) -> list[str]:
        """Whose signatures lead to an event; of one that is shown in part, to its digest."""
        found = [host for side in SIDES if place in self.vouched[side] and (host := self.hosts[side]) is not None]
        return list(dict.fromkeys(found))

    def standing(self, told: Told) -> str:
        """How well it is known that a side said this."""
        place = place_of(told)
        side = place[0]
        own, named = place in self.vouched[side], self.is_named(place)
        if told.is_masked:
            return TOLD
        if self.one_for_both is not None:
            return SIGNED if own or named else TOLD
        # Both say so: the side itself, by its signature or by its file, and the other.
        if named and (own or self.hosts[side] == self.maker):
            return NAMED
        return SIGNED if own else TOLD


def place_of(told: Told) -> Place:
    """Where an event stands."""
    return told.event.side, int(told.event.message.ordinal)


def of(logs: Mapping[str, Sequence[Told]], hosts: Mapping[str, str | None], maker: str) -> Standings:
    """Follows what each side's proven events name."""
    return Standings(hosts, {side: _vouched(logs, side) for side in SIDES}, maker)


def _vouched(logs: Mapping[str, Sequence[Told]], by: str) -> frozenset[Place]:
    found: set[Place] = set()
    open_places = [place_of(told) for told in logs[by] if told.doubt is None]
    while open_places:
        side, ordinal = place = open_places.pop()
        if place in found or ordinal < 1:
            continue
        found.add(place)
        told = logs[side][ordinal - 1]
        if not told.is_masked:
            open_places += [(side, ordinal - 1), (OTHER[side], int(told.event.message.seen.ordinal))]
    return frozenset(found)
