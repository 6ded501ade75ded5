"""The evidence of cases that were made up, lawful or not: two implementations say the same of them; and what neither
may let pass.
"""

from __future__ import annotations

import time
import unittest
from collections.abc import Callable
from typing import Any

from generator import case_file, random_case, releases
from nhipcau_case import account
from nhipcau_home.transitions import ORIGIN, RECIPIENT
from nhipcau_verify.contracts import evidence_pb as pb
from nhipcau_verify.contracts import referral_event_pb
from nhipcau_verify.errors import Reason

from . import support
from .both import BothTest, Document, open_case


class ChanceTest(BothTest):
    """Files that this implementation made, of cases that no access point would let happen."""

    def test_both_say_the_same_of_every_case(self) -> None:
        told: set[str] = set()
        for seed in range(400):
            with self.subTest(seed=seed):
                evidence, maker = random_case.make(seed)
                document = self.said(case_file.file(evidence, maker), case_file.fingerprint())
                told |= _words(document)
        self.assertLessEqual({
            "TOLD", "SIGNED", "NAMED", "LIMIT_BROKEN", "NO_PERSON", "UNRECEIPTED", "RESPONSIBILITY_GAP",
            "DISCLOSED_EARLY", "UNLAWFUL", "SIGNED_LATER", "ISSUED_LATER", "NOT_ALL_PROVEN"}, told)


class MadeTest(BothTest):
    """Single cases that chance seldom writes."""

    def found(self, case: case_file.CaseFile, seconds: float, maker: str = "hanoi") -> list[tuple[str, str]]:
        """What both find in a file of a branch."""
        document = self.said(case_file.file(case.evidence(maker, seconds), maker), case_file.fingerprint())
        assert document is not None
        return [(item["finding"], item["text"]) for item in document["branches"][0]["findings"]]

    def test_limits_are_reckoned_from_when_an_opening_came_that_claims_to_be_later(self) -> None:
        for claimed, passed in ((300, []), (301, ["5 min 1 s"]), (7_200, ["2 h"])):
            with self.subTest(claimed=claimed):
                case = case_file.CaseFile()
                open_case(case, claimed, time_limits=[_limit(4, 5_000)])
                found = [text for name, text in self.found(case.receive(ORIGIN, 0), 5_000) if name == "LIMIT_BROKEN"]
                self.assertEqual([text.split(" by ")[1].split(",")[0] for text in found], passed)

    def test_what_an_answer_begins_is_broken_by_whoever_answered(self) -> None:
        started = ("service_started", 9_000)
        for seconds, answer, second, expected in (
            (5_000, None, None, []),
            (5_002, None, None, ["limit begun (art. 1) was passed by 1 s, and is still open"]),
            (20_000, started, None, ["limit begun (art. 1) was passed by 1 h 6 min 39 s"]),
            # Of a rule that is there nothing begins again.
            (20_000, started, _begun(9_000, 4, 100), ["limit begun (art. 1) was passed by 1 h 6 min 39 s"]),
        ):
            with self.subTest(seconds=seconds, answer=answer):
                case = case_file.CaseFile()
                open_case(case, kind=1)
                case.write(RECIPIENT, "acknowledged", 1, person="p", time_limits=[_begun(1, 3, 5_000)])
                case.write(ORIGIN, "assigned", 2)
                if answer is not None:
                    case.write(RECIPIENT, *answer, time_limits=[second] if second else [])
                found = self.found(case.receive(ORIGIN, 3).receive(RECIPIENT, 3), seconds)
                self.assertEqual([text for name, text in found if name == "LIMIT_BROKEN"], expected)

    def test_limits_are_reckoned_from_when_an_answer_came_that_claims_to_be_later(self) -> None:
        for claimed, passed in ((300, []), (301, ["5 min 1 s"]), (7_200, ["2 h"])):
            with self.subTest(claimed=claimed):
                case = case_file.CaseFile()
                open_case(case, kind=1)
                case.write(RECIPIENT, "acknowledged", claimed, person="p", time_limits=[_begun(claimed, 3, 5_000)])
                case.receive(ORIGIN, 0).receive(RECIPIENT, 0)
                found = [text for name, text in self.found(case, claimed + 5_000) if name == "LIMIT_BROKEN"]
                self.assertEqual([text.split(" by ")[1].split(",")[0] for text in found], passed)

    def test_no_other_event_begins_a_limit_and_none_begins_at_another_time_or_is_stopped_by_then(self) -> None:
        for name, limit in (("acknowledged", _begun(2, 3, 100)), ("redirected", _begun(1, 3, 100)),
                            ("acknowledged", _begun(1, 1, 100))):
            with self.subTest(name=name):
                case = case_file.CaseFile()
                open_case(case, kind=1)
                body = {"reason": 1} if name == "redirected" else None
                case.write(RECIPIENT, name, 1, person="p", body=body, time_limits=[limit])
                data = case_file.file(case.evidence("hanoi", 60), "hanoi")
                self.assertIsNone(self.said(data, case_file.fingerprint()))

    def test_whoever_acknowledges_a_referral_has_not_decided(self) -> None:
        for kind, expected in ((2, ["LIMIT_BROKEN"]), (1, [])):
            with self.subTest(kind=kind):
                case = case_file.CaseFile()
                open_case(case, kind=kind, time_limits=[_limit(2, 100)])
                case.write(RECIPIENT, "acknowledged", 60, person="p").receive(ORIGIN, 1).receive(RECIPIENT, 61)
                self.assertEqual([name for name, _ in self.found(case, 200)], expected)

    def test_what_is_left_of_an_event_names_nothing_that_came_after_it(self) -> None:
        case = case_file.CaseFile()
        open_case(case, kind=1)
        case.write(RECIPIENT, "acknowledged", 1, person="p").write(ORIGIN, "assigned", 2)
        case.write(RECIPIENT, "completed", 3, body={"outcome": 1}).write(ORIGIN, "closed", 4)
        evidence = case.evidence("hanoi", 5)
        self.assertIsNotNone(self.said(case_file.file(evidence, "hanoi"), case_file.fingerprint()))
        told = evidence.branches[0].recipient[1]
        left = referral_event_pb.ReferralEvent.FromString(told.event)
        left.seen.ordinal, left.seen.digest = 3, case.logs[ORIGIN][2].digest
        told.event = left.SerializeToString(deterministic=True)
        self.assertIsNone(self.said(case_file.file(evidence, "hanoi"), case_file.fingerprint()))


