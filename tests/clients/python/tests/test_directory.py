"""The signed directory: what is believed, in which order, and until when."""

from __future__ import annotations

import unittest
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

from generator import fixture, releases
from nhipcau_verify.contracts import release_pb as pb
from nhipcau_verify.directory import Directory, load
from nhipcau_verify.errors import Reason, VerificationError

from .support import ReasonTest

SIGNER = ("moh", fixture.SIGNING_KEY)
FIRST = releases.release()
FINGERPRINT = releases.fingerprint(FIRST)


def directory(*files: bytes, revocations: tuple[bytes, ...] = ()) -> Directory:
    """A directory of the first release and these."""
    return load(FINGERPRINT, [releases.signed(FIRST), *files], revocations)


def second(**changes: Any) -> pb.Release:
    """A release that follows the first."""
    return releases.release(2, releases.digest_of(FIRST), **changes)


def at(days: float) -> Timestamp:
    """A time so many days after the fixture's."""
    return Timestamp(seconds=int(fixture.TIME + days * releases.DAY))


class ReleaseTest(ReasonTest):
    """Signatures, versions and roots."""

    def test_a_release_of_two_signers_is_believed(self) -> None:
        self.assertEqual(directory(releases.signed(second())).newest.version, 2)

    def test_a_directory_has_a_release(self) -> None:
        self.assert_refused(Reason.BAD_RELEASE, load, FINGERPRINT, [], [])

    def test_another_first_root_is_refused(self) -> None:
        self.assert_refused(Reason.WRONG_ROOT, load, bytes(32), [releases.signed(FIRST)], [])

    def test_one_signer_is_not_enough_however_often_it_signs(self) -> None:
        lead, stranger = releases.signer("lead"), "stranger"
        for signers in ((lead,), (lead, lead), (lead, stranger)):
            data = releases.signed(FIRST, *signers)
            self.assert_refused(Reason.UNDER_SIGNED, load, FINGERPRINT, [data], [])

    def test_a_changed_release_is_under_signed(self) -> None:
        signed = pb.SignedRelease.FromString(releases.signed(FIRST))
        signed.release = releases.release(parties=[{"party": "thief"}]).SerializeToString(deterministic=True)
        self.assert_refused(Reason.UNDER_SIGNED, load, FINGERPRINT, [signed.SerializeToString()], [])

    def test_versions_only_rise(self) -> None:
        other = releases.release(2, releases.digest_of(FIRST), units=[{"party": "moh", "unit": "111"}])
        for data in (releases.signed(FIRST), releases.signed(other)):
            self.assert_refused(Reason.WRONG_VERSION, directory, releases.signed(second()), data)

    def test_the_next_release_names_the_one_before(self) -> None:
        forked = releases.release(2, fixture.bytes_of("another first release"))
        self.assert_refused(Reason.WRONG_PREVIOUS, directory, releases.signed(forked))

    def test_a_new_root_is_signed_under_both(self) -> None:
        changed = second(root_version=2)
        old = [releases.signer("lead"), releases.signer("office")]
        new = [releases.signer("partner", 2), releases.signer("office", 2)]
        self.assertEqual(directory(releases.signed(changed, *old, *new)).newest.root.version, 2)
        for signers in (old, new):
            self.assert_refused(Reason.UNDER_SIGNED, directory, releases.signed(changed, *signers))

    def test_a_key_id_never_stands_for_another_key(self) -> None:
        changed = second()
        changed.access_points[0].signing_keys[0].public_key = fixture.bytes_of("another key")
        self.assert_refused(Reason.BAD_RELEASE, directory, releases.signed(changed))

    def test_a_root_has_two_parties_and_the_office(self) -> None:
        changed = releases.release()
        changed.root.signers[1].role = pb.SIGNER_ROLE_PARTY
        self.assert_refused(Reason.BAD_RELEASE, load, FINGERPRINT, [releases.signed(changed)], [])


class KeyTest(ReasonTest):
    """When a key counts."""

    def test_a_key_counts_between_its_start_and_its_end(self) -> None:
        known = directory()
        known.check_signer(SIGNER, 1, at(0))
        for days in (-2, 31):
            self.assert_refused(Reason.KEY_NOT_USABLE, known.check_signer, SIGNER, 1, at(days))

    def test_a_key_that_outlives_its_release_goes_on(self) -> None:
        made = releases.release()
        made.access_points[0].signing_keys[0].expire_time.FromSeconds(fixture.TIME + 365 * releases.DAY)
        load(FINGERPRINT, [releases.signed(made)], []).check_signer(SIGNER, 1, at(500))

    def test_nobody_signs_with_anothers_key(self) -> None:
        self.assert_refused(Reason.UNKNOWN_SIGNER, directory().check_signer, ("vwu", SIGNER[1]), 1, at(0))

    def test_a_key_does_not_count_before_the_release_that_brings_it(self) -> None:
        made = second()
        added = made.access_points[0].signing_keys.add()
        added.CopyFrom(made.access_points[0].signing_keys[0])
        added.key_id, added.public_key = "sign-2027", fixture.bytes_of("next key")
        known = directory(releases.signed(made))
        known.check_signer(("moh", "sign-2027"), 2, at(0))
        self.assert_refused(Reason.UNKNOWN_SIGNER, known.check_signer, ("moh", "sign-2027"), 1, at(0))


class RevocationTest(ReasonTest):
    """What a party revokes by itself."""

    def test_a_revoked_key_counts_until_then(self) -> None:
        data = releases.revocation([SIGNER[1]], fixture.TIME, releases.key(releases.RECOVERY))
        known = directory(releases.signed(second()), revocations=(data,))
        known.check_signer(SIGNER, 2, at(-0.5))
        self.assert_refused(Reason.KEY_NOT_USABLE, known.check_signer, SIGNER, 2, at(0))

    def test_a_key_may_revoke_itself(self) -> None:
        itself = {"access_point": "moh", "key_id": SIGNER[1]}
        data = releases.revocation([SIGNER[1]], fixture.TIME, fixture.signer("moh"), signing_key=itself)
        self.assertIn(SIGNER, directory(revocations=(data,)).revoked)

    def test_a_key_that_a_release_revoked_revokes_nothing_more(self) -> None:
        made = second()
        made.access_points[0].signing_keys[0].revoke_time.FromSeconds(fixture.TIME)
        itself = {"access_point": "moh", "key_id": SIGNER[1]}
        data = releases.revocation([fixture.SEALING_KEY], fixture.TIME, fixture.signer("moh"), signing_key=itself)
        known = directory(releases.signed(made))
        self.assert_refused(Reason.BAD_REVOCATION, known.revoke, data)

    def test_a_forged_revocation_stops_everything(self) -> None:
        data = releases.revocation([SIGNER[1]], fixture.TIME, releases.key("thief"))
        with self.assertRaises(VerificationError) as caught:
            directory(revocations=(data,))
        self.assertEqual(caught.exception.reason, Reason.BAD_SIGNATURE)

    def test_only_own_keys_are_revoked(self) -> None:
        by = releases.key(releases.RECOVERY)
        cases: list[dict[str, Any]] = [{"access_point": "vwu"}, {"keys": ["sign-1999"]}, {"keys": []}, {"programme": "other"}]
        for changes in cases:
            keys: list[str] = changes.pop("keys", [SIGNER[1]])
            data = releases.revocation(keys, fixture.TIME, by, **changes)
            self.assert_refused(Reason.BAD_REVOCATION, directory().revoke, data)


if __name__ == "__main__":
    unittest.main()
