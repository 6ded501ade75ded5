"""What the bus and this implementation say of the evidence of a case: the same, or a test fails."""

from __future__ import annotations

import json
import pathlib
import subprocess
import tempfile
import time
import unittest
from typing import Any

from generator import case_file
from nhipcau_case import account
from nhipcau_home.transitions import ORIGIN
from nhipcau_verify.errors import VerificationError

from . import support

_REFUSED = 6
Document = dict[str, Any]


class BothTest(unittest.TestCase):
    """What both implementations say of a file."""

    def said(self, data: bytes, fingerprint: bytes) -> Document | None:
        """The document that both give of a file; nothing when both refuse it. Fails where they differ."""
        with tempfile.TemporaryDirectory() as directory:
            file = pathlib.Path(directory) / "case.evidence"
            file.write_bytes(data)
            command = [support.program(), "verify", file, "--fingerprint", fingerprint.hex(), "--json"]
            ran = subprocess.run(command, capture_output=True, text=True, check=False)
        theirs: Document | None = json.loads(ran.stdout) if ran.stdout else None
        self.assertEqual(ran.returncode, _REFUSED if theirs is None or theirs["finding_count"] else 0, ran.stderr)
        try:
            ours = account.read(data, fingerprint, time.time_ns())
        except VerificationError as error:
            self.assertIsNone(theirs, f"only one refuses it: {error}")
            return None
        self.assertEqual(theirs, ours, ran.stderr)
        return ours


def open_case(case: case_file.CaseFile, seconds: float = 0, kind: int = 2, **changes: Any) -> None:
    """Opens a branch, a REFERRAL unless it is said; `changes` are of the event, time limits of its opening."""
    limits = changes.pop("time_limits", [])
    fields = {"lawful_basis": {"statutory_duty": {"citation": "art. 26"}}, "parts": [{"part": 1, "digest": bytes(32)}]}
    body = {"kind": kind, "group_uid": case_file.CASE, "cause": 1, "time_limits": limits}
    case.write(ORIGIN, "opened", seconds, person="p", body=body, **(fields | changes))