class RefusedTest(support.ReasonTest):
    """What a file may not be, and why."""

    def refused(self, reason: Reason, change: Callable[[pb.Evidence], object], maker: str = "moh",
                signed: bytes | None = None) -> None:
        """A small file is refused for this reason when it is changed so."""
        case = case_file.CaseFile()
        open_case(case)
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
        open_case(case, time_limits=[_limit(3, 43_200)])
        self.assertEqual([name for name, _ in self.findings(case.receive(ORIGIN, 1), 50_000)],
                         ["LIMIT_BROKEN", "NO_PERSON"])
        case.write(ORIGIN, "revoked", 600, body={"reason": 1}).receive(ORIGIN, 601)
        self.assertEqual(self.findings(case, 50_000), [])
        case.write(ORIGIN, "entered_in_error", 49_000, body={"reason": 1}).receive(ORIGIN, 49_001)
        self.assertEqual(self.findings(case, 50_000), [], "what is noted of it later does not make it later")

    def test_who_names_parts_too_early_is_named_and_once(self) -> None:
        case = case_file.CaseFile()
        open_case(case, parts=[{"part": part, "digest": bytes(32)} for part in (1, 2, 3)])
        case.write(RECIPIENT, "accepted", 5, person="q", parts=[{"part": 2, "digest": bytes(32)}])
        self.assertEqual([text.split(" discloses")[0] for _, text in self.findings(case, 10)],
                         ["origin 1", "recipient 1"])

    def test_the_order_of_erased_parts_says_nothing_about_a_person(self) -> None:
        case, consent = case_file.CaseFile(), {"giver": 1, "scopes": [1], "consent_time": case_file.at(-5)}
        open_case(case, lawful_basis={"consent": consent})
        case.write(ORIGIN, "consent_withdrawn", 10, body={"withdraw_time": case_file.at(9)})
        answer = {"stopped_time": case_file.at(15), "erased_parts": [2, 1]}
        case.write(RECIPIENT, "withdrawal_answered", 20, body=answer)
        self.assertEqual(self.findings(case, 30), [])

    def test_a_file_of_many_events_is_read_in_seconds(self) -> None:
        case = case_file.CaseFile()
        open_case(case)
        for second in range(1_005):
            case.write(ORIGIN, "escalated", second, body={"level": 1})
        data = case_file.file(case.receive(ORIGIN, 2_000).evidence("moh", 2_000), "moh")
        started = time.monotonic()
        document = account.read(data, case_file.fingerprint(), time.time_ns())
        self.assertLess(time.monotonic() - started, 20)
        found = [item["text"] for item in document["branches"][0]["findings"] if item["finding"] == "UNLAWFUL"]
        self.assertEqual(found, [f"origin {ordinal} is against TOO_MANY" for ordinal in range(1_001, 1_007)])


def _limit(stop: int, due: float) -> dict[str, Any]:
    """A time limit that this stops and that is over then; a person acknowledges by the same time."""
    names = ("acknowledge_due_time", "warn_time", "escalate_time", "due_time")
    return {"rule": "verify", "citation": "art. 26.3", "stop": stop, "start_time": case_file.at(0),
            **dict.fromkeys(names, case_file.at(due))}


def _begun(start: float, stop: int, after: float) -> dict[str, Any]:
    """A time limit that an answer begins."""
    names = ("acknowledge_due_time", "warn_time", "escalate_time", "due_time")
    return {"rule": "begun", "citation": "art. 1", "stop": stop, "start_time": case_file.at(start),
            **dict.fromkeys(names, case_file.at(start + after))}


def _words(document: Document | None) -> set[str]:
    """The findings and standings in a document."""
    if document is None:
        return set()
    branches = document["branches"]
    found = {item["finding"] for part in (document, *branches) for item in part["findings"]}
    return found | {event["standing"] for branch in branches for event in branch["events"]}


if __name__ == "__main__":
    unittest.main()
