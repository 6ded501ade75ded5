"""Branches: the printed tables, the two logs, what they amount to."""

from __future__ import annotations

import json
import unittest
from typing import Any

from generator import fixture
from nhipcau_home import branch_log
from nhipcau_home.branch_fold import fold
from nhipcau_home.branch_log import Branch, Event
from nhipcau_home.transitions import ORIGIN, RECIPIENT, Transition, tables
from nhipcau_verify.contracts import ROOT
from nhipcau_verify.contracts import referral_event_pb as event_pb
from nhipcau_verify.contracts import referral_pb as pb
from nhipcau_verify.contracts import referral_work_pb as work_pb
from nhipcau_verify.errors import Reason
from nhipcau_verify.wire import ZERO_DIGEST

from .support import ReasonTest

_UNITS = {ORIGIN: {"party": "moh", "unit": "111"}, RECIPIENT: {"party": "hanoi", "unit": "desk"}}
_SIDES = {ORIGIN: pb.SIDE_ORIGIN, RECIPIENT: pb.SIDE_RECIPIENT}


class Story:
    """Writes the logs of one branch, event by event."""

    def __init__(self, kind: str = "TRANSFER", **opening: Any) -> None:
        """Opens the branch."""
        self.logs: dict[str, list[Event]] = {ORIGIN: [], RECIPIENT: []}
        opened = {"kind": pb.ReferralKind.Value(f"REFERRAL_KIND_{kind}")}
        self.write(ORIGIN, "opened", seen=0, content=opened, **opening)

    def write(self, side: str, name: str, seen: int | None = None, person: str = "", content: Any = None,
              **fields: Any) -> Story:
        """Appends an event whose writer had stored `seen` events of the other side, all of them unless it is given."""
        own, other = self.logs[side], self.logs[RECIPIENT if side == ORIGIN else ORIGIN]
        message = event_pb.ReferralEvent(
            case_uid=fixture.bytes_of("case", 16), referral_uid=fixture.bytes_of("referral", 16),
            branch_uid=fixture.bytes_of("branch", 16), side=_SIDES[side], owner=fields.pop("owner", _UNITS[side]),
            counterpart=_UNITS[RECIPIENT if side == ORIGIN else ORIGIN], ordinal=len(own) + 1,
            previous_digest=own[-1].digest if own else ZERO_DIGEST, actor={"system": "desk", "person": person}, **fields)
        getattr(message, name).SetInParent()
        if content:
            message.opened.MergeFrom(event_pb.Opened(**content))
        known = len(other) if seen is None else seen
        if known:
            message.seen.ordinal, message.seen.digest = known, other[known - 1].digest
        own.append(Event(message.SerializeToString(), message, {fixture.message_id(f"{side} {len(own)}"): True}))
        return self

    @property
    def branch(self) -> Branch:
        """The branch as it is now, its logs checked."""
        branch = Branch(fixture.bytes_of("branch", 16), tuple(self.logs[ORIGIN]), tuple(self.logs[RECIPIENT]))
        branch_log.check(branch)
        return branch

    @property
    def states(self) -> list[str]:
        """The states that were entered."""
        return [entered.state for entered in fold(self.branch).entered]


def _work(story: Story, kind: int, conclusion: int = 0) -> Story:
    """Records a work; a review with its part."""
    parts = [{"part": pb.REFERRAL_PART_WORK, "digest": bytes(32)}] if conclusion else []
    work = {"work": {"kind": kind, "role": "officer", "conclusion": conclusion, "work_time": {}}}
    return story.write(RECIPIENT, "work_recorded", person="p1", event_time={}, parts=parts, work_recorded=work)


