"""Bodies at rest."""

from __future__ import annotations

import unittest

from generator import fixture
from nhipcau_verify.errors import Reason
from nhipcau_verify.rest import open_body, seal_body, unwrap_case_key

from .support import ReasonTest

KEY, ROW, NONCE = fixture.bytes_of("case key"), fixture.bytes_of("row", 16), fixture.bytes_of("nonce", 12)


class RestTest(ReasonTest):
    """Encryption under a case key, bound to a row."""

    def test_a_body_comes_back(self) -> None:
        for body in (b"", b"body"):
            self.assertEqual(open_body(KEY, "sent", ROW, seal_body(KEY, "sent", ROW, body, NONCE)), body)

    def test_a_body_opens_in_its_row_and_under_its_key_only(self) -> None:
        stored = seal_body(KEY, "sent", ROW, b"body", NONCE)
        other = fixture.bytes_of("other", 16)
        for key, table, row in ((fixture.bytes_of("other"), "sent", ROW), (KEY, "outbox", ROW), (KEY, "sent", other)):
            self.assert_refused(Reason.NOT_AT_REST, open_body, key, table, row, stored)

    def test_no_changed_or_shortened_body_opens(self) -> None:
        stored = seal_body(KEY, "sent", ROW, b"body", NONCE)
        for at in range(len(stored)):
            changed = bytearray(stored)
            changed[at] ^= 1
            self.assert_refused(Reason.NOT_AT_REST, open_body, KEY, "sent", ROW, bytes(changed))
            self.assert_refused(Reason.NOT_AT_REST, open_body, KEY, "sent", ROW, stored[:at])

    def test_a_wrapped_key_has_the_length_of_one(self) -> None:
        wrapped = seal_body(KEY, "case_key", ROW, bytes(31), NONCE)
        self.assert_refused(Reason.WRONG_LENGTH, unwrap_case_key, KEY, ROW, wrapped)
        whole = seal_body(KEY, "case_key", ROW, bytes(32), NONCE)
        self.assertEqual(unwrap_case_key(KEY, ROW, whole), bytes(32))


if __name__ == "__main__":
    unittest.main()
