"""Bulletins: which epochs others seal to, who may say so, and until when."""

from __future__ import annotations

import unittest
from typing import Any

from generator import fixture, releases
from nhipcau_verify.contracts import ROOT, bulletin_pb
from nhipcau_verify.directory import Directory, load
from nhipcau_verify.errors import Reason

from .support import ReasonTest
from .test_directory import FINGERPRINT, FIRST, directory, second

GOLDEN = ROOT / "services/domain/src/directory/tests/golden"
#: Of the golden release, as people read it to each other.
GOLDEN_FINGERPRINT = "d3668ae83d9ef810af2466ebf76fe99d50560a0a7de37e3ed825b026bb8b4e5f"


def at(days: float) -> int:
    """An instant so many days after the fixture's time."""
    return int((fixture.TIME + days * releases.DAY) * 1_000_000_000)


class BulletinTest(ReasonTest):
    """Signatures, versions and epochs."""

    def test_the_newest_epoch_that_has_begun_is_sealed_to_and_the_last_goes_on(self) -> None:
        known = directory()
        known.announce(releases.bulletin())
        self.assertEqual([known.sealing_key("moh", at(days)) for days in (-2, 0, 19, 20, 500)],
                         [None, fixture.SEALING_KEY, fixture.SEALING_KEY, releases.NEXT_EPOCH, releases.NEXT_EPOCH])

    def test_only_the_access_point_speaks_for_itself(self) -> None:
        thief = releases.bulletin(by=releases.key("thief"))
        self.assert_refused(Reason.BAD_SIGNATURE, directory().announce, thief)
        changes: list[dict[str, Any]] = [{"party": "vwu"}, {"access_point": "vwu"}, {"signing_key": "sign-1999"},
                                         {"programme": "other"}]
        for change in changes:
            self.assert_refused(Reason.BAD_BULLETIN, directory().announce, releases.bulletin(**change))

    def test_versions_only_rise_and_stand_for_one_content(self) -> None:
        known = directory()
        known.announce(releases.bulletin(2))
        known.announce(releases.bulletin(2))
        self.assert_refused(Reason.WRONG_VERSION, known.announce, releases.bulletin(1))
        other = releases.bulletin(2, sealing_keys=[_key("seal-other", b"other", 1)])
        self.assert_refused(Reason.WRONG_VERSION, known.announce, other)

    def test_an_epoch_is_one_and_not_too_long(self) -> None:
        cases = [_key("seal-long", b"long", 91), _key("seal-late", b"late", 1, start=91), _key(fixture.SEALING_KEY, b"x", 1),
                 _key(fixture.SIGNING_KEY, b"y", 1), _key(releases.NEXT_EPOCH, b"z", 1)]
        for case in cases:
            self.assert_refused(Reason.BAD_BULLETIN, directory().announce, releases.bulletin(sealing_keys=[case]))

    def test_what_a_revoked_key_said_counts_no_more(self) -> None:
        revoked = releases.revocation([fixture.SIGNING_KEY], fixture.TIME, releases.key(releases.RECOVERY))
        known = directory()
        known.announce(releases.bulletin())
        known.revoke(revoked)
        self.assertEqual((known.bulletins, known.sealing_key("moh", at(25))), ({}, fixture.SEALING_KEY))
        self.assert_refused(Reason.BAD_BULLETIN, known.announce, releases.bulletin(9))

    def test_an_epoch_of_a_bulletin_is_revoked_and_a_release_keeps_it_so(self) -> None:
        revoked = releases.revocation([releases.NEXT_EPOCH], fixture.TIME, releases.key(releases.RECOVERY))
        known = load(FINGERPRINT, [releases.signed(FIRST), releases.signed(second())], [], [revoked],
                     [releases.bulletin()])
        self.assertEqual([known.sealing_key("moh", at(days)) for days in (0, 20)], [fixture.SEALING_KEY, None])

    def test_what_came_over_the_bus_and_fits_nothing_is_passed_over(self) -> None:
        unknown = releases.revocation(["seal-1999"], fixture.TIME, releases.key(releases.RECOVERY))
        known = load(FINGERPRINT, [releases.signed(FIRST)], [], [unknown, b"no revocation"], [b"no bulletin"])
        self.assertEqual((known.revoked, known.bulletins), ({}, {}))

    def test_the_first_bulletin_ever_written_still_verifies(self) -> None:
        known = Directory(bytes.fromhex(GOLDEN_FINGERPRINT))
        known.add((GOLDEN / "release-1.binpb").read_bytes())
        known.announce((GOLDEN / "bulletin-1.binpb").read_bytes())
        self.assertEqual([epoch.key_id for epoch in known.bulletins["moh"].epochs], ["e3", "e2"])


def _key(key_id: str, public: bytes, length: int, start: int = 0) -> bulletin_pb.Key:
    made = bulletin_pb.Bulletin().sealing_keys.add(key_id=key_id, public_key=fixture.bytes_of(public.decode()))
    made.start_time.FromSeconds(fixture.TIME + start * releases.DAY)
    made.expire_time.FromSeconds(fixture.TIME + (start + length) * releases.DAY)
    return made


if __name__ == "__main__":
    unittest.main()
