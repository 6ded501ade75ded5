"""How well an event is known: by the word of who made the file, by its side's signature, or by the other side's too.

A signed event vouches for the one before it in its log and for the last one of the other log that its writer had seen,
and these for theirs. It ends at an event that is shown in part, which may be any.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nhipcau_home.transitions import ORIGIN, RECIPIENT
from nhipcau_verify.directory import Release

from .told import SIDES, Told, host

TOLD, SIGNED, NAMED = "TOLD", "SIGNED", "NAMED"
OTHER = {ORIGIN: RECIPIENT, RECIPIENT: ORIGIN}
#: An event by its log and position.
Place = tuple[str, int]


@dataclass(frozen=True)
class Standings:
    """What the access points of the units vouch for."""

    #: By side, the access point that serves its unit now.
    hosts: Mapping[str, str | None]
    #: By side and access point, the events that what it signed leads to. Whoever took a branch over has not signed what
    #: the unit before had written.
    vouched: Mapping[tuple[str, str], frozenset[Place]]
    #: The access point of the unit that wrote an event.
    writers: Mapping[Place, str | None]
    maker: str

    @property
    def one_for_both(self) -> str | None:
        """The access point that serves both units: neither side says more than the other then."""
        return self.hosts[ORIGIN] if self.hosts[ORIGIN] == self.hosts[RECIPIENT] else None

    def is_named(self, place: Place) -> bool:
        """Whether something that the other side signed leads to an event."""
        return any(place in events for (side, _), events in self.vouched.items() if side != place[0])

    def signers(self, place: Place) -> list[str]:
        """Whose signatures lead to an event; of one that is shown in part, to its digest."""
        return list(dict.fromkeys(name for (_, name), events in self.vouched.items() if place in events))

    def standing(self, told: Told) -> str:
        """How well it is known that a side said this."""
        place = place_of(told)
        writer = self.writers[place]
        speaking = [speaker for speaker, events in self.vouched.items() if place in events]
        own = any(name == writer for _, name in speaking)
        named = any(side != place[0] and name != writer for side, name in speaking)
        if told.is_masked:
            return TOLD
        # Both say so: the side itself, by its signature or by its file, and the other.
        if named and (own or writer == self.maker):
            return NAMED
        return SIGNED if own else TOLD


def place_of(told: Told) -> Place:
    """Where an event stands."""
    return told.event.side, int(told.event.message.ordinal)


def of(logs: Mapping[str, Sequence[Told]], hosts: Mapping[str, str | None], release: Release,
       maker: str) -> Standings:
    """Follows what the proven events of each access point name."""
    writers = {place_of(told): host(release, told.event.message.owner) for side in SIDES for told in logs[side]}
    vouched: dict[tuple[str, str], frozenset[Place]] = {}
    for side in SIDES:
        for told in logs[side]:
            writer = writers[place_of(told)]
            if told.doubt is None and writer is not None and (side, writer) not in vouched:
                vouched[side, writer] = _vouched(logs, side, writer, writers)
    return Standings(hosts, vouched, writers, maker)


def _vouched(logs: Mapping[str, Sequence[Told]], by: str, writer: str,
             writers: Mapping[Place, str | None]) -> frozenset[Place]:
    found: set[Place] = set()
    open_places = [place_of(told) for told in logs[by] if told.doubt is None and writers[place_of(told)] == writer]
    while open_places:
        side, ordinal = place = open_places.pop()
        if place in found or ordinal < 1:
            continue
        found.add(place)
        told = logs[side][ordinal - 1]
        if not told.is_masked:
            open_places += [(side, ordinal - 1), (OTHER[side], int(told.event.message.seen.ordinal))]
    return frozenset(found)
