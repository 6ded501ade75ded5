"""What the tests share: the trusted keys of the vectors, and an assertion on reasons."""

from __future__ import annotations

import unittest
from collections.abc import Callable
from typing import Any

from generator import fixture
from nhipcau_verify.errors import Reason, VerificationError
from nhipcau_verify.keyring import Keyring


def keyring() -> Keyring:
    """The keys of all access points of the vectors."""
    return Keyring(
        signing={
            (name, fixture.SIGNING_KEY): fixture.signer(name).public_key().public_bytes_raw()
            for name in fixture.ACCESS_POINTS
        },
        sealing={(name, fixture.SEALING_KEY): fixture.sealing_private(name) for name in fixture.ACCESS_POINTS},
    )


class ReasonTest(unittest.TestCase):
    """A test that asserts on reasons and never on texts."""

    def assert_refused(self, reason: Reason, call: Callable[..., Any], *arguments: Any) -> None:
        """The call fails for exactly this reason."""
        with self.assertRaises(VerificationError) as caught:
            call(*arguments)
        self.assertEqual(caught.exception.reason, reason)