class TableTest(unittest.TestCase):
    """Reading the document."""

    def test_every_kind_has_every_event_of_the_contract(self) -> None:
        events = {field.name for field in event_pb.ReferralEvent.DESCRIPTOR.oneofs_by_name["event"].fields}
        self.assertEqual(set(tables()), {"TRANSFER", "REFERRAL", "NOTIFICATION"})
        for rules in tables().values():
            self.assertEqual(set(rules), events)

    def test_cells_are_read_as_they_are_printed(self) -> None:
        transfer = tables()["TRANSFER"]
        self.assertEqual(transfer["assigned"].by_state, {"ACKNOWLEDGED": Transition(to="ASSIGNED")})
        self.assertEqual(transfer["completed"].by_state["ACKNOWLEDGED"], Transition(waits_for="ASSIGNED"))
        self.assertEqual(transfer["rejected"].by_state, {})
        self.assertNotIn("ENTERED_IN_ERROR", transfer["consent_withdrawn"].by_state)
        self.assertEqual(len(transfer["consent_withdrawn"].by_state), 13)
        self.assertEqual(tables()["NOTIFICATION"]["acknowledged"].by_state["CLOSED"],
                         Transition(to="CLOSED", stays=True))

    def test_cells_say_why_an_event_is_refused(self) -> None:
        transfer = tables()["TRANSFER"]
        self.assertEqual(transfer["assigned"].refusals, dict.fromkeys(("SUBMITTED", "RECEIVED"), "NOT_ACCEPTED"))
        self.assertEqual(set(transfer["rejected"].refusals.values()), {"TRANSFER_NOT_REJECTABLE"})
        self.assertEqual(len(transfer["rejected"].refusals), 14)
        self.assertEqual(tables()["REFERRAL"]["closed"].refusals, {})


