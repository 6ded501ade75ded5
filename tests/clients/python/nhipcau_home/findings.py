"""What does not fit. A verifier goes on after a finding, so that all of them are named at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from nhipcau_verify.errors import VerificationError


@dataclass
class Findings:
    """Findings in the order in which they were made; each says where and what, never content."""

    found: list[str] = field(default_factory=list)

    def add(self, where: str, what: str) -> None:
        """Notes a finding."""
        self.found.append(f"{where}: {what}")

    def expect(self, fact: bool, where: str, what: str) -> bool:
        """Notes a finding unless `fact` holds, and gives the fact back."""
        if not fact:
            self.add(where, what)
        return fact

    @contextmanager
    def at(self, where: str) -> Iterator[None]:
        """Turns what does not verify in the block into a finding."""
        try:
            yield
        except VerificationError as error:
            self.add(where, str(error))
