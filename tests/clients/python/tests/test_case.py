"""The evidence of one case: two implementations say the same of every file, whoever made it, altered it or left something
out; and what neither of them may let pass.
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
import time
import tomllib
import unittest
from collections.abc import Callable
from contextlib import closing, redirect_stderr, redirect_stdout
from typing import Any, ClassVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import verify_case
from generator import case_file, random_case, releases
from nhipcau_case import account
from nhipcau_home.transitions import ORIGIN, RECIPIENT
from nhipcau_verify.contracts import evidence_pb as pb
from nhipcau_verify.errors import Reason, VerificationError
from nhipcau_verify.pae import pae

from . import support

#: Of the demonstration's case each holds another piece: the origin, both, the recipient.
_SIDES = ("moh", "hanoi", "vwu")
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
        transfer, asked = ("TRANSFER", "{}", "CLOSED"), ("REFERRAL", "{}", "CLOSED")
        as_side = {"moh": [(transfer, "origin")], "hanoi": [(transfer, "recipient"), (asked, "origin")],
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
        document = self.told("moh", lambda evidence: evidence.branches[0].origin.pop())
        assert document is not None
        self.assertEqual(document["branches"][0]["state"], "COMPLETED")
        for place in (0, 1):
            self.assertIsNone(self.told("moh", lambda evidence: evidence.branches[0].origin.pop(place)))
        self.assertIsNone(self.told("moh", lambda evidence: evidence.branches[0].recipient.pop()), "another names it")

    def test_without_receipts_it_is_held_what_the_other_side_names(self) -> None:
        document = self.told("moh", lambda evidence: evidence.ClearField("receipts"))
        assert document is not None
        events = document["branches"][0]["events"]
        self.assertEqual({event["receive_time"] for event in events}, {None})
        self.assertNotIn("RESPONSIBILITY_GAP", {item["finding"] for item in document["branches"][0]["findings"]})

    def test_what_is_there_twice_is_refused(self) -> None:
        def branch(evidence: pb.Evidence) -> None:
            evidence.branches.add().CopyFrom(evidence.branches[0])

        def event(evidence: pb.Evidence) -> None:
            log = evidence.branches[0].origin
            again = [*log[:2], *log[1:]]
            evidence.branches[0].ClearField("origin")
            log.extend(again)

        self.assertIsNone(self.told("moh", branch))
        self.assertIsNone(self.told("moh", event))

    def test_only_what_has_to_be_hidden_is_shown_in_part_and_vouches_for_nothing(self) -> None:
        def mask(event: pb.EvidenceEvent) -> None:
            event.digest, event.part_key = bytes(32), b""

        self.assertIsNone(self.told("moh", lambda evidence: mask(evidence.branches[0].origin[1])))
        document = self.said(self.files["moh"][0], self.fingerprint)
        assert document is not None
        masked = [event for event in document["branches"][0]["events"] if event["masked"]]
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
        _open(first)
        good = case_file.file(first.receive(ORIGIN, 1).evidence("moh", 60), "moh")
        self.assertEqual(ran(good, "--fingerprint", case_file.fingerprint().hex())[0], 0)


class ChanceTest(BothTest):
    """Files that this implementation made, of cases that no access point would let happen."""

    def test_both_say_the_same_of_every_case(self) -> None:
        told: set[str] = set()
        for seed in range(150):
            with self.subTest(seed=seed):
                evidence, maker = random_case.make(seed)
                document = self.said(case_file.file(evidence, maker), case_file.fingerprint())
                told |= _words(document)
        self.assertLessEqual({
            "TOLD", "SIGNED", "NAMED", "LIMIT_BROKEN", "NO_PERSON", "UNRECEIPTED", "RESPONSIBILITY_GAP",
            "DISCLOSED_EARLY", "UNLAWFUL", "SIGNED_LATER", "ISSUED_LATER", "NOT_ALL_PROVEN"}, told)


class RefusedTest(support.ReasonTest):
    """What a file may not be, and why."""

    def refused(self, reason: Reason, change: Callable[[pb.Evidence], object], maker: str = "moh",
                signed: bytes | None = None) -> None:
        """A small file is refused for this reason when it is changed so."""
        case = case_file.CaseFile()
        _open(case)
        evidence = case.receive(ORIGIN, 1).evidence("moh", 60, [signed] if signed else [])
        change(evidence)
        data = case_file.file(evidence, maker)
        self.assert_refused(reason, account.read, data, case_file.fingerprint(), time.time_ns())

    def test_each_fault_has_its_reason(self) -> None:
        def first(**fields: Any) -> Callable[[pb.Evidence], object]:
            return lambda it: it.branches[0].origin[0].MergeFrom(pb.EvidenceEvent(**fields))

        def later(it: pb.Evidence, seconds: float) -> None:
            it.make_time.CopyFrom(case_file.at(seconds))

        self.refused(Reason.UNSUPPORTED_FORMAT, lambda it: setattr(it, "format", 2))
        self.refused(Reason.BAD_EVIDENCE, lambda it: it.ClearField("branches"))
        self.refused(Reason.BAD_EVIDENCE, lambda it: setattr(it.branches[0], "holder", 3))
        self.refused(Reason.BAD_SIGNATURE, lambda it: None, maker="hanoi")
        self.refused(Reason.BAD_TIME, lambda it: it.ClearField("make_time"))
        self.refused(Reason.BAD_TIME, lambda it: later(it, time.time() - case_file.TIME + 3_600))
        self.refused(Reason.BAD_TIME, lambda it: later(it, -301))
        self.refused(Reason.BAD_RELEASE, lambda it: it.ClearField("releases"))
        self.refused(Reason.BAD_EVIDENCE, lambda it: it.ClearField("envelopes"))
        self.refused(Reason.BAD_EVIDENCE, lambda it: it.envelopes[0].parts.append(b"content"))
        self.refused(Reason.BAD_EVIDENCE, first(part_key=bytes(32)))
        self.refused(Reason.BAD_EVIDENCE, first(envelope_digest=bytes(32)))
        self.refused(Reason.BAD_EVIDENCE, first(digest=bytes(32)))
        self.refused(Reason.BAD_EVIDENCE, lambda it: it.branches[0].origin[0].ClearField("envelope_digest"))
        self.refused(Reason.TOO_LARGE, lambda it: it.receipts.extend([it.receipts[0]] * 4))
        self.refused(Reason.WRONG_LENGTH, lambda it: setattr(it, "case_uid", b"case"))

    def test_a_key_that_the_newest_release_revokes_or_does_not_list_makes_no_file(self) -> None:
        revoked = case_file.release()
        moh = next(point for point in revoked.access_points if point.access_point == "moh")
        moh.signing_keys[0].revoke_time.CopyFrom(case_file.at(60))
        self.refused(Reason.KEY_NOT_USABLE, lambda it: None, signed=releases.signed(revoked))
        dropped = case_file.release()
        hanoi = next(point for point in dropped.access_points if point.access_point == "hanoi")
        hanoi.ClearField("signing_keys")
        self.refused(Reason.UNKNOWN_SIGNER, lambda it: None, signed=releases.signed(dropped))


class ReadingTest(unittest.TestCase):
    """What the documents say, on which both do not agree yet: README.md, last section."""

    def findings(self, case: case_file.CaseFile, seconds: float) -> list[tuple[str, str]]:
        """What is found when the origin makes a file at a time."""
        data = case_file.file(case.evidence("moh", seconds), "moh")
        document = account.read(data, case_file.fingerprint(), time.time_ns())
        return [(item["finding"], item["text"]) for item in document["branches"][0]["findings"]]

    def test_a_limit_does_not_run_on_when_nobody_is_waited_for(self) -> None:
        case = case_file.CaseFile()
        _open(case, time_limits=[{
            "rule": "verify", "citation": "art. 26.3", "stop": 3, "start_time": case_file.at(0),
            "acknowledge_due_time": case_file.at(3_600), "warn_time": case_file.at(7_200),
            "escalate_time": case_file.at(7_200), "due_time": case_file.at(43_200)}])
        self.assertEqual([name for name, _ in self.findings(case.receive(ORIGIN, 1), 50_000)],
                         ["LIMIT_BROKEN", "NO_PERSON"])
        case.write(ORIGIN, "revoked", 600, body={"reason": 1}).receive(ORIGIN, 601)
        self.assertEqual(self.findings(case, 50_000), [])
        case.write(ORIGIN, "entered_in_error", 49_000, body={"reason": 1}).receive(ORIGIN, 49_001)
        self.assertEqual(self.findings(case, 50_000), [], "what is noted of it later does not make it later")

    def test_who_names_parts_too_early_is_named_and_once(self) -> None:
        case = case_file.CaseFile()
        _open(case, parts=[{"part": part, "digest": bytes(32)} for part in (1, 2, 3)])
        case.write(RECIPIENT, "accepted", 5, person="q", parts=[{"part": 2, "digest": bytes(32)}])
        self.assertEqual([text.split(" discloses")[0] for _, text in self.findings(case, 10)],
                         ["origin 1", "recipient 1"])

    def test_the_order_of_erased_parts_says_nothing_about_a_person(self) -> None:
        case, consent = case_file.CaseFile(), {"giver": 1, "scopes": [1], "consent_time": case_file.at(-5)}
        _open(case, lawful_basis={"consent": consent})
        case.write(ORIGIN, "consent_withdrawn", 10, body={"withdraw_time": case_file.at(9)})
        case.write(RECIPIENT, "withdrawal_answered", 20, body={"stopped_time": case_file.at(15), "erased_parts": [2, 1]})
        self.assertEqual(self.findings(case, 30), [])

    def test_a_file_of_many_events_is_read_in_seconds(self) -> None:
        case = case_file.CaseFile()
        _open(case)
        for second in range(1_005):
            case.write(ORIGIN, "escalated", second, body={"level": 1})
        data = case_file.file(case.receive(ORIGIN, 2_000).evidence("moh", 2_000), "moh")
        started = time.monotonic()
        document = account.read(data, case_file.fingerprint(), time.time_ns())
        self.assertLess(time.monotonic() - started, 20)
        found = [item["text"] for item in document["branches"][0]["findings"] if item["finding"] == "UNLAWFUL"]
        self.assertEqual(found, [f"origin {ordinal} is against TOO_MANY" for ordinal in range(1_001, 1_007)])


def _open(case: case_file.CaseFile, **changes: Any) -> None:
    """Opens a REFERRAL; `changes` are of the event, time limits of its opening."""
    limits = changes.pop("time_limits", [])
    fields = {"lawful_basis": {"statutory_duty": {"citation": "art. 26"}}, "parts": [{"part": 1, "digest": bytes(32)}]}
    body = {"kind": 2, "group_uid": case_file.CASE, "cause": 1, "time_limits": limits}
    case.write(ORIGIN, "opened", 0, person="p", body=body, **(fields | changes))


def _words(document: Document | None) -> set[str]:
    """The findings and standings in a document."""
    if document is None:
        return set()
    branches = document["branches"]
    found = {item["finding"] for part in (document, *branches) for item in part["findings"]}
    return found | {event["standing"] for branch in branches for event in branch["events"]}


if __name__ == "__main__":
    unittest.main()
