"""What the tests share: the trusted keys of the vectors, an assertion on reasons, the program of the bus, and a world
that it made.
"""

from __future__ import annotations

import atexit
import functools
import os
import pathlib
import subprocess
import tempfile
import unittest
from collections.abc import Callable
from typing import Any

from generator import fixture
from nhipcau_verify.contracts import ROOT
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


def program() -> pathlib.Path:
    """The program of the bus: the one that NHIPCAU_BIN names, else as `make test` built it."""
    path = pathlib.Path(os.environ.get("NHIPCAU_BIN", ROOT / "target/debug/nhipcau"))
    if not path.is_file():
        raise FileNotFoundError("the program nhipcau is not built: run `make test`, or name it by NHIPCAU_BIN")
    return path


@functools.cache
def world() -> pathlib.Path:
    """The home of a demonstration: the one that NHIPCAU_WORLD names, else one that was run for the tests, which takes
    seconds. It is there until they end, and nobody changes it."""
    named = os.environ.get("NHIPCAU_WORLD")
    if named:
        return pathlib.Path(named)
    made = tempfile.TemporaryDirectory(prefix="nhipcau-world-")
    atexit.register(made.cleanup)
    home = pathlib.Path(made.name) / "demo"
    nats = {"NHIPCAU_NATS_SERVER": str(ROOT / "target/tools/nats-server")}
    command = [program(), "demo", "--home", home]
    subprocess.run(command, check=True, cwd=ROOT, env={**nats, **os.environ}, stdout=subprocess.DEVNULL)
    return home
