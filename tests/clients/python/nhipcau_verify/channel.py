"""A channel: the envelopes that one access point accepted from another, in order and without a gap.

Through the previous digest each envelope fixes all before it; a new incarnation starts from a position that both
sides had agreed on, so within what a recipient accepted nothing is ever replaced.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

from .envelope import Envelope
from .errors import Reason, require

#: Sender, recipient, lane.
ChannelName = tuple[str, str, int]


def name(envelope: Envelope) -> ChannelName:
    """The channel that an envelope stands in."""
    return envelope.routing.sender, envelope.routing.recipient, envelope.routing.lane


def check_chain(envelopes: Iterable[Envelope]) -> list[Envelope]:
    """Checks verified envelopes of one channel from position 1 on; returns them."""
    chain = list(envelopes)
    if chain:
        first = chain[0].routing
        require(first.sequence == 1, Reason.SEQUENCE_GAP, "the channel does not begin at position 1")
    for earlier, later in pairwise(chain):
        _check_step(earlier, later)
    return chain


def _check_step(earlier: Envelope, later: Envelope) -> None:
    before, after = earlier.routing, later.routing
    at = f"position {after.sequence}"
    require(name(earlier) == name(later), Reason.MIXED_CHANNEL, f"{at} is of another channel")
    require(after.sequence == before.sequence + 1, Reason.SEQUENCE_GAP, f"{at} follows {before.sequence}")
    require(after.previous_digest == earlier.digest, Reason.WRONG_PREVIOUS, f"{at} names another previous envelope")
    require(after.incarnation >= before.incarnation, Reason.WRONG_INCARNATION, f"{at} is of an older incarnation")
    agreed = before.base_sequence if after.incarnation == before.incarnation else before.sequence
    require(after.base_sequence == agreed, Reason.WRONG_INCARNATION, f"{at} claims another agreed position")