class FoldTest(unittest.TestCase):
    """Two logs and what they amount to."""

    def test_a_transfer_goes_to_its_end(self) -> None:
        story = Story().write(ORIGIN, "received").write(RECIPIENT, "acknowledged", person="p1")
        story.write(ORIGIN, "assigned").write(RECIPIENT, "service_started").write(RECIPIENT, "completed")
        story.write(ORIGIN, "closed")
        self.assertEqual(story.states, ["SUBMITTED", "RECEIVED", "ACKNOWLEDGED", "ASSIGNED", "IN_SERVICE", "COMPLETED",
                                        "CLOSED"])

    def test_a_referral_goes_to_its_assignment(self) -> None:
        story = Story("REFERRAL").write(RECIPIENT, "accepted").write(ORIGIN, "assigned")
        self.assertEqual(story.states, ["SUBMITTED", "ACCEPTED", "ASSIGNED"])

    def test_of_two_that_crossed_the_origins_is_read_first(self) -> None:
        story = Story("REFERRAL").write(RECIPIENT, "accepted").write(ORIGIN, "revoked", seen=0)
        self.assertEqual(story.states, ["SUBMITTED", "REVOKED"])
        self.assertEqual([event.name for event in fold(story.branch).superseded], ["accepted"])

    def test_without_a_person_nobody_has_acknowledged(self) -> None:
        self.assertEqual(Story().write(RECIPIENT, "acknowledged").states, ["SUBMITTED"])

    def test_a_service_that_began_early_waits_for_the_assignment(self) -> None:
        story = Story().write(RECIPIENT, "acknowledged", person="p1").write(RECIPIENT, "service_started")
        story.write(RECIPIENT, "completed")
        self.assertEqual(story.states[-1], "ACKNOWLEDGED")
        self.assertEqual(story.write(ORIGIN, "assigned", seen=1).states[-3:], ["ASSIGNED", "IN_SERVICE", "COMPLETED"])

    def test_a_revocation_after_assignment_is_a_request_that_is_answered_once(self) -> None:
        story = Story("REFERRAL").write(RECIPIENT, "accepted").write(ORIGIN, "assigned")
        early = Story("REFERRAL").write(RECIPIENT, "accepted").write(ORIGIN, "assigned")
        self.assertEqual(early.write(RECIPIENT, "revocation_granted").states[-1], "ASSIGNED")
        story.write(ORIGIN, "revocation_requested").write(RECIPIENT, "revocation_refused")
        self.assertEqual(story.write(RECIPIENT, "revocation_granted").states[-1], "ASSIGNED")
        story.write(ORIGIN, "revocation_requested").write(RECIPIENT, "revocation_granted")
        self.assertEqual(story.states[-1], "REVOKED")

    def test_what_is_handed_back_ends_when_a_person_takes_it(self) -> None:
        def asked() -> Story:
            story = Story().write(RECIPIENT, "acknowledged", person="p1").write(ORIGIN, "assigned")
            return story.write(RECIPIENT, "hand_back_requested")
        self.assertEqual(asked().states[-1], "ASSIGNED")
        self.assertEqual(asked().write(ORIGIN, "hand_back_taken").states[-1], "ASSIGNED")
        self.assertEqual(asked().write(ORIGIN, "hand_back_taken", person="p2").states[-1], "REVOKED")
        unasked = Story("REFERRAL").write(RECIPIENT, "accepted").write(ORIGIN, "assigned")
        self.assertEqual(unasked.write(ORIGIN, "hand_back_taken", person="p2").states[-1], "ASSIGNED")
        twice = asked().write(RECIPIENT, "hand_back_requested")
        self.assertEqual([event.name for event in fold(twice.branch).superseded], ["hand_back_requested"])
        crossed = asked().write(RECIPIENT, "completed").write(ORIGIN, "hand_back_taken", seen=2, person="p2")
        self.assertEqual(crossed.states[-1], "REVOKED")
        self.assertEqual([event.name for event in fold(crossed.branch).superseded], ["completed"])

    def test_a_case_is_not_completed_while_a_review_asks_for_a_new_plan(self) -> None:
        story = Story().write(RECIPIENT, "acknowledged", person="p1").write(ORIGIN, "assigned")
        story = _work(_work(story, work_pb.WORK_KIND_PLAN_APPROVED), work_pb.WORK_KIND_PLAN_DRAFTED)
        self.assertEqual([event.name for event in fold(story.branch).superseded], ["work_recorded"])
        story = _work(story, work_pb.WORK_KIND_REVIEW, work_pb.REVIEW_CONCLUSION_NEW_PLAN)
        self.assertEqual(story.write(RECIPIENT, "completed").states[-1], "ASSIGNED")
        story = _work(story, work_pb.WORK_KIND_REVIEW, work_pb.REVIEW_CONCLUSION_CLOSE)
        self.assertEqual(story.write(RECIPIENT, "completed").states[-1], "COMPLETED")

    def test_an_emergency_measure_stops_what_waits_for_the_service(self) -> None:
        story = Story().write(RECIPIENT, "acknowledged", person="p1").write(ORIGIN, "assigned")
        self.assertNotIn("SERVICE_STARTED", fold(_work(story, work_pb.WORK_KIND_MEASURE).branch).stops)
        measure = _work(story, work_pb.WORK_KIND_EMERGENCY_MEASURE)
        self.assertIn("SERVICE_STARTED", fold(measure.branch).stops)

    def test_a_unit_says_once_that_nobody_there_is_left_and_its_successor_may_say_so_again(self) -> None:
        story = Story().write(RECIPIENT, "unattended")
        self.assertEqual((story.states, fold(story.branch).stops), (["SUBMITTED"], {}))
        heir = {"party": "vwu", "unit": "desk"}
        story.write(RECIPIENT, "unattended").write(RECIPIENT, "moved", moved={"successor": heir})
        story.write(RECIPIENT, "unattended", owner=heir)
        self.assertEqual([event.message.ordinal for event in fold(story.branch).superseded], [2])
        late = Story().write(RECIPIENT, "acknowledged", person="p1").write(RECIPIENT, "unattended")
        self.assertEqual([event.name for event in fold(late.branch).superseded], ["unattended"])

    def test_a_word_by_telephone_moves_nothing_and_comes_before_the_acknowledgement(self) -> None:
        name = "telephone_acknowledgement_recorded"
        word: dict[str, Any] = {"acknowledgement": {"person": "p9", "role": "officer", "acknowledge_time": {}}}
        story = Story().write(ORIGIN, name, person="p2", event_time={}, **{name: word})
        self.assertEqual((story.states, fold(story.branch).stops), (["SUBMITTED"], {}))
        story.write(RECIPIENT, "acknowledged", person="p1")
        story.write(ORIGIN, name, person="p2", event_time={}, **{name: word})
        self.assertEqual([event.name for event in fold(story.branch).superseded], [name])

    def test_only_consent_can_be_withdrawn_and_that_wins(self) -> None:
        consent: dict[str, Any] = {"lawful_basis": {"consent": {}}}
        self.assertEqual(Story(**consent).write(ORIGIN, "consent_withdrawn").states[-1], "REVOKED")
        duty: dict[str, Any] = {"lawful_basis": {"statutory_duty": {}}}
        self.assertEqual(Story(**duty).write(ORIGIN, "consent_withdrawn").states[-1], "SUBMITTED")

    def test_only_a_withdrawal_is_answered(self) -> None:
        consent: dict[str, Any] = {"lawful_basis": {"consent": {}}}
        revoked = Story("REFERRAL", **consent).write(ORIGIN, "revoked").write(RECIPIENT, "withdrawal_answered")
        self.assertEqual([event.name for event in fold(revoked.branch).superseded], ["withdrawal_answered"])
        withdrawn = Story("REFERRAL", **consent).write(ORIGIN, "consent_withdrawn")
        withdrawn.write(RECIPIENT, "withdrawal_answered").write(RECIPIENT, "withdrawal_answered")
        self.assertEqual(fold(withdrawn.branch).superseded, [])
        self.assertEqual(withdrawn.states[-1], "REVOKED")

    def test_a_later_tier_before_the_assignment_changes_nothing(self) -> None:
        identity: dict[str, Any] = {"parts": [{"part": pb.REFERRAL_PART_IDENTITY, "digest": bytes(32)}]}
        story = Story("REFERRAL").write(ORIGIN, "disclosure_added", **identity)
        self.assertEqual([event.name for event in fold(story.branch).superseded], ["disclosure_added"])
        story.write(RECIPIENT, "accepted").write(ORIGIN, "assigned", **identity)
        self.assertEqual(story.states[-1], "ASSIGNED")

    def test_nobody_writes_for_the_other_side(self) -> None:
        self.assertEqual(Story("REFERRAL").write(ORIGIN, "accepted").states, ["SUBMITTED"])


