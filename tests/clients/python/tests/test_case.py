"""The evidence of one case of a real world: two implementations say the same of each side's file, as it is, altered, or
with something left out.
"""

from __future__ import annotations

import io
import json
import pathlib
import random
import shutil
import sqlite3
import subprocess
import tempfile
import tomllib
import unittest
from collections.abc import Callable
from contextlib import closing, redirect_stderr, redirect_stdout
from typing import Any, ClassVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import verify_case
from generator import case_file, random_case
from nhipcau_home.transitions import ORIGIN
from nhipcau_verify.contracts import evidence_pb as pb
from nhipcau_verify.pae import pae

from . import support
from .both import BothTest, Document, open_case

#: Of the demonstration's case each holds another piece: the origin, both, the recipient.
_SIDES = ("moh", "hanoi", "vwu")


def _transfer(evidence: pb.Evidence) -> pb.EvidenceBranch:
    """The branch of the transfer, of which its recipient said most."""
    return max(evidence.branches, key=lambda branch: len(branch.recipient))


def _told_transfer(document: Document) -> Any:
    """The same in what is said of a file."""
    return next(branch for branch in document["branches"] if branch["kind"] == "TRANSFER")


class WorldTest(BothTest):
    """Files that the bus made of a real world."""

    fingerprint: ClassVar[bytes]
    #: By access point, the file that it made and its signing key.
    files: ClassVar[dict[str, tuple[bytes, str, Ed25519PrivateKey]]]

    @classmethod
    def setUpClass(cls) -> None:
        """Has each access point of the case make a file."""
        cls.files = {}
        with tempfile.TemporaryDirectory() as directory:
            for name in _SIDES:
                home, file = pathlib.Path(directory) / name, pathlib.Path(directory) / f"{name}.evidence"
                shutil.copytree(support.world() / name, home)
                with closing(sqlite3.connect(home / "store/store.db")) as store:
                    case = store.execute("SELECT case_uid FROM referral_branch").fetchone()[0].hex()
                subprocess.run([support.program(), "evidence", case, "--home", home, "--out", file], check=True,
                               stdout=subprocess.DEVNULL)
                _, key_id, seed = (home / "keys/signing.key").read_text(encoding="ascii").split()
                cls.files[name] = file.read_bytes(), key_id, Ed25519PrivateKey.from_private_bytes(bytes.fromhex(seed))
                settings = tomllib.loads((home / "nhipcau.toml").read_text(encoding="utf-8"))
                cls.fingerprint = bytes.fromhex(settings["directory"]["fingerprint"])

    def evidence(self, name: str) -> pb.Evidence:
        """What an access point told."""
        return pb.Evidence.FromString(pb.EvidenceFile.FromString(self.files[name][0]).evidence)

    def signed(self, name: str, evidence: pb.Evidence) -> bytes:
        """A file as its maker would sign it."""
        _, key_id, key = self.files[name]
        data = evidence.SerializeToString(deterministic=True)
        return bytes(pb.EvidenceFile(evidence=data, signing_key=key_id,
                                     signature=key.sign(pae("nhipcau/1/evidence", data))).SerializeToString())

    def told(self, name: str, change: Callable[[pb.Evidence], object]) -> Document | None:
        """What both say of a file that its maker altered."""
        evidence = self.evidence(name)
        change(evidence)
        self.assertTrue(evidence != self.evidence(name), "nothing was altered")
        return self.said(self.signed(name, evidence), self.fingerprint)

    def test_both_say_the_same_of_every_sides_file(self) -> None:
        found = {}
        for name in _SIDES:
            document = self.said(self.files[name][0], self.fingerprint)
            assert document is not None
            found[name] = [(branch["kind"], branch["holder"], branch["state"]) for branch in document["branches"]]
        transfer, asked, told = [(kind, "{}", "CLOSED") for kind in ("TRANSFER", "REFERRAL", "NOTIFICATION")]
        as_side = {"moh": [(transfer, "origin"), (told, "origin")],
                   "hanoi": [(transfer, "recipient"), (told, "recipient"), (asked, "origin")],
                   "vwu": [(asked, "recipient")]}
        for name, expected in as_side.items():
            self.assertCountEqual(found[name], [(kind, side, state) for (kind, _, state), side in expected], name)

    def test_both_sides_files_tell_of_the_same_answers(self) -> None:
        def answers(name: str) -> list[Any]:
            document = self.said(self.files[name][0], self.fingerprint)
            assert document is not None
            return [(entry["unit"], entry["since"]) for branch in document["branches"] if branch["kind"] == "TRANSFER"
                    for entry in branch["responsible"]]
        self.assertEqual(len(answers("moh")), 2)
        self.assertEqual(answers("moh"), answers("hanoi"))

    def test_no_byte_can_be_altered(self) -> None:
        chance = random.Random(1)
        for _ in range(200):
            name = chance.choice(_SIDES)
            data = bytearray(self.files[name][0])
            place = chance.randrange(len(data))
            with self.subTest(name=name, place=place):
                data[place] ^= 1 << chance.randrange(8)
                self.assertIsNone(self.said(bytes(data), self.fingerprint))

    def test_both_say_the_same_of_what_its_maker_altered_and_signed_anew(self) -> None:
        chance, stands = random.Random(2), 0
        for number in range(150):
            name = chance.choice(_SIDES)
            with self.subTest(number=number):
                stands += self.told(name, lambda evidence: random_case.altered(chance, evidence)) is not None
        self.assertGreater(stands, 5, "some of it is the maker's to tell")

    def test_an_event_that_nobody_names_can_be_left_out_at_the_end_and_no_other(self) -> None:
        document = self.told("moh", lambda evidence: _transfer(evidence).origin.pop())
        assert document is not None
        self.assertEqual(_told_transfer(document)["state"], "COMPLETED")
        for place in (0, 1):
            self.assertIsNone(self.told("moh", lambda evidence: _transfer(evidence).origin.pop(place)))
        self.assertIsNone(self.told("moh", lambda evidence: _transfer(evidence).recipient.pop()), "another names it")

    def test_without_receipts_it_is_held_what_the_other_side_names(self) -> None:
        document = self.told("moh", lambda evidence: evidence.ClearField("receipts"))
        assert document is not None
        events = _told_transfer(document)["events"]
        self.assertEqual({event["receive_time"] for event in events}, {None})
        self.assertNotIn("RESPONSIBILITY_GAP", {item["finding"] for item in _told_transfer(document)["findings"]})

    def test_what_is_there_twice_is_refused(self) -> None:
        def branch(evidence: pb.Evidence) -> None:
            evidence.branches.add().CopyFrom(_transfer(evidence))

        def event(evidence: pb.Evidence) -> None:
            log = _transfer(evidence).origin
            again = [*log[:2], *log[1:]]
            _transfer(evidence).ClearField("origin")
            log.extend(again)

        self.assertIsNone(self.told("moh", branch))
        self.assertIsNone(self.told("moh", event))

    def test_only_what_has_to_be_hidden_is_shown_in_part_and_vouches_for_nothing(self) -> None:
        def mask(event: pb.EvidenceEvent) -> None:
            event.digest, event.part_key = bytes(32), b""

        self.assertIsNone(self.told("moh", lambda evidence: mask(_transfer(evidence).origin[1])))
        document = self.said(self.files["moh"][0], self.fingerprint)
        assert document is not None
        masked = [event for event in _told_transfer(document)["events"] if event["masked"]]
        self.assertEqual([(event["event"], event["standing"]) for event in masked], [("completed", "TOLD")])

    def test_a_file_under_another_root_or_by_another_is_refused(self) -> None:
        self.assertIsNone(self.said(self.files["moh"][0], bytes(32)))
        self.assertIsNone(self.said(self.signed("hanoi", self.evidence("moh")), self.fingerprint))

    def test_the_program_ends_as_the_bus_does(self) -> None:
        def ran(data: bytes | None, *more: str) -> tuple[int, str]:
            with tempfile.TemporaryDirectory() as directory:
                file = pathlib.Path(directory) / "case.evidence"
                if data is not None:
                    file.write_bytes(data)
                with redirect_stdout(io.StringIO()) as said, redirect_stderr(io.StringIO()):
                    try:
                        return verify_case.main([str(file), *more]), said.getvalue()
                    except SystemExit as ended:
                        return int(ended.code or 0), said.getvalue()

        whole, fingerprint = self.files["moh"][0], ("--fingerprint", self.fingerprint.hex(" ", 2))
        code, said = ran(whole, *fingerprint)
        self.assertEqual((code, json.loads(said)["finding_count"]), (6, 1))
        self.assertEqual(ran(whole[:-1], *fingerprint), (6, ""))
        self.assertEqual(ran(None, *fingerprint), (3, ""))
        self.assertEqual(ran(whole), (2, ""))
        self.assertEqual(ran(whole, "--fingerprint", "00"), (2, ""))
        first = case_file.CaseFile()
        open_case(first)
        good = case_file.file(first.receive(ORIGIN, 1).evidence("moh", 60), "moh")
        self.assertEqual(ran(good, "--fingerprint", case_file.fingerprint().hex())[0], 0)


if __name__ == "__main__":
    unittest.main()
