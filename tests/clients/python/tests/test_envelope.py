"""Envelopes: what is sealed opens again, and no change on the way passes."""

from __future__ import annotations

import os
import unittest

from generator import fixture
from nhipcau_verify import opening, seal, sealing
from nhipcau_verify.contracts import envelope_pb as pb
from nhipcau_verify.envelope import Kind, verify
from nhipcau_verify.errors import Reason, VerificationError
from nhipcau_verify.keyring import Keyring
from tests.support import ReasonTest, keyring

KEYS = keyring()


def good() -> bytes:
    """A serialized envelope from moh to hanoi."""
    return sealing.serialize(fixture.sealed(fixture.routing("test"), fixture.content()))


class EnvelopeTest(ReasonTest):
    """One envelope."""

    def test_what_is_sealed_with_random_keys_opens(self) -> None:
        routing, key = fixture.routing("random", salt=os.urandom(32)), os.urandom(32)
        enc, ciphertext = seal.wrap(key, fixture.sealing_public("hanoi"), seal.wrap_info(routing))
        routing.wrap.encapsulated_key, routing.wrap.ciphertext = enc, ciphertext
        for parts in ([b"one"], [b"", b"\x80", b"\0"], [os.urandom(5_000), os.urandom(255), os.urandom(256)]):
            made = sealing.seal(routing, fixture.content(*parts), key, fixture.signer("moh"))
            opened = opening.open_envelope(verify(sealing.serialize(made), KEYS), "hanoi", KEYS)
            self.assertEqual(list(opened.content), parts)
            self.assertEqual(opened.control.message, "nhipcau.referral.v1.ReferralEvent")

    def test_the_largest_bucket_is_for_the_bulk_lane(self) -> None:
        content = fixture.content(bytes(393_300))
        bulk = fixture.sealed(fixture.routing("bulk", lane=pb.LANE_BULK), content)
        verified = verify(sealing.serialize(bulk), KEYS)
        self.assertEqual(verified.manifest.entries[1].padded_bytes, 458_752)
        self.assertEqual(opening.open_envelope(verified, "hanoi", KEYS).content, tuple(content.parts))
        with self.assertRaises(ValueError):
            fixture.sealed(fixture.routing("messages"), content)

    def test_a_large_bucket_on_the_message_lane_is_refused(self) -> None:
        padded = [bytes(458_752)]
        made = sealing.seal_padded(fixture.routing("large"), padded, bytes(32), fixture.signer("moh"))
        self.assert_refused(Reason.WRONG_BUCKET, verify, sealing.serialize(made), KEYS)

    def test_an_envelope_has_at_most_496_kib(self) -> None:
        content = fixture.content(bytes(200_000), bytes(200_000))
        made = fixture.sealed(fixture.routing("large", lane=pb.LANE_BULK), content)
        self.assert_refused(Reason.TOO_LARGE, verify, sealing.serialize(made), KEYS)

    def test_no_flipped_bit_passes(self) -> None:
        data = good()
        for position in range(len(data)):
            changed = bytearray(data)
            changed[position] ^= 1 << position % 8
            with self.subTest(position=position), self.assertRaises(VerificationError):
                opening.open_envelope(verify(bytes(changed), KEYS), "hanoi", KEYS)

    def test_no_truncation_passes(self) -> None:
        data = good()
        for length in range(len(data)):
            with self.subTest(length=length), self.assertRaises(VerificationError):
                verify(data[:length], KEYS)

    def test_garbage_is_refused(self) -> None:
        for length in (0, 1, 64, 1_024):
            with self.subTest(length=length), self.assertRaises(VerificationError):
                verify(os.urandom(length), KEYS)

    def test_a_channel_envelope_is_no_return(self) -> None:
        self.assert_refused(Reason.BAD_POSITION, verify, good(), KEYS, Kind.RETURN)

    def test_verification_needs_no_private_key(self) -> None:
        verify(good(), Keyring(signing=KEYS.signing))

    def test_opening_needs_the_readers_key(self) -> None:
        verified = verify(good(), KEYS)
        self.assert_refused(Reason.UNKNOWN_SEALING_KEY, opening.open_envelope, verified, "hanoi", Keyring())

    def test_a_key_of_another_access_point_does_not_count(self) -> None:
        renamed = Keyring(signing={("vwu", fixture.SIGNING_KEY): KEYS.signing["moh", fixture.SIGNING_KEY]})
        self.assert_refused(Reason.UNKNOWN_SIGNER, verify, good(), renamed)

    def test_part_keys_open_what_the_sealing_key_opens(self) -> None:
        verified = verify(good(), KEYS)
        derived = opening.part_keys(verified, opening.channel_key(verified, KEYS))
        by_part_keys = opening.open_with_part_keys(verified, [key.key for key in derived])
        self.assertEqual(by_part_keys, opening.open_envelope(verified, "hanoi", KEYS))

    def test_errors_never_hold_content(self) -> None:
        marker = b"MARKER-OF-A-CASE"
        made = fixture.sealed(fixture.routing("marker"), fixture.content(marker))
        verified = verify(sealing.serialize(made), KEYS)
        wrong = [bytes(32)] * 2
        with self.assertRaises(VerificationError) as caught:
            opening.open_with_part_keys(verified, wrong)
        self.assertNotIn(marker.decode(), str(caught.exception))


if __name__ == "__main__":
    unittest.main()