class LogTest(ReasonTest):
    """Logs as evidence."""

    def test_a_dropped_event_is_noticed(self) -> None:
        branch = Story().write(ORIGIN, "received").write(RECIPIENT, "acknowledged").branch
        without = Branch(branch.uid, branch.origin[:1], branch.recipient)
        self.assert_refused(Reason.SEQUENCE_GAP, branch_log.check, without)
        self.assert_refused(Reason.MALFORMED, branch_log.check, Branch(branch.uid, branch.origin[1:], branch.recipient))

    def test_an_exchanged_event_is_noticed(self) -> None:
        branch = Story().write(ORIGIN, "received").write(ORIGIN, "revoked").branch
        other = Story().write(ORIGIN, "escalated").branch
        mixed = Branch(branch.uid, (branch.origin[0], other.origin[1], branch.origin[2]), ())
        self.assert_refused(Reason.WRONG_PREVIOUS, branch_log.check, mixed)

    def test_nobody_forgets_what_was_seen(self) -> None:
        story = Story().write(RECIPIENT, "acknowledged").write(ORIGIN, "received").write(ORIGIN, "closed", seen=0)
        self.assert_refused(Reason.MALFORMED, lambda: story.branch)

    def test_what_is_left_of_an_erased_event_keeps_its_place(self) -> None:
        danger = {"vital_interest": {"citation": "art. 19.1", "danger": "DANGER_LIFE"}}
        story = Story(lawful_basis=danger, salt=b"\1" * 32, event_time={"seconds": 1}).write(RECIPIENT, "acknowledged", person="p1")
        story.write(ORIGIN, "received").write(ORIGIN, "closed")
        branch = story.branch
        opening = branch.opening
        left = branch_log.read(b"", opening.masked, opening.digest)
        self.assertEqual((left.message.lawful_basis.vital_interest.danger, left.message.salt), (0, b""))
        self.assertEqual(left.message.lawful_basis.vital_interest.citation, "art. 19.1")
        self.assertEqual(left.masked, opening.masked)
        branch_log.check(Branch(branch.uid, (left, *branch.origin[1:]), branch.recipient))
        untold = branch_log.read(b"", opening.masked)
        changed = Branch(branch.uid, (untold, *branch.origin[1:]), branch.recipient)
        self.assert_refused(Reason.WRONG_PREVIOUS, branch_log.check, changed)

    def test_an_event_that_says_nothing_about_a_person_lies_as_it_travelled(self) -> None:
        for event in Story().write(ORIGIN, "received").write(RECIPIENT, "acknowledged", person="p1").branch.origin:
            self.assertEqual(event.masked, event.data)


if __name__ == "__main__":
    unittest.main()


class SaltedTest(unittest.TestCase):
    """The golden event that says something about a person."""

    def test_its_digest_covers_the_salt_and_what_lies_in_the_clear_has_none(self) -> None:
        golden = ROOT / "proto/vectors/events/referral_completed.binpb"
        data = golden.read_bytes()
        message = event_pb.ReferralEvent.FromString(data)
        event = Event(data, message, {})
        told = json.loads(golden.with_suffix(".json").read_text(encoding="utf-8"))
        self.assertEqual((event.digest.hex(), event.masked.hex()), (told["digest"], told["masked"]))
        left = event_pb.ReferralEvent.FromString(event.masked)
        self.assertEqual((left.salt, left.completed.outcome), (b"", 0))
        message.salt = bytes(32)
        self.assertNotEqual(Event(message.SerializeToString(), message, {}).digest, event.digest)
