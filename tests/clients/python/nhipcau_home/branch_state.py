"""What the two logs of a branch amount to at a place, as the fold leaves it there."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from nhipcau_verify.contracts import referral_pb as pb

from .branch_log import Event
from .transitions import ORIGIN, RECIPIENT

#: States in which the branch serves the need; in which somebody waits for the recipient, so that time limits run; in
#: which it serves the need or has served it.
SERVING = ("ASSIGNED", "IN_SERVICE")
WAITED_FOR = ("SUBMITTED", "RECEIVED", "ACKNOWLEDGED", "ACCEPTED", *SERVING)
_SERVED = (*SERVING, "COMPLETED", "CLOSED")


@dataclass(frozen=True)
class Entered:
    """A state that the branch entered, and by which event."""

    state: str
    event: Event


@dataclass
class Folded:
    """What two logs amount to."""

    kind: str
    state: str = ""
    #: The event from which on nobody waits for the recipient any more.
    ended_by: Event | None = None
    entered: list[Entered] = field(default_factory=list)
    superseded: list[Event] = field(default_factory=list)
    #: Every event in the order in which the rules read them, with the side that answers for the child from it on.
    history: list[tuple[Event, str]] = field(default_factory=list)
    #: What stops time limits, by the contract's name of the stop: the first event of each kind that counted.
    stops: dict[str, Event] = field(default_factory=dict)
    #: Time limits that answers began, each with its answer: of each rule the first, and none that the opening has.
    begun: list[tuple[Any, Event]] = field(default_factory=list)
    #: The rules of all limits, and of those that could not be computed.
    rules: set[str] = field(default_factory=set)
    is_erased: bool = False
    revocation: int = 0
    revocation_is_pending: bool = False
    hand_back_was_asked: bool = False
    #: Whether the unit that has it said that nobody there is left to tell.
    is_unattended: bool = False
    withdrawal_is_answered: bool = False
    #: How many works, and words by telephone, were taken.
    works: int = 0
    words: int = 0
    plan_is_drafted: bool = False
    #: Whether the last review asked for a new plan.
    review_is_open: bool = False
    waiting: list[tuple[str, Event]] = field(default_factory=list)

    @property
    def consent_is_withdrawn(self) -> bool:
        """Whether withdrawn consent is what revoked it."""
        return self.state == "REVOKED" and self.revocation == pb.REVOCATION_REASON_CONSENT_WITHDRAWN

    @property
    def responsible(self) -> str:
        """The side that answers for the child: the recipient of an assigned TRANSFER, unless it was asked to give the
        child back; else the origin."""
        moved = self.kind == "TRANSFER" and self.state in _SERVED
        return RECIPIENT if moved and not self.revocation_is_pending else ORIGIN
