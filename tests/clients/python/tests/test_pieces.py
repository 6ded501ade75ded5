"""The pieces below envelopes: encoding, padding, key derivation, the fixed-ephemeral HPKE of the generator."""

from __future__ import annotations

import os
import unittest

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from generator import fixture, hpke_fixed
from nhipcau_verify import seal
from nhipcau_verify.contracts import envelope_pb as pb
from nhipcau_verify.errors import Reason
from nhipcau_verify.padding import buckets, pad, unpad
from nhipcau_verify.pae import pae
from tests.support import ReasonTest

# RFC 5869, appendix A.1.
RFC_5869_SECRET = bytes.fromhex("0b" * 22)
RFC_5869_SALT = bytes(range(13))
RFC_5869_PRK = "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5"


class PieceTest(ReasonTest):
    """Primitives."""

    def test_encoding_is_the_one_of_paseto(self) -> None:
        self.assertEqual(pae(), bytes(8))
        self.assertEqual(pae(""), b"\x01" + bytes(15))
        self.assertEqual(pae("test"), b"\x01" + bytes(7) + b"\x04" + bytes(7) + b"test")

    def test_no_two_lists_share_an_encoding(self) -> None:
        lists = [(), ("",), ("", ""), ("ab", "c"), ("a", "bc"), ("abc",), (pae("abc"),), (1, 11), (11, 1), (111,)]
        self.assertEqual(len({pae(*pieces) for pieces in lists}), len(lists))

    def test_padding_comes_off_again(self) -> None:
        for lane in (pb.LANE_MESSAGES, pb.LANE_BULK):
            for bucket in buckets(lane):
                for content in (b"", bytes(bucket - 1), b"\x80" * (bucket - 1), os.urandom(bucket // 2)):
                    padded = pad(content, lane)
                    self.assertIn(len(padded), buckets(lane))
                    self.assertEqual(unpad(padded, lane), content)

    def test_content_that_fills_a_bucket_takes_the_next(self) -> None:
        self.assertEqual(len(pad(bytes(255), pb.LANE_MESSAGES)), 256)
        self.assertEqual(len(pad(bytes(256), pb.LANE_MESSAGES)), 1_536)

    def test_zeros_alone_are_no_padding(self) -> None:
        self.assert_refused(Reason.BAD_PADDING, unpad, bytes(256), pb.LANE_MESSAGES)

    def test_a_length_between_buckets_is_refused(self) -> None:
        self.assert_refused(Reason.WRONG_BUCKET, unpad, b"\x80" + bytes(256), pb.LANE_MESSAGES)

    def test_extraction_is_the_one_of_rfc_5869(self) -> None:
        self.assertEqual(seal.extract(RFC_5869_SECRET, RFC_5869_SALT).hex(), RFC_5869_PRK)

    def test_each_part_has_its_own_key(self) -> None:
        keys = [seal.part_key(bytes(32), b"routing", index) for index in range(12)]
        self.assertEqual(len({key.key for key in keys} | {key.commitment for key in keys}), 24)

    def test_wraps_with_a_fixed_ephemeral_key_open_in_the_library(self) -> None:
        routing = fixture.routing("wrap")
        private = X25519PrivateKey.from_private_bytes(fixture.sealing_private("hanoi"))
        for ephemeral in (os.urandom(32), fixture.bytes_of("ephemeral")):
            info = seal.wrap_info(routing)
            enc, ciphertext = hpke_fixed.seal(b"k" * 32, fixture.sealing_public("hanoi"), ephemeral, info)
            routing.wrap.encapsulated_key, routing.wrap.ciphertext = enc, ciphertext
            self.assertEqual(seal.unwrap(routing, private), b"k" * 32)

    def test_a_wrap_opens_in_no_other_setting(self) -> None:
        private = X25519PrivateKey.from_private_bytes(fixture.sealing_private("hanoi"))
        changes = {"sender": "vwu", "recipient": "moha", "signing_key": "sign-2027", "suite": 9}
        for field, value in changes.items():
            routing = fixture.routing("wrap")
            setattr(routing, field, value)
            with self.subTest(field=field):
                self.assert_refused(Reason.UNWRAP_FAILED, seal.unwrap, routing, private)
        routing = fixture.routing("wrap")
        routing.wrap.sealing_key = "seal-2026-12"
        self.assert_refused(Reason.UNWRAP_FAILED, seal.unwrap, routing, private)

    def test_a_wrapped_key_of_another_size_is_refused(self) -> None:
        routing = fixture.routing("wrap")
        private = X25519PrivateKey.from_private_bytes(fixture.sealing_private("hanoi"))
        enc, ciphertext = seal.wrap(bytes(16), fixture.sealing_public("hanoi"), seal.wrap_info(routing))
        routing.wrap.encapsulated_key, routing.wrap.ciphertext = enc, ciphertext
        self.assert_refused(Reason.WRONG_LENGTH, seal.unwrap, routing, private)


if __name__ == "__main__":
    unittest.main()
